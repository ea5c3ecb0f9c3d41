//! Sealing the audit log: the server's task does it all the time, a command after its own changes when no server is there.

use std::time::Duration;

use audit::{Checkpoint, CheckpointSigner, Unsealed};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use kernel::{Clock, Entropy, StoreError};
use serde_json::{Value, json};
use store::{DynStore, Lease};

/// How many entries one round seals at most.
pub(crate) const BATCH: usize = 2000;

/// How long the lease is held from one renewal to the next.
pub(crate) const LEASE: Duration = Duration::from_secs(5);

/// Where checkpoints go in the log, whatever else is logged.
pub(crate) const CHECKPOINT_TARGET: &str = "novantra::checkpoint";

/// A name for one who wants the lease.
pub(crate) fn holder(entropy: &dyn Entropy, clock: &dyn Clock) -> String {
    entropy.ulid(clock.now()).to_string()
}

/// Seals up to [`BATCH`] of the entries that wait, if the lease is to be had, and signs each chain's new head. Says how
/// many it sealed; as many as [`BATCH`] means that more may wait.
///
/// # Errors
/// When the store fails. A chain that can't be sealed keeps no other from it: the first failure is told at the end.
pub(crate) async fn seal_round(
    store: &DynStore,
    clock: &dyn Clock,
    holder: &str,
    signer: &dyn CheckpointSigner,
) -> Result<usize, StoreError> {
    // Looked at first without the lease: an idle installation writes nothing.
    if store.tail(None).await?.entries == 0 {
        return Ok(0);
    }
    if !store.hold(Lease::Sealer, holder, clock.now(), LEASE).await? {
        return Ok(0);
    }
    let (mut sealed, mut failed) = (0, Ok(()));
    for unsealed in store.unsealed(BATCH).await? {
        match seal_chain(store, clock, signer, &unsealed).await {
            Ok(true) => sealed += unsealed.entries.len(),
            Ok(false) => {}
            Err(error) => failed = failed.and(Err(error)),
        }
    }
    failed.map(|()| sealed)
}

/// Seals what waits of one chain, unless another sealer was faster.
async fn seal_chain(
    store: &DynStore,
    clock: &dyn Clock,
    signer: &dyn CheckpointSigner,
    unsealed: &Unsealed,
) -> Result<bool, StoreError> {
    let batch = audit::seal(unsealed);
    let head = batch.head();
    let checkpoint = Checkpoint::sign(signer, batch.organization, head.sequence, head.hash, clock.now());
    let sealed = store.seal(&batch, &checkpoint).await?;
    if sealed {
        tracing::info!(target: CHECKPOINT_TARGET, checkpoint = %document(&checkpoint), "audit checkpoint");
    }
    Ok(sealed)
}

/// Seals all that waits and gives the lease up; leaves it to whoever holds the lease otherwise.
///
/// # Errors
/// When the store fails.
pub(crate) async fn seal_tail(
    store: &DynStore,
    clock: &dyn Clock,
    holder: &str,
    signer: &dyn CheckpointSigner,
) -> Result<(), StoreError> {
    let sealed = loop {
        match seal_round(store, clock, holder, signer).await {
            Ok(BATCH..) => {}
            ended => break ended.map(|_| ()),
        }
    };
    // The lease is given up whatever happened: another holder may fare better.
    let released = store.release(Lease::Sealer, holder).await;
    sealed.and(released)
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
