//! The keys of the sealer.

use std::sync::Arc;

use audit::{CheckpointSigner, RowKey};

/// The keys that the sealer needs.
#[derive(Clone)]
pub struct SealerKeys {
    /// Signs checkpoints.
    pub checkpoints: Arc<dyn CheckpointSigner>,
    /// Authenticates rows.
    pub rows: Arc<dyn RowKey>,
}
