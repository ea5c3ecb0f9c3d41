//! The counting of records for rollups.

mod parts;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use kernel::{Clock, Organization, OrganizationId, StoreError, Stored, Timestamp};
use store::{Day, DynStore, Lease, OpenFindings, OpenHistory, Rollup, RollupPart, finding_counts, is_current};

use crate::compose::Installation;

/// Duration of the lease after each renewal, and so the delay after its owner has died.
const LEASE_DURATION: Duration = Duration::from_secs(60);

/// Number of pages of records that are read before the lease is renewed.
const PAGES_PER_RENEWAL: usize = 50;

/// The least time until the same records are counted again, as a multiple of the duration of a count, so that counting
/// takes at most a twentieth of a core of an organization whose records change all the time.
const REST: u32 = 20;

/// The age at which counts are made again although nothing has changed, so that the time of the counts, which pages show,
/// is never long ago.
const MAX_AGE: Duration = Duration::from_secs(60 * 60);

/// Counts the records that have changed since they were counted, while it owns the lease.
pub(crate) struct RollupCounter {
    store: Arc<DynStore>,
    clock: Arc<dyn Clock>,
    owner: String,
    /// The parts that rest after a count that took long: when they were counted, and for how long they rest.
    resting: Mutex<HashMap<(OrganizationId, RollupPart), (Timestamp, Duration)>>,
}

/// The result of a count: the rollup, and the open findings of days that it stores.
struct Counted {
    rollup: Rollup,
    days: Vec<OpenFindings>,
}

/// The reason why a count was not completed.
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

impl RollupCounter {
    /// Creates the counter over this installation.
    pub(crate) fn new(installation: &Installation) -> Self {
        let owner = installation.entropy.ulid(installation.clock.now()).to_string();
        Self::over(Arc::clone(&installation.store), Arc::clone(&installation.clock), owner)
    }

    fn over(store: Arc<DynStore>, clock: Arc<dyn Clock>, owner: String) -> Self {
        Self { store, clock, owner, resting: Mutex::default() }
    }

    /// Counts each part of each organization that has changed since it was counted, or in which time has changed a count.
    /// Returns how many counts were made. If another server has the lease, that one counts.
    ///
    /// # Errors
    /// If the store fails.
    pub(crate) async fn run_once(&self) -> Result<usize, StoreError> {
        let mut counted = 0;
        for organization in self.store.organizations().await? {
            match self.count_due(organization.meta.id, &mut counted).await {
                Ok(()) => {}
                Err(Interrupted::LeaseLost) => return Ok(counted),
                Err(Interrupted::Store(error)) => return Err(error),
            }
        }
        if counted > 0 {
            self.store.release_lease(Lease::Rollups, &self.owner).await?;
        }
        Ok(counted)
    }

    /// Counts everything anew, the open findings of past days included, whether it has changed or not. Returns the number
    /// of organizations. It needs no lease: a count of a server at the same time is replaced by an equal one.
    ///
    /// # Errors
    /// If the store fails.
    pub(crate) async fn rebuild(&self) -> Result<usize, StoreError> {
        let organizations: Vec<Stored<Organization>> = self.store.organizations().await?;
        for organization in &organizations {
            for part in RollupPart::ALL {
                match self.count(organization.meta.id, *part, None, Leased::No).await {
                    Ok(counted) => self.replace(organization.meta.id, &counted).await?,
                    Err(Interrupted::LeaseLost) => {}
                    Err(Interrupted::Store(error)) => return Err(error),
                }
            }
        }
        Ok(organizations.len())
    }

    /// Counts the parts of one organization that are due, and adds their number to `counted`.
    async fn count_due(&self, organization: OrganizationId, counted: &mut usize) -> Result<(), Interrupted> {
        let rollups = self.store.rollups(organization).await?;
        let previous = finding_counts(&rollups).map(|counts| counts.counted_at);
        for part in RollupPart::ALL {
            let current = rollups.iter().find(|rollup| rollup.part == *part);
            // The records are looked at before the lease is acquired, so that an idle installation writes nothing.
            if self.rests(organization, *part) || !self.is_due(organization, current).await? {
                continue;
            }
            self.keep_lease().await?;
            let began = Instant::now();
            let result = self.count(organization, *part, previous, Leased::Yes).await?;
            self.replace(organization, &result).await?;
            self.rest(organization, *part, began.elapsed() * REST);
            *counted += 1;
        }
        Ok(())
    }

    /// Whether a part has to be counted.
    async fn is_due(&self, organization: OrganizationId, current: Option<&Rollup>) -> Result<bool, StoreError> {
        let Some(rollup) = current else { return Ok(true) };
        Ok(!is_current(&*self.store, organization, rollup, self.clock.now()).await?)
    }

    async fn replace(&self, organization: OrganizationId, counted: &Counted) -> Result<(), StoreError> {
        let oldest = Day::of(counted.rollup.counted_at).oldest_stored();
        self.store.replace_rollup(organization, &counted.rollup, &counted.days, oldest).await
    }

    /// Acquires the lease, or renews it.
    async fn keep_lease(&self) -> Result<(), Interrupted> {
        let is_owner = self.store.acquire_lease(Lease::Rollups, &self.owner, self.clock.now(), LEASE_DURATION).await?;
        if is_owner { Ok(()) } else { Err(Interrupted::LeaseLost) }
    }

    fn rests(&self, organization: OrganizationId, part: RollupPart) -> bool {
        let resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner);
        resting.get(&(organization, part)).is_some_and(|(from, time)| self.clock.now().distance(*from) < *time)
    }

    fn rest(&self, organization: OrganizationId, part: RollupPart, time: Duration) {
        let mut resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner);
        resting.insert((organization, part), (self.clock.now(), time));
    }
}

/// Whether a count owns the lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leased {
    /// It does, and renews it.
    Yes,
    /// It was requested by an operator and needs none.
    No,
}

/// The days of which the open findings have to be computed from all records: those that no count has covered. `None` if
/// the count of today is enough.
fn missing_days(previous: Option<Timestamp>, now: Timestamp) -> Option<OpenHistory> {
    let (today, oldest) = (Day::of(now), Day::of(now).oldest_stored());
    match previous.map(Day::of) {
        // Until the end of the day before, nothing has changed that another count would not have found.
        Some(previous) if previous >= today.plus(-1) => None,
        previous => Some(OpenHistory::new(previous.map_or(oldest, |day| day.max(oldest)), today)),
    }
}
