//! The columns of a field or of a record, known at compile time.

#[cfg(test)]
mod tests;

use super::{
    column::Column,
    column_type::{Bound, ColumnFilter, ColumnType, Comparison, KeyScope, Selectivity},
    encoding::{Decoder, Encoder},
    scalar::Scalar,
};
use crate::timestamp::Timestamp;

/// A type that a record's field can have: a [`Scalar`], an `Option` of one, or a group of columns.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be the type of a record's field",
    label = "neither a `Scalar`, nor an `Option` of one, nor a group of columns"
)]
pub trait Field: Sized {
    /// The columns of the field. A single column has no name here: it takes that of the field.
    const COLUMNS: Columns;

    /// Passes the value of each column to the encoder.
    fn encode<'r, E: Encoder<'r> + ?Sized>(&'r self, encoder: &mut E);

    /// Takes the value of each column from the decoder. Takes all of them, whether or not the first is valid.
    ///
    /// # Errors
    /// The decoder's error if a value is invalid or missing.
    fn decode<D: Decoder + ?Sized>(decoder: &mut D) -> Result<Self, D::Error>;
}

/// The columns of a field or of a record, built at compile time.
///
/// The methods from [`Self::label`] on are the marks of `#[column(…)]`: [`record!`](crate::record!) passes each on as a
/// method call, so an unknown mark is a compiler error at the mark.
#[derive(Clone, Copy, Debug)]
pub struct Columns {
    columns: [Column; Self::MAX],
    length: usize,
}

impl Columns {
    /// The most columns a record can have.
    pub const MAX: usize = 32;

    /// No columns.
    pub const EMPTY: Self = Self { columns: [Column::new::<Timestamp>("", true); Self::MAX], length: 0 };

    /// One column without a name.
    #[must_use]
    pub const fn one<T: Scalar>(nullable: bool) -> Self {
        Self::EMPTY.with(Column::new::<T>("", nullable))
    }

    /// These columns and one more.
    #[must_use]
    pub const fn with(mut self, column: Column) -> Self {
        assert!(self.length < Self::MAX, "the record has too many columns: raise Columns::MAX");
        self.columns[self.length] = column;
        self.length += 1;
        self
    }

    /// The columns of the field `name`, with its doc comment as their description.
    #[must_use]
    pub const fn of_field<F: Field>(name: &'static str, description: &'static str) -> Self {
        let mut columns = F::COLUMNS;
        let mut index = 0;
        while index < columns.length {
            let column = &mut columns.columns[index];
            if column.name.is_empty() {
                (column.name, column.label) = (name, name);
            }
            if column.description.is_empty() {
                column.description = description.trim_ascii();
            }
            index += 1;
        }
        columns
    }

    /// These columns and the others.
    #[must_use]
    pub const fn and(mut self, others: Self) -> Self {
        let mut index = 0;
        while index < others.length {
            self = self.with(others.columns[index]);
            index += 1;
        }
        self
    }

