//! Where a comment stands. A return (退回) is a task of the village's until somebody there has answered it, and is done when
//! the office has settled it.

use serde::Serialize;

use crate::record::Record;

/// Where a comment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum CommentState {
    /// It asks for nothing.
    Note,
    /// The office has returned the record, and nobody has answered what it says now.
    Open,
    /// The village has answered; the office has not settled it.
    Answered,
    /// The office is content with everything that is in it.
    Settled,
}

impl CommentState {
    /// Every state, in the order in which a return goes through them.
    pub const ALL: [Self; 4] = [Self::Note, Self::Open, Self::Answered, Self::Settled];

    /// The word for it in JSON and in the database.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Open => "open",
            Self::Answered => "answered",
            Self::Settled => "settled",
        }
    }
}

/// Derives where a comment stands. An answer holds only for the reasons that its author had seen, a settlement only for the
/// reasons and answers that its author had seen: what came in beside it is still to be dealt with.
#[must_use]
pub fn comment_state(comment: &Record) -> CommentState {
    let holds = |by: &str, of: &[&str]| {
        comment.value(by).is_some()
            && of
                .iter()
                .flat_map(|path| comment.siblings(path))
                .all(|said| comment.siblings(by).any(|sibling| !sibling.value.is_null() && sibling.has_seen(said.dot)))
    };
    if comment.siblings("reason").all(|sibling| sibling.value.is_null()) {
        CommentState::Note
    } else if holds("settled_at", &["reason", "answer", "answered_at"]) {
        CommentState::Settled
    } else if holds("answered_at", &["reason"]) {
        CommentState::Answered
    } else {
        CommentState::Open
    }
}
