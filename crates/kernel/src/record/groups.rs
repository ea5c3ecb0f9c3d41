//! A list of groups in one column, such as the attachments of an evidence claim.

use std::{fmt, marker::PhantomData};

use super::{
    column::Column,
    column_type::ColumnType,
    columns::{Columns, Field},
    encoding::{Decoder, Encoder},
    value::{Groups, OwnedScalar, ScalarValue},
    values::Values,
};
use crate::text::Description;

/// A list of groups, each of which has the columns of `G`. The list is one column of a record, so lists of records read
/// it without another statement. It is never filtered by, and meant for a few groups.
pub struct GroupList<G> {
    groups: Groups,
    group: PhantomData<fn() -> G>,
}

impl<G: Field> GroupList<G> {
    const GROUP: &'static Columns = &G::COLUMNS;
    const LABELS: &'static [&'static str; Columns::MAX] = &{
        let columns = Self::GROUP.as_slice();
        let mut labels = [""; Columns::MAX];
        let mut index = 0;
        while index < columns.len() {
            labels[index] = columns[index].label;
            index += 1;
        }
        labels
    };

    fn from_rows(rows: Vec<Vec<OwnedScalar>>) -> Self {
        let labels = Self::LABELS.split_at(Self::GROUP.as_slice().len()).0;
        Self { groups: Groups::new(labels, rows), group: PhantomData }
    }

    /// The number of groups.
    #[must_use]
    pub fn len(&self) -> usize {
        self.groups.rows().len()
    }

    /// Whether there is no group.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.groups.rows().is_empty()
    }

    /// The groups, in order.
    pub fn iter(&self) -> impl Iterator<Item = G> {
        // A list is only made of groups, or of rows that were decoded as groups.
        self.groups.rows().iter().filter_map(|row| decode(row).ok())
    }

    fn parse(text: &str) -> Result<Self, String> {
        let rows: Vec<_> =
            text.lines().map(|line| parse_row(Self::GROUP.as_slice(), line)).collect::<Result<_, _>>()?;
        rows.iter().try_for_each(|row| decode::<G>(row).map(drop))?;
        Ok(Self::from_rows(rows))
    }
}

fn decode<G: Field>(row: &[OwnedScalar]) -> Result<G, String> {
    G::decode(&mut Values::new(row.to_vec()))
}

/// Reads a line of the text of a list.
fn parse_row(columns: &[Column], line: &str) -> Result<Vec<OwnedScalar>, String> {
    let values: Vec<&str> = line.split('\t').collect();
    if values.len() != columns.len() {
        return Err(format!("a group has {} values instead of {}", values.len(), columns.len()));
    }
    values.into_iter().zip(columns).map(|(value, column)| parse_value(column, value)).collect()
}

fn parse_value(column: &Column, text: &str) -> Result<OwnedScalar, String> {
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

impl<G: Field> FromIterator<G> for GroupList<G> {
    fn from_iter<T: IntoIterator<Item = G>>(groups: T) -> Self {
        struct Collector(Vec<OwnedScalar>);
        impl<'r> Encoder<'r> for Collector {
            fn put(&mut self, value: ScalarValue<'r>) {
                self.0.push(value.to_owned());
            }
        }
        let row = |group: G| {
            let mut collector = Collector(Vec::new());
            group.encode(&mut collector);
            collector.0
        };
        Self::from_rows(groups.into_iter().map(row).collect())
    }
}

impl<G: Field> Field for GroupList<G> {
    const COLUMNS: Columns = Columns::EMPTY.with(Column {
        column_type: ColumnType::Groups,
        group: Self::GROUP.as_slice(),
        parse: |text| Self::parse(text).map(|list| OwnedScalar::Groups(list.groups)),
        ..Column::new::<Description>("", false)
    });

    fn encode<'r, E: Encoder<'r> + ?Sized>(&'r self, encoder: &mut E) {
        encoder.put(ScalarValue::Groups(&self.groups));
    }

    fn decode<D: Decoder + ?Sized>(decoder: &mut D) -> Result<Self, D::Error> {
        let parsed = decoder.text()?.map(Self::parse).transpose();
        match parsed.map_err(|fault| decoder.invalid(0, &fault))? {
            Some(list) => Ok(list),
            None if decoder.is_trusted() => Err(decoder.missing()),
            None => Ok(Self::from_rows(Vec::new())),
        }
    }
}

impl<G> Clone for GroupList<G> {
    fn clone(&self) -> Self {
        Self { groups: self.groups.clone(), group: PhantomData }
    }
}

impl<G> PartialEq for GroupList<G> {
    fn eq(&self, other: &Self) -> bool {
        self.groups == other.groups
    }
}

impl<G> fmt::Debug for GroupList<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.groups.rows(), f)
    }
}
