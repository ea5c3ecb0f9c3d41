//! The statements of each table, built when they are first needed.

use std::{
    borrow::Cow,
    sync::{Arc, LazyLock},
};

use kernel::{Kind, MAX_RECORDS_IN_KEY_RANGES};
use sea_query::{Expr, ExprTrait as _, Query};

use super::{
    list_plan::{ListPlan, Source},
    list_query::{ListQuery, ListStatement},
    statement_cache::StatementCache,
    streaming,
    table::{Filter, META_COLUMNS, Parent, Table},
};
use crate::engine::{
    BatchStatement, Column, Sql, Value, column_list, is_one_of, names_organizations, one_of, padded_count, placeholder,
};

#[derive(Debug)]
pub(crate) struct Statements {
    table: &'static str,
    /// The view of the records that another table has until they first change.
    unchanged: Option<&'static str>,
    /// The records of both, for statements of one scan over the organization `?1`.
    all: Cow<'static, str>,
    columns: Vec<Column>,
    filters: &'static [Filter],
    parent: Option<Parent>,
    key: Option<&'static str>,
    pub(crate) get: Sql,
    pub(crate) insert: BatchStatement,
    pub(crate) update: BatchStatement,
    lists: StatementCache<ListPlan>,
    unchanged_lists: StatementCache<ListPlan>,
    with_ids: StatementCache<usize>,
    with_keys: StatementCache<usize>,
    with_key_ranges: StatementCache<usize>,
    revisions: StatementCache<usize>,
}

