//! Reading a row column by column, in order, for both engines.

use std::{error::Error, fmt::Display};

use kernel::{Id, Revision, Rule, StoreError, Text, Timestamp};
use rusqlite::types::ValueRef;
use tokio_postgres::{
    Row as PgRow,
    types::{FromSql, Type},
};
use ulid::Ulid;

use super::{
    Value,
    failure::{corrupt, from_postgres, from_sqlite},
};

/// A cursor over the columns of one row.
pub(crate) struct RowReader<'r> {
    row: Row<'r>,
    next: usize,
    text_bytes: usize,
}

/// A text of PostgreSQL's `text` or `varchar` type. The schema has no other text types, and checking for every type
/// that the driver accepts as text takes longer than reading it.
struct PlainText<'r>(&'r str);

impl<'r> FromSql<'r> for PlainText<'r> {
    fn from_sql(_: &Type, raw: &'r [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(std::str::from_utf8(raw)?))
    }

    fn accepts(column_type: &Type) -> bool {
        matches!(*column_type, Type::TEXT | Type::VARCHAR)
    }
}

enum Row<'r> {
    Postgres(&'r PgRow),
    Sqlite(&'r rusqlite::Row<'r>),
}

impl<'r> RowReader<'r> {
    pub(super) fn from_postgres(row: &'r PgRow) -> Self {
        Self { row: Row::Postgres(row), next: 0, text_bytes: 0 }
    }

    pub(super) fn from_sqlite(row: &'r rusqlite::Row<'r>) -> Self {
        Self { row: Row::Sqlite(row), next: 0, text_bytes: 0 }
    }

    fn next_index(&mut self) -> usize {
        self.next += 1;
        self.next - 1
    }

    /// The number of columns that have been read.
    pub(crate) fn columns_read(&self) -> usize {
        self.next
    }

    /// The size of the texts that have been read, in bytes.
    pub(crate) fn text_bytes(&self) -> usize {
        self.text_bytes
    }

