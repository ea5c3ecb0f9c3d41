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
}

/// How many of an organization's records share a value of a column. The fewer, the sooner a store looks records up by it.
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

/// How a filter compares a column with the given values.
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
    /// How many records share a value.
    pub selectivity: Selectivity,
    /// How the values are compared.
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
