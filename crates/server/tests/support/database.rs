//! Direct access to an installation's database, which bypasses the server.

use tokio_postgres::{NoTls, SimpleQueryMessage};

/// A connection to either engine, for SQL that both understand.
pub(crate) enum Database {
    Sqlite(rusqlite::Connection),
    Postgres(tokio_postgres::Client),
}

impl Database {
    /// Connects to the database with this URL, `postgres://…` or `sqlite:PATH`.
    pub(crate) async fn connect(url: &str) -> Self {
        if let Some(file) = url.strip_prefix("sqlite:") {
            return Self::Sqlite(rusqlite::Connection::open(file).expect("the database"));
        }
        let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("a connection");
        // The task ends with the client or the server; in the latter case, the next statement fails.
        tokio::spawn(connection);
        Self::Postgres(client)
    }

    /// Returns the rows of a query, with every cell as text.
    pub(crate) async fn rows(&self, sql: &str) -> Vec<Vec<String>> {
        match self {
            Self::Sqlite(connection) => {
                let mut statement = connection.prepare(sql).expect("a statement");
                let columns = statement.column_count();
                let cells = |row: &rusqlite::Row<'_>| (0..columns).map(|index| text(row, index)).collect();
                statement.query_map([], cells).expect("rows").collect::<Result<_, _>>().expect("rows")
            }
            Self::Postgres(client) => {
                let messages = client.simple_query(sql).await.expect("rows");
                let rows = messages.iter().filter_map(|message| match message {
                    SimpleQueryMessage::Row(row) => Some(row),
                    _ => None,
                });
                rows.map(|row| (0..row.len()).map(|index| row.get(index).unwrap_or_default().to_owned()).collect())
                    .collect()
            }
        }
    }

    /// Returns the single cell of a query's single row.
    pub(crate) async fn cell(&self, sql: &str) -> String {
        let [row] = <[_; 1]>::try_from(self.rows(sql).await).expect("one row");
        let [cell] = <[_; 1]>::try_from(row).expect("one cell");
        cell
    }

    /// Executes a statement and returns the number of affected rows.
    pub(crate) async fn execute(&self, sql: &str) -> u64 {
        match self {
            Self::Sqlite(connection) => connection.execute(sql, []).expect("a statement") as u64,
            Self::Postgres(client) => {
                let messages = client.simple_query(sql).await.expect("a statement");
                let affected = messages.iter().filter_map(|message| match message {
                    SimpleQueryMessage::CommandComplete(rows) => Some(*rows),
                    _ => None,
                });
                affected.sum()
            }
        }
    }
}

fn text(row: &rusqlite::Row<'_>, index: usize) -> rusqlite::Result<String> {
    use rusqlite::types::ValueRef;
    Ok(match row.get_ref(index)? {
        ValueRef::Null => String::new(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => String::from_utf8_lossy(bytes).into_owned(),
    })
}
