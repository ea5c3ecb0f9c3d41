//! An audit log in memory, and generated histories for it.

use std::{
    pin::pin,
    task::{Context, Poll, Waker},
};

use async_trait::async_trait;
use audit::{
    AuditFilter, AuditLog, Batch, Checkpoint, CheckpointSigner, CheckpointVerifier, Hash, Head, Recorded, Signature,
    Tail, Unsealed, seal,
};
use kernel::{Entry, Id, OrganizationId, Page, PageRequest, StoreError, StreamRequest, Streamed, Timestamp};
use proptest::{collection::vec, prelude::*};

use crate::entries::{entry, organization, word};

/// A key that signs with a keyed hash, which suffices since these tests do not attack the signature itself.
pub(crate) struct Key(pub(crate) u8);

impl CheckpointSigner for Key {
    fn sign(&self, message: &[u8]) -> Signature {
        let Hash(digest) = Hash::of(&[&[self.0], message].concat());
        let mut signature = [0; 64];
        signature[..32].copy_from_slice(&digest);
        signature[32..].copy_from_slice(&digest);
        Signature(signature)
    }
}

impl CheckpointVerifier for Key {
    fn verify(&self, message: &[u8], signature: &Signature) -> bool {
        self.sign(message) == *signature
    }
}

/// The stored content of one sealed chain.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Log {
    pub(crate) entries: Vec<Recorded>,
    pub(crate) checkpoints: Vec<Checkpoint>,
    pub(crate) head: Head,
}

impl Log {
    pub(crate) fn grow(&mut self, entries: Vec<Entry>) {
        let unsealed = Unsealed { organization: organization(), head: self.head, entries };
        let batch = seal(&unsealed);
        let seals = batch.seals.iter().map(|(_, seal)| Some(*seal));
        self.entries.extend(unsealed.entries.into_iter().zip(seals).map(|(entry, seal)| Recorded { entry, seal }));
        self.head = batch.head();
        let at = Timestamp::from_millis(self.head.sequence);
        self.checkpoints.push(Checkpoint::sign(&Key(1), organization(), self.head.sequence, self.head.hash, at));
    }
}

/// Arbitrary histories: batches of entries, sealed one after another.
pub(crate) fn history() -> impl Strategy<Value = Log> {
    vec(vec(entry(word()), 1..4), 1..5).prop_map(|batches| {
        let mut log = Log { entries: Vec::new(), checkpoints: Vec::new(), head: Head::EMPTY };
        batches.into_iter().for_each(|entries| log.grow(entries));
        log
    })
}

/// Returns the result of a future that is ready immediately.
pub(crate) fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => panic!("the log in memory must never be pending"),
    }
}

fn not_kept<T>() -> Result<T, StoreError> {
    Err(StoreError::Unavailable("the log in memory supports only reading a sealed chain".into()))
}

#[async_trait]
impl AuditLog for Log {
    async fn entries(&self, _: OrganizationId, _: &AuditFilter, _: &PageRequest) -> Result<Page<Recorded>, StoreError> {
        not_kept()
    }

    async fn stream_entries(
        &self,
        _: OrganizationId,
        _: &AuditFilter,
        _: &StreamRequest,
    ) -> Result<Streamed<Recorded>, StoreError> {
        not_kept()
    }

    async fn entry(&self, _: OrganizationId, _: Id<Entry>) -> Result<Option<Recorded>, StoreError> {
        not_kept()
    }

    async fn with_unsealed(&self, _: Option<OrganizationId>, _: usize) -> Result<Vec<OrganizationId>, StoreError> {
        not_kept()
    }

    async fn unsealed(&self, _: OrganizationId, _: usize) -> Result<Option<Unsealed>, StoreError> {
        not_kept()
    }

    async fn seal(&self, _: &Batch, _: &Checkpoint) -> Result<bool, StoreError> {
        not_kept()
    }

    async fn sealed(&self, _: OrganizationId, after: i64, limit: usize) -> Result<Vec<Recorded>, StoreError> {
        let sequence = |stored: &Recorded| stored.seal.map_or(0, |seal| seal.sequence);
        let mut entries: Vec<_> = self.entries.iter().filter(|stored| sequence(stored) > after).cloned().collect();
        entries.sort_by_key(sequence);
        entries.truncate(limit);
        Ok(entries)
    }

    async fn checkpoints(&self, _: OrganizationId, after: i64, limit: usize) -> Result<Vec<Checkpoint>, StoreError> {
        Ok(self.checkpoints.iter().filter(|checkpoint| checkpoint.sequence > after).take(limit).copied().collect())
    }

    async fn head(&self, _: OrganizationId) -> Result<Head, StoreError> {
        Ok(self.head)
    }

    async fn tail(&self, _: Option<OrganizationId>) -> Result<Tail, StoreError> {
        not_kept()
    }
}
