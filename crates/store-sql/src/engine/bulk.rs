//! Statements that store many rows. On SQLite it is one prepared statement in a loop, which is fastest there. On
//! PostgreSQL, where a round trip per row would cost more than the row, many rows are passed as arrays and a single row
//! as values. The statements are written by hand, because no query builder supports `unnest` and `UPDATE OR IGNORE`.
//! Their text does not depend on the number of rows.

use std::{fmt::Write as _, sync::Arc};

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    Text,
    Int,
    Blob,
}

/// A column of a table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) cell: Cell,
}

impl Column {
    pub(crate) const fn text(name: &'static str) -> Self {
        Self { name, cell: Cell::Text }
    }

    pub(crate) const fn int(name: &'static str) -> Self {
        Self { name, cell: Cell::Int }
    }

    pub(crate) const fn blob(name: &'static str) -> Self {
        Self { name, cell: Cell::Blob }
    }

    const fn array(self) -> &'static str {
        match self.cell {
            Cell::Text => "text[]",
            Cell::Int => "bigint[]",
            Cell::Blob => "bytea[]",
        }
    }
}

/// A statement that is run for each of many rows and usually stores them. The rows of records begin with
/// `organization_id` and `id`, their key.
#[derive(Debug)]
pub(crate) struct Bulk {
    /// The text for one row.
    pub(super) postgres: Arc<str>,
    /// The text for many rows.
    pub(super) postgres_rows: Arc<str>,
    /// Whether a row that was rejected in the array form is retried alone, since another row may have freed its unique
    /// key.
    pub(super) makes_way: bool,
    pub(super) sqlite: Box<str>,
    /// A statement that is run after each stored row, with as many of the row's values as it has placeholders.
    pub(super) sqlite_then: Option<Box<str>>,
    pub(super) cells: Vec<Cell>,
}

impl Bulk {
    /// Inserts rows. A row that conflicts with an existing one, by identifier or by unique key, is rejected.
    pub(crate) fn insert(table: &str, columns: &[Column]) -> Self {
        let names = names(columns);
        let one = format!("INSERT INTO {table} ({names}) VALUES ({}) ON CONFLICT DO NOTHING", places(columns));
        let arrays = arrays(columns);
        Self {
            postgres: one.replace('?', "$").into(),
            postgres_rows: format!(
                "INSERT INTO {table} ({names}) SELECT * FROM unnest({arrays}) ON CONFLICT DO NOTHING RETURNING id"
            )
            .into(),
            makes_way: false,
            sqlite: one.into(),
            sqlite_then: None,
            cells: columns.iter().map(|column| column.cell).collect(),
        }
    }

    /// Inserts rows of any key. A row that conflicts with an existing or an earlier one is ignored.
    pub(crate) fn new_rows(table: &str, columns: &[Column]) -> Self {
        let insert = Self::insert(table, columns);
        Self { postgres_rows: insert.postgres_rows.replace(" RETURNING id", "").into(), ..insert }
    }

    /// Inserts rows of any key. A row that conflicts with an existing one is an error. On PostgreSQL this saves each
    /// row a lookup of its key and a speculative insertion.
    pub(crate) fn plain(table: &str, columns: &[Column]) -> Self {
        let insert = Self::insert(table, columns);
        Self {
            postgres: insert.postgres.replace(" ON CONFLICT DO NOTHING", "").into(),
            postgres_rows: insert.postgres_rows.replace(" ON CONFLICT DO NOTHING RETURNING id", "").into(),
            sqlite: insert.sqlite.replace(" ON CONFLICT DO NOTHING", "").into(),
            ..insert
        }
    }

    /// Inserts rows like [`Self::insert`], assuming that none conflicts: on PostgreSQL a conflict is an error, and the
    /// job is run again.
    pub(crate) fn hopeful(table: &str, columns: &[Column]) -> Self {
        Self { sqlite: Self::insert(table, columns).sqlite, ..Self::plain(table, columns) }
    }

    /// Inserts rows and, into the table `markers`, their keys. A row that conflicts with an existing one is an error.
    pub(crate) fn plain_noting(table: &str, columns: &[Column], markers: &str) -> Self {
        let strict = Self::plain(table, columns);
        let key = "organization_id, id";
        let both = |insert: &str| {
            format!("WITH stored AS ({insert} RETURNING {key}) INSERT INTO {markers} ({key}) SELECT {key} FROM stored")
        };
        Self {
            postgres: both(&strict.postgres).into(),
            postgres_rows: both(&strict.postgres_rows).into(),
            sqlite_then: Some(format!("INSERT INTO {markers} ({key}) VALUES (?1, ?2)").into()),
            ..strict
        }
    }

    /// Deletes rows by `organization_id` and `id`.
    pub(crate) fn delete(table: &str) -> Self {
        let key = [Column::text("organization_id"), Column::text("id")];
        Self::each(
            &key,
            &format!("DELETE FROM {table} WHERE organization_id = ?1 AND id = ?2"),
            &format!(
                "DELETE FROM {table} AS t USING {{rows}} WHERE t.organization_id = v.organization_id AND t.id = v.id"
            ),
        )
    }

    /// Inserts rows. If a row with the same first two columns exists, its last column is set to the greater of the two
    /// values.
    pub(crate) fn latest(table: &str, columns: &[Column; 3]) -> Self {
        let last = columns[2].name;
        Self::merge(table, columns, &format!("{last} = excluded.{last} WHERE excluded.{last} > {table}.{last}"))
    }

