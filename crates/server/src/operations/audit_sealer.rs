//! Sealing of the audit log, by a task of the server, or by a command after its own changes if no server runs.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use audit::{Checkpoint, CheckpointSigner, checkpoint_json};
use futures_util::{StreamExt as _, stream};
use kernel::{Clock, OrganizationId, StoreError, Timestamp};
use store::{DynStore, Lease};

use crate::{compose::Installation, logging::CHECKPOINT_TARGET};

/// Maximum number of entries of one chain that are sealed at once.
const BATCH: usize = 2000;

/// Number of chains loaded per query. The lease is renewed before each such batch of chains.
const CHAINS_PER_QUERY: usize = 64;

/// Number of chains sealed concurrently: few enough to leave database connections to requests, and enough that a
/// thousand active organizations don't wait for one another's commits.
const MAX_CONCURRENT_CHAINS: usize = 8;

/// Duration of the lease after each renewal, and so roughly the pause of sealing after its owner has died.
const LEASE_DURATION: Duration = Duration::from_secs(3);

/// Delay before a chain that could not be sealed is tried again.
const RETRY_DELAY: Duration = Duration::from_secs(60);

/// Seals the audit log while it owns the lease.
pub(crate) struct AuditSealer {
    store: Arc<DynStore>,
    clock: Arc<dyn Clock>,
    signer: Arc<dyn CheckpointSigner>,
    owner: String,
    /// The chains that could not be sealed, and when each may be tried again.
    backed_off: BTreeMap<OrganizationId, Timestamp>,
}

/// The result of one sealing pass.
#[derive(Debug, Default)]
pub(crate) struct SealSummary {
    /// Whether a chain had a full batch, so that more entries may be waiting.
    pub(crate) more: bool,
    /// Whether another process owns the lease.
    pub(crate) leased_elsewhere: bool,
    /// The error of the first chain that could not be sealed.
    failed: Option<StoreError>,
}

impl AuditSealer {
    /// Creates a sealer of the chains of this installation.
    pub(crate) fn new(installation: &Installation) -> Self {
        Self {
            store: Arc::clone(&installation.store),
            clock: Arc::clone(&installation.clock),
            signer: Arc::clone(&installation.checkpoints),
            owner: installation.entropy.ulid(installation.clock.now()).to_string(),
            backed_off: BTreeMap::new(),
        }
    }

    /// Acquires the lease, seals a batch of every chain with unsealed entries and signs each chain's new head. A chain
    /// that can't be sealed is logged and skipped for a minute; the other chains are sealed all the same.
    ///
    /// # Errors
    /// If the store can't be reached.
    pub(crate) async fn run_once(&mut self) -> Result<SealSummary, StoreError> {
        let (mut summary, mut after) = (SealSummary::default(), None);
        // A wait that is longer than any began before the clock was set back.
        let now = self.clock.now();
        self.backed_off.retain(|_, until| now < *until && *until <= now + RETRY_DELAY);
        loop {
            // The chains are queried before the lease is acquired, so that an idle installation writes nothing.
            let due = self.store.organizations_with_unsealed(after, CHAINS_PER_QUERY).await?;
            let Some(last) = due.last() else { return Ok(summary) };
            if !self.store.acquire_lease(Lease::Sealer, &self.owner, self.clock.now(), LEASE_DURATION).await? {
                return Ok(SealSummary { leased_elsewhere: true, ..summary });
            }
            after = Some(*last);
            let ready = due.into_iter().filter(|chain| !self.backed_off.contains_key(chain));
            let sealed = stream::iter(ready).map(|chain| {
                let seal = self.seal_chain(chain);
                async move { (chain, seal.await) }
            });
            for (chain, outcome) in sealed.buffer_unordered(MAX_CONCURRENT_CHAINS).collect::<Vec<_>>().await {
                match outcome {
                    Ok(sealed) => summary.more |= sealed == BATCH,
                    Err(error @ StoreError::Unavailable(_)) => return Err(error),
                    Err(error) => {
                        tracing::error!(organization = %chain, %error, "the audit log of an organization can't be sealed; trying again in 60 s");
                        self.backed_off.insert(chain, self.clock.now() + RETRY_DELAY);
                        summary.failed.get_or_insert(error);
                    }
                }
            }
        }
    }

    /// Seals up to a batch of one chain's unsealed entries. Returns the number of entries, which is 0 if another
    /// process was faster.
    async fn seal_chain(&self, organization: OrganizationId) -> Result<usize, StoreError> {
        let Some(unsealed) = self.store.unsealed(organization, BATCH).await? else { return Ok(0) };
        let batch = audit::seal(&unsealed);
        let head = batch.head();
        let checkpoint =
            Checkpoint::sign(&*self.signer, batch.organization, head.sequence, head.hash, self.clock.now());
        if !self.store.seal(&batch, &checkpoint).await? {
            return Ok(0);
        }
        tracing::info!(target: CHECKPOINT_TARGET, checkpoint = %checkpoint_json(&checkpoint), "audit checkpoint");
        Ok(batch.seals.len())
    }

    /// Seals all unsealed entries and releases the lease. If another process holds the lease, the entries are left to
    /// it.
    ///
    /// # Errors
    /// If the store fails. If a chain can't be sealed, the others are sealed all the same and the first error is
    /// returned.
    pub(crate) async fn seal_tail(&mut self) -> Result<(), StoreError> {
        let sealed = self.seal_all().await;
        // The lease is released even after an error: another process may succeed.
        let released = self.store.release_lease(Lease::Sealer, &self.owner).await;
        sealed.and(released)
    }

    async fn seal_all(&mut self) -> Result<(), StoreError> {
        let mut failed = None;
        loop {
            let summary = self.run_once().await?;
            failed = failed.or(summary.failed);
            if !summary.more || summary.leased_elsewhere {
                return failed.map_or(Ok(()), Err);
            }
        }
    }
}
