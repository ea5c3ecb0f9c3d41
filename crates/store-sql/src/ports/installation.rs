//! The identity of the installation, and the changes of the installation as a whole. Each is one transaction with its
//! audit entry.

use std::sync::LazyLock;

use ::store::{InstallationIdentity, LogGeneration};
use async_trait::async_trait;
use audit_store::RowWriter;
use kernel::{Entry, StoreError, Timestamp};

use super::{SqlStore, audit::EntryRows, clock};
use crate::{
    engine::{Session, Sql, Value, corrupt},
    schema::{Database, copy_marker, log_generation},
};

const ID: &str = "id";
const WEBHOOKS: &str = "webhooks";
const PAUSED: &str = "paused";
/// The name of the watermark ceiling, which is older than the word.
pub(super) const CEILING: &str = "told_before";
/// The name of the time that a server believed, with something that tells how long ago that was.
pub(super) const ANCHOR: &str = "uptime_anchor";

static SELECT: LazyLock<Sql> = LazyLock::new(|| Sql::from_text("SELECT value FROM installation WHERE key = ?"));
static INSERT: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text("INSERT INTO installation (key, value) VALUES (?, ?) ON CONFLICT (key) DO NOTHING")
});
static SET: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text(
        "INSERT INTO installation (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
    )
});
static DELETE: LazyLock<Sql> = LazyLock::new(|| Sql::from_text("DELETE FROM installation WHERE key = ?"));
/// Deletes everything by which a client of the original could act on the copy.
static FORGET_CLIENTS: LazyLock<[Sql; 3]> = LazyLock::new(|| {
    ["DELETE FROM signing_keys", "DELETE FROM user_sessions", "DELETE FROM user_links"].map(Sql::from_text)
});

/// A change of the installation as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InstallationChange {
    /// Lowers, or raises, the watermark below which no process issues a timestamp, and discards other state of a time
    /// that the clock no longer shows. No server may run.
    ResetClock(Timestamp),
    /// Gives the installation another identifier, deletes its token signing keys, the sessions of its users and the links
    /// that were issued to them, and pauses its webhooks. No server may run.
    Renew(String),
    /// The same, unless the mark of a duplicate is gone because another server has done so.
    RenewDuplicate(String),
    /// Resumes webhooks that are paused.
    ResumeWebhooks,
    /// Begins the next generation of the audit logs, because the database was restored to an earlier state. No server may
    /// run.
    ContinueLogs,
}

impl Database {
    /// Changes the installation, and stores the audit entry of the change in the same transaction. Returns whether there
    /// was anything to change. `rows` writes the only rows of this process, and has their key.
    ///
    /// # Errors
    /// [`StoreError`] if nothing was changed.
    pub async fn change_installation(
        &self,
        change: &InstallationChange,
        entry: &Entry,
        rows: RowWriter,
    ) -> Result<bool, StoreError> {
        let rows = EntryRows::last_of(rows, entry)?;
        self.engine
            .write((change.clone(), rows, entry.occurred_at), |(change, rows, at), session| {
                Box::pin(async move {
                    let changes = apply(session, change, *at).await?;
                    if changes {
                        rows.insert(session, &[]).await?;
                    }
                    Ok(changes)
                })
            })
            .await
    }

    /// Returns the watermark below which no process issues a timestamp, if one was stored.
    ///
    /// # Errors
    /// [`StoreError`] if it can't be read.
    pub async fn watermark_ceiling(&self) -> Result<Option<Timestamp>, StoreError> {
        let text = self.engine.read((), |(), session| Box::pin(value(session, CEILING))).await?;
        text.map(|text| parse_ceiling(&text)).transpose()
    }

    /// Returns the identifier of the installation, if it has one.
    ///
    /// # Errors
    /// [`StoreError`] if it can't be read.
    pub async fn installation_id(&self) -> Result<Option<String>, StoreError> {
        self.engine.read((), |(), session| Box::pin(value(session, ID))).await
    }
}

