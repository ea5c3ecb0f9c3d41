//! Warnings about merged cells.

/// The most ranges that are named.
const MAX_NAMED_RANGES: usize = 100;

/// A warning for each range, and one for those beyond the maximum.
pub(super) fn warnings(ranges: impl Iterator<Item = (String, String)>) -> Vec<String> {
    let ranges: Vec<(String, String)> = ranges.filter(|(first, last)| first != last).collect();
    let further = ranges.len().saturating_sub(MAX_NAMED_RANGES);
    let named = ranges.into_iter().take(MAX_NAMED_RANGES);
    let mut warnings: Vec<String> = named
        .map(|(first, last)| {
            format!(
                "the cells {first}:{last} are merged: {first} has their value, and the others are read as empty cells"
            )
        })
        .collect();
    if further > 0 {
        warnings.push(format!("and {further} more ranges of merged cells"));
    }
    warnings
}
