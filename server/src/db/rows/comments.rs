//! The rows of `db/comments.rs`, and their queries.

use diesel::prelude::*;
use sync_core::comment::CommentState;
use sync_core::ids::{RecordId, TownshipId, VillageId};

use super::Tx;
use crate::db::DbError;
use crate::db::comments::{CommentRow, CommentTx};
use crate::db::schema::comments;
use crate::db::types::Key;

#[derive(Queryable, Selectable)]
#[diesel(table_name = comments)]
struct StoredRow {
    record_id: Key,
    subject_id: Key,
    village_id: Option<Key>,
    state: String,
}

impl StoredRow {
    fn read(self) -> Result<CommentRow, DbError> {
        let state = CommentState::ALL.into_iter().find(|state| state.name() == self.state);
        Ok(CommentRow {
            record: self.record_id.into(),
            subject: self.subject_id.into(),
            village: self.village_id.map(VillageId::from),
            state: state.ok_or_else(|| DbError::Internal(format!("no comment is {:?}", self.state)))?,
        })
    }
}

impl CommentTx for Tx<'_> {
    fn put_comments(&mut self, township: TownshipId, rows: &[CommentRow]) -> Result<(), DbError> {
        for row in rows {
            let said = (
                comments::subject_id.eq(Key::from(row.subject)),
                comments::village_id.eq(row.village.map(Key::from)),
                comments::state.eq(row.state.name()),
            );
            diesel::insert_into(comments::table)
                .values((
                    comments::township_id.eq(Key::from(township)),
                    comments::record_id.eq(Key::from(row.record)),
                    said,
                ))
                .on_conflict((comments::township_id, comments::record_id))
                .do_update()
                .set(said)
                .execute(self.conn)?;
        }
        Ok(())
    }

    fn comment(&mut self, township: TownshipId, record: RecordId) -> Result<Option<CommentRow>, DbError> {
        let row: Option<StoredRow> = comments::table
            .find((Key::from(township), Key::from(record)))
            .select(StoredRow::as_select())
            .first(self.conn)
            .optional()?;
        row.map(StoredRow::read).transpose()
    }

    fn comments_about(
        &mut self,
        township: TownshipId,
        subject: RecordId,
        villages: Option<&[VillageId]>,
        limit: usize,
    ) -> Result<Vec<RecordId>, DbError> {
        let mut about = comments::table
            .filter(comments::township_id.eq(Key::from(township)))
            .filter(comments::subject_id.eq(Key::from(subject)))
            .order(comments::record_id)
            .limit(i64::try_from(limit).unwrap_or(i64::MAX))
            .select(comments::record_id)
            .into_boxed();
        if let Some(villages) = villages {
            let keys: Vec<Key> = villages.iter().copied().map(Key::from).collect();
            about = about.filter(comments::village_id.eq_any(keys));
        }
        let ids: Vec<Key> = about.load(self.conn)?;
        Ok(ids.into_iter().map(RecordId::from).collect())
    }

    fn comments_in(
        &mut self,
        township: TownshipId,
        villages: Option<&[VillageId]>,
        state: CommentState,
        after: Option<RecordId>,
        limit: usize,
    ) -> Result<Vec<CommentRow>, DbError> {
        let mut query = comments::table
            .filter(comments::township_id.eq(Key::from(township)))
            .filter(comments::state.eq(state.name()))
            .order(comments::record_id.desc())
            .limit(i64::try_from(limit).unwrap_or(i64::MAX))
            .select(StoredRow::as_select())
            .into_boxed();
        if let Some(villages) = villages {
            query = query.filter(comments::village_id.eq_any(villages.iter().copied().map(Key::from)));
        }
        if let Some(after) = after {
            query = query.filter(comments::record_id.lt(Key::from(after)));
        }
        let rows: Vec<StoredRow> = query.load(self.conn)?;
        rows.into_iter().map(StoredRow::read).collect()
    }
}
