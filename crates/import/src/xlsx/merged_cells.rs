//! Warnings about merged cells.

use super::sheet_rows::cell_name;

/// A range of cells: the row and the column of the first and of the last, from 0.
pub(super) type Range = ((u32, u32), (u32, u32));

/// The most ranges that are named.
const MAX_NAMED_RANGES: usize = 20;

/// A warning about ranges of merged cells, in the order of their rows; `None` without one.
pub(super) fn warning(ranges: impl Iterator<Item = Range>) -> Option<String> {
    let mut ranges: Vec<Range> = ranges.filter(|(first, last)| first != last).collect();
    ranges.sort_unstable();
    let name = |(first, last): &Range| format!("{}:{}", cell_name(*first), cell_name(*last));
    let named: Vec<String> = ranges.iter().take(MAX_NAMED_RANGES).map(name).collect();
    let further = ranges.len() - named.len();
    let further = if further > 0 { format!(" and {further} more ranges") } else { String::new() };
    (!named.is_empty()).then(|| {
        format!(
            "the cells {}{further} are merged: the first of each range has its value, and the others are read as empty cells",
            named.join(", ")
        )
    })
}