macro_rules! dispatch {
    ($($kind:ident => $record:ty,)*) => {
        impl Statements {
            /// Returns the statements of this kind of record.
            pub(crate) fn for_kind(kind: Kind) -> &'static Self {
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
        let columns = [&META_COLUMNS, R::COLUMNS].concat();
        let tables = || std::iter::once(R::NAME).chain(R::UNCHANGED_VIEW);
        let names = || columns.iter().map(|column| column.name);
        let get = by_ids(tables(), names(), R::PARENT, "id = ?2");
        let all = R::UNCHANGED_VIEW.map_or(Cow::Borrowed(R::NAME), |_| {
            let columns = column_list("", names());
            let each = tables().map(|table| format!("SELECT {columns} FROM {table} WHERE organization_id = ?1"));
            Cow::Owned(format!("({}) AS every", each.collect::<Vec<_>>().join(" UNION ALL ")))
        });
        let update = [
            &[
                META_COLUMNS[0],
                META_COLUMNS[1],
                Column::int("expected"),
                Column::int("revision"),
                Column::int("updated_at"),
            ],
            R::COLUMNS,
        ]
        .concat();
        Self {
            table: R::NAME,
            unchanged: R::UNCHANGED_VIEW,
            all,
            filters: R::FILTERS,
            parent: R::PARENT,
            key: R::KEY.map(|key| key.column),
            get: Sql::from_numbered_text(&get),
            insert: BatchStatement::insert(R::NAME, &columns),
            update: BatchStatement::update(
                R::NAME,
                &update,
                R::PARENT.map(|within| within.column),
                R::unique_columns().as_ref(),
            ),
            lists: StatementCache::default(),
            unchanged_lists: StatementCache::default(),
            with_ids: StatementCache::default(),
            with_keys: StatementCache::default(),
            with_key_ranges: StatementCache::default(),
            revisions: StatementCache::default(),
            columns,
        }
    }

    /// Returns the statement of a page that scans at most `scan_limit` rows.
    pub(crate) fn list(&self, query: &ListQuery, scan_limit: usize) -> ListStatement {
        query.statement(&self.lists, self.source(self.table), scan_limit)
    }

    /// As [`Self::list`], for the records that have not changed yet; `None` if they are in the same table.
    pub(crate) fn list_unchanged(&self, query: &ListQuery, scan_limit: usize) -> Option<ListStatement> {
        Some(query.statement(&self.unchanged_lists, self.source(self.unchanged?), scan_limit))
    }

    /// Returns the statement of a stream, and its values.
    pub(crate) fn stream(&self, query: ListQuery) -> (Arc<Sql>, Vec<Value<'static>>) {
        streaming::statement(query, self.source(&self.all))
    }

    fn source<'s>(&'s self, table: &'s str) -> Source<'s> {
        let within = self.parent.map(|within| within.column);
        Source { table, columns: &self.columns, filters: self.filters, parent: within, unindexed: "revision" }
    }

    /// Returns the statement that reads records by their identifiers. Its values are the organization, then the
    /// identifiers.
    pub(crate) fn with_ids(&self, ids: usize) -> Arc<Sql> {
        self.with_ids.get(padded_count(ids), |count| {
            let columns = self.columns.iter().map(|column| column.name);
            let tables = std::iter::once(self.table).chain(self.unchanged);
            Sql::from_numbered_text(&by_ids(tables, columns, self.parent, &one_of("id", 2, *count)))
        })
    }

    /// Returns the statement that reads records by their keys, or `None` if the kind has no keys. Its values are the
    /// organization, then the keys.
    pub(crate) fn with_keys(&self, keys: usize) -> Option<Arc<Sql>> {
        let key = self.key?;
        Some(self.with_keys.get(padded_count(keys), |count| {
            let mut select = Query::select();
            select.columns(self.columns.iter().map(|column| column.name)).from(self.table);
            Sql::from_query(
                select.and_where(Expr::col("organization_id").eq(placeholder())).and_where(is_one_of(key, *count)),
            )
        }))
    }

    /// Returns the statement that reads the first records of ranges of keys, or `None` if the kind has no keys. Its values
    /// are the organization, then the first key of each range and the key that it ends before.
    pub(crate) fn with_key_ranges(&self, ranges: usize) -> Option<Arc<Sql>> {
        let key = self.key?;
        Some(self.with_key_ranges.get(padded_count(ranges), |count| {
            let columns = column_list("", self.columns.iter().map(|column| column.name));
            let range = |index: usize| {
                let (first, end) = (2 + 2 * index, 3 + 2 * index);
                format!(
                    "SELECT {columns} FROM {table} WHERE organization_id = ?1 AND {key} >= ?{first} AND {key} < ?{end}",
                    table = self.table,
                )
            };
            let limited = format!("ORDER BY {key} LIMIT {MAX_RECORDS_IN_KEY_RANGES}");
            let ranges: Vec<String> = (0..*count).map(range).collect();
            // A single range needs no order and limit of its own.
            let merged = match &ranges[..] {
                [only] => only.clone(),
                _ => format!("{{range}}{}{{end}}", ranges.join("{end} UNION ALL {range}")),
            };
            Sql::from_ranges(&format!("{merged} {limited}"), &limited)
        }))
    }

    /// Returns the statement that reads and locks the revisions of records. Its values are the organization, then the
    /// identifiers.
    pub(crate) fn revisions(&self, ids: usize) -> Arc<Sql> {
        self.revisions.get(padded_count(ids), |count| {
            let condition = one_of("id", 2, *count);
            // Rows of a view can't be locked: a commit moves those that it requires to the table before.
            let tables = std::iter::once(self.table);
            Sql::from_numbered_text(&by_ids(tables, ["id", "revision"].into_iter(), self.parent, &condition))
                .with_share_lock()
        })
    }
}

/// Returns the statement that reads a column of rows by organization and identifier, which precede it in the result.
pub(crate) fn column_by_id(table: &str, column: &str) -> BatchStatement {
    BatchStatement::for_each(
        &META_COLUMNS[..2],
        &format!("SELECT organization_id, id, {column} FROM {table} WHERE organization_id = ?1 AND id = ?2"),
        &format!(
            "SELECT t.organization_id, t.id, t.{column} FROM {{rows}} \
             JOIN {table} AS t ON t.organization_id = v.organization_id AND t.id = v.id WHERE {}",
            names_organizations("t.", 1)
        ),
    )
}

/// Returns the SQL that reads records of the organization `?1` from these tables, by their identifiers alone.
fn by_ids<'c>(
    tables: impl Iterator<Item = &'c str>,
    columns: impl Iterator<Item = &'c str>,
    within: Option<Parent>,
    condition: &str,
) -> String {
    let columns = column_list("", columns);
    let within = within.map_or_else(String::new, |within| format!(" AND {}", within.any_condition()));
    let each =
        tables.map(|table| format!("SELECT {columns} FROM {table} WHERE organization_id = ?1{within} AND {condition}"));
    each.collect::<Vec<_>>().join(" UNION ALL ")
}
