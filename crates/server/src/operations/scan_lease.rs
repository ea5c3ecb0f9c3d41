//! The leases of imports of scans. Two imports of one tool and scope at the same time would give alike results the same
//! keys, and each would close what only the other reports.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use kernel::{Clock, OrganizationId, Reference};
use sha2::{Digest as _, Sha256};
use store::{DynStore, Lease};
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep},
};

use super::scan_series::ScanSeries;
use crate::failure::Failure;

const LEASE_DURATION: Duration = Duration::from_secs(60);
const RENEWAL_INTERVAL: Duration = Duration::from_secs(15);
/// The time that an import waits for another one of the same tool and scope.
const MAX_WAIT: Duration = Duration::from_secs(10);
const RETRY_DELAY: Duration = Duration::from_millis(200);

/// The leases of one import, which are renewed until they are released.
pub(crate) struct ScanLeases {
    store: Arc<DynStore>,
    leases: Vec<Lease>,
    owner: String,
    is_lost: Arc<AtomicBool>,
    renewal: Option<JoinHandle<()>>,
}

impl ScanLeases {
    /// Acquires the leases of the series, which must be in their order, so that no two imports wait for each other.
    ///
    /// # Errors
    /// If another import has one of them for over 10 s, or the store fails.
    pub(crate) async fn acquire(
        store: Arc<DynStore>,
        clock: Arc<dyn Clock>,
        owner: String,
        organization: OrganizationId,
        series: impl IntoIterator<Item = &ScanSeries>,
    ) -> Result<Self, Failure> {
        let mut acquired = Self { store, leases: Vec::new(), owner, is_lost: Arc::default(), renewal: None };
        let deadline = Instant::now() + MAX_WAIT;
        for series in series {
            if let Err(failure) = acquired.add(&*clock, organization, series, deadline).await {
                acquired.release().await;
                return Err(failure);
            }
        }
        acquired.renewal = Some(acquired.spawn_renewal(clock));
        Ok(acquired)
    }

    async fn add(
        &mut self,
        clock: &dyn Clock,
        organization: OrganizationId,
        series: &ScanSeries,
        deadline: Instant,
    ) -> Result<(), Failure> {
        let lease = lease_of(organization, series);
        while !self.store.acquire_lease(lease, &self.owner, clock.now(), LEASE_DURATION).await? {
            if Instant::now() >= deadline {
                return Err(Failure::new(format!(
                    "another import of {} is running, and two at once would close findings of each other: import again \
                     when it has ended. If it was killed, it counts as running for another {} s",
                    series.description(),
                    LEASE_DURATION.as_secs(),
                )));
            }
            sleep(RETRY_DELAY).await;
        }
        self.leases.push(lease);
        Ok(())
    }

    fn spawn_renewal(&self, clock: Arc<dyn Clock>) -> JoinHandle<()> {
        let (store, leases, owner) = (Arc::clone(&self.store), self.leases.clone(), self.owner.clone());
        let is_lost = Arc::clone(&self.is_lost);
        tokio::spawn(async move {
            loop {
                sleep(RENEWAL_INTERVAL).await;
                for lease in &leases {
                    match store.acquire_lease(*lease, &owner, clock.now(), LEASE_DURATION).await {
                        Ok(true) => {}
                        Ok(false) => is_lost.store(true, Ordering::Relaxed),
                        Err(error) => {
                            tracing::warn!(%error, "the lease of an import can't be renewed; trying again in 15 s")
                        }
                    }
                }
            }
        })
    }

