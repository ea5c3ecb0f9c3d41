//! The choice of the columns that a list shows.

use kernel::{Column, ColumnType};

use super::Register;

/// The most columns of a list beside the title, the key and the time of the last change.
const MAX_COLUMNS: usize = 4;

/// The most characters of a text that fits into a cell.
const MAX_TEXT: usize = 200;

/// Returns the positions of the columns that a list shows after the key and the title: the status first, then those
/// that people look for a record by, in the order of the statement.
pub(super) fn shown(register: &Register) -> Vec<usize> {
    let is_taken = |index: usize| Some(index) == register.key() || Some(index) == register.name();
    let columns = register.columns.iter().enumerate().filter(|(index, column)| !is_taken(*index) && fits(column));
    let mut positions: Vec<(u8, usize)> = columns.map(|(index, column)| (rank(column), index)).collect();
    positions.sort_unstable();
    positions.into_iter().map(|(_, index)| index).take(MAX_COLUMNS).collect()
}

/// Whether the values are short enough for a cell. Of a subject and of a target, only the thing itself is shown, and
/// identifiers of projections in other systems are not what a reader looks for.
fn fits(column: &Column) -> bool {
    let is_part = ["_module_key", "_resource_type", "_version_id"].iter().any(|end| column.name.ends_with(end));
    if (is_part && (column.name.starts_with("subject_") || column.name.starts_with("target_")))
        || column.name.ends_with("_projection_id")
    {
        return false;
    }
    match column.column_type {
        ColumnType::Text { max, .. } => max <= MAX_TEXT,
        ColumnType::Name(_) | ColumnType::Integer | ColumnType::Timestamp | ColumnType::Id(_) => true,
        ColumnType::Ids(_) | ColumnType::Groups => false,
    }
}

fn rank(column: &Column) -> u8 {
    match column.column_type {
        _ if column.name == "severity" => 0,
        _ if column.name == "status" => 1,
        _ if column.is_due_date => 2,
        // The record that this one is a part of: a run says nothing without its monitor.
        ColumnType::Id(_) if !column.nullable => 3,
        ColumnType::Name(_) => 4,
        _ if column.name == "target_resource_id" => 5,
        ColumnType::Timestamp => 5,
        ColumnType::Id(_) => 6,
        _ if !column.nullable || column.name == "subject_resource_id" => 7,
        _ => 8,
    }
}