    /// Inserts rows, whose key is their first two columns. An existing row is updated with the assignments in `merged`,
    /// in which `excluded` is the new row. Rows are locked in the given order.
    pub(crate) fn merge(table: &str, columns: &[Column], merged: &str) -> Self {
        let insert = Self::insert(table, columns);
        let merge = format!("ON CONFLICT ({}) DO UPDATE SET {merged}", names(columns.get(..2).unwrap_or(columns)));
        Self {
            postgres: insert.postgres.replace("ON CONFLICT DO NOTHING", &merge).into(),
            postgres_rows: insert.postgres_rows.replace("ON CONFLICT DO NOTHING RETURNING id", &merge).into(),
            sqlite: insert.sqlite.replace("ON CONFLICT DO NOTHING", &merge).into(),
            ..insert
        }
    }

    /// Creates a statement from its two forms: `one` for a single row, whose values are `?1`, `?2`, and `many` for the
    /// rows of `{rows}`, a table with these columns.
    pub(crate) fn each(columns: &[Column], one: &str, many: &str) -> Self {
        let rows = format!("unnest({}) AS v({})", arrays(columns), names(columns));
        Self {
            postgres: one.replace('?', "$").into(),
            postgres_rows: many.replace("{rows}", &rows).into(),
            makes_way: false,
            sqlite: one.into(),
            sqlite_then: None,
            cells: columns.iter().map(|column| column.cell).collect(),
        }
    }

    /// The statement for one row.
    #[cfg(test)]
    pub(crate) fn one(&self) -> super::Sql {
        super::Sql::numbered(&self.sqlite)
    }

    /// The texts for PostgreSQL: for one row and for many.
    #[cfg(test)]
    pub(crate) fn of_postgres(&self) -> [&str; 2] {
        [&self.postgres, &self.postgres_rows]
    }

    /// Updates rows. The third column is `expected`, the revision that the row must currently have. A row with another
    /// revision, or whose new unique key belongs to another row, is rejected. `within` is a further column of the
    /// primary key, which is not changed; `unique` is the column of the unique key and the columns within which it is
    /// unique.
    pub(crate) fn update(
        table: &str,
        columns: &[Column],
        within: Option<&str>,
        unique: Option<(&str, &[&str])>,
    ) -> Self {
        let single = Self::set(table, columns, within, "t.revision = v.expected", "revision = ?3");
        let Some((key, scope)) = unique else { return single };
        // An UPDATE has no ON CONFLICT, and on PostgreSQL a failed one would abort the transaction. Rows that keep
        // their key are updated together; each of the others is updated alone.
        let keeping = Self::set(table, columns, within, &format!("t.revision = v.expected AND t.{key} = v.{key}"), "");
        let number = place_of(columns, key);
        let mut taken = format!("SELECT 1 FROM {table} AS o WHERE o.{key} = ${number} AND o.id <> t.id");
        for column in scope {
            let _ = write!(taken, " AND o.{column} = t.{column}");
        }
        let postgres = format!("{} AND NOT EXISTS ({taken})", single.postgres).into();
        Self { postgres, postgres_rows: keeping.postgres_rows, makes_way: true, ..single }
    }

    /// Sets all columns after the first three, except `within`, of the rows that meet a condition, which is given for
    /// the array form and for a single row.
    fn set(table: &str, columns: &[Column], within: Option<&str>, many: &str, one: &str) -> Self {
        let set = |value: &dyn Fn(usize, &Column) -> String| {
            let assigned = columns.iter().enumerate().skip(3).filter(|(_, column)| within != Some(column.name));
            let each = assigned.map(|(index, column)| format!("{} = {}", column.name, value(index + 1, column)));
            each.collect::<Vec<_>>().join(", ")
        };
        let (within_one, within_many) = within.map_or_else(Default::default, |column| {
            let number = place_of(columns, column);
            (format!(" AND {column} = ?{number}"), format!(" AND t.{column} = v.{column}"))
        });
        let to_one = format!(
            "SET {} WHERE organization_id = ?1{within_one} AND id = ?2 AND {one}",
            set(&|number, _| format!("?{number}"))
        );
        Self {
            postgres: format!("UPDATE {table} AS t {}", to_one.replace('?', "$")).into(),
            postgres_rows: format!(
                "UPDATE {table} AS t SET {} FROM (SELECT * FROM unnest({}) AS u({})) AS v \
                 WHERE t.organization_id = v.organization_id{within_many} AND t.id = v.id AND {many} RETURNING t.id",
                set(&|_, column| format!("v.{}", column.name)),
                arrays(columns),
                names(columns),
            )
            .into(),
            makes_way: false,
            sqlite: format!("UPDATE OR IGNORE {table} {to_one}").into(),
            sqlite_then: None,
            cells: columns.iter().map(|column| column.cell).collect(),
        }
    }
}

/// The number of a column, starting with 1.
fn place_of(columns: &[Column], name: &str) -> usize {
    columns.iter().position(|column| column.name == name).map_or(0, |index| index + 1)
}

fn names(columns: &[Column]) -> String {
    listed(columns, |_, column| column.name.to_owned())
}

fn places(columns: &[Column]) -> String {
    listed(columns, |number, _| format!("?{number}"))
}

fn listed(columns: &[Column], write: impl Fn(usize, &Column) -> String) -> String {
    columns.iter().enumerate().map(|(index, column)| write(index + 1, column)).collect::<Vec<_>>().join(", ")
}

fn arrays(columns: &[Column]) -> String {
    listed(columns, |number, column| format!("${number}::{}", column.array()))
}
