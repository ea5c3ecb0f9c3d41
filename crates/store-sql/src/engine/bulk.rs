//! Statements that store many rows: one prepared statement in a loop on SQLite, which is what it is fastest at; arrays on
//! PostgreSQL, where a round trip per row would cost more than the row, and values where there is but one. Written by hand,
//! because no query builder has either `unnest` or `UPDATE OR IGNORE`; the text does not depend on the number of rows.

use std::{fmt::Write as _, sync::Arc};

/// What a column holds.
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

/// A statement for rows: mostly one that stores them. Those of records begin with `organization_id` and `id`, by which they
/// are told apart.
#[derive(Debug)]
pub(crate) struct Bulk {
    /// Of one row.
    pub(super) postgres: Arc<str>,
    /// Of many.
    pub(super) postgres_rows: Arc<str>,
    /// Whether a row that was left out among many may be stored alone, since another has made way for it.
    pub(super) makes_way: bool,
    pub(super) sqlite: Box<str>,
    /// What is run after each row that was stored, with as many of its values as it has places.
    pub(super) sqlite_then: Option<Box<str>>,
    pub(super) cells: Vec<Cell>,
}

impl Bulk {
    /// Inserts rows. A row that clashes with one that is there, by identifier or by unique key, is left out.
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

    /// Inserts rows, whatever leads their key. A row that clashes with one that is there, or with one before it, is left out.
    pub(crate) fn new_rows(table: &str, columns: &[Column]) -> Self {
        let insert = Self::insert(table, columns);
        Self { postgres_rows: insert.postgres_rows.replace(" RETURNING id", "").into(), ..insert }
    }

    /// Inserts rows, whatever leads their key. A row that clashes with one that is there is an error. On PostgreSQL that spares
    /// each row a search of its key, and a mark that it was inserted on trial.
    pub(crate) fn plain(table: &str, columns: &[Column]) -> Self {
        let insert = Self::insert(table, columns);
        Self {
            postgres: insert.postgres.replace(" ON CONFLICT DO NOTHING", "").into(),
            postgres_rows: insert.postgres_rows.replace(" ON CONFLICT DO NOTHING RETURNING id", "").into(),
            sqlite: insert.sqlite.replace(" ON CONFLICT DO NOTHING", "").into(),
            ..insert
        }
    }

    /// Inserts rows as [`Self::insert`] does, but in the hope that none clashes: on PostgreSQL one that does is an error, and
    /// the work is done again.
    pub(crate) fn hopeful(table: &str, columns: &[Column]) -> Self {
        Self { sqlite: Self::insert(table, columns).sqlite, ..Self::plain(table, columns) }
    }

    /// Inserts rows, and those of their columns that are their key into a second table. A row that clashes with one that is
    /// there is an error.
    pub(crate) fn plain_noting(table: &str, columns: &[Column], noted: &str) -> Self {
        let plain = Self::plain(table, columns);
        let key = "organization_id, id";
        let both = |inserting: &str| {
            format!("WITH stored AS ({inserting} RETURNING {key}) INSERT INTO {noted} ({key}) SELECT {key} FROM stored")
        };
        Self {
            postgres: both(&plain.postgres).into(),
            postgres_rows: both(&plain.postgres_rows).into(),
            sqlite_then: Some(format!("INSERT INTO {noted} ({key}) VALUES (?1, ?2)").into()),
            ..plain
        }
    }

    /// Deletes rows, told apart by `organization_id` and `id`.
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

    /// Inserts rows; where there is one with the same first two columns, the last column keeps the greater of its values.
    pub(crate) fn latest(table: &str, columns: &[Column; 3]) -> Self {
        let last = columns[2].name;
        Self::merge(table, columns, &format!("{last} = excluded.{last} WHERE excluded.{last} > {table}.{last}"))
    }

