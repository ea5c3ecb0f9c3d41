//! A statement's text in both dialects.

use std::sync::Arc;

use sea_query::{PostgresQueryBuilder, QueryStatementWriter, SqliteQueryBuilder};

/// The text of a statement. Built once and kept, so that each connection prepares it once.
#[derive(Debug)]
pub(crate) struct Sql {
    pub(super) postgres: Arc<str>,
    pub(super) sqlite: Box<str>,
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
        Self { postgres: postgres.into(), sqlite: text.into() }
    }

    /// The same, its placeholders numbered: `?1`, `?2`.
    pub(crate) fn numbered(text: &str) -> Self {
        Self { postgres: text.replace('?', "$").into(), sqlite: text.into() }
    }

    /// The same, with `{range}` and `{end}` around each range that it merges, `limited` being the order and the limit of
    /// each. PostgreSQL merges ranges that have the order themselves, and would sort others. SQLite gives them the order of
    /// the whole, and would sort those that have one already.
    pub(crate) fn merging(text: &str, limited: &str) -> Self {
        let postgres = text.replace("{range}", "(").replace("{end}", &format!(" {limited})"));
        let sqlite = text.replace("{range}", "").replace("{end}", "");
        Self { postgres: Self::numbered(&postgres).postgres, sqlite: sqlite.into() }
    }

    /// A fixed one, with `{now}` for the present moment by the database's clock.
    pub(crate) fn timed(text: &str) -> Self {
        let postgres = text.replace("{now}", "(extract(epoch FROM clock_timestamp()) * 1000)::bigint");
        let sqlite = text.replace("{now}", "CAST(unixepoch('subsec') * 1000 AS integer)");
        Self { postgres: Self::fixed(&postgres).postgres, sqlite: Self::fixed(&sqlite).sqlite }
    }

    /// A statement composed of parts. The values it was built with are only places: real ones are bound in their order.
    pub(crate) fn built(statement: &impl QueryStatementWriter) -> Self {
        let postgres = statement.build(PostgresQueryBuilder).0;
        let sqlite = statement.build(SqliteQueryBuilder).0;
        Self { postgres: postgres.into(), sqlite: sqlite.into() }
    }

    /// The same; on PostgreSQL it also keeps the rows it reads from being changed until the transaction ends. SQLite has
    /// one writer at a time, so nothing is needed there.
    pub(crate) fn locking(self) -> Self {
        Self { postgres: format!("{} FOR SHARE", self.postgres).into(), ..self }
    }

    /// As SQLite reads it.
    #[cfg(test)]
    pub(crate) fn of_sqlite(&self) -> &str {
        &self.sqlite
    }

    /// What SQLite makes of it.
    #[cfg(test)]
    pub(crate) fn explained(&self) -> Self {
        Self { postgres: self.postgres.clone(), sqlite: format!("EXPLAIN QUERY PLAN {}", self.sqlite).into() }
    }
}
