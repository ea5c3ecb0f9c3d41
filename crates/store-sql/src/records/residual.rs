//! The filters of a list that are checked row by row.

use kernel::Comparison;

use super::table::Filter;

/// Returns the filters that are checked row by row if these are wanted. Statements of rare lists check more filters than
/// are wanted, with lists that accept every value, so that there are few statements: all but the selective ones if the
/// driver `is_selective`, or all.
pub(super) fn checked_filters<'f>(
    filters: &'f [Filter],
    wanted: &'f [usize],
    checks_all: bool,
    is_selective: bool,
) -> impl Iterator<Item = usize> + 'f {
    let checks_all = checks_all || wanted.iter().any(|index| filters[*index].is_selective());
    (0..filters.len()).filter(move |index| {
        let filter = filters[*index];
        let is_optional = filter.comparison == Comparison::OneOf && !filter.is_unique() && !wanted.is_empty();
        wanted.contains(index) || is_optional && (checks_all || is_selective && !filter.is_selective())
    })
}

/// The character around each value of a [`value_list`]. No value contains it.
const DELIMITER: char = '\u{1f}';

/// Returns the values as one text, for [`is_in_list`]. No values accept every row.
pub(super) fn value_list<'v>(values: impl Iterator<Item = &'v str>) -> String {
    values.fold(String::new(), |mut list, value| {
        if list.is_empty() {
            list.push(DELIMITER);
        }
        list.push_str(value);
        list.push(DELIMITER);
        list
    })
}

/// Returns the condition that the column has one of the values of the [`value_list`] in this parameter, however many
/// they are. No index is used for it.
pub(super) fn is_in_list(column: &str, parameter: usize) -> String {
    format!(
        "(?{parameter} = '' OR replace(?{parameter}, '{DELIMITER}' || {column} || '{DELIMITER}', '') <> ?{parameter})"
    )
}

/// Returns the condition that the column is not less than this parameter. No index is used for it.
pub(super) fn at_least(column: &str, parameter: usize) -> String {
    format!("+{column} >= ?{parameter}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_values_has_a_delimiter_around_each() {
        assert_eq!(value_list([].into_iter()), "");
        assert_eq!(value_list(["a"].into_iter()), "\u{1f}a\u{1f}");
        assert_eq!(value_list(["a", "b, c"].into_iter()), "\u{1f}a\u{1f}b, c\u{1f}");
    }

    #[test]
    fn rare_lists_check_more_filters_than_are_wanted() {
        let filters = [Filter::unselective("status"), Filter::unselective("severity"), Filter::selective("subject")];
        let checked = |wanted: &[usize], checks_all, is_selective| {
            checked_filters(&filters, wanted, checks_all, is_selective).collect::<Vec<_>>()
        };
        assert_eq!(checked(&[], true, true), [0_usize; 0]);
        assert_eq!(checked(&[1], false, false), [1]);
        assert_eq!(checked(&[1], false, true), [0, 1]);
        assert_eq!(checked(&[1], true, false), [0, 1, 2]);
        assert_eq!(checked(&[2], false, false), [0, 1, 2]);
    }
}
