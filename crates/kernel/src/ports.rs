//! The ports that every store implements.

use std::ops::Range;

use async_trait::async_trait;
use ulid::Ulid;

use crate::{
    changeset::Changeset,
    entry::Entry,
    error::{CommitError, StoreError},
    id::Id,
    idempotency::{ClaimOutcome, Fingerprint, IdempotencyKey, KeyClaim, StoredResponse},
    organization::OrganizationId,
    page::{Page, PageRequest},
    repeat::RepeatedCalls,
    resource::{Resource, Stored},
    stream::{SnapshotStream, StreamRequest},
    timestamp::Timestamp,
    timestamp_oracle::WriteTimestamp,
};

/// The maximum number of ranges of one [`Reader::get_by_key_ranges`].
pub const MAX_KEY_RANGES: usize = 64;

/// The maximum number of records that one [`Reader::get_by_key_ranges`] returns. It is larger than [`MAX_KEY_RANGES`],
/// so that a call which begins with the last key of the one before makes progress even if all ranges overlap there.
pub const MAX_RECORDS_IN_KEY_RANGES: usize = 500;

/// Reads records of one kind. The organization is a parameter of every method, so no query is built without it.
#[async_trait]
pub trait Reader<R: Resource>: Send + Sync {
    /// Returns the organization's record with this identifier.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails. Another organization's record is `None`, like one that does not exist.
    async fn get(&self, organization: OrganizationId, id: Id<R>) -> Result<Option<Stored<R>>, StoreError>;

    /// Returns the organization's records with these identifiers, at most 500, in any order. Identifiers without a record
    /// are skipped.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    async fn get_many(&self, organization: OrganizationId, ids: &[Id<R>]) -> Result<Vec<Stored<R>>, StoreError>;

    /// Returns a page of the organization's records that match the filter.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    async fn list(
        &self,
        organization: OrganizationId,
        filter: &R::Filter,
        page: &PageRequest,
    ) -> Result<Page<Stored<R>>, StoreError>;

    /// Streams all of the organization's records that match the filter, in the order of a list, from a snapshot that is
    /// taken before this returns: later writes are not visible. A store limits the number of concurrent streams.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails; [`StoreError::Unavailable`] also if the limit of concurrent streams is
    /// reached.
    async fn stream(
        &self,
        organization: OrganizationId,
        filter: &R::Filter,
        request: &StreamRequest,
    ) -> Result<SnapshotStream<Stored<R>>, StoreError>;

    /// Returns the organization's records with these unique keys, at most 500, in any order. Keys without a record are
    /// skipped.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    async fn get_by_keys(&self, organization: OrganizationId, keys: &[&str]) -> Result<Vec<Stored<R>>, StoreError>;

    /// Returns the first [`MAX_RECORDS_IN_KEY_RANGES`] of the organization's records whose unique keys are in one of the
    /// ranges, of which there are at most [`MAX_KEY_RANGES`], in the order of the keys. Keys are compared by their bytes.
    /// A record in several ranges is returned for each.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    async fn get_by_key_ranges(
        &self,
        organization: OrganizationId,
        ranges: &[Range<&str>],
    ) -> Result<Vec<Stored<R>>, StoreError>;
}

/// Commits changesets.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Begins a write: issues its timestamp, which counts as in flight until it is dropped.
    fn begin_write(&self) -> WriteTimestamp;

    /// Stores the changeset atomically. The commit runs to its end even if the caller drops the future after the first
    /// poll.
    ///
    /// # Errors
    /// [`CommitError`] if nothing was stored.
    async fn commit(&self, changeset: Changeset) -> Result<(), CommitError>;

    /// Returns the response stored for an idempotency key that has not expired at `now`, with the fingerprint of its
    /// request.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    async fn stored_response(
        &self,
        key: &IdempotencyKey,
        now: Timestamp,
    ) -> Result<Option<(Fingerprint, StoredResponse)>, StoreError>;

    /// Returns the size of the responses stored for the account's idempotency keys, in bytes, including those that have
    /// expired and are not deleted yet.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    async fn stored_response_bytes(&self, organization: OrganizationId, account: Ulid) -> Result<u64, StoreError>;

    /// Returns the bytes that each of these holders, the organization or its accounts, has stored outside of the database,
    /// as the changesets have counted them.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    async fn stored_bytes(&self, organization: OrganizationId, holders: &[Ulid]) -> Result<Vec<u64>, StoreError>;

    /// Claims an idempotency key, before an effect outside the store. It does not depend on a stored response for the
    /// key, which the caller must look up afterwards.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    async fn claim_key(&self, claim: &KeyClaim, now: Timestamp) -> Result<ClaimOutcome, StoreError>;

    /// Releases a claim that is still held as it was made. The identifier of its effect stays stored.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    async fn release_key(&self, claim: &KeyClaim) -> Result<(), StoreError>;
}

/// Stores audit entries of calls that changed nothing: reads and refusals.
#[async_trait]
pub trait AuditTrail: Send + Sync {
    /// Begins an entry: issues its timestamp, which counts as in flight until it is dropped, so that a reader that
    /// catches up on the log misses no entry.
    fn begin_entry(&self) -> WriteTimestamp;

    /// Stores the entry, which is durable when this returns. Concurrent calls share one insert.
    ///
    /// `timestamp` is the one that [`Self::begin_entry`] issued for the entry. The store holds it until the entry is
    /// stored or has failed, even if the caller drops the future in the meantime.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    async fn append(&self, entry: Entry, timestamp: WriteTimestamp) -> Result<(), StoreError>;

    /// Adds `repeated.calls` to the stored count of the calls that repeat `repeated.first`, which is durable when this
    /// returns. Concurrent calls share a transaction with each other and with those of [`Self::append`].
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    async fn count_repeated(&self, repeated: RepeatedCalls) -> Result<(), StoreError>;

    /// Returns up to `limit` counts of any organizations, in the order of organizations and entries: those that are due
    /// at `now`, and those that are due only after `latest`, which a clock that was ahead has left behind.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    async fn repeated_calls(
        &self,
        now: Timestamp,
        latest: Timestamp,
        limit: usize,
    ) -> Result<Vec<RepeatedCalls>, StoreError>;

    /// Replaces a count by the entry for its calls, atomically. If the count has changed or another process has
    /// replaced it, nothing is stored, and this returns `false`. `timestamp` is as in [`Self::append`].
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    async fn replace_repeated(
        &self,
        counted: &RepeatedCalls,
        entry: Entry,
        timestamp: WriteTimestamp,
    ) -> Result<bool, StoreError>;
}
