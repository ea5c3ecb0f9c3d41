//! The text of a statement in both dialects.

use std::sync::Arc;

use sea_query::{PostgresQueryBuilder, QueryStatementWriter, SqliteQueryBuilder};

/// The text of a statement. It is built once and reused, so that each connection prepares it once.
#[derive(Debug)]
pub(crate) struct Sql {
    pub(super) postgres: Arc<str>,
    pub(super) sqlite: Box<str>,
}

impl Sql {
    /// Creates a statement whose text is the same in both dialects except for the placeholders, all of which are
    /// written `?`.
    pub(crate) fn from_text(text: &str) -> Self {
        let mut postgres = String::with_capacity(text.len() + 16);
        let mut count = 0;
        for character in text.chars() {
            if character == '?' {
                count += 1;
                postgres.push_str(&format!("${count}"));
            } else {
                postgres.push(character);
            }
        }
        Self::new(postgres, text)
    }

    fn new(postgres: impl Into<Arc<str>>, sqlite: impl Into<Box<str>>) -> Self {
        Self { postgres: postgres.into(), sqlite: sqlite.into() }
    }

    /// Like [`Self::from_text`], with numbered placeholders: `?1`, `?2`.
    pub(crate) fn from_numbered_text(text: &str) -> Self {
        Self::new(text.replace('?', "$"), text)
    }

    /// Like [`Self::from_numbered_text`], for a statement that merges ranges: `{range}` and `{end}` enclose each range,
    /// and `limited` is the order and limit of each. PostgreSQL merges ranges that are ordered themselves and would
    /// sort others. SQLite applies the order of the whole statement to each range and would sort those that have their
    /// own.
    pub(crate) fn from_ranges(text: &str, limited: &str) -> Self {
        let postgres = text.replace("{range}", "(").replace("{end}", &format!(" {limited})"));
        let sqlite = text.replace("{range}", "").replace("{end}", "");
        Self::new(Self::from_numbered_text(&postgres).postgres, sqlite)
    }

    /// Like [`Self::from_text`], with `{now}` for the current time by the database's clock, in milliseconds.
    pub(crate) fn from_text_with_now(text: &str) -> Self {
        let postgres = text.replace("{now}", "(extract(epoch FROM clock_timestamp()) * 1000)::bigint");
        let sqlite = text.replace("{now}", "CAST(unixepoch('subsec') * 1000 AS integer)");
        Self::new(Self::from_text(&postgres).postgres, Self::from_text(&sqlite).sqlite)
    }

    /// Creates a statement from a query builder. The values in the builder are only placeholders; the real values are
    /// bound in their order.
    pub(crate) fn from_query(statement: &impl QueryStatementWriter) -> Self {
        let postgres = statement.build(PostgresQueryBuilder).0;
        let sqlite = statement.build(SqliteQueryBuilder).0;
        Self::new(postgres, sqlite)
    }

    /// Locks the rows the statement reads against changes until the transaction ends. SQLite has one writer at a time
    /// and needs no such lock.
    pub(crate) fn with_share_lock(self) -> Self {
        Self { postgres: format!("{} FOR SHARE", self.postgres).into(), ..self }
    }

    /// Prevents the rows from being changed or locked by other transactions.
    pub(crate) fn with_update_lock(self) -> Self {
        Self { postgres: format!("{} FOR UPDATE", self.postgres).into(), ..self }
    }

    /// Prevents the rows from being deleted, but not from being changed or locked by other transactions.
    pub(crate) fn with_key_share_lock(self) -> Self {
        Self { postgres: format!("{} FOR KEY SHARE", self.postgres).into(), ..self }
    }

    /// The text for PostgreSQL.
    #[cfg(test)]
    pub(crate) fn postgres_text(&self) -> &str {
        &self.postgres
    }

    /// The text for SQLite.
    #[cfg(test)]
    pub(crate) fn sqlite_text(&self) -> &str {
        &self.sqlite
    }

    /// The statement that makes SQLite explain its query plan.
    #[cfg(test)]
    pub(crate) fn explain_query_plan(&self) -> Self {
        Self::new(self.postgres.clone(), format!("EXPLAIN QUERY PLAN {}", self.sqlite))
    }
}
