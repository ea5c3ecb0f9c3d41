//! Statements that store many rows. On SQLite it is one prepared statement in a loop, which is fastest there. On
//! PostgreSQL, where a round trip per row would cost more than the row, many rows are passed as arrays and a single row
//! as values. The statements are written by hand, because no query builder supports `unnest` and `UPDATE OR IGNORE`.
//! Their text does not depend on the number of rows.

use std::sync::Arc;

use super::{
    UniqueColumns,
    column::{Column, SqlType, column_number},
    names_organizations,
};

/// A statement that is run for each of many rows and usually stores them. The rows of records begin with
/// `organization_id` and `id`, their key.
#[derive(Debug)]
pub(crate) struct BatchStatement {
    /// The text for one row.
    pub(super) postgres: Arc<str>,
    /// The text for many rows.
    pub(super) postgres_batch: Arc<str>,
    /// Whether a row that was rejected in the array form is retried alone, since another row may have freed its unique
    /// key.
    pub(super) retries_key_swap: bool,
    pub(super) sqlite: Box<str>,
    /// A statement that is run after each stored row, with as many of the row's values as it has placeholders.
    pub(super) sqlite_then: Option<Box<str>>,
    pub(super) sql_types: Vec<SqlType>,
}

impl BatchStatement {
    /// Inserts rows. A row that conflicts with an existing one, by identifier or by unique key, is rejected.
    pub(crate) fn insert(table: &str, columns: &[Column]) -> Self {
        let names = column_names(columns);
        let one = format!("INSERT INTO {table} ({names}) VALUES ({}) ON CONFLICT DO NOTHING", placeholders(columns));
        let arrays = array_parameters(columns);
        Self {
            postgres: one.replace('?', "$").into(),
            postgres_batch: format!(
                "INSERT INTO {table} ({names}) SELECT * FROM unnest({arrays}) ON CONFLICT DO NOTHING RETURNING id"
            )
            .into(),
            retries_key_swap: false,
            sqlite: one.into(),
            sqlite_then: None,
            sql_types: columns.iter().map(|column| column.sql_type).collect(),
        }
    }

    /// Inserts rows of any key that begins with the organization. A row that conflicts with an existing or an earlier
    /// one is ignored.
    pub(crate) fn insert_ignore(table: &str, columns: &[Column]) -> Self {
        let insert = Self::insert(table, columns);
        Self {
            postgres_batch: insert.postgres_batch.replace("RETURNING id", "RETURNING organization_id").into(),
            ..insert
        }
    }

    /// Inserts rows of any key. A row that conflicts with an existing one is an error. On PostgreSQL this saves each
    /// row a lookup of its key and a speculative insertion.
    pub(crate) fn insert_strict(table: &str, columns: &[Column]) -> Self {
        let insert = Self::insert(table, columns);
        Self {
            postgres: insert.postgres.replace(" ON CONFLICT DO NOTHING", "").into(),
            postgres_batch: insert.postgres_batch.replace(" ON CONFLICT DO NOTHING RETURNING id", "").into(),
            sqlite: insert.sqlite.replace(" ON CONFLICT DO NOTHING", "").into(),
            ..insert
        }
    }

    /// Inserts rows like [`Self::insert`], assuming that none conflicts: on PostgreSQL a conflict is an error, and the
    /// job is run again.
    pub(crate) fn insert_optimistic(table: &str, columns: &[Column]) -> Self {
        Self { sqlite: Self::insert(table, columns).sqlite, ..Self::insert_strict(table, columns) }
    }

    /// Inserts rows and, into the table `markers`, these columns of them. A row that conflicts with an existing one is an
    /// error.
    pub(crate) fn insert_with_marker(table: &str, columns: &[Column], markers: &str, marked: &[&str]) -> Self {
        let strict = Self::insert_strict(table, columns);
        let names = marked.join(", ");
        let both = |insert: &str| {
            format!(
                "WITH stored AS ({insert} RETURNING {names}) INSERT INTO {markers} ({names}) SELECT {names} FROM stored"
            )
        };
        let values: Vec<_> = marked.iter().map(|column| format!("?{}", column_number(columns, column))).collect();
        Self {
            postgres: both(&strict.postgres).into(),
            postgres_batch: both(&strict.postgres_batch).into(),
            sqlite_then: Some(format!("INSERT INTO {markers} ({names}) VALUES ({})", values.join(", ")).into()),
            ..strict
        }
    }

    /// Deletes rows by `organization_id` and `id`.
    pub(crate) fn delete(table: &str) -> Self {
        let key = [Column::text("organization_id"), Column::text("id")];
        Self::for_each(
            &key,
            &format!("DELETE FROM {table} WHERE organization_id = ?1 AND id = ?2"),
            &format!(
                "DELETE FROM {table} AS t USING {{rows}} WHERE t.organization_id = v.organization_id AND t.id = v.id \
                 AND {}",
                names_organizations("t.", 1)
            ),
        )
    }

    /// Inserts rows. If a row with the same first two columns exists, its last column is set to the greater of the two
    /// values.
    pub(crate) fn upsert_max(table: &str, columns: &[Column; 3]) -> Self {
        let last = columns[2].name;
        Self::upsert(table, columns, &format!("{last} = excluded.{last} WHERE excluded.{last} > {table}.{last}"))
    }

    /// Inserts rows, whose key is their first two columns. An existing row is updated with the assignments in `merged`,
    /// in which `excluded` is the new row. Rows are locked in the given order.
    pub(crate) fn upsert(table: &str, columns: &[Column], merged: &str) -> Self {
        Self::upsert_by(table, columns, 2, merged)
    }

