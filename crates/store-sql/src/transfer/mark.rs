//! The marker of a copy in progress or unfinished. While a database has it, no other operation may use the database.

use std::sync::LazyLock;

use kernel::{StoreError, Timestamp};

use crate::engine::{Session, Sql, Value};

static READ: LazyLock<Sql> = LazyLock::new(|| Sql::fixed("SELECT value FROM installation WHERE key = 'copying'"));
static SET: LazyLock<Sql> =
    LazyLock::new(|| Sql::fixed("INSERT INTO installation (key, value) VALUES ('copying', ?) ON CONFLICT DO NOTHING"));
static TAKE_OFF: LazyLock<Sql> = LazyLock::new(|| Sql::fixed("DELETE FROM installation WHERE key = 'copying'"));

/// Returns whether the database, which must have the table `installation`, has the marker.
pub(crate) async fn stands(session: &Session) -> Result<bool, StoreError> {
    Ok(session.fetch_one(&READ, &[], |cells| cells.text().map(str::to_owned)).await?.is_some())
}

/// Sets the marker, with the time of the start of the copy.
pub(super) async fn set(session: &Session, now: Timestamp) -> Result<(), StoreError> {
    session.execute(&SET, &[Value::from(now.to_string())]).await.map(drop)
}

pub(super) async fn take_off(session: &Session) -> Result<(), StoreError> {
    session.execute(&TAKE_OFF, &[]).await.map(drop)
}
