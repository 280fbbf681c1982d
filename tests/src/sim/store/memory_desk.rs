//! The questions of the office's desk. Comments are derived from records, and are kept; the audit log is not read by any job
//! of the simulator; the rest is never asked.

use std::rc::Rc;

use server::db::DbError;
use server::db::audit::{AuditEntry, AuditFilter, AuditTx};
use server::db::comments::{CommentRow, CommentTx};
use server::db::desks::{DeskTx, SavedView};
use sync_core::comment::CommentState;
use sync_core::ids::{AccountId, RecordId, TownshipId, VillageId};
use sync_core::time::Ms;

use super::memory::Memory;
use super::memory_rest::unasked;
use crate::sim::sabotage::Sabotage;

impl CommentTx for Memory {
    fn put_comments(&mut self, _: TownshipId, comments: &[CommentRow]) -> Result<(), DbError> {
        for comment in comments {
            let before = self.tables.comments.get(&comment.record).map(|before| before.state);
            if self.sabotage == Some(Sabotage::SettlementOutlivesAnswers) && before == Some(CommentState::Settled) {
                continue;
            }
            self.tables.comments.put(comment.record, Rc::new(comment.clone()));
        }
        Ok(())
    }

    fn comment(&mut self, _: TownshipId, record: RecordId) -> Result<Option<CommentRow>, DbError> {
        Ok(self.tables.comments.get(&record).map(|comment| (**comment).clone()))
    }

    fn comments_about(
        &mut self,
        _: TownshipId,
        subject: RecordId,
        villages: Option<&[VillageId]>,
        limit: usize,
    ) -> Result<Vec<RecordId>, DbError> {
        let is_of = |village: Option<VillageId>| {
            villages.is_none_or(|villages| village.is_some_and(|village| villages.contains(&village)))
        };
        let about = self.tables.comments.rows().values();
        let about = about.filter(|comment| comment.subject == subject && is_of(comment.village));
        Ok(about.map(|comment| comment.record).take(limit).collect())
    }

    fn comments_in(
        &mut self,
        _: TownshipId,
        _: Option<&[VillageId]>,
        _: CommentState,
        _: Option<RecordId>,
        _: usize,
    ) -> Result<Vec<CommentRow>, DbError> {
        unasked()
    }
}

impl AuditTx for Memory {
    fn note(&mut self, _: &AuditEntry) -> Result<(), DbError> {
        Ok(())
    }

    fn audit(&mut self, _: TownshipId, _: AuditFilter, _: usize) -> Result<Vec<(u64, AuditEntry)>, DbError> {
        unasked()
    }
}

impl DeskTx for Memory {
    fn views(&mut self, _: AccountId) -> Result<Vec<SavedView>, DbError> {
        unasked()
    }

    fn put_views(&mut self, _: TownshipId, _: AccountId, _: &[SavedView]) -> Result<(), DbError> {
        unasked()
    }

    fn told_apart(&mut self, _: TownshipId) -> Result<Vec<(RecordId, RecordId)>, DbError> {
        unasked()
    }

    fn tell_apart(&mut self, _: TownshipId, _: (RecordId, RecordId), _: AccountId, _: Ms) -> Result<(), DbError> {
        unasked()
    }

    fn forget_told_apart(&mut self, _: TownshipId, _: (RecordId, RecordId)) -> Result<(), DbError> {
        unasked()
    }
}
