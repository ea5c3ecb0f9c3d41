//! The values of columns.

use ulid::Ulid;

use crate::{id::IdText, timestamp::Timestamp};

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
    /// A list of groups.
    Groups(&'r Groups),
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
            Self::Groups(groups) => OwnedScalar::Groups(groups.clone()),
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
    /// A list of groups.
    Groups(Groups),
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
            Self::Groups(groups) => ScalarValue::Groups(groups),
        }
    }
}

/// A list of groups of values, apart from their type.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Groups {
    labels: &'static [&'static str],
    rows: Vec<Vec<OwnedScalar>>,
    text: String,
}

impl Groups {
    /// Creates the list. Every row has a value for each label.
    #[must_use]
    pub fn new(labels: &'static [&'static str], rows: Vec<Vec<OwnedScalar>>) -> Self {
        let text = rows.iter().map(|row| row_text(row) + "\n").collect();
        Self { labels, rows, text }
    }

    /// The public names of the values of each group.
    #[must_use]
    pub const fn labels(&self) -> &'static [&'static str] {
        self.labels
    }

    /// The values of the groups.
    #[must_use]
    pub fn rows(&self) -> &[Vec<OwnedScalar>] {
        &self.rows
    }

    /// The list as one text, in the format of PostgreSQL's `COPY`: a line for each group, its values separated by tabs,
    /// `\N` for null, and a backslash before tabs, line ends and backslashes.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

fn row_text(row: &[OwnedScalar]) -> String {
    let mut line = String::new();
    for (index, value) in row.iter().enumerate() {
        if index > 0 {
            line.push('\t');
        }
        match value {
            OwnedScalar::Null => line.push_str("\\N"),
            value => push_escaped(&mut line, &plain_text(value)),
        }
    }
    line
}

fn plain_text(value: &OwnedScalar) -> String {
    match value {
        OwnedScalar::Null => String::new(),
        OwnedScalar::Text(text) => text.clone(),
        OwnedScalar::Name(name) => (*name).to_owned(),
        OwnedScalar::Integer(number) => number.to_string(),
        OwnedScalar::Timestamp(time) => time.to_string(),
        OwnedScalar::Id(prefix, ulid) => IdText(prefix, *ulid).to_string(),
        OwnedScalar::Ids(prefix, ulids) => {
            ulids.iter().map(|ulid| IdText(prefix, *ulid).to_string()).collect::<Vec<_>>().join(" ")
        }
        OwnedScalar::Groups(groups) => groups.text.clone(),
    }
}

fn push_escaped(line: &mut String, plain: &str) {
    for character in plain.chars() {
        match character {
            '\\' => line.push_str("\\\\"),
            '\t' => line.push_str("\\t"),
            '\n' => line.push_str("\\n"),
            '\r' => line.push_str("\\r"),
            other => line.push(other),
        }
    }
}
