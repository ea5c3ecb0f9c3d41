//! Shorthands of a fixture for the audit log.

use std::sync::Arc;

use audit::tables::{SealingRound, WaitingKey, WaitingRow};
use audit_store::{PublishedLog, Round, StoredLog};

use crate::{Fixture, TestLogKey, TestSealer, log_rows::LogRows};

impl Fixture {
    /// Seals everything that waits in the audit log with a new sealer. Returns what it found.
    ///
    /// # Panics
    /// If a chain can't be sealed.
    pub async fn seal_all(&self) -> Vec<Round> {
        let rounds = TestSealer::new(self).seal_all().await;
        for round in &rounds {
            assert!(round.faults.is_empty(), "{:?}", round.faults);
        }
        rounds
    }

    /// The logs of the store with their proofs, signed by [`TestLogKey::DEFAULT`].
    #[must_use]
    pub fn published_log(&self) -> PublishedLog {
        let (key, tables) = (TestLogKey::DEFAULT, self.store.audit_tables());
        let log = StoredLog::new(Arc::clone(&tables));
        log.set_key(Arc::new(key));
        PublishedLog::new(Arc::new(log), tables, key.log_signer(), Arc::new(key))
    }

    /// Removes a waiting row of entries, as somebody with access to the database could.
    pub async fn remove_waiting(&self, key: WaitingKey) {
        let rows = LogRows::open_unchanged(self).await;
        rows.seal(SealingRound { sealed: vec![key], ..rows.round() }).await;
        rows.close(self).await;
    }

    /// Inserts a row of entries of the audit log that no writer of the store has made.
    pub async fn insert_waiting(&self, row: &WaitingRow) {
        let rows = LogRows::open_unchanged(self).await;
        rows.seal(SealingRound { waiting: vec![row.clone()], ..rows.round() }).await;
        rows.close(self).await;
    }
}
