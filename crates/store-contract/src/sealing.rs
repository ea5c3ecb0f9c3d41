//! The sealer of the audit log, as tests run it.

use std::{sync::Arc, time::Duration};

use audit_store::{Round, Sealer, SealerContext, SealerKeys};
use kernel::{Clock, Entropy, StoreError, WriteTimestamp};
use store::{DynStore, Lease};

use crate::{Fixture, TestLogKey};

/// The owner of the lease. All sealers of a test have the same: they must not need it to keep apart.
const OWNER: &str = "test-sealer";
const LEASE_DURATION: Duration = Duration::from_secs(15);

/// The number of rounds after which a log that is still not sealed will never be.
const MAX_ROUNDS: usize = 10_000;

/// A sealer for tests.
pub struct TestSealer {
    store: Arc<DynStore>,
    clock: Arc<dyn Clock>,
    sealer: Sealer,
}

impl TestSealer {
    /// Creates a sealer of the fixture's store.
    #[must_use]
    pub fn new(fixture: &Fixture) -> Self {
        Self::with_keys(fixture, TestLogKey::DEFAULT.sealer_keys())
    }

    /// Creates a sealer of the fixture's store with other keys. That of rows must be the fixture's.
    #[must_use]
    pub fn with_keys(fixture: &Fixture, keys: SealerKeys) -> Self {
        let store = Arc::clone(&fixture.store);
        let begin_entry = Box::new(move || store.begin_entry());
        Self::with_parts(&fixture.store, fixture.clock.clone(), fixture.entropy.clone(), begin_entry, keys)
    }

    /// Creates a sealer of a store. `begin_entry` gives its own entries their timestamps.
    pub(crate) fn with_parts(
        store: &Arc<DynStore>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        begin_entry: Box<dyn Fn() -> WriteTimestamp + Send + Sync>,
        keys: SealerKeys,
    ) -> Self {
        let sealer = Sealer::new(SealerContext {
            tables: store.audit_tables(),
            clock: Arc::clone(&clock),
            entropy,
            begin_entry,
            keys,
            lease: "sealer",
            owner: OWNER.into(),
            lease_duration: LEASE_DURATION,
        });
        Self { store: Arc::clone(store), clock, sealer }
    }

    /// Takes the lease. Returns whether this sealer has it now.
    pub(crate) async fn acquire_lease(&self) -> Result<bool, StoreError> {
        self.store.acquire_lease(Lease::Sealer, OWNER, self.clock.now(), LEASE_DURATION).await
    }

    /// Releases the lease.
    pub(crate) async fn release_lease(&self) -> Result<(), StoreError> {
        self.store.release_lease(Lease::Sealer, OWNER).await
    }

    /// Runs a round. The lease must have been taken before.
    pub(crate) async fn run_round(&mut self) -> Result<Round, StoreError> {
        self.sealer.run_round().await
    }

    /// Seals all entries that wait, and returns what all rounds have found.
    ///
    /// # Panics
    /// If the store fails, or another sealer has the lease.
    pub async fn seal_all(&mut self) -> Vec<Round> {
        assert!(self.acquire_lease().await.unwrap(), "another sealer has the lease");
        let mut rounds = Vec::new();
        while rounds.len() < MAX_ROUNDS {
            let round = self.run_round().await.unwrap();
            let more = round.more;
            rounds.push(round);
            if !more && !self.sealer.has_work().await.unwrap() {
                self.release_lease().await.unwrap();
                return rounds;
            }
        }
        panic!("the log is not sealed after {MAX_ROUNDS} rounds");
    }
}
