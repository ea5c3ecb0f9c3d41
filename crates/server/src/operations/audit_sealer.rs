//! Sealing of the audit log, by a task of the server, or by a command after its own changes if no server runs. The server
//! also compacts the log, and converts entries of an earlier version, under the same lease.

mod archive_task;
mod progress;
mod redactions;
mod report;
mod upkeep;

use std::{sync::Arc, time::Duration};

use audit_store::{Archiver, LeaseOwner, Redacted, Redactor, Sealer, SealerContext};
use kernel::{Clock, Entry, Id, OrganizationId, StoreError};
use store::{DynStore, Lease};

use crate::compose::Installation;

use archive_task::ArchiveTask;
use progress::Progress;
use redactions::Redactions;
use report::report;
use upkeep::Upkeep;

/// The name of the lease, which is that of [`Lease::Sealer`].
const LEASE: &str = "sealer";

/// Duration of the lease after each renewal, and so roughly the pause of sealing after its owner has died.
const LEASE_DURATION: Duration = Duration::from_secs(3);

/// Maximum number of rounds in one run, after which the task sees whether it has to stop.
const MAX_ROUNDS: usize = 64;

/// Seals the audit log while it owns the lease.
pub(crate) struct AuditSealer {
    store: Arc<DynStore>,
    clock: Arc<dyn Clock>,
    owner: String,
    sealer: Sealer,
    upkeep: Upkeep,
    redactions: Redactions,
    /// `None` if there is no archive.
    archive: Option<ArchiveTask>,
    /// Whether the lease was acquired at the last attempt.
    has_lease: bool,
}

/// The result of one sealing run.
#[derive(Debug, Default)]
pub(crate) struct SealSummary {
    /// Whether more entries may be waiting.
    pub(crate) more: bool,
    /// Whether another process owns the lease.
    pub(crate) leased_elsewhere: bool,
    /// Whether the last round could not be stored. It is made again, but not at once.
    pub(crate) is_outdated: bool,
    /// The number of entries that were sealed.
    pub(crate) sealed: u64,
    /// The number of rows that were refused.
    pub(crate) refused: u64,
    /// The number of rows that are missing although the process that stored them goes on.
    pub(crate) missing: u64,
    /// The error of the first chain that could not be sealed.
    failed: Option<StoreError>,
}

/// The result of one step of compaction and of conversion.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct UpkeepSummary {
    /// The number of runs that became parts of segments.
    pub(crate) compacted_runs: u64,
    /// The number of entries of an earlier version that are left to convert.
    pub(crate) unconverted: u64,
}

impl AuditSealer {
    /// Creates a sealer of the chains of this installation.
    pub(crate) fn new(installation: &Installation) -> Self {
        let Installation { store, clock, entropy, .. } = installation;
        let owner = entropy.ulid(clock.now()).to_string();
        let lease = LeaseOwner { lease: LEASE, owner: owner.clone(), duration: LEASE_DURATION };
        let stamps = Arc::clone(store);
        let keys = installation.sealer_keys();
        let sealer = Sealer::new(SealerContext {
            tables: store.audit_tables(),
            clock: Arc::clone(clock),
            entropy: Arc::clone(entropy),
            begin_entry: Box::new(move || stamps.begin_entry()),
            keys: keys.clone(),
            lease: LEASE,
            owner: owner.clone(),
            lease_duration: LEASE_DURATION,
        });
        let archive = installation.audit_archive.as_ref().map(|archive| {
            let keys = (Arc::clone(&keys.rows), Some(installation.audit_logs.signer.clone()));
            let stores = (store.audit_tables(), Arc::clone(&archive.objects));
            ArchiveTask::new(Archiver::new(stores, Arc::clone(clock), Some(lease.clone()), keys, archive.after))
        });
        let redactor = Self::redactor_with(installation, lease.clone());
        Self {
            redactions: Redactions::new(store, clock, redactor),
            archive,
            store: Arc::clone(store),
            clock: Arc::clone(clock),
            owner,
            sealer,
            upkeep: Upkeep::new(store.audit_tables(), Arc::clone(clock), lease, keys),
            has_lease: false,
        }
    }

    /// Creates a redactor without the lease, which can only examine entries.
    pub(crate) fn redactor(installation: &Installation) -> Redactor {
        let lease = LeaseOwner { lease: LEASE, owner: String::new(), duration: LEASE_DURATION };
        Self::redactor_with(installation, lease)
    }

