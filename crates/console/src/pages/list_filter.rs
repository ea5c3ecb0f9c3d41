//! The filter of a list, as the address states it.

use http_api::request::Query;
use kernel::{ColumnType, Comparison, Filter, Record};
use serde_json::Value;

use crate::registers::filter_name;

/// Reads the filters that lists of these records have.
pub(super) fn read_filter<R: Record>(query: &mut Query<'_>) -> Filter<R> {
    let mut filter = Filter::default();
    for (index, column, column_filter) in Filter::<R>::columns() {
        let name = filter_name::<R>(index);
        let schema = || Value::Null;
        match (column_filter.comparison, column.column_type) {
            (Comparison::OneOf, ColumnType::Text { .. }) => {
                filter.set(index, query.list(name, column.description, schema, column.parse));
            }
            (Comparison::OneOf, _) => filter.set(index, query.choices(name, column.description, schema, column.parse)),
            (Comparison::AtLeast, _) => {
                filter.set(index, query.optional(name, column.description, schema, column.parse))
            }
        }
    }
    filter
}
