//! The marker of a copy in progress or unfinished. While a database has it, no other operation may use the database.

use std::sync::LazyLock;

use kernel::{StoreError, Timestamp};

use crate::engine::{Session, Sql, Value};

static READ: LazyLock<Sql> = LazyLock::new(|| Sql::from_text("SELECT value FROM installation WHERE key = 'copying'"));
static SET: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text("INSERT INTO installation (key, value) VALUES ('copying', ?) ON CONFLICT DO NOTHING")
});
static CLEAR: LazyLock<Sql> = LazyLock::new(|| Sql::from_text("DELETE FROM installation WHERE key = 'copying'"));

/// Returns whether the database, which must have the table `installation`, has the marker.
pub(super) async fn is_copying(session: &Session) -> Result<bool, StoreError> {
    Ok(session.fetch_one(&READ, &[], |cells| cells.text().map(str::to_owned)).await?.is_some())
}

/// Sets the marker, with the time of the start of the copy.
pub(super) async fn set(session: &Session, now: Timestamp) -> Result<(), StoreError> {
    session.execute(&SET, &[Value::from(now.to_string())]).await.map(drop)
}

pub(super) async fn clear(session: &Session) -> Result<(), StoreError> {
    session.execute(&CLEAR, &[]).await.map(drop)
}
