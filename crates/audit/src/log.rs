//! Entries as they are kept, and what is asked of a store that keeps them.

use std::{collections::BTreeSet, fmt, str::FromStr};

use async_trait::async_trait;
use kernel::{Entry, Id, OrganizationId, Page, PageRequest, StoreError, StreamRequest, Streamed, Timestamp};
use sha2::{Digest, Sha256};

use crate::{chain::Batch, checkpoint::Checkpoint, hex};

/// A SHA-256, written as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// What the first entry of a chain has for its previous hash.
    pub const NONE: Self = Self([0; 32]);

    /// The hash of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex::write(f, &self.0)
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a SHA-256 in lower-case hexadecimal")]
pub struct MalformedHash;

impl FromStr for Hash {
    type Err = MalformedHash;

    fn from_str(text: &str) -> Result<Self, MalformedHash> {
        hex::read(text).map(Self).ok_or(MalformedHash)
    }
}

/// An entry's place in its organization's chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seal {
    /// 1 for the first entry of the organization, without gaps.
    pub sequence: i64,
    /// The hash of the entry before; [`Hash::NONE`] for the first.
    pub previous_hash: Hash,
    /// The hash over the entry, its sequence and the previous hash.
    pub hash: Hash,
}

/// An entry as it is kept: without a seal for up to a second, with one from then on.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// The entry.
    pub entry: Entry,
    /// Its place in the chain.
    pub seal: Option<Seal>,
}

/// The last sealed entry of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its sequence; 0 for an empty chain.
    pub sequence: i64,
    /// Its hash; [`Hash::NONE`] for an empty chain.
    pub hash: Hash,
}

impl Head {
    /// Of a chain with nothing in it.
    pub const EMPTY: Self = Self { sequence: 0, hash: Hash::NONE };
}

/// Entries of one organization that wait for their seal, in the order they are to get it (that of their identifiers).
#[derive(Clone, Debug, PartialEq)]
pub struct Unsealed {
    /// Whose they are.
    pub organization: OrganizationId,
    /// What they are chained to.
    pub head: Head,
    /// The entries.
    pub entries: Vec<Entry>,
}

/// How much of a log is not sealed yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tail {
    /// How many entries.
    pub entries: u64,
    /// When the oldest of them occurred.
    pub oldest: Option<Timestamp>,
}

/// What a list of entries can be narrowed by. An empty set means any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Actions: `finding.created`.
    pub actions: BTreeSet<String>,
    /// Actors' identifiers, prefix included.
    pub actors: BTreeSet<String>,
    /// Subjects' identifiers, prefix included.
    pub subjects: BTreeSet<String>,
}

impl AuditFilter {
    /// The reference meaning of the filter.
    #[must_use]
    pub fn matches(&self, entry: &Entry) -> bool {
        let within = |set: &BTreeSet<String>, value: Option<&str>| {
            set.is_empty() || value.is_some_and(|value| set.contains(value))
        };
        within(&self.actions, Some(entry.action.as_str()))
            && within(&self.actors, entry.actor.id.as_deref())
            && within(&self.subjects, entry.subject.as_ref().map(|subject| subject.id.as_str()))
    }
}

/// Keeps the audit log beside [`kernel::AuditTrail`], which fills it.
#[async_trait]
pub trait AuditLog: Send + Sync {
    /// A page of an organization's entries. Entries never change but for their seal, so both orders go by identifier:
    /// newest first, or oldest first for [`kernel::Order::Changed`] (its position's time is the entry's), and the update
    /// window means the same as the creation window.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn entries(
        &self,
        organization: OrganizationId,
        filter: &AuditFilter,
        page: &PageRequest,
    ) -> Result<Page<Recorded>, StoreError>;

    /// All of an organization's entries that match, in the order of [`Self::entries`], as they are when this returns: see
    /// [`kernel::Reader::stream`].
    ///
    /// # Errors
    /// [`StoreError`] when the store fails, [`StoreError::Unavailable`] also when it gives out no more streams just now.
    async fn stream_entries(
        &self,
        organization: OrganizationId,
        filter: &AuditFilter,
        request: &StreamRequest,
    ) -> Result<Streamed<Recorded>, StoreError>;

    /// The entry with this identifier.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn entry(&self, organization: OrganizationId, id: Id<Entry>) -> Result<Option<Recorded>, StoreError>;

    /// Up to `limit` organizations behind `after` with entries that wait for their seal, in the order of their identifiers.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn with_unsealed(
        &self,
        after: Option<OrganizationId>,
        limit: usize,
    ) -> Result<Vec<OrganizationId>, StoreError>;

    /// Up to `limit` entries of the organization that wait for their seal, with the chain's head; `None` where none does.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails, [`StoreError::Corrupt`] when one of the entries can't be read.
    async fn unsealed(&self, organization: OrganizationId, limit: usize) -> Result<Option<Unsealed>, StoreError>;

    /// Stores the seals of a batch and its checkpoint and moves the chain's head, if the head is still what the batch is
    /// chained to; otherwise stores nothing and says `false`: another sealer was there first.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn seal(&self, batch: &Batch, checkpoint: &Checkpoint) -> Result<bool, StoreError>;

    /// Up to `limit` sealed entries after this sequence, in its order.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn sealed(&self, organization: OrganizationId, after: i64, limit: usize)
    -> Result<Vec<Recorded>, StoreError>;

    /// Up to `limit` checkpoints after this sequence, in its order.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn checkpoints(
        &self,
        organization: OrganizationId,
        after: i64,
        limit: usize,
    ) -> Result<Vec<Checkpoint>, StoreError>;

    /// The head of the chain, as the sealer keeps it.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn head(&self, organization: OrganizationId) -> Result<Head, StoreError>;

    /// How much is not sealed yet; over all organizations where none is named.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn tail(&self, organization: Option<OrganizationId>) -> Result<Tail, StoreError>;
}
