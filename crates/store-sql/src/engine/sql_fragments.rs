//! Fragments of statements: lists of columns and of placeholders.

use sea_query::{Expr, ExprTrait as _};

use super::Value;

/// Returns the columns of a row, for a `SELECT`.
pub(crate) fn column_list<'c>(row: &str, columns: impl Iterator<Item = &'c str>) -> String {
    columns.map(|column| format!("{row}{column}")).collect::<Vec<_>>().join(", ")
}

/// Returns the condition that the column has one of `count` values, which are bound from `first` on.
pub(crate) fn one_of(column: &str, first: usize, count: usize) -> String {
    let parameters: Vec<_> = (first..first + count).map(|parameter| format!("?{parameter}")).collect();
    format!("{column} IN ({})", parameters.join(", "))
}

/// Returns the condition that a row belongs to one of the organizations in an array, which is bound at `parameter`. A
/// statement that joins tables to such an array has it for each table, in addition to the join: a distributed database
/// finds the nodes of the rows by it, and not by the join. With the collation of the column PostgreSQL would look up each organization of
/// the array in the index for each row.
pub(crate) fn names_organizations(row: &str, parameter: usize) -> String {
    format!("{row}organization_id = ANY (${parameter} COLLATE \"POSIX\")")
}

/// Returns the number of parameters for a list of values, rounded up to one of a few sizes so that there are few
/// statements.
pub(crate) fn padded_count(count: usize) -> usize {
    match count {
        0..=1 => 1,
        2..=8 => 8,
        9..=64 => 64,
        _ => count.next_multiple_of(512),
    }
}

/// Returns the condition that the column has one of `count` values.
pub(crate) fn is_one_of(column: &'static str, count: usize) -> Expr {
    Expr::col(column).is_in((0..count).map(|_| placeholder()))
}

/// Returns a placeholder for a value that is bound later.
pub(crate) fn placeholder() -> Expr {
    Expr::val("")
}

/// Pads the values to the number of parameters of their statement.
pub(crate) fn padded<'v>(values: impl ExactSizeIterator<Item = Value<'v>>) -> impl Iterator<Item = Value<'v>> {
    let count = padded_count(values.len());
    let mut last = Value::Null;
    let mut values = values;
    // Repeating the last value does not change the set.
    (0..count).map(move |_| {
        if let Some(value) = values.next() {
            last = value;
        }
        last.clone()
    })
}
