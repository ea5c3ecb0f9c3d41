//! The columns of tables.

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SqlType {
    Text,
    Int,
    Blob,
}

/// A column of a table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) sql_type: SqlType,
}

impl Column {
    pub(crate) const fn text(name: &'static str) -> Self {
        Self { name, sql_type: SqlType::Text }
    }

    pub(crate) const fn int(name: &'static str) -> Self {
        Self { name, sql_type: SqlType::Int }
    }

    pub(crate) const fn blob(name: &'static str) -> Self {
        Self { name, sql_type: SqlType::Blob }
    }

    pub(super) const fn array_type(self) -> &'static str {
        match self.sql_type {
            SqlType::Text => "text[]",
            SqlType::Int => "bigint[]",
            SqlType::Blob => "bytea[]",
        }
    }
}

/// The number of a column, starting with 1.
pub(super) fn column_number(columns: &[Column], name: &str) -> usize {
    columns.iter().position(|column| column.name == name).map_or(0, |index| index + 1)
}
