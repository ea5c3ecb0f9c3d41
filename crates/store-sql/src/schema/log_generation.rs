//! The generation of the audit logs: which continuation of them the database is. A database that was restored to an
//! earlier state must not go on under the name under which later entries were signed already.

use std::sync::LazyLock;

use kernel::{StoreError, Timestamp};

use crate::engine::{Session, Sql, Value};

static READ: LazyLock<Sql> =
    LazyLock::new(|| Sql::from_text("SELECT value FROM installation WHERE key = 'audit_log_generation'"));
static SET: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text(
        "INSERT INTO installation (key, value) VALUES ('audit_log_generation', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
    )
});
static READ_CONTINUED: LazyLock<Sql> =
    LazyLock::new(|| Sql::from_text("SELECT value FROM installation WHERE key = 'audit_log_continued'"));
static SET_CONTINUED: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text(
        "INSERT INTO installation (key, value) VALUES ('audit_log_continued', ?) ON CONFLICT (key) DO NOTHING",
    )
});
static CLEAR_CONTINUED: LazyLock<Sql> =
    LazyLock::new(|| Sql::from_text("DELETE FROM installation WHERE key = 'audit_log_continued'"));

/// The generation of a log that was never continued from an earlier state.
pub(crate) const FIRST: &str = "1";

/// Returns the generation, if it is not the first one.
pub(crate) async fn read(session: &Session) -> Result<Option<String>, StoreError> {
    session.fetch_one(&READ, &[], |cells| cells.text().map(str::to_owned)).await
}

/// Returns the generation before this one, until the logs have an entry of its beginning.
pub(crate) async fn unrecorded(session: &Session) -> Result<Option<String>, StoreError> {
    session.fetch_one(&READ_CONTINUED, &[], |cells| cells.text().map(str::to_owned)).await
}

/// Begins the next generation, unless one has begun of which the logs have no entry yet: nothing was signed in that.
pub(crate) async fn begin_next(session: &Session, at: Timestamp) -> Result<(), StoreError> {
    if unrecorded(session).await?.is_some() {
        return Ok(());
    }
    let present = read(session).await?;
    let present = present.as_deref().unwrap_or(FIRST);
    session.execute(&SET_CONTINUED, &[Value::text(present)]).await?;
    session.execute(&SET, &[Value::from(following(present, at))]).await.map(drop)
}

/// Records that the logs have entries of the beginning of this generation.
pub(crate) async fn set_recorded(session: &Session) -> Result<(), StoreError> {
    session.execute(&CLEAR_CONTINUED, &[]).await.map(drop)
}

/// The generation after this one. Its name has the time: one backup can be restored several times, and each restored
/// database is another continuation.
fn following(generation: &str, at: Timestamp) -> String {
    let number = generation.split('-').next().and_then(|number| number.parse::<u64>().ok()).unwrap_or(1);
    let time: String = at.to_string().chars().filter(|character| character.is_ascii_alphanumeric()).collect();
    format!("{}-{time}", number.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generations_are_counted_and_two_restores_of_one_backup_differ() {
        let at = Timestamp::from_millis(1_779_718_113_042);
        assert_eq!(following(FIRST, at), "2-20260525T140833042Z");
        assert_eq!(following("2-20260525T140833042Z", at), "3-20260525T140833042Z");
        assert_ne!(following(FIRST, at), following(FIRST, Timestamp::from_millis(1_779_718_113_043)));
    }
}
