//! Limits on the resources of the database that a program uses.

use std::time::Duration;

/// The kind of a database with the PostgreSQL protocol, which determines how its sessions plan statements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PostgresKind {
    /// The database says it: one with the extension `citus` is distributed.
    #[default]
    Detected,
    /// One PostgreSQL server.
    Single,
    /// A database whose tables are distributed over several nodes.
    Distributed,
}

/// Options of connections to a PostgreSQL server. SQLite ignores them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DatabaseOptions {
    /// The maximum number of connections, not counting those of streams; at least 5. A quarter of them, at least 1 and
    /// at most 8, are shared by all reads; the others run transactions.
    pub connections: u32,
    /// The maximum duration of a statement. A statement that takes longer is cancelled, and its caller gets
    /// [`kernel::StoreError::Unavailable`].
    pub statement_timeout: Duration,
    /// The kind of the database.
    pub kind: PostgresKind,
}

impl Default for DatabaseOptions {
    fn default() -> Self {
        Self { connections: 10, statement_timeout: Duration::from_secs(10), kind: PostgresKind::Detected }
    }
}

impl DatabaseOptions {
    /// The number of connections that reads share.
    pub(crate) fn readers(self) -> u32 {
        (self.connections / 4).clamp(1, 8)
    }

    /// The number of group commits that run at the same time, each on its own connection: while one waits for the disk,
    /// another executes its statements.
    pub(crate) fn grouped_commits(self) -> u32 {
        if self.connections < 8 { 1 } else { 2 }
    }

    /// The number of connections for commits that are not grouped.
    pub(crate) fn single_commits(self) -> u32 {
        (self.remaining() / 2).max(1)
    }

    /// The number of connections for all other transactions, except the one connection that appends audit entries.
    pub(crate) fn other_transactions(self) -> u32 {
        self.remaining().saturating_sub(self.single_commits()).max(1)
    }

    fn remaining(self) -> u32 {
        self.connections.saturating_sub(self.readers() + self.grouped_commits() + 1)
    }

    /// The maximum time to wait for a statement, which the server should have cancelled by itself before.
    pub(crate) fn client_timeout(self) -> Duration {
        self.statement_timeout + Duration::from_secs(2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_get_a_quarter_of_the_connections_and_each_purpose_at_least_one() {
        for (connections, each) in [(5, [1, 1, 1, 1]), (8, [2, 2, 1, 2]), (10, [2, 2, 2, 3]), (20, [5, 2, 6, 6])] {
            let options = DatabaseOptions { connections, ..DatabaseOptions::default() };
            let [readers, grouped, single, other] = each;
            assert_eq!(options.readers(), readers, "{connections}");
            assert_eq!(options.grouped_commits(), grouped, "{connections}");
            assert_eq!([options.single_commits(), options.other_transactions()], [single, other], "{connections}");
            assert_eq!(readers + grouped + single + other + 1, connections);
        }
    }
}
