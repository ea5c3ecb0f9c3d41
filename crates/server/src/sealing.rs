//! Sealing the audit log: the server's task does it all the time, a command after its own changes when no server is there.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use audit::{Checkpoint, CheckpointSigner};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use futures_util::{StreamExt as _, stream};
use kernel::{Clock, OrganizationId, StoreError, Timestamp};
use serde_json::{Value, json};
use store::{DynStore, Lease};

use crate::compose::Installation;

/// How many entries of one chain are sealed at a time.
const BATCH: usize = 2000;

/// How many chains are looked for at a time. The lease is renewed before each such lot.
const CHAINS: usize = 64;

/// How many chains are sealed at once: few enough that calls find a connection to the database, and enough that a thousand
/// active organizations don't wait for one another's commits.
const AT_ONCE: usize = 8;

/// How long the lease is held from one renewal to the next, and so about how long nothing is sealed after its holder died.
const LEASE: Duration = Duration::from_secs(3);

/// How long a chain that can't be sealed is left alone.
const REST: Duration = Duration::from_secs(60);

/// Where checkpoints go in the log, whatever else is logged.
pub(crate) const CHECKPOINT_TARGET: &str = "novantra::checkpoint";

/// One who seals, when the lease is to be had.
pub(crate) struct Sealer {
    store: Arc<DynStore>,
    clock: Arc<dyn Clock>,
    signer: Arc<dyn CheckpointSigner>,
    holder: String,
    /// Chains that could not be sealed, and until when they are left alone.
    resting: BTreeMap<OrganizationId, Timestamp>,
}

/// What a round came to.
#[derive(Debug, Default)]
pub(crate) struct Round {
    /// More may wait, right now.
    pub(crate) more: bool,
    /// Another holder has the lease.
    pub(crate) elsewhere: bool,
    /// Why the first of the chains that were not sealed was not.
    failed: Option<StoreError>,
}

impl Sealer {
    /// Seals the chains of this installation.
    pub(crate) fn new(installation: &Installation) -> Self {
        Self {
            store: Arc::clone(&installation.store),
            clock: Arc::clone(&installation.clock),
            signer: Arc::clone(&installation.checkpoints),
            holder: installation.entropy.ulid(installation.clock.now()).to_string(),
            resting: BTreeMap::new(),
        }
    }

    /// Seals a batch of every chain that has entries waiting, if the lease is to be had, and signs each chain's new head.
    /// A chain that can't be sealed is named, left alone for a minute, and keeps no other from it.
    ///
    /// # Errors
    /// When the store can't be reached.
    pub(crate) async fn round(&mut self) -> Result<Round, StoreError> {
        let (mut round, mut after) = (Round::default(), None);
        self.resting.retain(|_, until| self.clock.now() < *until);
        loop {
            // Looked at first without the lease: an idle installation writes nothing.
            let due = self.store.with_unsealed(after, CHAINS).await?;
            let Some(last) = due.last() else { return Ok(round) };
            if !self.store.hold(Lease::Sealer, &self.holder, self.clock.now(), LEASE).await? {
                return Ok(Round { elsewhere: true, ..round });
            }
            after = Some(*last);
            let awake = due.into_iter().filter(|chain| !self.resting.contains_key(chain));
            let sealed = stream::iter(awake).map(|chain| {
                let seal = self.seal_chain(chain);
                async move { (chain, seal.await) }
            });
            for (chain, outcome) in sealed.buffer_unordered(AT_ONCE).collect::<Vec<_>>().await {
                match outcome {
                    Ok(sealed) => round.more |= sealed == BATCH,
                    Err(error @ StoreError::Unavailable(_)) => return Err(error),
                    Err(error) => {
                        tracing::error!(organization = %chain, %error, "the organization's audit log can't be sealed");
                        self.resting.insert(chain, self.clock.now() + REST);
                        round.failed.get_or_insert(error);
                    }
                }
            }
        }
    }

    /// Seals what waits of one chain, a batch at most, unless another sealer was faster. Says how many entries.
    async fn seal_chain(&self, organization: OrganizationId) -> Result<usize, StoreError> {
        let Some(unsealed) = self.store.unsealed(organization, BATCH).await? else { return Ok(0) };
        let batch = audit::seal(&unsealed);
        let head = batch.head();
        let checkpoint =
            Checkpoint::sign(&*self.signer, batch.organization, head.sequence, head.hash, self.clock.now());
        if !self.store.seal(&batch, &checkpoint).await? {
            return Ok(0);
        }
        tracing::info!(target: CHECKPOINT_TARGET, checkpoint = %document(&checkpoint), "audit checkpoint");
        Ok(batch.seals.len())
    }

    /// Seals all that waits and gives the lease up; leaves it to whoever holds the lease otherwise.
    ///
    /// # Errors
    /// When the store fails. A chain that can't be sealed keeps no other from it: the first failure is told at the end.
    pub(crate) async fn seal_tail(&mut self) -> Result<(), StoreError> {
        let sealed = self.rounds().await;
        // The lease is given up whatever happened: another holder may fare better.
        let released = self.store.release(Lease::Sealer, &self.holder).await;
        sealed.and(released)
    }

    async fn rounds(&mut self) -> Result<(), StoreError> {
        let mut failed = None;
        loop {
            let round = self.round().await?;
            failed = failed.or(round.failed);
            if !round.more || round.elsewhere {
                return failed.map_or(Ok(()), Err);
            }
        }
    }
}

/// A checkpoint as it is logged, exported and handed to `audit verify --checkpoint`.
pub(crate) fn document(checkpoint: &Checkpoint) -> Value {
    json!({
        "hash": checkpoint.hash.to_string(),
        "organizationId": checkpoint.organization.to_string(),
        "sequence": checkpoint.sequence,
        "signature": BASE64.encode(checkpoint.signature.0),
        "signedAt": checkpoint.signed_at.to_string(),
    })
}