    fn redactor_with(installation: &Installation, lease: LeaseOwner) -> Redactor {
        let Installation { store, clock, .. } = installation;
        Redactor::new(store.audit_tables(), Arc::clone(clock), lease, Arc::clone(&installation.audit_logs.rows))
    }

    /// Acquires the lease if entries wait, seals them and signs the new heads. A chain that can't be sealed is logged and
    /// rests for a minute; the other chains are sealed all the same.
    ///
    /// # Errors
    /// If the store can't be reached.
    pub(crate) async fn run_once(&mut self) -> Result<SealSummary, StoreError> {
        let mut summary = SealSummary::default();
        // This is asked before the lease is acquired, so that an idle installation writes nothing.
        if !self.sealer.has_work().await? {
            return Ok(summary);
        }
        if !self.acquire_lease().await? {
            return Ok(SealSummary { leased_elsewhere: true, ..summary });
        }
        for _ in 0..MAX_ROUNDS {
            let round = self.sealer.run_round().await?;
            self.upkeep.record_heads(&round.checkpoints);
            self.redactions.extend(&round.redactions);
            summary.more = round.more;
            summary.is_outdated = round.is_outdated;
            report(round, &mut summary);
            if summary.is_outdated || !summary.more {
                break;
            }
        }
        Ok(summary)
    }

    /// Compacts sealed entries and converts those of an earlier version, one step of each, if there are any and the lease
    /// can be had.
    ///
    /// # Errors
    /// If the store fails. The next step tries again.
    pub(crate) async fn keep_up(&mut self) -> Result<UpkeepSummary, StoreError> {
        if self.redactions.look().await?
            && self.acquire_lease().await?
            && let Some(redacted) = self.redactions.run_once().await?
        {
            // The open block of the chain is in memory.
            self.sealer.forget_chain(redacted);
        }
        if self.archive.as_mut().is_some_and(ArchiveTask::is_due) && self.acquire_lease().await? {
            self.archive.iter_mut().for_each(ArchiveTask::start);
        }
        if !self.upkeep.is_due() || !self.acquire_lease().await? {
            return Ok(self.upkeep.summary());
        }
        if let Some(converted) = self.upkeep.run_once().await? {
            // The head of the converted chain is not that in memory.
            self.sealer.forget_chain(converted);
        }
        Ok(self.upkeep.summary())
    }

    /// Redacts the entry that the entry `record` of a log names, if the lease can be had.
    ///
    /// # Errors
    /// If the store fails, or the log is not as it was stored.
    pub(crate) async fn redact(
        &mut self,
        organization: OrganizationId,
        record: Id<Entry>,
    ) -> Result<Redacted, StoreError> {
        if !self.acquire_lease().await? {
            return Ok(Redacted::Refused);
        }
        let redacted = self.redactions.redact(organization, record).await;
        // The open block of the chain is in memory.
        self.sealer.forget_chain(organization);
        redacted
    }

    async fn acquire_lease(&mut self) -> Result<bool, StoreError> {
        let had_lease = self.has_lease;
        let now = self.clock.now();
        self.has_lease = self.store.acquire_lease(Lease::Sealer, &self.owner, now, LEASE_DURATION).await?;
        if self.has_lease && !had_lease {
            self.sealer.forget();
            self.upkeep.take_over();
        }
        Ok(self.has_lease)
    }

    /// Seals all unsealed entries and releases the lease. If another process holds the lease, the entries are left to
    /// it.
    ///
    /// # Errors
    /// If the store fails, or goes on to refuse what is sealed. If a chain can't be sealed, the others are sealed all the
    /// same and the first error is returned.
    pub(crate) async fn seal_tail(&mut self) -> Result<(), StoreError> {
        let sealed = self.seal_all().await;
        // The lease is released even after an error: another process may succeed.
        let released = self.store.release_lease(Lease::Sealer, &self.owner).await;
        self.has_lease = false;
        sealed.and(released)
    }

    async fn seal_all(&mut self) -> Result<(), StoreError> {
        let mut failed = None;
        let mut progress = Progress::default();
        loop {
            let summary = self.run_once().await?;
            let goes_on = progress.goes_on(&summary);
            failed = failed.or(summary.failed);
            if !summary.more || summary.leased_elsewhere {
                return failed.map_or(Ok(()), Err);
            }
            if !goes_on {
                let refused = || StoreError::Corrupt("the database refuses what is to be sealed".into());
                return Err(failed.unwrap_or_else(refused));
            }
        }
    }
}
