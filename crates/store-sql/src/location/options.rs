//! How much of a database a program takes.

use std::time::Duration;

/// How a PostgreSQL server is used. A SQLite file needs none of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DatabaseOptions {
    /// How many connections are held at most, but for those of streams: five at least. A quarter of them, one at least and
    /// eight at most, are shared by all reads; the others do transactions.
    pub connections: u32,
    /// How long a statement may take. What takes longer is broken off, and its call told to come back.
    pub statement_timeout: Duration,
}

impl Default for DatabaseOptions {
    fn default() -> Self {
        Self { connections: 10, statement_timeout: Duration::from_secs(10) }
    }
}

impl DatabaseOptions {
    /// How many connections reads share.
    pub(crate) fn readers(self) -> u32 {
        (self.connections / 4).clamp(1, 8)
    }

    /// How many transactions that commits share are under way at once, each on a connection: while one waits for the disk,
    /// another has its statements done.
    pub(crate) fn shared_commits(self) -> u32 {
        if self.connections < 8 { 1 } else { 2 }
    }

    /// How many connections are for commits that share no transaction.
    pub(crate) fn single_commits(self) -> u32 {
        (self.others() / 2).max(1)
    }

    /// How many connections are for all other transactions, but for the one of audit entries.
    pub(crate) fn upkeep(self) -> u32 {
        self.others().saturating_sub(self.single_commits()).max(1)
    }

    fn others(self) -> u32 {
        self.connections.saturating_sub(self.readers() + self.shared_commits() + 1)
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
    fn reads_have_a_quarter_and_there_is_always_one_of_each() {
        for (connections, each) in [(5, [1, 1, 1, 1]), (8, [2, 2, 1, 2]), (10, [2, 2, 2, 3]), (20, [5, 2, 6, 6])] {
            let options = DatabaseOptions { connections, ..DatabaseOptions::default() };
            let [readers, shared, single, upkeep] = each;
            assert_eq!(options.readers(), readers, "{connections}");
            assert_eq!(options.shared_commits(), shared, "{connections}");
            assert_eq!([options.single_commits(), options.upkeep()], [single, upkeep], "{connections}");
            assert_eq!(readers + shared + single + upkeep + 1, connections);
        }
    }
}
