//! The table of every record that states its fields with `record!`.

use std::fmt::Display;

use kernel::{
    ColumnType, Columns, Decoder, Encoder, IdText, OwnedScalar, Record, ScalarValue, StoreError, Timestamp, Ulid,
};

use super::table::{Filter, Key, Table};
use crate::engine::{Column, Nulls, RowReader, UniqueColumns, Value, corrupt};

/// A record whose table follows from its statement. Its name is [`Record::PLURAL`], its columns those of the record.
pub(crate) trait RecordTable: Record {
    /// The filter that is looked up first among those that are equally selective: the one whose indexes contain the other
    /// filters' columns.
    const FIRST_FILTER: &'static str = "";
    /// The columns of the filters that have an index for the order of due dates.
    const DUE_INDEXES: &'static [&'static str] = &[];
}

impl<R: RecordTable> Table for R {
    const NAME: &'static str = R::PLURAL;
    const COLUMNS: &'static [Column] = Layout::<R>::COLUMNS.split_at(R::COLUMNS.len()).0;
    const KEY: Option<Key> = Layout::<R>::KEY;
    const FILTERS: &'static [Filter] = Layout::<R>::FILTERS.0.split_at(Layout::<R>::FILTERS.1).0;

    fn unique_columns() -> Option<UniqueColumns> {
        let nulls = |column: &kernel::Column| if column.nullable { Nulls::Equal } else { Nulls::Absent };
        let identity = R::COLUMNS.iter().filter(|column| column.is_identity);
        let columns: Vec<_> = identity.map(|column| (column.name, nulls(column))).collect();
        match Self::KEY {
            Some(key) => Some(key.unique_columns()),
            None => (!columns.is_empty()).then_some(UniqueColumns { columns, is_within_organization: true }),
        }
    }

    #[inline]
    fn bind<'r>(&'r self, row: &mut Vec<Value<'r>>) {
        self.encode(&mut RowWriter(row));
    }

    #[inline]
    fn read(reader: &mut RowReader<'_>) -> Result<Self, StoreError> {
        R::decode(reader)
    }

    fn filter_values(filter: &R::Filter) -> Vec<Vec<Value<'static>>> {
        let values = |name: &str| {
            let index = R::COLUMNS.iter().position(|column| column.name == name)?;
            Some(filter.accepted(index)?.iter().map(owned_value).collect())
        };
        Self::FILTERS.iter().map(|filter| values(filter.column).unwrap_or_default()).collect()
    }
}

/// The columns, key and filters of a record's table, computed at compile time.
struct Layout<R>(std::marker::PhantomData<R>);

impl<R: RecordTable> Layout<R> {
    /// The columns; those past the record's are filler.
    const COLUMNS: &'static [Column; Columns::MAX] = &{
        let mut columns = [Column::text(""); Columns::MAX];
        let mut index = 0;
        while index < R::COLUMNS.len() {
            let kernel::Column { name, column_type, .. } = R::COLUMNS[index];
            columns[index] = match column_type {
                ColumnType::Integer | ColumnType::Timestamp => Column::int(name),
                _ => Column::text(name),
            };
            index += 1;
        }
        columns
    };

    const KEY: Option<Key> = {
        let mut key = None;
        let mut index = 0;
        while index < R::COLUMNS.len() {
            if let Some(scope) = R::COLUMNS[index].key {
                key = Some(Key { column: R::COLUMNS[index].name, scope });
            }
            index += 1;
        }
        key
    };

    /// The filters, [`RecordTable::FIRST_FILTER`] in front, and how many they are.
    const FILTERS: &'static ([Filter; Columns::MAX], usize) = &{
        let mut filters = [Filter::unindexed(""); Columns::MAX];
        let mut count = 0;
        let mut pass = 0;
        while pass < 2 {
            let mut index = 0;
            while index < R::COLUMNS.len() {
                let column = R::COLUMNS[index];
                let is_first = equal(column.name, R::FIRST_FILTER);
                if let Some(filter) = column.filter
                    && is_first == (pass == 0)
                {
                    let kernel::ColumnFilter { selectivity, comparison, .. } = filter;
                    let mut has_due_index = false;
                    let mut due_index = 0;
                    while due_index < R::DUE_INDEXES.len() {
                        has_due_index |= equal(R::DUE_INDEXES[due_index], column.name);
                        due_index += 1;
                    }
                    filters[count] = Filter { column: column.name, selectivity, comparison, has_due_index };
                    count += 1;
                }
                index += 1;
            }
            pass += 1;
        }
        (filters, count)
    };
}

/// `==` of texts, which is not `const`.
const fn equal(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let mut index = 0;
    while index < one.len() && index < other.len() && one[index] == other[index] {
        index += 1;
    }
    index == one.len() && index == other.len()
}

/// Appends the values of a record to a row.
struct RowWriter<'w, 'r>(&'w mut Vec<Value<'r>>);

impl<'r> Encoder<'r> for RowWriter<'_, 'r> {
    #[inline]
    fn put(&mut self, value: ScalarValue<'r>) {
        self.0.push(match value {
            ScalarValue::Null => Value::Null,
            ScalarValue::Text(text) => Value::text(text),
            ScalarValue::Name(name) => Value::text(name),
            ScalarValue::Integer(number) => number.into(),
            ScalarValue::Timestamp(time) => time.into(),
            ScalarValue::Id(_, ulid) => ulid.into(),
            ScalarValue::Ids(prefix, ulids) => id_list(prefix, ulids).into(),
            ScalarValue::Groups(groups) => Value::text(groups.text()),
        });
    }
}

fn owned_value(value: &OwnedScalar) -> Value<'static> {
    match value {
        OwnedScalar::Null => Value::Null,
        OwnedScalar::Text(text) => text.clone().into(),
        OwnedScalar::Name(name) => Value::text(*name),
        OwnedScalar::Integer(number) => (*number).into(),
        OwnedScalar::Timestamp(time) => (*time).into(),
        OwnedScalar::Id(_, ulid) => (*ulid).into(),
        OwnedScalar::Ids(prefix, ulids) => id_list(prefix, ulids).into(),
        OwnedScalar::Groups(groups) => groups.text().to_owned().into(),
    }
}

/// A list of identifiers is stored as one text: the identifiers, separated by spaces.
fn id_list(prefix: &'static str, ulids: &[Ulid]) -> String {
    ulids.iter().map(|ulid| IdText(prefix, *ulid).to_string()).collect::<Vec<_>>().join(" ")
}

impl Decoder for RowReader<'_> {
    type Error = StoreError;

    #[inline]
    fn text(&mut self) -> Result<Option<&str>, StoreError> {
        self.opt_text()
    }

    fn invalid(&mut self, columns_back: usize, message: &dyn Display) -> StoreError {
        corrupt(format!("column {}: {message}", self.columns_read() - columns_back))
    }

    fn missing(&mut self) -> StoreError {
        self.invalid(0, &"the value must not be null")
    }

    fn is_trusted(&self) -> bool {
        true
    }

    #[inline]
    fn integer(&mut self) -> Result<Option<i64>, StoreError> {
        self.opt_int()
    }

    #[inline]
    fn timestamp(&mut self) -> Result<Option<Timestamp>, StoreError> {
        self.opt_time()
    }

    #[inline]
    fn id(&mut self, _: &'static str) -> Result<Option<Ulid>, StoreError> {
        self.opt_parsed(Ulid::from_string)
    }
}
