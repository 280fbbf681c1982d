//! Townships: the tenants of one server.

use diesel::prelude::*;
use sync_core::ids::TownshipId;
use sync_core::time::Ms;

use super::DbError;
use super::schema::townships;
use super::types::{Key, Whole};

/// A township.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = townships)]
pub struct TownshipRow {
    /// Its id.
    #[diesel(serialize_as = Key, deserialize_as = Key)]
    pub id: TownshipId,
    /// Its name, unique on the server.
    pub name: String,
    /// When it was set up.
    #[diesel(serialize_as = Whole, deserialize_as = Whole)]
    pub created_at_ms: Ms,
}

/// Questions about townships.
pub trait TownshipTx {
    /// Sets up a township.
    ///
    /// # Errors
    /// `Conflict` when its id or name exists already.
    fn insert_township(&mut self, township: TownshipRow) -> Result<(), DbError>;

    /// The township with this id.
    ///
    /// # Errors
    /// The database failed.
    fn township(&mut self, id: TownshipId) -> Result<Option<TownshipRow>, DbError>;

    /// Every township, by name.
    ///
    /// # Errors
    /// The database failed.
    fn townships(&mut self) -> Result<Vec<TownshipRow>, DbError>;

    /// Puts a township under a county, in place of the one it was under.
    ///
    /// # Errors
    /// The database failed.
    fn put_under(&mut self, township: TownshipId, county: TownshipId) -> Result<(), DbError>;

    /// The county that a township is under.
    ///
    /// # Errors
    /// The database failed.
    fn county_of(&mut self, township: TownshipId) -> Result<Option<TownshipId>, DbError>;

    /// The townships under a county, by id, at most `limit`.
    ///
    /// # Errors
    /// The database failed.
    fn townships_under(&mut self, county: TownshipId, limit: u32) -> Result<Vec<TownshipId>, DbError>;
}