    pub(crate) fn opt_text(&mut self) -> Result<Option<&'r str>, StoreError> {
        let index = self.next_index();
        let text = match self.row {
            Row::Postgres(row) => {
                let text: Option<PlainText<'_>> = row.try_get(index).map_err(from_postgres)?;
                text.map(|PlainText(text)| text)
            }
            Row::Sqlite(row) => row.get_ref(index).map_err(from_sqlite)?.as_str_or_null().map_err(corrupt)?,
        };
        self.text_bytes += text.map_or(0, str::len);
        Ok(text)
    }

    pub(crate) fn text(&mut self) -> Result<&'r str, StoreError> {
        self.opt_text()?.ok_or_else(|| self.missing())
    }

    pub(crate) fn opt_int(&mut self) -> Result<Option<i64>, StoreError> {
        let index = self.next_index();
        match self.row {
            Row::Postgres(row) => row.try_get(index).map_err(from_postgres),
            Row::Sqlite(row) => row.get_ref(index).map_err(from_sqlite)?.as_i64_or_null().map_err(corrupt),
        }
    }

    pub(crate) fn int(&mut self) -> Result<i64, StoreError> {
        self.opt_int()?.ok_or_else(|| self.missing())
    }

    pub(crate) fn opt_blob(&mut self) -> Result<Option<&'r [u8]>, StoreError> {
        let index = self.next_index();
        match self.row {
            Row::Postgres(row) => row.try_get(index).map_err(from_postgres),
            Row::Sqlite(row) => row.get_ref(index).map_err(from_sqlite)?.as_blob_or_null().map_err(corrupt),
        }
    }

    pub(crate) fn blob(&mut self) -> Result<&'r [u8], StoreError> {
        self.opt_blob()?.ok_or_else(|| self.missing())
    }

    pub(crate) fn count(&mut self) -> Result<u64, StoreError> {
        u64::try_from(self.int()?).map_err(corrupt)
    }

    pub(crate) fn time(&mut self) -> Result<Timestamp, StoreError> {
        self.int().map(Timestamp::from_millis)
    }

    pub(crate) fn opt_time(&mut self) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.opt_int()?.map(Timestamp::from_millis))
    }

    pub(crate) fn revision(&mut self) -> Result<Revision, StoreError> {
        self.int().map(Revision)
    }

    pub(crate) fn ulid(&mut self) -> Result<Ulid, StoreError> {
        self.parsed(Ulid::from_string)
    }

    pub(crate) fn id<R: ?Sized>(&mut self) -> Result<Id<R>, StoreError> {
        self.ulid().map(Id::new)
    }

    pub(crate) fn opt_id<R: ?Sized>(&mut self) -> Result<Option<Id<R>>, StoreError> {
        Ok(self.opt_parsed(Ulid::from_string)?.map(Id::new))
    }

    /// Reads a text that was validated by `R` before it was stored, without validating it again.
    pub(crate) fn trusted<R: Rule>(&mut self) -> Result<Text<R>, StoreError> {
        self.text().map(Text::trusted)
    }

    /// Like [`Self::trusted`], for a column that may be null.
    pub(crate) fn opt_trusted<R: Rule>(&mut self) -> Result<Option<Text<R>>, StoreError> {
        Ok(self.opt_text()?.map(Text::trusted))
    }

    /// Reads a text and parses it.
    pub(crate) fn parsed<T, E: Display>(&mut self, parse: impl FnOnce(&str) -> Result<T, E>) -> Result<T, StoreError> {
        let text = self.text()?;
        parse(text).map_err(|error| self.invalid(&error))
    }

    /// Like [`Self::parsed`], for a column that may be null.
    pub(crate) fn opt_parsed<T, E: Display>(
        &mut self,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Option<T>, StoreError> {
        let text = self.opt_text()?;
        text.map(parse).transpose().map_err(|error| self.invalid(&error))
    }

    /// Reads the name of one of `all`.
    pub(crate) fn enum_value<T: Copy>(&mut self, all: &[T], name: impl Fn(T) -> &'static str) -> Result<T, StoreError> {
        let text = self.text()?;
        let value = all.iter().copied().find(|value| name(*value) == text);
        value.ok_or_else(|| self.invalid(&format_args!("the name {text:?} is not supported")))
    }

    /// Reads all remaining columns, of any type.
    pub(crate) fn remaining(&mut self) -> Result<Vec<Value<'static>>, StoreError> {
        let columns = match self.row {
            Row::Postgres(row) => row.len(),
            Row::Sqlite(row) => row.as_ref().column_count(),
        };
        (self.next..columns).map(|_| self.value()).collect()
    }

    fn value(&mut self) -> Result<Value<'static>, StoreError> {
        let index = self.next_index();
        match self.row {
            Row::Postgres(row) => match row.columns().get(index).map(|column| column.type_()) {
                Some(&Type::INT8) => row.try_get(index).map(Value::opt::<i64>),
                Some(&Type::TEXT) => row.try_get(index).map(Value::opt::<String>),
                Some(&Type::BYTEA) => row.try_get(index).map(Value::opt::<Vec<u8>>),
                other => return Err(self.invalid(&format_args!("the column type {other:?} is not supported"))),
            }
            .map_err(from_postgres),
            Row::Sqlite(row) => match row.get_ref(index).map_err(from_sqlite)? {
                ValueRef::Null => Ok(Value::Null),
                ValueRef::Integer(number) => Ok(number.into()),
                ValueRef::Text(text) => Ok(std::str::from_utf8(text).map_err(corrupt)?.to_owned().into()),
                ValueRef::Blob(bytes) => Ok(bytes.to_vec().into()),
                ValueRef::Real(_) => Err(self.invalid(&"a floating-point number is not supported")),
            },
        }
    }

    fn missing(&self) -> StoreError {
        self.invalid(&"the value must not be null")
    }

    fn invalid(&self, reason: &dyn Display) -> StoreError {
        corrupt(format!("column {}: {reason}", self.next))
    }
}
