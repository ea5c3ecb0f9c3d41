//! The audit log of the web app under test, sealed as a server does it.

use std::{sync::Arc, time::Duration};

use audit_store::{LogSigner, PublishedLog, Sealer, SealerContext, SealerKeys, StoredLog};
use crypto::{CheckpointKey, Ed25519NoteVerifier, MasterKey, NoteKey};
use store::Lease;
use store_contract::{Fixture, TestLogKey};

const OWNER: &str = "the sealer of the test";
const LEASE_DURATION: Duration = Duration::from_secs(60);

/// The logs of a fixture as they are published.
pub(super) fn published(fixture: &Fixture, master: &MasterKey) -> PublishedLog {
    let tables = fixture.store.audit_tables();
    let log = StoredLog::new(Arc::clone(&tables));
    log.set_key(Arc::new(TestLogKey::DEFAULT));
    PublishedLog::new(Arc::new(log), tables, signer(master), Arc::new(Ed25519NoteVerifier))
}

/// Seals all entries of a fixture.
pub(super) async fn seal(fixture: &Fixture, master: &MasterKey) {
    let store = Arc::clone(&fixture.store);
    let mut sealer = Sealer::new(SealerContext {
        tables: fixture.store.audit_tables(),
        clock: fixture.clock.clone(),
        entropy: fixture.entropy.clone(),
        begin_entry: Box::new(move || store.begin_entry()),
        keys: SealerKeys {
            checkpoints: Arc::new(CheckpointKey::new(master)),
            rows: Arc::new(TestLogKey::DEFAULT),
            notes: Some(Arc::new(signer(master))),
        },
        lease: "sealer",
        owner: OWNER.to_owned(),
        lease_duration: LEASE_DURATION,
    });
    let acquired = fixture.store.acquire_lease(Lease::Sealer, OWNER, fixture.now(), LEASE_DURATION).await.unwrap();
    assert!(acquired, "another sealer works");
    loop {
        let round = sealer.run_round().await.unwrap();
        assert!(round.faults.is_empty() && round.refused.is_empty() && !round.is_outdated, "{round:?}");
        if !round.more {
            return;
        }
    }
}

fn signer(master: &MasterKey) -> LogSigner {
    LogSigner::new("audit.example.org".to_owned(), Arc::new(NoteKey::new(master))).unwrap()
}