    /// As [`Self::upsert`], for rows whose key is their first `key_columns` columns.
    pub(crate) fn upsert_by(table: &str, columns: &[Column], key_columns: usize, merged: &str) -> Self {
        let insert = Self::insert(table, columns);
        let key = column_names(columns.get(..key_columns).unwrap_or(columns));
        let merge = format!("ON CONFLICT ({key}) DO UPDATE SET {merged}");
        Self {
            postgres: insert.postgres.replace("ON CONFLICT DO NOTHING", &merge).into(),
            postgres_batch: insert.postgres_batch.replace("ON CONFLICT DO NOTHING RETURNING id", &merge).into(),
            sqlite: insert.sqlite.replace("ON CONFLICT DO NOTHING", &merge).into(),
            ..insert
        }
    }

    /// Creates a statement from its two forms: `one` for a single row, whose values are `?1`, `?2`, and `many` for the
    /// rows of `{rows}`, a table with these columns. The first column is the organization, and `many` must contain
    /// [`names_organizations`] for it.
    pub(crate) fn for_each(columns: &[Column], one: &str, many: &str) -> Self {
        let rows = format!("unnest({}) AS v({})", array_parameters(columns), column_names(columns));
        Self {
            postgres: one.replace('?', "$").into(),
            postgres_batch: many.replace("{rows}", &rows).into(),
            retries_key_swap: false,
            sqlite: one.into(),
            sqlite_then: None,
            sql_types: columns.iter().map(|column| column.sql_type).collect(),
        }
    }

    /// The statement for one row.
    #[cfg(test)]
    pub(crate) fn single_row(&self) -> super::Sql {
        super::Sql::from_numbered_text(&self.sqlite)
    }

    /// The texts for PostgreSQL: for one row and for many.
    #[cfg(test)]
    pub(crate) fn postgres_texts(&self) -> [&str; 2] {
        [&self.postgres, &self.postgres_batch]
    }

    /// Updates rows. The third column is `expected`, the revision that the row must currently have. A row with another
    /// revision, or whose new values of the unique columns are those of another row, is rejected. `within` is a further
    /// column of the primary key, which is not changed.
    pub(crate) fn update(
        table: &str,
        columns: &[Column],
        within: Option<&str>,
        unique: Option<&UniqueColumns>,
    ) -> Self {
        let single = Self::update_where(table, columns, within, "t.revision = v.expected", "revision = ?3");
        let Some(unique) = unique else { return single };
        // An UPDATE has no ON CONFLICT, and on PostgreSQL a failed one would abort the transaction. Rows that keep
        // their unique values are updated together; each of the others is updated alone.
        let keeping = Self::update_where(table, columns, within, &unique.are_kept("t.revision = v.expected"), "");
        let taken = format!("SELECT 1 FROM {table} AS o WHERE {}", unique.are_bound(columns, "o.id <> t.id"));
        let postgres = format!("{} AND NOT EXISTS ({taken})", single.postgres).into();
        Self { postgres, postgres_batch: keeping.postgres_batch, retries_key_swap: true, ..single }
    }

    /// Sets all columns after the first three, except `within`, of the rows that meet a condition, which is given for
    /// the array form and for a single row.
    fn update_where(table: &str, columns: &[Column], within: Option<&str>, many: &str, one: &str) -> Self {
        let set = |value: &dyn Fn(usize, &Column) -> String| {
            let assigned = columns.iter().enumerate().skip(3).filter(|(_, column)| within != Some(column.name));
            let each = assigned.map(|(index, column)| format!("{} = {}", column.name, value(index + 1, column)));
            each.collect::<Vec<_>>().join(", ")
        };
        let (within_one, within_many) = within.map_or_else(Default::default, |column| {
            let number = column_number(columns, column);
            (format!(" AND {column} = ?{number}"), format!(" AND t.{column} = v.{column}"))
        });
        let to_one = format!(
            "SET {} WHERE organization_id = ?1{within_one} AND id = ?2 AND {one}",
            set(&|number, _| format!("?{number}"))
        );
        Self {
            postgres: format!("UPDATE {table} AS t {}", to_one.replace('?', "$")).into(),
            postgres_batch: format!(
                "UPDATE {table} AS t SET {} FROM (SELECT * FROM unnest({}) AS u({})) AS v \
                 WHERE t.organization_id = v.organization_id{within_many} AND t.id = v.id AND {many} AND {organizations} \
                 RETURNING t.id",
                set(&|_, column| format!("v.{}", column.name)),
                array_parameters(columns),
                column_names(columns),
                organizations = names_organizations("t.", 1),
            )
            .into(),
            retries_key_swap: false,
            sqlite: format!("UPDATE OR IGNORE {table} {to_one}").into(),
            sqlite_then: None,
            sql_types: columns.iter().map(|column| column.sql_type).collect(),
        }
    }
}

fn column_names(columns: &[Column]) -> String {
    join_columns(columns, |_, column| column.name.to_owned())
}

fn placeholders(columns: &[Column]) -> String {
    join_columns(columns, |number, _| format!("?{number}"))
}

fn join_columns(columns: &[Column], write: impl Fn(usize, &Column) -> String) -> String {
    columns.iter().enumerate().map(|(index, column)| write(index + 1, column)).collect::<Vec<_>>().join(", ")
}

fn array_parameters(columns: &[Column]) -> String {
    join_columns(columns, |number, column| format!("${number}::{}", column.array_type()))
}
