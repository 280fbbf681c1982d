//! How ids, times and hashes are written in columns: the only place that knows their encoding.

use std::io::Write;

use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::{Pg, PgValue};
use diesel::query_builder::QueryId;
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::{BigInt, Binary, SqlType};
use diesel::sqlite::Sqlite;
use sync_core::cursor::FeedScope;
use sync_core::ids::{AccountId, DeviceId, RecordId, ReplicaId, TownshipId, VillageId};
use sync_core::people::Role;
use uuid::Uuid;

use super::DbError;

/// Keys in one statement's list: long lists make statements that no cache keeps, and databases limit their parameters.
pub(super) const KEYS_PER_STATEMENT: usize = 500;

/// The type of ids: 16 bytes on SQLite, `uuid` on PostgreSQL.
#[derive(Clone, Copy, Debug, Default, SqlType, QueryId)]
#[diesel(sqlite_type(name = "Binary"))]
#[diesel(postgres_type(oid = 2950, array_oid = 2951))]
pub struct Id;

/// An id as 16 bytes in network order, so that time-ordered UUIDs sort by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AsExpression, FromSqlRow)]
#[diesel(sql_type = Id)]
pub struct Key(pub Uuid);

impl ToSql<Id, Sqlite> for Key {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0.as_bytes().as_slice());
        Ok(IsNull::No)
    }
}

impl ToSql<Id, Pg> for Key {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        out.write_all(self.0.as_bytes())?;
        Ok(IsNull::No)
    }
}

impl FromSql<Id, Sqlite> for Key {
    fn from_sql(bytes: <Sqlite as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        Ok(Self(Uuid::from_slice(&<Vec<u8> as FromSql<Binary, Sqlite>>::from_sql(bytes)?)?))
    }
}

impl FromSql<Id, Pg> for Key {
    fn from_sql(bytes: PgValue<'_>) -> deserialize::Result<Self> {
        Ok(Self(Uuid::from_slice(bytes.as_bytes())?))
    }
}

macro_rules! ids {
    ($($id:ident),*) => {$(
        impl From<$id> for Key {
            fn from(id: $id) -> Self {
                Self(id.0)
            }
        }
        impl From<Key> for $id {
            fn from(key: Key) -> Self {
                Self(key.0)
            }
        }
    )*};
}
ids!(AccountId, DeviceId, RecordId, ReplicaId, TownshipId, VillageId);

impl From<Uuid> for Key {
    fn from(id: Uuid) -> Self {
        Self(id)
    }
}

impl From<Key> for Uuid {
    fn from(key: Key) -> Self {
        key.0
    }
}

/// A count or a time in ms that fits a signed 64-bit column; larger numbers are kept at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AsExpression, FromSqlRow)]
#[diesel(sql_type = BigInt)]
pub struct Whole(pub u64);

impl ToSql<BigInt, Sqlite> for Whole {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(i64::try_from(self.0).unwrap_or(i64::MAX));
        Ok(IsNull::No)
    }
}

impl ToSql<BigInt, Pg> for Whole {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        out.write_all(&i64::try_from(self.0).unwrap_or(i64::MAX).to_be_bytes())?;
        Ok(IsNull::No)
    }
}

impl<DB: Backend> FromSql<BigInt, DB> for Whole
where
    i64: FromSql<BigInt, DB>,
{
    fn from_sql(value: DB::RawValue<'_>) -> deserialize::Result<Self> {
        Ok(Self(u64::try_from(i64::from_sql(value)?)?))
    }
}

impl From<u64> for Whole {
    fn from(number: u64) -> Self {
        Self(number)
    }
}

impl From<Whole> for u64 {
    fn from(whole: Whole) -> Self {
        whole.0
    }
}

/// How a part of the feed is written in the column `scope`.
pub(super) fn scope_bytes(scope: FeedScope) -> Vec<u8> {
    match scope {
        FeedScope::Village(village) => village.0.as_bytes().to_vec(),
        FeedScope::Directory | FeedScope::All => Vec::new(),
    }
}

/// The part of the feed that a column `scope` names.
pub(super) fn scope_from(bytes: &[u8]) -> Result<FeedScope, DbError> {
    if bytes.is_empty() {
        return Ok(FeedScope::Directory);
    }
    let village = Uuid::from_slice(bytes).map_err(|error| DbError::Internal(format!("a stored scope: {error}")))?;
    Ok(FeedScope::Village(VillageId(village)))
}

/// Text that every database can hold: PostgreSQL's has no NUL. Only for what is read by people and derived from what is
/// kept elsewhere whole.
pub(super) fn storable(text: &str) -> String {
    text.replace('\0', "\u{FFFD}")
}

/// The role that a column holds.
///
/// # Errors
/// A name that no role has: the row was not written by this program.
pub(crate) fn role(name: &str) -> Result<Role, DbError> {
    Role::from_name(name).ok_or_else(|| DbError::Internal(format!("no role is called {name:?}")))
}
