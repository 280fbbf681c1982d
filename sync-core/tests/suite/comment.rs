//! A return: a task until it is answered, done when the office has settled what it saw.

use serde_json::{Value, json};
use sync_core::comment::{CommentState, comment_state};
use sync_core::ids::RecordId;

use crate::facts::{MARCH_1_MS, Story};

/// A comment on the story's hazard.
fn comment(story: &mut Story, path: &str, words: &str) -> RecordId {
    let subject = json!(story.hazard.id.to_string());
    let about = [("subject_kind", json!("hazard")), ("subject", subject), ("at", json!(MARCH_1_MS))];
    story.record("comment", &[&about[..], &[(path, json!(words))]].concat())
}

fn state(story: &Story, comment: RecordId) -> CommentState {
    comment_state(&story.fact(comment))
}

fn answer(words: &str) -> [(&'static str, Value); 2] {
    [("answer", json!(words)), ("answered_at", json!(MARCH_1_MS + 1))]
}

fn settled() -> [(&'static str, Value); 1] {
    [("settled_at", json!(MARCH_1_MS + 2))]
}

#[test]
fn a_return_is_open_until_it_is_answered_and_done_when_the_office_settles_it() {
    let mut story = Story::found("general");
    let note = comment(&mut story, "text", "已电话告知店主");
    let returned = comment(&mut story, "reason", "没有照片");
    assert_eq!(state(&story, note), CommentState::Note);
    assert_eq!(state(&story, returned), CommentState::Open);
    story.edit(returned, &answer("已补拍"));
    assert_eq!(state(&story, returned), CommentState::Answered);
    story.edit(returned, &settled());
    assert_eq!(state(&story, returned), CommentState::Settled);
    story.edit(returned, &[("settled_at", json!(null))]);
    assert_eq!(state(&story, returned), CommentState::Answered, "taken back by the office");
}

#[test]
fn an_answer_does_not_hold_for_a_reason_that_its_author_had_not_seen() {
    let mut story = Story::found("general");
    let returned = comment(&mut story, "reason", "没有照片");
    let before = story.fact(returned);
    story.edit(returned, &[("reason", json!("没有照片，位置也不对"))]);
    story.edit_from(&before, &answer("已补拍"));
    assert_eq!(state(&story, returned), CommentState::Open);
    story.edit(returned, &answer("已补拍，位置已改"));
    assert_eq!(state(&story, returned), CommentState::Answered);
}

#[test]
fn a_settlement_does_not_hold_for_an_answer_that_came_in_beside_it() {
    let mut story = Story::found("general");
    let returned = comment(&mut story, "reason", "没有照片");
    let before = story.fact(returned);
    story.edit(returned, &settled());
    assert_eq!(state(&story, returned), CommentState::Settled, "withdrawn before anybody answered");
    story.edit_from(&before, &answer("现场已拆，无法补拍"));
    assert_eq!(state(&story, returned), CommentState::Answered);
    // Two desks: one took its settlement back without having seen that another settled.
    let answered = story.fact(returned);
    story.edit(returned, &settled());
    story.edit_from(&answered, &[("settled_at", json!(null))]);
    assert_eq!(state(&story, returned), CommentState::Answered, "the less content of two desks counts");
}

#[test]
fn an_answer_that_was_taken_back_speaks_for_no_other() {
    let mut story = Story::found("general");
    let returned = comment(&mut story, "reason", "没有照片");
    let before = story.fact(returned);
    story.edit(returned, &[("reason", json!("没有照片，位置也不对"))]);
    // One who had seen the newer reason takes an answer back; the later answer of another had seen the older reason only.
    story.edit(returned, &[("answered_at", json!(null))]);
    story.edit_from(&before, &answer("已补拍"));
    assert_eq!(state(&story, returned), CommentState::Open);
}

#[test]
fn a_state_is_written_by_its_name() {
    let names = CommentState::ALL.map(CommentState::name);
    assert_eq!(names, ["note", "open", "answered", "settled"]);
    assert_eq!(json!(CommentState::ALL), json!(names));
}
