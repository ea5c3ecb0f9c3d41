//! The indexing of records for the search: the index of words follows the changes of records.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use kernel::{Clock, Organization, OrganizationId, StoreError, Stored};
use store::{Backlog, DynStore, Lease, TitleFollower};
use tokio::time::sleep;

use crate::compose::Installation;

/// Duration of the lease after each renewal, and so the delay after its owner has died.
const LEASE_DURATION: Duration = Duration::from_secs(30);

/// Age of the lease at which it is renewed before the next page.
const RENEWAL_AGE: Duration = Duration::from_secs(10);

/// Number of pages of one kind after which the other kinds and organizations have their turn.
const PAGES_PER_TURN: usize = 20;

/// The rest after a page that more follow, as a multiple of its duration, so that indexing very many records leaves most
/// of the time of the database to requests.
const REST: u32 = 3;

/// Number of rows of the index that are removed in one transaction.
const ROWS_PER_REMOVAL: usize = 5_000;

/// How often, and after which waits, an operator's command asks for the lease while a server has it.
const LEASE_ATTEMPTS: usize = 240;
const LEASE_RETRY: Duration = Duration::from_millis(250);

/// Indexes the records that have changed since they were indexed, while it owns the lease.
pub(crate) struct SearchIndexer {
    store: Arc<DynStore>,
    clock: Arc<dyn Clock>,
    owner: String,
}

/// The result of a round of indexing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct IndexingRound {
    /// The number of pages of records that were indexed.
    pub(crate) pages: usize,
    /// Whether more are left.
    pub(crate) has_more: bool,
    /// The age of the first change that was not indexed when the round began.
    pub(crate) lag: Duration,
}

/// The reason why indexing stopped.
enum Interrupted {
    /// Another server has the lease.
    LeaseLost,
    /// The store failed.
    Store(StoreError),
}

impl From<StoreError> for Interrupted {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl SearchIndexer {
    /// Creates the indexer over this installation.
    pub(crate) fn new(installation: &Installation) -> Self {
        let owner = installation.entropy.ulid(installation.clock.now()).to_string();
        Self::over(Arc::clone(&installation.store), Arc::clone(&installation.clock), owner)
    }

    fn over(store: Arc<DynStore>, clock: Arc<dyn Clock>, owner: String) -> Self {
        Self { store, clock, owner }
    }

    /// Indexes a bounded number of changes of each kind of each organization. If another server has the lease, that one
    /// does. The changes are looked for before the lease is acquired, so that an idle installation writes nothing.
    ///
    /// # Errors
    /// If the store fails.
    pub(crate) async fn run_once(&self) -> Result<IndexingRound, StoreError> {
        let mut round = IndexingRound::default();
        for organization in self.store.organizations().await? {
            let backlog = self.store.search_backlog(organization.meta.id).await?;
            let Some(oldest) = backlog.iter().map(|kind| kind.oldest).min() else { continue };
            round.lag = round.lag.max(self.clock.now().since(oldest));
            match self.index(organization.meta.id, &backlog, PAGES_PER_TURN, &mut round).await {
                Ok(()) => {}
                Err(Interrupted::LeaseLost) => return Ok(round),
                Err(Interrupted::Store(error)) => return Err(error),
            }
        }
        if round.pages > 0 {
            self.store.release_lease(Lease::Search, &self.owner).await?;
        }
        Ok(round)
    }

    /// Removes the index and makes it anew. Returns the number of organizations.
    ///
    /// # Errors
    /// If the store fails, or another server has the lease all the time.
    pub(crate) async fn rebuild(&self) -> Result<usize, StoreError> {
        let organizations: Vec<Stored<Organization>> = self.store.organizations().await?;
        for organization in &organizations {
            match self.rebuild_one(organization.meta.id).await {
                Ok(()) => {}
                Err(Interrupted::LeaseLost) => {
                    return Err(StoreError::Unavailable("a server is indexing records: try again".into()));
                }
                Err(Interrupted::Store(error)) => return Err(error),
            }
        }
        self.store.release_lease(Lease::Search, &self.owner).await?;
        Ok(organizations.len())
    }

    async fn rebuild_one(&self, organization: OrganizationId) -> Result<(), Interrupted> {
        let mut attempts = 0;
        while let Err(interrupted) = self.keep_lease().await {
            attempts += 1;
            if matches!(interrupted, Interrupted::Store(_)) || attempts == LEASE_ATTEMPTS {
                return Err(interrupted);
            }
            sleep(LEASE_RETRY).await;
        }
        while self.store.clear_search_index(organization, ROWS_PER_REMOVAL).await? {
            self.keep_lease().await?;
        }
        let backlog = self.store.search_backlog(organization).await?;
        self.index(organization, &backlog, usize::MAX, &mut IndexingRound::default()).await
    }

    /// Indexes up to `max_pages` of each kind, or more if the last ones had the same time.
    async fn index(
        &self,
        organization: OrganizationId,
        backlog: &[Backlog],
        max_pages: usize,
        round: &mut IndexingRound,
    ) -> Result<(), Interrupted> {
        self.keep_lease().await?;
        let mut renewed = Instant::now();
        for kind in backlog {
            let mut follower = TitleFollower::new(kind);
            let mut pages = 0;
            loop {
                let began = Instant::now();
                let has_more = follower.index_page(&*self.store, organization).await?;
                (pages, round.pages) = (pages + 1, round.pages + 1);
                if !has_more {
                    break;
                }
                if pages >= max_pages && follower.has_advanced() {
                    round.has_more = true;
                    break;
                }
                sleep((began.elapsed() * REST).min(RENEWAL_AGE)).await;
                if renewed.elapsed() >= RENEWAL_AGE {
                    self.keep_lease().await?;
                    renewed = Instant::now();
                }
            }
        }
        Ok(())
    }

    /// Acquires the lease, or renews it.
    async fn keep_lease(&self) -> Result<(), Interrupted> {
        let is_owner = self.store.acquire_lease(Lease::Search, &self.owner, self.clock.now(), LEASE_DURATION).await?;
        if is_owner { Ok(()) } else { Err(Interrupted::LeaseLost) }
    }
}

#[cfg(test)]
mod tests;
