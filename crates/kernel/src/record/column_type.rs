//! The vocabulary of a column's properties.

/// The type of a column's values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ColumnType {
    /// A text of `min` to `max` characters that follows `rule`, as the API document describes it.
    Text {
        /// The fewest characters.
        min: usize,
        /// The most characters.
        max: usize,
        /// The description of the rule.
        rule: &'static str,
        /// The regular expression of the allowed characters.
        pattern: &'static str,
    },
    /// One of these names.
    Name(&'static [&'static str]),
    /// An integer within ±2⁵³.
    Integer,
    /// A time.
    Timestamp,
    /// An identifier with this prefix.
    Id(&'static str),
    /// A list of identifiers with this prefix.
    Ids(&'static str),
    /// A list of groups, whose columns are in [`super::Column::group`].
    Groups,
}

/// The number of an organization's records that share a value of a column. If a list has several filters, a store looks
/// records up by the one that the fewest share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Selectivity {
    /// At most one record has the value: a key.
    One,
    /// A few records share the value: a parent, the subject of a record.
    Few,
    /// Many records share the value: a status.
    Many,
    /// The column has no index: it is only checked, row by row, along another filter.
    Unindexed,
}

/// The comparison of a column with the values of a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// The column has one of the values.
    OneOf,
    /// The column is at least the value.
    AtLeast,
}

/// The filter of a list by one column.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ColumnFilter {
    /// The filter's public name.
    pub label: &'static str,
    /// The number of records that share a value.
    pub selectivity: Selectivity,
    /// The comparison with the given values.
    pub comparison: Comparison,
    /// Whether a list must be filtered by the column.
    pub required: bool,
}

/// The range in which a key is unique among the records of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyScope {
    /// The organization.
    Organization,
    /// The whole installation.
    Installation,
    /// The records that have the same value in the column with this name.
    Parent(&'static str),
}

/// The bound of a column's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// The time is later than that of the column with this name, whose description is the end of the message.
    After(&'static str, &'static str),
    /// The time is not earlier than that of the column with this name, whose description is the end of the message.
    NotBefore(&'static str, &'static str),
    /// The number is at least the first and at most the second one.
    Within(i64, i64),
}
