//! The markers of copies. While a database has that of a copy in progress or unfinished, no other operation may use the
//! database. That of a duplicate stays until the first server that starts on the database has renewed its identity.

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

static READ_DUPLICATE: LazyLock<Sql> =
    LazyLock::new(|| Sql::from_text("SELECT value FROM installation WHERE key = 'duplicate'"));
static SET_DUPLICATE: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text("INSERT INTO installation (key, value) VALUES ('duplicate', ?) ON CONFLICT DO NOTHING")
});
static CLEAR_DUPLICATE: LazyLock<Sql> =
    LazyLock::new(|| Sql::from_text("DELETE FROM installation WHERE key = 'duplicate'"));

/// Returns whether the database, which must have the table `installation`, is marked as a duplicate.
pub(crate) async fn is_duplicate(session: &Session) -> Result<bool, StoreError> {
    Ok(session.fetch_one(&READ_DUPLICATE, &[], |cells| cells.text().map(str::to_owned)).await?.is_some())
}

/// Marks the database as a duplicate, with the time of the copy.
pub(super) async fn mark_duplicate(session: &Session, now: Timestamp) -> Result<(), StoreError> {
    session.execute(&SET_DUPLICATE, &[Value::from(now.to_string())]).await.map(drop)
}

/// Removes the mark of a duplicate. Returns whether there was one.
pub(crate) async fn clear_duplicate(session: &Session) -> Result<bool, StoreError> {
    Ok(session.execute(&CLEAR_DUPLICATE, &[]).await? > 0)
}
