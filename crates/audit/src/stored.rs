//! Verification of the chain in a store.

use kernel::{OrganizationId, StoreError};

use crate::{
    checkpoint::{Checkpoint, CheckpointVerifier},
    link::Link,
    log::AuditLog,
    stored_entry::Head,
    verify::{ChainVerifier, Fault, VerifiedChain},
};

/// The number of entries or checkpoints that are read at a time.
const PAGE_SIZE: usize = 500;

/// The reason that a stored chain could not be verified.
#[derive(Debug, thiserror::Error)]
pub enum VerificationError {
    /// The chain is not intact.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The store failed before the end of the chain was reached.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Verifies an organization's chain and the stored checkpoints against `trusted` checkpoints, which were stored
/// elsewhere. The store may be written to at the same time. Unsealed entries are not part of the chain: see
/// [`AuditLog::unsealed_stats`].
///
/// # Errors
/// [`VerificationError`]: the first fault, or the store's failure.
pub async fn verify_stored(
    log: &dyn AuditLog,
    organization: OrganizationId,
    key: &dyn CheckpointVerifier,
    trusted: &[Checkpoint],
) -> Result<VerifiedChain, VerificationError> {
    loop {
        let start = log.removed(organization).await?;
        let outcome = verify_after(start, log, organization, key, trusted).await;
        // Entries may have been removed while the chain was read.
        if outcome.is_ok() || log.removed(organization).await? == start {
            return outcome;
        }
    }
}

/// Verifies a chain from whose start the entries up to `start` were removed.
async fn verify_after(
    start: Head,
    log: &dyn AuditLog,
    organization: OrganizationId,
    key: &dyn CheckpointVerifier,
    trusted: &[Checkpoint],
) -> Result<VerifiedChain, VerificationError> {
    let mut verifier = ChainVerifier::starting_after(start, organization, key);
    for checkpoint in trusted {
        verifier.verify_checkpoint(checkpoint)?;
    }
    let stored_head = log.head(organization).await?.sequence;
    let mut checkpoints = CheckpointCursor { log, organization, after: i64::MIN };
    let mut after = i64::MIN;
    loop {
        let page = log.sealed(organization, after, PAGE_SIZE).await?;
        let links: Vec<Link> = page.iter().filter_map(Link::from_sealed).collect();
        // After the last entry, there may be the checkpoint of a batch that was sealed after the page was read. The
        // entries of that batch are visible by then, so they are read once more before the chain is judged to be cut.
        let through = links.last().map_or(i64::MAX, |last| last.sequence);
        let found_checkpoints = checkpoints.verify_up_to(through, &mut verifier).await?;
        for link in &links {
            verifier.verify_entry(link)?;
            after = link.sequence;
        }
        if links.is_empty() && !found_checkpoints {
            break;
        }
    }
    let verified = verifier.finish()?;
    let last = verified.head.sequence;
    if last < stored_head {
        return Err(Fault::HeadLost { last, sequence: stored_head }.into());
    }
    // A batch and its checkpoint are stored atomically, so the last entry of a chain is always signed.
    if verified.signed_through < last {
        return Err(Fault::Unsigned { from: verified.signed_through + 1 }.into());
    }
    Ok(verified)
}

/// A reader of the stored checkpoints that follows the verification of the entries.
struct CheckpointCursor<'log> {
    log: &'log dyn AuditLog,
    organization: OrganizationId,
    after: i64,
}

impl CheckpointCursor<'_> {
    /// Passes all checkpoints up to this sequence to the verifier. Returns whether there were any.
    async fn verify_up_to(
        &mut self,
        sequence: i64,
        verifier: &mut ChainVerifier<'_>,
    ) -> Result<bool, VerificationError> {
        let mut any = false;
        loop {
            let page = self.log.checkpoints(self.organization, self.after, PAGE_SIZE).await?;
            let reached = page.iter().take_while(|checkpoint| checkpoint.sequence <= sequence);
            let mut taken = 0;
            for checkpoint in reached {
                verifier.verify_checkpoint(checkpoint)?;
                self.after = checkpoint.sequence;
                taken += 1;
            }
            any |= taken > 0;
            if taken < PAGE_SIZE {
                return Ok(any);
            }
        }
    }
}
