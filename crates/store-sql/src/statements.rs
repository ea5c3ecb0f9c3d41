//! The statements of each table, built when they are first needed.

use std::sync::{Arc, LazyLock};

use kernel::Kind;
use sea_query::{Expr, ExprTrait as _, Query};
use ulid::Ulid;

use crate::{
    engine::{Bulk, Column, Sql, Value},
    listing::Slice,
    shape::{Shape, Source, among, listed, one_of, place, rounded},
    streaming,
    table::{ENVELOPE, Filter, Table, Within},
    texts::Texts,
};

#[derive(Debug)]
pub(crate) struct Statements {
    table: &'static str,
    columns: Vec<Column>,
    filters: &'static [Filter],
    within: Option<Within>,
    key: Option<&'static str>,
    pub(crate) get: Sql,
    pub(crate) insert: Bulk,
    pub(crate) update: Bulk,
    lists: Texts<Shape>,
    with_keys: Texts<usize>,
    revisions: Texts<usize>,
}

macro_rules! dispatch {
    ($($kind:ident => $record:ty,)*) => {
        impl Statements {
            /// Those of this kind of record.
            pub(crate) fn of(kind: Kind) -> &'static Self {
                match kind {
                    $(Kind::$kind => {
                        static STATEMENTS: LazyLock<Statements> = LazyLock::new(Statements::new::<$record>);
                        &STATEMENTS
                    })*
                }
            }
        }
    };
}
store::for_each_resource!(dispatch);

impl Statements {
    fn new<R: Table>() -> Self {
        let columns = [&ENVELOPE, R::COLUMNS].concat();
        let get = by_ids(R::NAME, columns.iter().map(|column| column.name), R::WITHIN, "id = ?2");
        let update = [
            &[ENVELOPE[0], ENVELOPE[1], Column::int("expected"), Column::int("revision"), Column::int("updated_at")],
            R::COLUMNS,
        ]
        .concat();
        Self {
            table: R::NAME,
            filters: R::FILTERS,
            within: R::WITHIN,
            key: R::KEY.map(|key| key.column),
            get: Sql::numbered(&get),
            insert: Bulk::insert(R::NAME, &columns),
            update: Bulk::update(
                R::NAME,
                &update,
                R::WITHIN.map(|within| within.column),
                R::KEY.map(|key| (key.column, key.columns())),
            ),
            lists: Texts::default(),
            with_keys: Texts::default(),
            revisions: Texts::default(),
            columns,
        }
    }

    /// The statement of a list that looks at `reach` rows at most, asked by this `process`, and its values.
    pub(crate) fn list(&self, slice: &Slice, reach: usize, process: Ulid) -> (Arc<Sql>, Vec<Value<'static>>) {
        slice.statement(&self.lists, self.source(), reach, process)
    }

    /// The statement of a stream, and its values.
    pub(crate) fn stream(&self, slice: Slice) -> (Arc<Sql>, Vec<Value<'static>>) {
        streaming::statement(slice, self.source())
    }

    fn source(&self) -> Source<'_> {
        let within = self.within.map(|within| within.column);
        Source { table: self.table, columns: &self.columns, filters: self.filters, within }
    }

    /// Whole records by their keys: organization, then keys. `None` where the kind has no key.
    pub(crate) fn with_keys(&self, keys: usize) -> Option<Arc<Sql>> {
        let key = self.key?;
        Some(self.with_keys.get(rounded(keys), |count| {
            let mut select = Query::select();
            select.columns(self.columns.iter().map(|column| column.name)).from(self.table);
            Sql::built(select.and_where(Expr::col("organization_id").eq(place())).and_where(among(key, *count)))
        }))
    }

    /// Identifiers and revisions of records, which are kept from changing: organization, then identifiers.
    pub(crate) fn revisions(&self, ids: usize) -> Arc<Sql> {
        self.revisions.get(rounded(ids), |count| {
            let named = one_of("id", 2, *count);
            Sql::numbered(&by_ids(self.table, ["id", "revision"].into_iter(), self.within, &named)).locking()
        })
    }
}

/// Reads records of the organization `?1` by nothing but their identifiers.
fn by_ids<'c>(table: &str, columns: impl Iterator<Item = &'c str>, within: Option<Within>, named: &str) -> String {
    let within = within.map_or_else(String::new, |within| format!(" AND {}", within.any()));
    format!("SELECT {} FROM {table} WHERE organization_id = ?1{within} AND {named}", listed("", columns))
}

/// The values, as many as the statement for them has places for.
pub(crate) fn padded<'v>(values: impl ExactSizeIterator<Item = Value<'v>>) -> impl Iterator<Item = Value<'v>> {
    let places = rounded(values.len());
    let mut last = Value::Null;
    let mut values = values;
    // The last one again is the same set.
    (0..places).map(move |_| {
        if let Some(value) = values.next() {
            last = value;
        }
        last.clone()
    })
}
