//! An installation's database, asked and changed behind its back.

use tokio_postgres::{NoTls, SimpleQueryMessage};

/// Either engine, spoken to in SQL that both understand.
pub(crate) enum Database {
    Sqlite(rusqlite::Connection),
    Postgres(tokio_postgres::Client),
}

impl Database {
    /// The database at this URL, `postgres://…` or `sqlite:PATH`.
    pub(crate) async fn at(url: &str) -> Self {
        if let Some(file) = url.strip_prefix("sqlite:") {
            return Self::Sqlite(rusqlite::Connection::open(file).expect("the database"));
        }
        let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("a connection");
        // It ends with the client, or with the server, which the next statement tells.
        tokio::spawn(connection);
        Self::Postgres(client)
    }

    /// The rows of a query, every cell as text.
    pub(crate) async fn rows(&self, sql: &str) -> Vec<Vec<String>> {
        match self {
            Self::Sqlite(connection) => {
                let mut statement = connection.prepare(sql).expect("a statement");
                let columns = statement.column_count();
                let cells = |row: &rusqlite::Row<'_>| (0..columns).map(|place| text(row, place)).collect();
                statement.query_map([], cells).expect("rows").collect::<Result<_, _>>().expect("rows")
            }
            Self::Postgres(client) => {
                let messages = client.simple_query(sql).await.expect("rows");
                let rows = messages.iter().filter_map(|message| match message {
                    SimpleQueryMessage::Row(row) => Some(row),
                    _ => None,
                });
                rows.map(|row| (0..row.len()).map(|place| row.get(place).unwrap_or_default().to_owned()).collect())
                    .collect()
            }
        }
    }

    /// The one cell of a query's one row.
    pub(crate) async fn cell(&self, sql: &str) -> String {
        let [row] = <[_; 1]>::try_from(self.rows(sql).await).expect("one row");
        let [cell] = <[_; 1]>::try_from(row).expect("one cell");
        cell
    }

    /// Does something, and says to how many rows.
    pub(crate) async fn execute(&self, sql: &str) -> u64 {
        match self {
            Self::Sqlite(connection) => connection.execute(sql, []).expect("a statement") as u64,
            Self::Postgres(client) => {
                let messages = client.simple_query(sql).await.expect("a statement");
                let touched = messages.iter().filter_map(|message| match message {
                    SimpleQueryMessage::CommandComplete(rows) => Some(*rows),
                    _ => None,
                });
                touched.sum()
            }
        }
    }
}

fn text(row: &rusqlite::Row<'_>, place: usize) -> rusqlite::Result<String> {
    use rusqlite::types::ValueRef;
    Ok(match row.get_ref(place)? {
        ValueRef::Null => String::new(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => String::from_utf8_lossy(bytes).into_owned(),
    })
}
