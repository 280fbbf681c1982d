//! `column IN (…)` as a statement whose text is the same for any number of ids, so that the connection keeps it: to prepare one with a
//! hundred parameters takes as long as to carry it out.

use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping, is_aggregate};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{Bool, Text};

use super::Backend;
use crate::db::types::{Id, Key};

/// A column that holds one of some ids.
#[derive(Debug, QueryId)]
pub(super) struct Among<C> {
    column: C,
    /// A JSON array of the ids in hexadecimal.
    keys: String,
}

/// Whether a column holds one of some ids.
pub(super) fn among<C: Expression<SqlType = Id>>(column: C, keys: &[Key]) -> Among<C> {
    let mut json = String::with_capacity(keys.len().saturating_mul(35).saturating_add(2));
    for key in keys {
        json.push_str(if json.is_empty() { "[\"" } else { "\",\"" });
        json.push_str(key.0.simple().encode_lower(&mut [0; 32]));
    }
    json.push_str(if json.is_empty() { "[]" } else { "\"]" });
    Among { column, keys: json }
}

impl<C> Expression for Among<C> {
    type SqlType = Bool;
}

impl<C, G> ValidGrouping<G> for Among<C> {
    type IsAggregate = is_aggregate::No;
}

impl<C: AppearsOnTable<T>, T> AppearsOnTable<T> for Among<C> {}
impl<C: SelectableExpression<T>, T> SelectableExpression<T> for Among<C> {}

impl<C: QueryFragment<Backend>> QueryFragment<Backend> for Among<C> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        self.column.walk_ast(out.reborrow())?;
        out.push_sql(" IN (SELECT unhex(value) FROM json_each(");
        out.push_bind_param::<Text, _>(&self.keys)?;
        out.push_sql("))");
        Ok(())
    }
}
