//! A list of groups in one column, such as the attachments of an evidence claim.

use std::{cmp::Ordering, fmt, marker::PhantomData};

use super::{
    column::Column,
    column_type::ColumnType,
    columns::{Columns, Field},
    encoding::{Decoder, Encoder},
    scalar::Scalar,
    value::{OwnedScalar, ScalarValue},
    values::Values,
};
use crate::id::IdText;

/// The columns of the groups of a list. They are equal to others with the same names.
#[derive(Clone, Copy)]
pub struct GroupColumns(pub &'static [Column]);

impl GroupColumns {
    fn names(self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|column| column.name)
    }
}

impl fmt::Debug for GroupColumns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}

impl PartialEq for GroupColumns {
    fn eq(&self, other: &Self) -> bool {
        self.names().eq(other.names())
    }
}

impl Eq for GroupColumns {}

impl PartialOrd for GroupColumns {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for GroupColumns {
    fn cmp(&self, other: &Self) -> Ordering {
        self.names().cmp(other.names())
    }
}

/// A list of groups, each of which has the columns of `G`. The list is one column of a record, so lists of records read
/// it without another statement. It is never filtered by, and meant for a few groups.
pub struct GroupList<G> {
    rows: Vec<Vec<OwnedScalar>>,
    group: PhantomData<fn() -> G>,
}

impl<G: Field> GroupList<G> {
    const COLUMNS: &'static Columns = &G::COLUMNS;
    const GROUP_COLUMNS: GroupColumns = GroupColumns(Self::COLUMNS.as_slice());

    /// The number of groups.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no group.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The groups, in order.
    pub fn iter(&self) -> impl Iterator<Item = G> {
        // A list is only made of groups, or of rows that were decoded as groups.
        self.rows.iter().filter_map(|row| group(row).ok())
    }
}

fn group<G: Field>(row: &[OwnedScalar]) -> Result<G, String> {
    G::decode(&mut Values::new(row.to_vec()))
}

impl<G: Field> FromIterator<G> for GroupList<G> {
    fn from_iter<T: IntoIterator<Item = G>>(groups: T) -> Self {
        struct Collector(Vec<OwnedScalar>);
        impl<'r> Encoder<'r> for Collector {
            fn put(&mut self, value: ScalarValue<'r>) {
                self.0.push(value.to_owned());
            }
        }
        let row = |group: G| {
            let mut collector = Collector(Vec::with_capacity(Self::GROUP_COLUMNS.0.len()));
            group.encode(&mut collector);
            collector.0
        };
        Self { rows: groups.into_iter().map(row).collect(), group: PhantomData }
    }
}

impl<G: Field> Scalar for GroupList<G> {
    const TYPE: ColumnType = ColumnType::Groups(Self::GROUP_COLUMNS);

    fn value(&self) -> ScalarValue<'_> {
        ScalarValue::Groups(Self::GROUP_COLUMNS, &self.rows)
    }

    fn decode_nullable<D: Decoder + ?Sized>(decoder: &mut D) -> Result<Option<Self>, D::Error> {
        let Some(rows) = decoder.groups(Self::GROUP_COLUMNS)? else { return Ok(None) };
        match rows.iter().try_for_each(|row| group::<G>(row).map(drop)) {
            Ok(()) => Ok(Some(Self { rows, group: PhantomData })),
            Err(fault) => Err(decoder.invalid(0, &fault)),
        }
    }

    fn default_value() -> Option<Self> {
        Some(Self { rows: Vec::new(), group: PhantomData })
    }
}

impl<G> Clone for GroupList<G> {
    fn clone(&self) -> Self {
        Self { rows: self.rows.clone(), group: PhantomData }
    }
}

impl<G> PartialEq for GroupList<G> {
    fn eq(&self, other: &Self) -> bool {
        self.rows == other.rows
    }
}

impl<G> fmt::Debug for GroupList<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.rows, f)
    }
}

/// Returns a list of groups as one text, in the format of PostgreSQL's `COPY`: a line for each group, its values
/// separated by tabs, `\N` for null, and a backslash before tabs, line ends and backslashes.
#[must_use]
pub fn groups_to_text(rows: &[Vec<OwnedScalar>]) -> String {
    let mut text = String::new();
    for row in rows {
        for (index, value) in row.iter().enumerate() {
            if index > 0 {
                text.push('\t');
            }
            push_value(&mut text, value.as_value());
        }
        text.push('\n');
    }
    text
}

fn push_value(text: &mut String, value: ScalarValue<'_>) {
    let plain = match value {
        ScalarValue::Null => return text.push_str("\\N"),
        ScalarValue::Text(value) => value.to_owned(),
        ScalarValue::Name(name) => name.to_owned(),
        ScalarValue::Integer(number) => number.to_string(),
        ScalarValue::Timestamp(time) => time.to_string(),
        ScalarValue::Id(prefix, ulid) => IdText(prefix, ulid).to_string(),
        ScalarValue::Ids(prefix, ulids) => {
            ulids.iter().map(|ulid| IdText(prefix, *ulid).to_string()).collect::<Vec<_>>().join(" ")
        }
        ScalarValue::Groups(_, rows) => groups_to_text(rows),
    };
    for character in plain.chars() {
        match character {
            '\\' => text.push_str("\\\\"),
            '\t' => text.push_str("\\t"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            other => text.push(other),
        }
    }
}

/// Reads a text of [`groups_to_text`].
pub(super) fn groups_from_text(columns: GroupColumns, text: &str) -> Result<Vec<Vec<OwnedScalar>>, String> {
    text.lines()
        .map(|line| {
            let values: Vec<&str> = line.split('\t').collect();
            if values.len() != columns.0.len() {
                return Err(format!("a group has {} values instead of {}", values.len(), columns.0.len()));
            }
            values.into_iter().zip(columns.0).map(|(value, column)| value_from_text(column, value)).collect()
        })
        .collect()
}

fn value_from_text(column: &Column, text: &str) -> Result<OwnedScalar, String> {
    if text == "\\N" {
        return Ok(OwnedScalar::Null);
    }
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        plain.push(match character {
            '\\' => match characters.next() {
                Some('t') => '\t',
                Some('n') => '\n',
                Some('r') => '\r',
                Some('\\') => '\\',
                _ => return Err("a backslash must be followed by t, n, r or a backslash".to_owned()),
            },
            other => other,
        });
    }
    (column.parse)(&plain).map_err(|error| format!("{}: {error}", column.name))
}
