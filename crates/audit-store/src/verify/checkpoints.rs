//! The checkpoints that are kept in the store.

use audit::{AuditTables, Checkpoint, CheckpointVerifier, VerificationError};
use kernel::OrganizationId;

use super::chain_state::ChainState;

/// The number of checkpoints that are read at a time.
const PAGE: usize = 500;

/// A reader of the kept checkpoints that follows the verification of the entries.
#[derive(Clone)]
pub(super) struct KeptCheckpoints {
    organization: OrganizationId,
    /// The checkpoints that were read, the last first.
    read: Vec<Checkpoint>,
    after: i64,
    is_complete: bool,
}

impl KeptCheckpoints {
    pub(super) fn new(organization: OrganizationId) -> Self {
        Self { organization, read: Vec::new(), after: i64::MIN, is_complete: false }
    }

    /// Passes on all checkpoints up to this sequence.
    pub(super) async fn expect_up_to(
        &mut self,
        sequence: i64,
        tables: &dyn AuditTables,
        chain: &mut ChainState,
        key: &dyn CheckpointVerifier,
    ) -> Result<(), VerificationError> {
        loop {
            while let Some(checkpoint) = self.read.pop_if(|checkpoint| checkpoint.sequence <= sequence) {
                chain.expect_checkpoint(&checkpoint, key)?;
            }
            if !self.read.is_empty() || self.is_complete {
                return Ok(());
            }
            self.read = tables.checkpoints(self.organization, self.after, PAGE).await?;
            self.is_complete = self.read.len() < PAGE;
            self.after = self.read.last().map_or(self.after, |last| last.sequence);
            self.read.reverse();
        }
    }
}
