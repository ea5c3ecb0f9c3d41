//! The values of columns.

use ulid::Ulid;

use super::groups::GroupColumns;
use crate::timestamp::Timestamp;

/// The value of one column, borrowed from its record.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ScalarValue<'r> {
    /// No value.
    Null,
    /// A text.
    Text(&'r str),
    /// The name of an enum's variant.
    Name(&'static str),
    /// An integer within ±2⁵³, the range that every JSON parser represents exactly.
    Integer(i64),
    /// A time.
    Timestamp(Timestamp),
    /// An identifier: its prefix and its ULID.
    Id(&'static str, Ulid),
    /// A list of identifiers: their prefix and their ULIDs.
    Ids(&'static str, &'r [Ulid]),
    /// A list of groups: their columns and their values.
    Groups(GroupColumns, &'r [Vec<OwnedScalar>]),
}

impl<'r> ScalarValue<'r> {
    /// The text or name, if the value is one.
    #[must_use]
    pub const fn as_str(self) -> Option<&'r str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Name(name) => Some(name),
            _ => None,
        }
    }

    /// The identifier without its prefix, if the value is one.
    #[must_use]
    pub const fn as_id(self) -> Option<Ulid> {
        match self {
            Self::Id(_, ulid) => Some(ulid),
            _ => None,
        }
    }

    /// A copy that owns its text.
    #[must_use]
    pub fn to_owned(self) -> OwnedScalar {
        match self {
            Self::Null => OwnedScalar::Null,
            Self::Text(text) => OwnedScalar::Text(text.to_owned()),
            Self::Name(name) => OwnedScalar::Name(name),
            Self::Integer(number) => OwnedScalar::Integer(number),
            Self::Timestamp(time) => OwnedScalar::Timestamp(time),
            Self::Id(prefix, ulid) => OwnedScalar::Id(prefix, ulid),
            Self::Ids(prefix, ulids) => OwnedScalar::Ids(prefix, ulids.to_vec()),
            Self::Groups(columns, rows) => OwnedScalar::Groups(columns, rows.to_vec()),
        }
    }
}

/// The value of one column, owned. Values of one column are ordered as their type is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OwnedScalar {
    /// No value.
    Null,
    /// A text.
    Text(String),
    /// The name of an enum's variant.
    Name(&'static str),
    /// An integer.
    Integer(i64),
    /// A time.
    Timestamp(Timestamp),
    /// An identifier: its prefix and its ULID.
    Id(&'static str, Ulid),
    /// A list of identifiers: their prefix and their ULIDs.
    Ids(&'static str, Vec<Ulid>),
    /// A list of groups: their columns and their values.
    Groups(GroupColumns, Vec<Vec<Self>>),
}

impl OwnedScalar {
    /// The value, borrowed.
    #[must_use]
    pub fn as_value(&self) -> ScalarValue<'_> {
        match self {
            Self::Null => ScalarValue::Null,
            Self::Text(text) => ScalarValue::Text(text),
            Self::Name(name) => ScalarValue::Name(name),
            Self::Integer(number) => ScalarValue::Integer(*number),
            Self::Timestamp(time) => ScalarValue::Timestamp(*time),
            Self::Id(prefix, ulid) => ScalarValue::Id(prefix, *ulid),
            Self::Ids(prefix, ulids) => ScalarValue::Ids(prefix, ulids),
            Self::Groups(columns, rows) => ScalarValue::Groups(*columns, rows),
        }
    }
}
