//! How much of a database a program takes.

use std::time::Duration;

/// How a PostgreSQL server is used. A SQLite file needs none of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DatabaseOptions {
    /// How many connections are held at most, but for those of streams. A quarter of them, one at least and eight at most, are
    /// shared by all reads; each of the others does one transaction at a time. Two at least.
    pub connections: u32,
    /// How long a statement may take. What takes longer is broken off, and its call told to come back.
    pub statement_timeout: Duration,
}

impl Default for DatabaseOptions {
    fn default() -> Self {
        Self { connections: 8, statement_timeout: Duration::from_secs(10) }
    }
}

impl DatabaseOptions {
    /// How many connections reads share.
    pub(crate) fn readers(self) -> u32 {
        (self.connections / 4).clamp(1, 8)
    }

    /// How many connections do transactions.
    pub(crate) fn writers(self) -> u32 {
        self.connections.saturating_sub(self.readers()).max(1)
    }

    /// How long to wait for what the server should have ended by itself.
    pub(crate) fn patience(self) -> Duration {
        self.statement_timeout + Duration::from_secs(2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_share_a_quarter_and_there_is_always_one_of_each() {
        for (connections, readers, writers) in [(1, 1, 1), (2, 1, 1), (8, 2, 6), (20, 5, 15), (100, 8, 92)] {
            let options = DatabaseOptions { connections, ..DatabaseOptions::default() };
            assert_eq!((options.readers(), options.writers()), (readers, writers), "{connections}");
        }
    }
}
