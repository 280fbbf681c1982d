//! Which comments speak of which record, and where each return stands: derived from records. What a row says is decided in
//! `crate::ledger`.

use sync_core::comment::CommentState;
use sync_core::ids::{RecordId, TownshipId, VillageId};

use super::DbError;

/// A comment, as far as it is looked up.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CommentRow {
    /// The comment.
    pub record: RecordId,
    /// The record that it is about.
    pub subject: RecordId,
    /// Its village.
    pub village: Option<VillageId>,
    /// Where it stands.
    pub state: CommentState,
}

/// Questions about comments.
pub trait CommentTx {
    /// Stores what is derived of some comments, whether or not they have a row.
    ///
    /// # Errors
    /// The database failed.
    fn put_comments(&mut self, township: TownshipId, comments: &[CommentRow]) -> Result<(), DbError>;

    /// The row of a comment.
    ///
    /// # Errors
    /// The database failed.
    fn comment(&mut self, township: TownshipId, record: RecordId) -> Result<Option<CommentRow>, DbError>;

    /// The comments on a record, at most `limit`, by their ids; of some villages if they are named.
    ///
    /// # Errors
    /// The database failed.
    fn comments_about(
        &mut self,
        township: TownshipId,
        subject: RecordId,
        villages: Option<&[VillageId]>,
        limit: usize,
    ) -> Result<Vec<RecordId>, DbError>;

    /// The comments in a state, the newest first, after one of them; of some villages if they are named.
    ///
    /// # Errors
    /// The database failed.
    fn comments_in(
        &mut self,
        township: TownshipId,
        villages: Option<&[VillageId]>,
        state: CommentState,
        after: Option<RecordId>,
        limit: usize,
    ) -> Result<Vec<CommentRow>, DbError>;
}
