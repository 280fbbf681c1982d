//! Comments, and records that were returned: those that wait for an answer, or for the office.

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use sync_core::comment::CommentState;
use sync_core::ids::RecordId;

use super::page::{Page, rows_within};
use crate::app::App;
use crate::error::{Problem, ok};
use crate::extract::Authenticated;
use crate::ledger::comments::listed_comments;
use crate::ledger::project::villages_of;

/// The query of the comments.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommentQuery {
    state: String,
    after: Option<RecordId>,
    limit: Option<usize>,
}

/// GET /api/v1/comments: the comments in one state, the newest first.
pub async fn list(
    app: web::Data<App>,
    who: Authenticated,
    query: web::Query<CommentQuery>,
) -> Result<HttpResponse, Problem> {
    let state = CommentState::ALL.into_iter().find(|state| state.name() == query.state);
    let state = state.ok_or_else(|| Problem::field("state", "note, open, answered or settled"))?;
    let (after, limit, villages) = (query.after, rows_within(query.limit), villages_of(&who.caller));
    let read = app.database.read(move |tx| {
        let listed = tx.comments_in(who.township, villages.as_deref(), state, after, limit.saturating_add(1))?;
        listed_comments(tx, who.township, &listed)
    });
    let mut rows = read.await.map_err(Problem::from)?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(|row| row.record.to_string());
    Ok(ok(&Page { rows, next }))
}
