//! The guard against another installation's database under a running server: behind the same URL, or in the same place.

use std::sync::{Arc, LazyLock, OnceLock};

use kernel::StoreError;
use ulid::Ulid;

use crate::engine::{Engine, RowReader, Session, Sql, unavailable};

static SELECT: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text("SELECT key, value FROM installation WHERE key IN ('id', 'master_key_check') ORDER BY key")
});

/// The values that distinguish an installation from every other one.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Identity {
    id: Option<String>,
    master_key_check: Option<String>,
}

/// Compares the identity in the database with the one that the process started with. The first difference is final: what
/// the process remembers of one database must never meet the other, so it has to be restarted.
pub(crate) struct InstallationGuard {
    engine: Arc<Engine>,
    expected: OnceLock<Identity>,
    difference: OnceLock<String>,
}

impl InstallationGuard {
    pub(crate) fn new(engine: &Arc<Engine>) -> Arc<Self> {
        Arc::new(Self { engine: Arc::clone(engine), expected: OnceLock::new(), difference: OnceLock::new() })
    }

    /// Sets the identity to compare with. Later calls have no effect.
    pub(crate) fn expect(&self, id: &str, master_key_check: &str) {
        let identity = Identity { id: Some(id.to_owned()), master_key_check: Some(master_key_check.to_owned()) };
        // The identity of an installation never changes while a server runs on it.
        let _ = self.expected.set(identity);
    }

    /// Returns the identifier to compare with, for a statement that does so itself.
    pub(crate) fn expected_id(&self) -> Option<Ulid> {
        self.expected.get().and_then(|identity| identity.id.as_deref()?.parse().ok())
    }

    /// Compares the identities in the transaction of the session. Without an identity to compare with, every database is
    /// accepted.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when they differ or have ever differed; on PostgreSQL the engine is then of no use any
    /// more.
    pub(crate) async fn verify(&self, session: &Session) -> Result<(), StoreError> {
        let Some(expected) = self.expected.get() else { return Ok(()) };
        if let Some(difference) = self.difference.get() {
            return Err(unavailable(difference.clone()));
        }
        let read = |cells: &mut RowReader<'_>| Ok((cells.text()?.to_owned(), cells.text()?.to_owned()));
        let stored = session.fetch(&SELECT, &[], read).await?;
        let value = |name: &str| stored.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        let found = Identity { id: value("id"), master_key_check: value("master_key_check") };
        if found == *expected {
            return Ok(());
        }
        Err(self.refuse(describe(expected, &found)))
    }

    fn refuse(&self, difference: String) -> StoreError {
        if self.difference.set(difference.clone()).is_ok() {
            tracing::error!("{difference}");
            self.engine.refuse_work(&difference);
        }
        unavailable(difference)
    }
}

fn describe(expected: &Identity, found: &Identity) -> String {
    let id = |identity: &Identity| identity.id.clone().unwrap_or_else(|| "none".to_owned());
    let found = if found.id == expected.id {
        "that identifier, but another master key".to_owned()
    } else {
        format!("the identifier {}", id(found))
    };
    format!(
        "the database is not that of the installation {} any more: it has {found}. Nothing is read from it or written to it: \
         put the right database behind database_url, then restart this server",
        id(expected)
    )
}
