//! The audit log of the web app under test, sealed as a server does it.

use std::sync::Arc;

use audit_store::{LogSigner, PublishedLog, SealerKeys, StoredLog};
use crypto::{CheckpointKey, Ed25519NoteVerifier, MasterKey, NoteKey};
use store_contract::{Fixture, TestLogKey, TestSealer};

/// The logs of a fixture as they are published.
pub(super) fn published(fixture: &Fixture, master: &MasterKey) -> PublishedLog {
    let tables = fixture.store.audit_tables();
    let log = StoredLog::new(Arc::clone(&tables));
    log.set_key(Arc::new(TestLogKey::DEFAULT));
    PublishedLog::new(Arc::new(log), tables, signer(master), Arc::new(Ed25519NoteVerifier))
}

/// Seals all entries of a fixture.
pub(super) async fn seal(fixture: &Fixture, master: &MasterKey) {
    let keys = SealerKeys {
        checkpoints: Arc::new(CheckpointKey::new(master)),
        rows: Arc::new(TestLogKey::DEFAULT),
        notes: Some(Arc::new(signer(master))),
    };
    for round in TestSealer::with_keys(fixture, keys).seal_all().await {
        assert!(round.faults.is_empty() && round.refused.is_empty() && !round.is_outdated, "{round:?}");
    }
}

fn signer(master: &MasterKey) -> LogSigner {
    LogSigner::new("audit.example.org".to_owned(), Arc::new(NoteKey::new(master))).unwrap()
}