    /// Checks that no other import has taken over a lease, because it could not be renewed in time.
    ///
    /// # Errors
    /// If one has.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        if self.is_lost.load(Ordering::Relaxed) {
            return Err(Failure::new(
                "another import of the same scan has begun, because this one could not reach the database for a minute: \
                 no finding was closed; import again when the other has ended",
            ));
        }
        Ok(())
    }

    /// Releases the leases. Those that can't be released expire.
    pub(crate) async fn release(self) {
        if let Some(renewal) = &self.renewal {
            renewal.abort();
        }
        for lease in &self.leases {
            if let Err(error) = self.store.release_lease(*lease, &self.owner).await {
                tracing::warn!(%error, "the lease of an import can't be released; it expires within a minute");
            }
        }
    }
}

fn lease_of(organization: OrganizationId, series: &ScanSeries) -> Lease {
    let names = [&series.tool, &series.scope].map(|name| name.as_ref().map_or("", Reference::as_str));
    let identified = format!("{organization}:{}:{}{}", names[0].len(), names[0], names[1]);
    let digest: [u8; 32] = Sha256::digest(identified).into();
    Lease::ScanImport(digest.first_chunk().copied().map_or(0, u64::from_be_bytes))
}

#[cfg(test)]
mod tests {
    use kernel::{Id, Ulid};
    use store_contract::TestClock;
    use store_memory::MemoryStore;

    use super::*;

    fn series(scope: &str) -> ScanSeries {
        ScanSeries { tool: Reference::parse("lint").ok(), scope: Reference::parse(scope).ok() }
    }

    /// Advances the timers, and lets the tasks that are due run.
    async fn pass(duration: Duration) {
        tokio::time::advance(duration).await;
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    }

    struct Imports {
        store: Arc<DynStore>,
        clock: Arc<TestClock>,
    }

    impl Imports {
        fn new() -> Self {
            let clock = Arc::new(TestClock::default());
            Self { store: Arc::new(MemoryStore::new(Arc::clone(&clock) as Arc<dyn Clock>)), clock }
        }

        async fn begin(&self, owner: &str, scopes: &[&str]) -> Result<ScanLeases, Failure> {
            let series: Vec<ScanSeries> = scopes.iter().map(|scope| series(scope)).collect();
            let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
            let organization = Id::new(Ulid(1));
            ScanLeases::acquire(Arc::clone(&self.store), clock, owner.to_owned(), organization, &series).await
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_import_of_a_tool_and_scope_is_refused_until_the_first_has_ended() {
        let imports = Imports::new();
        let first = imports.begin("first", &["portal"]).await.unwrap();
        let other = imports.begin("other", &["archive"]).await.unwrap();
        let refused = imports.begin("second", &["branch", "portal"]).await.err().unwrap().to_string();
        assert!(refused.starts_with("another import of lint with the scope portal is running"), "{refused}");
        let branch = imports.begin("third", &["branch"]).await;
        assert!(branch.is_ok(), "the refused import released what it had");
        first.release().await;
        assert!(imports.begin("second", &["portal"]).await.is_ok());
        other.release().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_import_waits_for_one_that_soon_ends() {
        let imports = Imports::new();
        let first = imports.begin("first", &["portal"]).await.unwrap();
        let ends = async {
            pass(MAX_WAIT / 2).await;
            first.release().await;
        };
        let (second, ()) = tokio::join!(imports.begin("second", &["portal"]), ends);
        assert!(second.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn an_import_notices_that_another_has_taken_over_its_lease() {
        let imports = Imports::new();
        let first = imports.begin("first", &["portal"]).await.unwrap();
        for _ in 0..10 {
            imports.clock.advance(RENEWAL_INTERVAL);
            pass(RENEWAL_INTERVAL).await;
        }
        assert!(imports.begin("second", &["portal"]).await.is_err(), "the first has renewed it");
        assert!(first.check().is_ok());
        imports.clock.advance(LEASE_DURATION * 2);
        let second = imports.begin("second", &["portal"]).await.unwrap();
        pass(RENEWAL_INTERVAL * 2).await;
        assert!(first.check().is_err());
        first.release().await;
        assert!(imports.begin("third", &["portal"]).await.is_err(), "the second still has it");
        second.release().await;
    }
}
