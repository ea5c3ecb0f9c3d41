//! What SQL needs to know about a kind of record: data, not behaviour.

use kernel::{Meta, Resource, StoreError, Stored};

use crate::engine::{Cells, Column, Value};

/// Says how records of a kind lie in their table.
///
/// Every table leads with the columns of [`ENVELOPE`], which the reader and the commit take care of.
pub(crate) trait Table: Resource {
    const NAME: &'static str;
    /// The record's own columns.
    const COLUMNS: &'static [Column];
    /// The column of [`Resource::unique_key`], where there is one.
    const KEY: Option<Key> = None;
    /// Under which record each of the kind lies, where each does: its column stands before the identifier in the table's key,
    /// so that what is about one of them is one range, and no second index is needed for it.
    const WITHIN: Option<Within> = None;
    /// The columns a list can be narrowed by. Unless a value of it names one record at most, a column has an index for each
    /// order: (organization, column, id) and (organization, column, updated, id); the former is the key itself for that of
    /// [`Self::WITHIN`]. Where lists are narrowed by several, these go on with the other columns, so that a look at a row is
    /// one at the index. One that is only checked has none.
    const FILTERS: &'static [Filter] = &[];

    /// Adds the record's own fields to the row, in the order of [`Self::COLUMNS`].
    fn bind<'r>(&'r self, row: &mut Vec<Value<'r>>);

    /// Reads them in the same order.
    fn read(cells: &mut Cells<'_>) -> Result<Self, StoreError>;

    /// The values each column of [`Self::FILTERS`] may have, in its order; any where there are none.
    fn narrow(filter: &Self::Filter) -> Vec<Vec<Value<'static>>>;
}

/// A column with a key that one record has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key {
    pub(crate) column: &'static str,
    pub(crate) scope: Scope,
}

/// Within what a key is unique.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    Organization,
    Installation,
}

/// The record that others lie under, for good.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Within {
    pub(crate) column: &'static str,
    /// Where that record is, and stays: none of its rows is ever deleted.
    pub(crate) table: &'static str,
}

/// A column that a list can be narrowed by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Filter {
    pub(crate) column: &'static str,
    pub(crate) sharing: Sharing,
}

/// How many records of an organization have the same value: the fewer, the sooner a filter is looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Sharing {
    /// One at most.
    One,
    /// Mostly a few: what a record is about.
    Few,
    /// A good part of them: a word like a status.
    Many,
    /// However many: it is never looked up, only checked along what is.
    Any,
}

impl Filter {
    /// By what one record at most has.
    pub(crate) const fn by_key(column: &'static str) -> Self {
        Self { column, sharing: Sharing::One }
    }

    /// By what mostly a few records share.
    pub(crate) const fn by_subject(column: &'static str) -> Self {
        Self { column, sharing: Sharing::Few }
    }

    /// By what many records share.
    pub(crate) const fn by_word(column: &'static str) -> Self {
        Self { column, sharing: Sharing::Many }
    }

    /// By what no index has. A list that is narrowed by nothing else is checked row by row.
    pub(crate) const fn checked(column: &'static str) -> Self {
        Self { column, sharing: Sharing::Any }
    }

    /// Whether it may be looked up.
    pub(crate) fn leads(self) -> bool {
        self.sharing != Sharing::Any
    }

    pub(crate) fn is_unique(self) -> bool {
        self.sharing == Sharing::One
    }
}

impl Within {
    /// Names any of them in the organization `?1`, for a look by identifiers alone: one for each record there may be, and
    /// none at what lies between.
    pub(crate) fn any(self) -> String {
        format!("{} IN (SELECT id FROM {} WHERE organization_id = ?1)", self.column, self.table)
    }
}

impl Key {
    pub(crate) const fn within_organization(column: &'static str) -> Self {
        Self { column, scope: Scope::Organization }
    }

    pub(crate) const fn within_installation(column: &'static str) -> Self {
        Self { column, scope: Scope::Installation }
    }

    pub(crate) fn columns(self) -> &'static [&'static str] {
        match self.scope {
            Scope::Organization => &["organization_id"],
            Scope::Installation => &[],
        }
    }
}

/// What every table of records leads with.
pub(crate) const ENVELOPE: [Column; 5] = [
    Column::text("organization_id"),
    Column::text("id"),
    Column::int("revision"),
    Column::int("created_at"),
    Column::int("updated_at"),
];

/// The columns of the table's key.
pub(crate) fn key<R: Table>() -> Vec<&'static str> {
    let within = R::WITHIN.map(|within| within.column);
    [ENVELOPE[0].name].into_iter().chain(within).chain([ENVELOPE[1].name]).collect()
}

/// Reads a whole record, envelope first.
pub(crate) fn read<R: Table>(cells: &mut Cells<'_>) -> Result<Stored<R>, StoreError> {
    let meta = Meta {
        organization: cells.id()?,
        id: cells.id()?,
        revision: cells.revision()?,
        created_at: cells.time()?,
        updated_at: cells.time()?,
    };
    Ok(Stored { meta, record: R::read(cells)? })
}

/// The values of a filter by words.
pub(crate) fn words<'f, T: Copy + 'f>(
    set: impl IntoIterator<Item = &'f T>,
    name: fn(T) -> &'static str,
) -> Vec<Value<'static>> {
    set.into_iter().map(|one| Value::text(name(*one))).collect()
}

/// The values of a filter by texts.
pub(crate) fn texts<'f, T: AsRef<str> + 'f>(set: impl IntoIterator<Item = &'f T>) -> Vec<Value<'static>> {
    set.into_iter().map(|one| Value::from(one.as_ref().to_owned())).collect()
}
