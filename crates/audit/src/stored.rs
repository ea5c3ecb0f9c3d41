//! Verifying the chain that a store keeps.

use kernel::{OrganizationId, StoreError};

use crate::{
    checkpoint::{Checkpoint, CheckpointVerifier},
    log::AuditLog,
    verify::{Fault, Link, Verdict, Verification},
};

/// How many entries or checkpoints are read at a time.
const PAGE: usize = 500;

/// Why a stored chain was not found whole.
#[derive(Debug, thiserror::Error)]
pub enum NotVerified {
    /// Something is wrong with the chain.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The store failed before the end was reached.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Verifies an organization's chain and the checkpoints kept beside it, with `trusted` checkpoints that were kept
/// elsewhere. The store may be written to meanwhile. Entries that wait for their seal are no part of the chain: see
/// [`AuditLog::tail`].
///
/// # Errors
/// [`NotVerified`]: the first fault, or the store's failure.
pub async fn verify_stored(
    log: &dyn AuditLog,
    organization: OrganizationId,
    key: &dyn CheckpointVerifier,
    trusted: &[Checkpoint],
) -> Result<Verdict, NotVerified> {
    let mut walk = Verification::new(organization, key);
    for checkpoint in trusted {
        walk.checkpoint(checkpoint)?;
    }
    let reach = log.head(organization).await?.sequence;
    let mut kept = Kept { log, organization, after: i64::MIN };
    let mut after = i64::MIN;
    loop {
        let page = log.sealed(organization, after, PAGE).await?;
        let links: Vec<Link> = page.iter().filter_map(Link::of).collect();
        // Past the last entry, the checkpoint of a batch may show up that was sealed after the page was read: its
        // entries are there by then, so they are asked for once more before the tail is called cut.
        let through = links.last().map_or(i64::MAX, |last| last.sequence);
        let signed = kept.up_to(through, &mut walk).await?;
        for link in &links {
            walk.entry(link)?;
            after = link.sequence;
        }
        if links.is_empty() && !signed {
            break;
        }
    }
    let verdict = walk.finish()?;
    let last = verdict.head.sequence;
    if last < reach {
        return Err(Fault::HeadLost { last, sequence: reach }.into());
    }
    // The store takes a batch and its checkpoint together, so the end of a chain is always a signed one.
    if verdict.signed_through < last {
        return Err(Fault::Unsigned { from: verdict.signed_through + 1 }.into());
    }
    Ok(verdict)
}

/// The checkpoints kept beside the chain, read as the walk comes to them.
struct Kept<'log> {
    log: &'log dyn AuditLog,
    organization: OrganizationId,
    after: i64,
}

impl Kept<'_> {
    /// Hands the walk all checkpoints up to this sequence. Says whether there were any.
    async fn up_to(&mut self, sequence: i64, walk: &mut Verification<'_>) -> Result<bool, NotVerified> {
        let mut any = false;
        loop {
            let page = self.log.checkpoints(self.organization, self.after, PAGE).await?;
            let within = page.iter().take_while(|checkpoint| checkpoint.sequence <= sequence);
            let mut taken = 0;
            for checkpoint in within {
                walk.checkpoint(checkpoint)?;
                self.after = checkpoint.sequence;
                taken += 1;
            }
            any |= taken > 0;
            if taken < PAGE {
                return Ok(any);
            }
        }
    }
}