    /// The columns as a slice.
    #[must_use]
    pub const fn as_slice(&'static self) -> &'static [Column] {
        self.columns.split_at(self.length).0
    }

    /// Checks the rules between columns, so that a mistake in a declaration is a compiler error.
    ///
    /// # Panics
    /// If there are two keys or two titles, or a key and an identity, the parent of a key is no column, an identity does not begin with
    /// the identifier of a parent, a choice of values is asked of a number or of groups, or a bound names no column.
    #[must_use]
    pub const fn checked(self) -> Self {
        let (mut keys, mut identity, mut titles) = (0, 0, 0);
        let mut index = 0;
        while index < self.length {
            let is_number = matches!(
                self.columns[index].column_type,
                ColumnType::Integer | ColumnType::Timestamp | ColumnType::Groups
            );
            if let Some(filter) = self.columns[index].filter {
                let is_choice = matches!(filter.comparison, Comparison::OneOf);
                assert!(!(is_choice && is_number), "filter(…) is for texts, names and identifiers; use at_least(…)");
            }
            if self.columns[index].is_identity {
                let is_parent = matches!(self.columns[index].column_type, ColumnType::Id(_))
                    && self.columns[index].filter.is_some();
                assert!(identity > 0 || is_parent, "an identity begins with the identifier of a parent, with a filter");
                identity += 1;
            }
            if self.columns[index].is_title {
                titles += 1;
            }
            if let Some(Bound::After(other, _) | Bound::NotBefore(other, _)) = self.columns[index].bound {
                assert!(self.has(other), "a bound names a column that the record does not have");
            }
            if let Some(scope) = self.columns[index].key {
                keys += 1;
                if let KeyScope::Parent(parent) = scope {
                    assert!(self.has(parent), "key_within names a column that the record does not have");
                }
            }
            index += 1;
        }
        assert!(keys <= 1, "a record has at most one key");
        assert!(titles <= 1, "a record has at most one title");
        assert!(keys == 0 || identity == 0, "a record with a key needs no other identity");
        self
    }

    const fn has(&self, name: &str) -> bool {
        self.index_of(name) < self.length
    }

    /// The index of the column with this name; the number of columns if there is none.
    const fn index_of(&self, name: &str) -> usize {
        let mut index = 0;
        while index < self.length && !equal(self.columns[index].name, name) {
            index += 1;
        }
        index
    }

    const fn only(&mut self) -> &mut Column {
        assert!(self.length == 1, "this mark is for a field of one column");
        &mut self.columns[0]
    }

    const fn filter_of_only(&mut self) -> &mut ColumnFilter {
        match &mut self.only().filter {
            Some(filter) => filter,
            None => panic!("this mark must come after filter(…)"),
        }
    }

    const fn set_filter(column: &mut Column, selectivity: Selectivity) {
        column.filter =
            Some(ColumnFilter { label: column.label, selectivity, comparison: Comparison::OneOf, required: false });
    }

    /// Sets the public name, which is the field's name otherwise. Filters take it over, so it comes before them.
    #[must_use]
    pub const fn label(mut self, label: &'static str) -> Self {
        let column = self.only();
        assert!(column.filter.is_none(), "label comes before the marks of a filter: key, key_within and filter");
        column.label = label;
        self
    }

    /// Marks the record's key, unique in the organization. Lists can be filtered by it, under its label: put `label` before.
    #[must_use]
    pub const fn key(mut self) -> Self {
        let column = self.only();
        column.key = Some(KeyScope::Organization);
        Self::set_filter(column, Selectivity::One);
        self
    }

    /// Marks the record's key, unique in the installation.
    #[must_use]
    pub const fn installation_key(mut self) -> Self {
        self.only().key = Some(KeyScope::Installation);
        self
    }

    /// Marks the record's key, unique among the records with the same value in the column `parent`. Lists can be filtered by
    /// it, under its label: put `label` before. It is checked row by row along the filter by the parent, whose records are
    /// few, or all in one range.
    #[must_use]
    pub const fn key_within(mut self, parent: &'static str) -> Self {
        let column = self.only();
        column.key = Some(KeyScope::Parent(parent));
        Self::set_filter(column, Selectivity::Unindexed);
        self
    }

    /// Marks the columns of the field as part of the identity of a record without a key: imports find a record by the
    /// values of all columns so marked. The first of them is an identifier, that of the record's parent, and lists can be
    /// filtered by it.
    #[must_use]
    pub const fn identity(mut self) -> Self {
        let mut index = 0;
        while index < self.length {
            self.columns[index].is_identity = true;
            index += 1;
        }
        self
    }

    /// Marks a value that only the server sets: imports leave it as it is.
    #[must_use]
    pub const fn derived(mut self) -> Self {
        let column = self.only();
        let may_be_empty = matches!(column.column_type, ColumnType::Groups);
        assert!(
            column.nullable || may_be_empty,
            "a derived value is absent at first: its type is an Option, or a list"
        );
        column.is_derived = true;
        self
    }

    /// Marks the title of the record: lists show it as the record's name, and the search finds the record by its words. For a
    /// record without one of its own, it is the key.
    #[must_use]
    pub const fn title(mut self) -> Self {
        let column = self.only();
        assert!(matches!(column.column_type, ColumnType::Text { .. }) && !column.nullable, "a title is a text");
        column.is_title = true;
        self
    }

    /// Marks the due date of the record: lists can be ordered by it and restricted to a range of due dates. The field is
    /// called `due_at`, and the table has an index (organization, due date, identifier).
    #[must_use]
    pub const fn due_date(mut self) -> Self {
        let column = self.only();
        assert!(equal(column.name, "due_at"), "the due date is called due_at");
        assert!(
            matches!(column.column_type, ColumnType::Timestamp) && column.nullable,
            "a due date is an optional time"
        );
        column.is_due_date = true;
        self
    }

    /// Marks a value that imports set only when they create the record, because commands of its module change it later.
    #[must_use]
    pub const fn create_only(mut self) -> Self {
        self.only().is_create_only = true;
        self
    }

    /// Demands that the time is later than that of the column `other`. The message says so with its `description`.
    #[must_use]
    pub const fn after(mut self, other: &'static str, description: &'static str) -> Self {
        self.set_time_bound(Bound::After(other, description));
        self
    }

    /// Demands that the time is not earlier than that of the column `other`. The message says so with its `description`.
    #[must_use]
    pub const fn not_before(mut self, other: &'static str, description: &'static str) -> Self {
        self.set_time_bound(Bound::NotBefore(other, description));
        self
    }

    const fn set_time_bound(&mut self, bound: Bound) {
        let column = self.only();
        assert!(matches!(column.column_type, ColumnType::Timestamp), "this bound is for times");
        column.bound = Some(bound);
    }

    /// Demands that the number is from `min` to `max`.
    #[must_use]
    pub const fn within(mut self, min: i64, max: i64) -> Self {
        let column = self.only();
        assert!(
            matches!(column.column_type, ColumnType::Integer | ColumnType::Text { .. }),
            "within is for integers and decimals"
        );
        column.bound = Some(Bound::Within(min, max));
        self
    }

    /// Lets lists be filtered by the column, under its label. Put `label` before.
    #[must_use]
    pub const fn filter(mut self, selectivity: Selectivity) -> Self {
        Self::set_filter(self.only(), selectivity);
        self
    }

    /// Lets lists be filtered by one column of a group.
    #[must_use]
    pub const fn filter_on(mut self, name: &str, selectivity: Selectivity) -> Self {
        let index = self.index_of(name);
        assert!(index < self.length, "filter_on names a column that the group does not have");
        Self::set_filter(&mut self.columns[index], selectivity);
        self
    }

    /// Gives the filter another public name than the column's.
    #[must_use]
    pub const fn filter_label(mut self, label: &'static str) -> Self {
        self.filter_of_only().label = label;
        self
    }

    /// Refuses lists that are not filtered by the column.
    #[must_use]
    pub const fn required(mut self) -> Self {
        self.filter_of_only().required = true;
        self
    }

    /// Lets lists be filtered to values of at least the given one, under the public name `label`. The column is checked
    /// row by row, never looked up: it belongs into the index behind that of a `required` filter.
    #[must_use]
    pub const fn at_least(mut self, label: &'static str) -> Self {
        let column = self.only();
        assert!(
            matches!(column.column_type, ColumnType::Integer | ColumnType::Timestamp),
            "at_least is for integers and timestamps"
        );
        column.filter = Some(ColumnFilter {
            label,
            selectivity: Selectivity::Unindexed,
            comparison: Comparison::AtLeast,
            required: false,
        });
        self
    }

    /// Sets the value in the API document's example.
    #[must_use]
    pub const fn example(mut self, value: &'static str) -> Self {
        self.only().example = Some(value);
        self
    }

    /// Sets the values in the API document's example of the first columns of a group.
    #[must_use]
    pub const fn examples<const N: usize>(mut self, values: [&'static str; N]) -> Self {
        assert!(N <= self.length, "there are more examples than columns");
        let mut index = 0;
        while index < N {
            self.columns[index].example = Some(values[index]);
            index += 1;
        }
        self
    }
}

/// `==` of texts, which is not `const`.
const fn equal(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    if one.len() != other.len() {
        return false;
    }
    let mut index = 0;
    while index < one.len() {
        if one[index] != other[index] {
            return false;
        }
        index += 1;
    }
    true
}
