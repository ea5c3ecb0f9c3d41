//! Export of an audit log, for archiving and verification elsewhere.

use std::io::{self, BufWriter, Write};

use kernel::OrganizationId;
use serde_json::json;
use store::DynStore;

use crate::{
    cli::{CommandContext, audit::verify::find_log},
    compose::Installation,
    failure::Failure,
    operations::checkpoint_document,
};

/// Maximum number of entries or checkpoints held in memory at once.
const BATCH: usize = 500;

/// Writes a log to stdout as JSON lines. Each checkpoint follows the entry whose hash it signs.
///
/// # Errors
/// If the store fails or stdout can't be written.
pub(super) async fn export(context: &CommandContext, workspace: &str) -> Result<(), Failure> {
    Installation::with(&context.settings, async |installation| {
        let (_, organization) = find_log(installation, workspace).await?;
        let mut out = BufWriter::new(io::stdout().lock());
        write(&*installation.store, organization, &mut out).await
    })
    .await
}

async fn write(store: &DynStore, organization: OrganizationId, out: &mut impl Write) -> Result<(), Failure> {
    // Entries sealed during the export are left to the next one, so that this one ends, and ends with a checkpoint.
    let end = store.head(organization).await?.sequence;
    let mut checkpoints = Vec::new().into_iter().peekable();
    let (mut sequence, mut signed, mut more) = (0, 0, true);
    while sequence < end {
        let entries = store.sealed(organization, sequence, BATCH).await?;
        if entries.is_empty() {
            break;
        }
        for entry in entries {
            let Some(seal) = entry.seal.filter(|seal| seal.sequence <= end) else { break };
            sequence = seal.sequence;
            writeln!(out, "{{\"entry\":{}}}", audit::canonical_json(&entry))?;
            loop {
                if more && checkpoints.peek().is_none() {
                    checkpoints = store.checkpoints(organization, signed, BATCH).await?.into_iter().peekable();
                    more = checkpoints.peek().is_some();
                }
                let Some(checkpoint) = checkpoints.next_if(|next: &audit::Checkpoint| next.sequence <= sequence) else {
                    break;
                };
                signed = checkpoint.sequence;
                writeln!(out, "{}", json!({ "checkpoint": checkpoint_document(&checkpoint) }))?;
            }
        }
    }
    Ok(out.flush()?)
}
