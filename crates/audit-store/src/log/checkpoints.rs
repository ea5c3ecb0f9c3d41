//! The checkpoints of a chain.

use audit::{
    Checkpoint,
    tables::{SignedHead, StoredHead},
};
use kernel::{OrganizationId, StoreError};

use super::reader::Reader;

impl Reader {
    /// Returns up to `limit` checkpoints after this sequence, in the order of the chain.
    pub(crate) async fn checkpoints(
        &self,
        organization: OrganizationId,
        after: i64,
        limit: usize,
    ) -> Result<Vec<Checkpoint>, StoreError> {
        let mut checkpoints = self.tables.checkpoints(organization, after, limit).await?;
        if checkpoints.len() < limit {
            let head = self.head(organization).await?.and_then(|head| own_checkpoint(&head));
            let is_new = |own: &Checkpoint| own.sequence > after && !checkpoints.contains(own);
            let own = head.filter(is_new);
            checkpoints.extend(own);
            // The head comes last, unless somebody has put it back.
            checkpoints.sort_by_key(|checkpoint| checkpoint.sequence);
        }
        Ok(checkpoints)
    }
}

/// Returns the checkpoint that is stored with a head.
fn own_checkpoint(head: &StoredHead) -> Option<Checkpoint> {
    let SignedHead { signed_at, checkpoint, .. } = head.signed?;
    let (organization, audit::Head { sequence, hash }) = (head.organization, head.head);
    Some(Checkpoint { organization, sequence, hash, signed_at, signature: checkpoint })
}