    /// Inserts rows, told apart by their first two columns; where there is one already, it is changed as `merged` says, in
    /// which `excluded` is the row given. Rows are locked in the order given.
    pub(crate) fn merge(table: &str, columns: &[Column], merged: &str) -> Self {
        let plain = Self::insert(table, columns);
        let merge = format!("ON CONFLICT ({}) DO UPDATE SET {merged}", names(columns.get(..2).unwrap_or(columns)));
        Self {
            postgres: plain.postgres.replace("ON CONFLICT DO NOTHING", &merge).into(),
            postgres_rows: plain.postgres_rows.replace("ON CONFLICT DO NOTHING RETURNING id", &merge).into(),
            sqlite: plain.sqlite.replace("ON CONFLICT DO NOTHING", &merge).into(),
            ..plain
        }
    }

    /// Does the same for each of many rows: put for `one`, whose values are `?1`, `?2`, and for those in `{rows}`, a table
    /// with these columns.
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

    /// What is run for one row.
    #[cfg(test)]
    pub(crate) fn one(&self) -> super::Sql {
        super::Sql::numbered(&self.sqlite)
    }

    /// What PostgreSQL runs for one row, and for many.
    #[cfg(test)]
    pub(crate) fn of_postgres(&self) -> [&str; 2] {
        [&self.postgres, &self.postgres_rows]
    }

    /// Updates rows. The third column is `expected`, the revision a row must have now; a row that has another, or whose
    /// new unique key another row has, is left as it is. `within` is the column that a row is told apart by as well, and
    /// keeps; `unique` is the key's column and the columns it is unique within.
    pub(crate) fn update(
        table: &str,
        columns: &[Column],
        within: Option<&str>,
        unique: Option<(&str, &[&str])>,
    ) -> Self {
        let same = Self::set(table, columns, within, "t.revision = v.expected", "revision = ?3");
        let Some((key, scope)) = unique else { return same };
        // An UPDATE has no ON CONFLICT, and on PostgreSQL a failed one would end the transaction. All at once are the rows
        // that keep their key; each of the others is stored alone.
        let keeping = Self::set(table, columns, within, &format!("t.revision = v.expected AND t.{key} = v.{key}"), "");
        let place = place_of(columns, key);
        let mut taken = format!("SELECT 1 FROM {table} AS o WHERE o.{key} = ${place} AND o.id <> t.id");
        for column in scope {
            let _ = write!(taken, " AND o.{column} = t.{column}");
        }
        let postgres = format!("{} AND NOT EXISTS ({taken})", same.postgres).into();
        Self { postgres, postgres_rows: keeping.postgres_rows, makes_way: true, ..same }
    }

    /// Sets all columns after the first three, but for that which rows are told apart by as well, of rows that meet a
    /// condition, put for many rows and for one.
    fn set(table: &str, columns: &[Column], within: Option<&str>, many: &str, one: &str) -> Self {
        let set = |value: &dyn Fn(usize, &Column) -> String| {
            let assigned = columns.iter().enumerate().skip(3).filter(|(_, column)| within != Some(column.name));
            let each = assigned.map(|(place, column)| format!("{} = {}", column.name, value(place + 1, column)));
            each.collect::<Vec<_>>().join(", ")
        };
        let (within_one, within_many) = within.map_or_else(Default::default, |column| {
            let place = place_of(columns, column);
            (format!(" AND {column} = ?{place}"), format!(" AND t.{column} = v.{column}"))
        });
        let to_one = format!(
            "SET {} WHERE organization_id = ?1{within_one} AND id = ?2 AND {one}",
            set(&|place, _| format!("?{place}"))
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

/// From 1 on.
fn place_of(columns: &[Column], name: &str) -> usize {
    columns.iter().position(|column| column.name == name).map_or(0, |place| place + 1)
}

fn names(columns: &[Column]) -> String {
    listed(columns, |_, column| column.name.to_owned())
}

fn places(columns: &[Column]) -> String {
    listed(columns, |place, _| format!("?{place}"))
}

fn listed(columns: &[Column], write: impl Fn(usize, &Column) -> String) -> String {
    columns.iter().enumerate().map(|(place, column)| write(place + 1, column)).collect::<Vec<_>>().join(", ")
}

fn arrays(columns: &[Column]) -> String {
    listed(columns, |place, column| format!("${place}::{}", column.array()))
}
