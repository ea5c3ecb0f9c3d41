//! The properties of one column.

use std::fmt::Display;

use super::{
    column_type::{Bound, ColumnFilter, ColumnType, KeyScope},
    encoding::Decoder,
    scalar::Scalar,
    value::OwnedScalar,
};

/// The properties of one column.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// The name in the domain and in the table: `duplicate_of`.
    pub name: &'static str,
    /// The public name, in the domain's spelling: `duplicate_of_finding_id`.
    pub label: &'static str,
    /// The description for callers: the doc comment of the field.
    pub description: &'static str,
    /// The type of the values.
    pub column_type: ColumnType,
    /// Whether the value may be null.
    pub nullable: bool,
    /// The range in which the value is unique, if the column is the record's key.
    pub key: Option<KeyScope>,
    /// Whether the value is part of the record's identity: no two records of the organization have the same values in all
    /// such columns. Only for records without a key.
    pub is_identity: bool,
    /// Whether only the server sets the value, from other records or by its own rules.
    pub is_derived: bool,
    /// Whether the value is the title of the record: what lists show as its name, and what is searched by its words.
    pub is_title: bool,
    /// Whether the value is the due date of the record, by which lists can be ordered.
    pub is_due_date: bool,
    /// Whether imports set the value only when they create the record.
    pub is_create_only: bool,
    /// The bound within which the value is plausible, if there is one.
    pub bound: Option<Bound>,
    /// The filter by this column, if there is one.
    pub filter: Option<ColumnFilter>,
    /// The value in the API document's example; `None` makes it null.
    pub example: Option<&'static str>,
    /// Parses and validates a text as a value of the column.
    pub parse: fn(&str) -> Result<OwnedScalar, String>,
    /// The columns of each group, if the values are lists of groups.
    pub group: &'static [Self],
}

impl Column {
    /// Creates the properties of a column of type `T`.
    #[must_use]
    pub const fn new<T: Scalar>(name: &'static str, nullable: bool) -> Self {
        Self {
            name,
            label: name,
            description: "",
            column_type: T::TYPE,
            nullable,
            key: None,
            is_identity: false,
            is_derived: false,
            is_title: false,
            is_due_date: false,
            is_create_only: false,
            bound: None,
            filter: None,
            example: None,
            parse: parse::<T>,
            group: &[],
        }
    }

    /// The same column with a description for callers, for the columns of a group.
    #[must_use]
    pub const fn described(mut self, description: &'static str) -> Self {
        self.description = description;
        self
    }
}

fn parse<T: Scalar>(text: &str) -> Result<OwnedScalar, String> {
    let value = T::decode_nullable(&mut SingleText(Some(text)))?;
    Ok(value.map_or(OwnedScalar::Null, |value| value.value().to_owned()))
}

/// Supplies one text.
struct SingleText<'t>(Option<&'t str>);

impl Decoder for SingleText<'_> {
    type Error = String;

    fn text(&mut self) -> Result<Option<&str>, String> {
        Ok(self.0.take())
    }

    fn invalid(&mut self, _: usize, message: &dyn Display) -> String {
        message.to_string()
    }
}

/// Supplies the examples of columns.
pub(super) struct Examples {
    columns: &'static [Column],
    consumed: usize,
}

impl Examples {
    pub(super) const fn new(columns: &'static [Column]) -> Self {
        Self { columns, consumed: 0 }
    }
}

impl Decoder for Examples {
    type Error = String;

    fn text(&mut self) -> Result<Option<&str>, String> {
        self.consumed += 1;
        Ok(self.columns.get(self.consumed - 1).and_then(|column| column.example))
    }

    fn invalid(&mut self, columns_back: usize, message: &dyn Display) -> String {
        let name = self.columns.get(self.consumed - 1 - columns_back).map_or("", |column| column.name);
        format!("{name} {message}")
    }
}
