//! Entries of the old form of the audit log, which no store writes any longer.

use async_trait::async_trait;
use audit::{Checkpoint, StoredEntry};
use store_memory::MemoryStore;

/// Inserts into a store what the migration from an older schema leaves in it.
#[async_trait]
pub trait OldEntries: Send + Sync {
    /// Inserts entries of the old form: sealed ones, from the start of their chain, with the chain's head, and entries
    /// without a seal, which wait for it; and checkpoints.
    async fn insert(&self, entries: &[StoredEntry], checkpoints: &[Checkpoint]);
}

#[async_trait]
impl OldEntries for MemoryStore {
    async fn insert(&self, entries: &[StoredEntry], checkpoints: &[Checkpoint]) {
        self.insert_old_entries(entries, checkpoints).unwrap();
    }
}
