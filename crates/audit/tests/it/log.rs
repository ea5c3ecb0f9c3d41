//! An audit log in memory, and generated histories for it.

use std::{
    pin::pin,
    task::{Context, Poll, Waker},
};

use async_trait::async_trait;
use audit::{
    AuditFilter, AuditLog, Checkpoint, CheckpointSigner, CheckpointVerifier, Hash, Head, Seal, SealedEntry, Signature,
    StoredEntry, UnsealedStats, hash_entry,
};
use kernel::{Entry, Id, OrganizationId, Page, PageRequest, SnapshotStream, StoreError, StreamRequest, Timestamp};
use proptest::{collection::vec, prelude::*};

use crate::entries::{entry, organization, simple_text};

/// A key that signs with a keyed hash, which suffices since these tests do not attack the signature itself.
pub(crate) struct TestKey(pub(crate) u8);

impl CheckpointSigner for TestKey {
    fn sign(&self, message: &[u8]) -> Signature {
        let Hash(digest) = Hash::digest(&[&[self.0], message].concat());
        let mut signature = [0; 64];
        signature[..32].copy_from_slice(&digest);
        signature[32..].copy_from_slice(&digest);
        Signature(signature)
    }
}

impl CheckpointVerifier for TestKey {
    fn verify(&self, message: &[u8], signature: &Signature) -> bool {
        self.sign(message) == *signature
    }
}

/// The stored content of one sealed chain.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct MemoryLog {
    pub(crate) entries: Vec<StoredEntry>,
    pub(crate) checkpoints: Vec<Checkpoint>,
    pub(crate) head: Head,
    /// The last entry that was removed from the start of the chain.
    pub(crate) removed: Head,
}

impl MemoryLog {
    pub(crate) fn append_sealed(&mut self, entries: Vec<Entry>) {
        for entry in entries {
            let (sequence, previous_hash) = (self.head.sequence + 1, self.head.hash);
            let hash = hash_entry(&entry, sequence, previous_hash);
            self.entries.push(StoredEntry { entry, seal: Some(Seal { sequence, previous_hash, hash }) });
            self.head = Head { sequence, hash };
        }
        let at = Timestamp::from_millis(self.head.sequence);
        self.checkpoints.push(Checkpoint::sign(&TestKey(1), organization(), self.head.sequence, self.head.hash, at));
    }
}

/// Arbitrary histories: batches of entries, sealed one after another.
pub(crate) fn history() -> impl Strategy<Value = MemoryLog> {
    vec(vec(entry(simple_text()), 1..4), 1..5).prop_map(|batches| {
        let mut log =
            MemoryLog { entries: Vec::new(), checkpoints: Vec::new(), head: Head::EMPTY, removed: Head::EMPTY };
        batches.into_iter().for_each(|entries| log.append_sealed(entries));
        log
    })
}

/// Returns the result of a future that is ready immediately.
pub(crate) fn ready_result<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => panic!("the log in memory must never be pending"),
    }
}

fn unsupported<T>() -> Result<T, StoreError> {
    Err(StoreError::Unavailable("the log in memory supports only reading a sealed chain".into()))
}

#[async_trait]
impl AuditLog for MemoryLog {
    async fn entries(
        &self,
        _: OrganizationId,
        _: &AuditFilter,
        _: &PageRequest,
    ) -> Result<Page<StoredEntry>, StoreError> {
        unsupported()
    }

    async fn stream_entries(
        &self,
        _: OrganizationId,
        _: &AuditFilter,
        _: &StreamRequest,
    ) -> Result<SnapshotStream<StoredEntry>, StoreError> {
        unsupported()
    }

    async fn entry(&self, _: OrganizationId, _: Id<Entry>) -> Result<Option<StoredEntry>, StoreError> {
        unsupported()
    }

    async fn changes(&self, _: OrganizationId, _: &str, _: usize) -> Result<Vec<StoredEntry>, StoreError> {
        unsupported()
    }

    async fn sealed(&self, _: OrganizationId, after: i64, limit: usize) -> Result<Vec<SealedEntry>, StoreError> {
        let sequence = |stored: &StoredEntry| stored.seal.map_or(0, |seal| seal.sequence);
        let mut entries: Vec<_> = self.entries.iter().filter(|stored| sequence(stored) > after).cloned().collect();
        entries.sort_by_key(sequence);
        entries.truncate(limit);
        Ok(entries.into_iter().map(SealedEntry::Entry).collect())
    }

    async fn checkpoints(&self, _: OrganizationId, after: i64, limit: usize) -> Result<Vec<Checkpoint>, StoreError> {
        Ok(self.checkpoints.iter().filter(|checkpoint| checkpoint.sequence > after).take(limit).copied().collect())
    }

    async fn head(&self, _: OrganizationId) -> Result<Head, StoreError> {
        Ok(self.head)
    }

    async fn removed(&self, _: OrganizationId) -> Result<Head, StoreError> {
        Ok(self.removed)
    }

    async fn unsealed_stats(&self, _: Option<OrganizationId>) -> Result<UnsealedStats, StoreError> {
        unsupported()
    }

    async fn waiting_stats(&self, _: OrganizationId, _: usize) -> Result<UnsealedStats, StoreError> {
        unsupported()
    }
}
