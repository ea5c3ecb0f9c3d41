//! The ports that every store answers, and the two by which time and chance come in.

use async_trait::async_trait;
use ulid::Ulid;

use crate::{
    changeset::{Answer, Changeset, Fingerprint, IdempotencyKey},
    entry::Entry,
    error::{CommitError, StoreError},
    id::Id,
    organization::OrganizationId,
    page::{Page, PageRequest},
    resource::{Resource, Stored},
    stamp::Stamp,
    stream::{StreamRequest, Streamed},
    timestamp::Timestamp,
};

/// Reads records of one kind. The organization is a parameter of every call: no query is built without it.
#[async_trait]
pub trait Reader<R: Resource>: Send + Sync {
    /// The organization's record with this identifier.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails; another organization's record is `None`, like one that is not there.
    async fn get(&self, organization: OrganizationId, id: Id<R>) -> Result<Option<Stored<R>>, StoreError>;

    /// A page of the organization's records that match.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn list(
        &self,
        organization: OrganizationId,
        filter: &R::Filter,
        page: &PageRequest,
    ) -> Result<Page<Stored<R>>, StoreError>;

    /// All of the organization's records that match, in the order of a list, as they are when this returns: what is written
    /// later does not show. A store gives out few streams at a time.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails, [`StoreError::Unavailable`] also when it gives out no more streams just now.
    async fn stream(
        &self,
        organization: OrganizationId,
        filter: &R::Filter,
        request: &StreamRequest,
    ) -> Result<Streamed<Stored<R>>, StoreError>;

    /// The organization's records with these unique keys, at most 500 of them, in any order; keys that name nothing are
    /// left out.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn with_keys(&self, organization: OrganizationId, keys: &[&str]) -> Result<Vec<Stored<R>>, StoreError>;
}

/// Stores changesets.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Opens a write: the moment it is stamped with, held as in flight until it is dropped.
    fn begin(&self) -> Stamp;

    /// Stores all of it or nothing. Once called it runs to its end, though the caller goes away.
    ///
    /// # Errors
    /// [`CommitError`]; nothing was stored then.
    async fn commit(&self, changeset: Changeset) -> Result<(), CommitError>;

    /// The answer kept under an idempotency key that has not expired at `now`, with what was asked then.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn answer(&self, key: &IdempotencyKey, now: Timestamp) -> Result<Option<(Fingerprint, Answer)>, StoreError>;
}

/// Takes audit entries of calls that changed nothing: reads and refusals.
#[async_trait]
pub trait AuditTrail: Send + Sync {
    /// Opens an entry: the moment it is stamped with, held as in flight until it is dropped, so that who catches up on the
    /// log misses none.
    fn begin_entry(&self) -> Stamp;

    /// Stores the entry; calls in flight share one insert. It is durable when this returns.
    ///
    /// The stamp is the one that [`Self::begin_entry`] gave for the entry. The store holds it until the entry is stored or
    /// has failed, though the caller goes away meanwhile.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn append(&self, entry: Entry, stamp: Stamp) -> Result<(), StoreError>;
}

/// Tells the time.
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> Timestamp;
}

/// The only source of chance.
pub trait Entropy: Send + Sync {
    /// Fills the buffer with bytes nobody can predict.
    fn fill(&self, buffer: &mut [u8]);

    /// A fresh identifier that holds this moment; those of one millisecond come out in ascending order.
    fn ulid(&self, at: Timestamp) -> Ulid;
}
