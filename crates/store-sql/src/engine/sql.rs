//! A statement's text in both dialects.

use std::sync::Arc;

use sea_query::{PostgresQueryBuilder, QueryStatementWriter, SqliteQueryBuilder};

/// The text of a statement. Built once and kept, so that each connection prepares it once.
#[derive(Debug)]
pub(crate) struct Sql {
    pub(super) postgres: Arc<str>,
    pub(super) sqlite: Box<str>,
    /// What SQLite runs before it, as a part of the same query.
    pub(super) sqlite_first: Option<Box<str>>,
}

impl Sql {
    /// A statement that reads the same in both dialects but for its placeholders, all written `?`.
    pub(crate) fn fixed(text: &str) -> Self {
        let mut postgres = String::with_capacity(text.len() + 16);
        let mut places = 0;
        for character in text.chars() {
            if character == '?' {
                places += 1;
                postgres.push_str(&format!("${places}"));
            } else {
                postgres.push(character);
            }
        }
        Self::of(postgres, text)
    }

    fn of(postgres: impl Into<Arc<str>>, sqlite: impl Into<Box<str>>) -> Self {
        Self { postgres: postgres.into(), sqlite: sqlite.into(), sqlite_first: None }
    }

    /// The same, its placeholders numbered: `?1`, `?2`.
    pub(crate) fn numbered(text: &str) -> Self {
        Self::of(text.replace('?', "$"), text)
    }

    /// The rows of `first`, and then those of this statement: of one snapshot, or the first ones of an earlier one. On
    /// PostgreSQL both are one statement and one round trip. SQLite has none to save, and would copy each row once more.
    pub(crate) fn after(self, first: &str) -> Self {
        let postgres = format!("{} UNION ALL SELECT * FROM ({}) AS rest", first.replace('?', "$"), self.postgres);
        Self { postgres: postgres.into(), sqlite_first: Some(first.into()), ..self }
    }

    /// The same, with `{range}` and `{end}` around each range that it merges, `limited` being the order and the limit of
    /// each. PostgreSQL merges ranges that have the order themselves, and would sort others. SQLite gives them the order of
    /// the whole, and would sort those that have one already.
    pub(crate) fn merging(text: &str, limited: &str) -> Self {
        let postgres = text.replace("{range}", "(").replace("{end}", &format!(" {limited})"));
        let sqlite = text.replace("{range}", "").replace("{end}", "");
        Self::of(Self::numbered(&postgres).postgres, sqlite)
    }

    /// A fixed one, with `{now}` for the present moment by the database's clock.
    pub(crate) fn timed(text: &str) -> Self {
        let postgres = text.replace("{now}", "(extract(epoch FROM clock_timestamp()) * 1000)::bigint");
        let sqlite = text.replace("{now}", "CAST(unixepoch('subsec') * 1000 AS integer)");
        Self::of(Self::fixed(&postgres).postgres, Self::fixed(&sqlite).sqlite)
    }

    /// A statement composed of parts. The values it was built with are only places: real ones are bound in their order.
    pub(crate) fn built(statement: &impl QueryStatementWriter) -> Self {
        let postgres = statement.build(PostgresQueryBuilder).0;
        let sqlite = statement.build(SqliteQueryBuilder).0;
        Self::of(postgres, sqlite)
    }

    /// The same; on PostgreSQL it also keeps the rows it reads from being changed until the transaction ends. SQLite has
    /// one writer at a time, so nothing is needed there.
    pub(crate) fn locking(self) -> Self {
        Self { postgres: format!("{} FOR SHARE", self.postgres).into(), ..self }
    }

    /// As PostgreSQL reads it.
    #[cfg(test)]
    pub(crate) fn of_postgres(&self) -> &str {
        &self.postgres
    }

    /// As SQLite reads it.
    #[cfg(test)]
    pub(crate) fn of_sqlite(&self) -> &str {
        &self.sqlite
    }

    /// What SQLite makes of it.
    #[cfg(test)]
    pub(crate) fn explained(&self) -> Self {
        Self::of(self.postgres.clone(), format!("EXPLAIN QUERY PLAN {}", self.sqlite))
    }
}
