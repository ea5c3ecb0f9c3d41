//! The description of a kind of record's table: data, not behaviour.

use kernel::{Comparison, KeyScope, Meta, Resource, Selectivity, StoreError, Stored};

use crate::engine::{Column, Nulls, RowReader, UniqueColumns, Value};

/// The table in which the records of a kind are stored.
///
/// Every table begins with [`META_COLUMNS`], which the reader and the commit handle.
pub(crate) trait Table: Resource {
    const NAME: &'static str;
    /// The columns of the record's own fields.
    const COLUMNS: &'static [Column];
    /// The column of [`Resource::unique_key`], if there is one.
    const KEY: Option<Key> = None;
    /// The parent of each record, if the kind has one: its column precedes the identifier in the primary key, so the
    /// records of one parent are one range, which needs no second index.
    const PARENT: Option<Parent> = None;
    /// A view with the same columns: the records that another table has until they first change. Then they are moved to
    /// this one.
    const UNCHANGED_VIEW: Option<&'static str> = None;
    /// The columns that a list can filter by. Unless each value is unique, an indexed column has an index for each
    /// order: (organization, column, id) and (organization, column, updated, id). For the column of [`Self::PARENT`]
    /// the former is the primary key itself. Where lists combine several filters, these indexes also contain the other
    /// filter columns, so that a row can be checked by the index alone.
    const FILTERS: &'static [Filter] = &[];

    /// Returns the columns of [`Resource::unique_key`], or of [`Resource::unique_identity`] if there is no key.
    fn unique_columns() -> Option<UniqueColumns> {
        Self::KEY.map(Key::unique_columns)
    }

    /// Appends the record's own fields to the row, in the order of [`Self::COLUMNS`].
    fn bind<'r>(&'r self, row: &mut Vec<Value<'r>>);

    /// Reads the record's own fields, in the order of [`Self::COLUMNS`].
    fn read(cells: &mut RowReader<'_>) -> Result<Self, StoreError>;

    /// Returns the accepted values of each column of [`Self::FILTERS`], in its order. An empty list accepts any value.
    fn filter_values(filter: &Self::Filter) -> Vec<Vec<Value<'static>>>;
}

/// The column of a unique key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key {
    pub(crate) column: &'static str,
    pub(crate) scope: KeyScope,
}

/// The permanent parent of a kind of record.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parent {
    pub(crate) column: &'static str,
    /// The table of the parent. A row of it is deleted only when it has no children left.
    pub(crate) table: &'static str,
}

/// A column that a list can filter by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Filter {
    pub(crate) column: &'static str,
    pub(crate) selectivity: Selectivity,
    pub(crate) comparison: Comparison,
    /// Whether there is an index for the order of due dates, too: (organization, column, due date, id).
    pub(crate) has_due_index: bool,
}

impl Filter {
    const fn choice(column: &'static str, selectivity: Selectivity) -> Self {
        Self { column, selectivity, comparison: Comparison::OneOf, has_due_index: false }
    }

    /// A filter of which a value is usually shared by a few records.
    pub(crate) const fn selective(column: &'static str) -> Self {
        Self::choice(column, Selectivity::Few)
    }

    /// A filter of which a value is shared by many records.
    pub(crate) const fn unselective(column: &'static str) -> Self {
        Self::choice(column, Selectivity::Many)
    }

    /// A filter without an index. A list without another filter checks it row by row.
    pub(crate) const fn unindexed(column: &'static str) -> Self {
        Self::choice(column, Selectivity::Unindexed)
    }

    /// Returns whether the filter can be looked up in an index, in the order of due dates or in another one.
    pub(crate) fn is_indexed(self, by_due_date: bool) -> bool {
        self.selectivity != Selectivity::Unindexed && (!by_due_date || self.has_due_index || self.is_unique())
    }

    /// Returns whether at most a few records share a value.
    pub(crate) fn is_selective(self) -> bool {
        matches!(self.selectivity, Selectivity::One | Selectivity::Few)
    }

    pub(crate) fn is_unique(self) -> bool {
        self.selectivity == Selectivity::One
    }
}

impl Parent {
    /// Returns a condition that holds for every parent in the organization `?1`, for lookups by identifier alone: they
    /// seek the identifier under each parent instead of scanning the rows between.
    pub(crate) fn any_condition(self) -> String {
        format!("{} IN (SELECT id FROM {} WHERE organization_id = ?1)", self.column, self.table)
    }
}

impl Key {
    pub(crate) const fn within_organization(column: &'static str) -> Self {
        Self { column, scope: KeyScope::Organization }
    }

    pub(crate) fn unique_columns(self) -> UniqueColumns {
        let parent = match self.scope {
            KeyScope::Parent(column) => Some((column, Nulls::Absent)),
            KeyScope::Organization | KeyScope::Installation => None,
        };
        UniqueColumns {
            columns: [(self.column, Nulls::Distinct)].into_iter().chain(parent).collect(),
            is_within_organization: self.scope != KeyScope::Installation,
        }
    }
}

/// The first columns of every table of records.
pub(crate) const META_COLUMNS: [Column; 5] = [
    Column::text("organization_id"),
    Column::text("id"),
    Column::int("revision"),
    Column::int("created_at"),
    Column::int("updated_at"),
];

/// Returns the columns of the table's primary key.
pub(crate) fn primary_key<R: Table>() -> Vec<&'static str> {
    let within = R::PARENT.map(|within| within.column);
    [META_COLUMNS[0].name].into_iter().chain(within).chain([META_COLUMNS[1].name]).collect()
}

/// Reads a record: first the columns of [`META_COLUMNS`], then its own.
pub(crate) fn read<R: Table>(cells: &mut RowReader<'_>) -> Result<Stored<R>, StoreError> {
    let meta = Meta {
        organization: cells.id()?,
        id: cells.id()?,
        revision: cells.revision()?,
        created_at: cells.time()?,
        updated_at: cells.time()?,
    };
    Ok(Stored { meta, record: R::read(cells)? })
}

/// Returns the values of a filter by an enum.
pub(crate) fn enum_filter<'f, T: Copy + 'f>(
    set: impl IntoIterator<Item = &'f T>,
    name: fn(T) -> &'static str,
) -> Vec<Value<'static>> {
    set.into_iter().map(|one| Value::text(name(*one))).collect()
}

/// Returns the values of a filter by text.
pub(crate) fn text_filter<'f, T: AsRef<str> + 'f>(set: impl IntoIterator<Item = &'f T>) -> Vec<Value<'static>> {
    set.into_iter().map(|one| Value::from(one.as_ref().to_owned())).collect()
}
