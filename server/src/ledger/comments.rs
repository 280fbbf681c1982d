//! Comments as they are shown: those on one record, and those of a list.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use sync_core::comment::{CommentState, comment_state};
use sync_core::dots::VersionVector;
use sync_core::ids::{RecordId, TownshipId, VillageId};
use sync_core::people::Caller;
use sync_core::record::Record;

use super::project::{read_state, villages_of};
use super::read::shown_values;
use crate::db::comments::CommentRow;
use crate::db::{DbError, Transaction};
use crate::limits::COMMENTS_SHOWN_MAX;

/// A comment on a record, as it is shown.
#[derive(Debug, Serialize)]
pub struct CommentView {
    /// The comment.
    pub record: RecordId,
    village: Option<VillageId>,
    void: bool,
    state: CommentState,
    /// Path → shown value; what is cleared is left out.
    values: BTreeMap<String, Value>,
    /// What this shows the writes of.
    seen: VersionVector,
}

impl CommentView {
    fn of(comment: &Record) -> Self {
        Self {
            record: comment.id,
            village: comment.village,
            void: !comment.counts(),
            state: comment_state(comment),
            values: shown_values(comment),
            seen: comment.seen.context().clone(),
        }
    }
}

/// The comments of a list, in its order.
///
/// # Errors
/// The database failed.
pub fn listed_comments(
    tx: &mut dyn Transaction,
    township: TownshipId,
    listed: &[CommentRow],
) -> Result<Vec<CommentView>, DbError> {
    let ids: Vec<RecordId> = listed.iter().map(|row| row.record).collect();
    let mut views = BTreeMap::new();
    for (id, state) in tx.records(township, &ids)? {
        views.insert(id, CommentView::of(&read_state(&state)?));
    }
    Ok(ids.iter().filter_map(|id| views.remove(id)).collect())
}

/// The comments on a record that stand and that the caller may see, the oldest first: a record of the directory is shown to
/// everybody, what one village and the office write to each other about it is not.
///
/// # Errors
/// The database failed.
pub fn comments_about(
    tx: &mut dyn Transaction,
    township: TownshipId,
    caller: &Caller,
    subject: RecordId,
) -> Result<Vec<CommentView>, DbError> {
    let ids = tx.comments_about(township, subject, villages_of(caller).as_deref(), COMMENTS_SHOWN_MAX)?;
    let mut comments = Vec::with_capacity(ids.len());
    for (_, state) in tx.records(township, &ids)? {
        let comment = read_state(&state)?;
        if comment.counts() {
            comments.push(comment);
        }
    }
    comments.sort_by_key(|comment| (comment.value("at").and_then(Value::as_u64), comment.id));
    Ok(comments.iter().map(CommentView::of).collect())
}