pub(super) fn parse_ceiling(text: &str) -> Result<Timestamp, StoreError> {
    text.parse().map(Timestamp::from_millis).map_err(corrupt)
}

async fn apply(session: &Session, change: &InstallationChange, at: Timestamp) -> Result<bool, StoreError> {
    match change {
        InstallationChange::ResetClock(to) => {
            set(session, CEILING, to.millis().to_string()).await?;
            session.execute(&DELETE, &[Value::text(ANCHOR)]).await?;
            clock::discard_future_state(session, *to).await?;
            Ok(true)
        }
        InstallationChange::Renew(id) => {
            copy_marker::clear_duplicate(session).await?;
            renew(session, id, at).await.map(|()| true)
        }
        InstallationChange::RenewDuplicate(id) => {
            let is_duplicate = copy_marker::clear_duplicate(session).await?;
            if is_duplicate {
                renew(session, id, at).await?;
            }
            Ok(is_duplicate)
        }
        InstallationChange::ResumeWebhooks => Ok(session.execute(&DELETE, &[Value::text(WEBHOOKS)]).await? > 0),
        InstallationChange::ContinueLogs => {
            let is_continued = log_generation::unrecorded(session).await?.is_some();
            log_generation::begin_next(session, at).await?;
            Ok(!is_continued)
        }
    }
}

async fn renew(session: &Session, id: &str, at: Timestamp) -> Result<(), StoreError> {
    // The original signs its logs under the same name, if that is a setting.
    log_generation::begin_next(session, at).await?;
    set(session, ID, id.to_owned()).await?;
    set(session, WEBHOOKS, PAUSED.to_owned()).await?;
    for delete in &*FORGET_CLIENTS {
        session.execute(delete, &[]).await?;
    }
    Ok(())
}

pub(super) async fn value(session: &Session, key: &str) -> Result<Option<String>, StoreError> {
    session.fetch_one(&SELECT, &[Value::text(key)], |cells| cells.text().map(str::to_owned)).await
}

pub(super) async fn set(session: &Session, key: &str, value: String) -> Result<(), StoreError> {
    session.execute(&SET, &[Value::text(key), value.into()]).await.map(drop)
}

#[async_trait]
impl InstallationIdentity for SqlStore {
    async fn installation_id(&self) -> Result<Option<String>, StoreError> {
        self.database.installation_id().await
    }

    async fn store_installation_id(&self, id: &str) -> Result<String, StoreError> {
        let values: [Value<'static>; 2] = [Value::text(ID), id.to_owned().into()];
        // In two transactions, so that a caller that lost the race reads the value that the winner stored.
        self.engine.write(values, |values, session| Box::pin(session.execute(&INSERT, values))).await?;
        self.installation_id().await?.ok_or_else(|| corrupt("the identifier of the installation was not stored"))
    }

    async fn log_generation(&self) -> Result<LogGeneration, StoreError> {
        self.engine
            .read((), |(), session| {
                Box::pin(async move {
                    let name = log_generation::read(session).await?;
                    Ok(LogGeneration { name, unrecorded: log_generation::unrecorded(session).await? })
                })
            })
            .await
    }

    async fn set_log_generation_recorded(&self) -> Result<(), StoreError> {
        self.engine.write((), |(), session| Box::pin(log_generation::set_recorded(session))).await
    }

    fn expect_installation(&self, id: &str, master_key_check: &str) {
        self.installation_guard.expect(id, master_key_check);
    }

    async fn webhooks_paused(&self) -> Result<bool, StoreError> {
        self.engine
            .read((), |(), session| {
                Box::pin(async move {
                    let text = value(session, WEBHOOKS).await?;
                    Ok(text.as_deref() == Some(PAUSED) || copy_marker::is_duplicate(session).await?)
                })
            })
            .await
    }

    async fn is_unrenewed_copy(&self) -> Result<bool, StoreError> {
        self.database.is_duplicate().await
    }
}
