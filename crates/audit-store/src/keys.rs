//! The keys of the sealer.

use std::sync::Arc;

use audit::{CheckpointSigner, Hash, RowKey, Signature};
use kernel::OrganizationId;

/// The keys that the sealer needs.
#[derive(Clone)]
pub struct SealerKeys {
    /// Signs checkpoints.
    pub checkpoints: Arc<dyn CheckpointSigner>,
    /// Authenticates rows.
    pub rows: Arc<dyn RowKey>,
    /// Signs the heads of trees; without it, heads have no notes.
    pub notes: Option<Arc<dyn TreeHeadSigner>>,
}

/// Signs the heads of trees as notes, under the names of their logs.
pub trait TreeHeadSigner: Send + Sync {
    /// Returns the signature of the note about the tree of this organization's log, with this size and root.
    fn sign_tree(&self, organization: OrganizationId, size: u64, root: Hash) -> Signature;
}
