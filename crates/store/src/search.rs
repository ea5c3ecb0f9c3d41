//! Search: an index of the words in the titles of records, and of their keys, which a background task keeps.
//!
//! The index has a row for each word of a record. It follows the changes of records ([`TitleFollower`]), so it may be some
//! seconds behind them, and what it names are candidates: callers compare the records as they are now with the
//! [`SearchTerms`].

mod follower;
mod kinds;
mod terms;
mod words;

use async_trait::async_trait;
use kernel::{Kind, OrganizationId, StoreError, Timestamp, Ulid};

pub use follower::{TitleFollower, index_titles};
pub use kinds::searched_kinds;
pub use terms::{MAX_TERMS, SearchTerms};
pub use words::{MAX_WORD_LENGTH, MAX_WORDS, RecordWords};

/// The maximum number of records of one kind that a search returns.
pub const MAX_CANDIDATES: usize = 200;

/// The maximum number of records of one kind with one of several words that are looked through for the other words.
pub const MAX_LOOKED_THROUGH: usize = 2_000;

/// The words of one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexedRecord {
    /// The identifier of the record, without its prefix.
    pub id: Ulid,
    /// The words.
    pub words: RecordWords,
}

/// A kind of which records have changed since they were indexed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backlog {
    /// The kind.
    pub kind: Kind,
    /// The time from which on changes are not indexed yet, or perhaps not. `None` if nothing is.
    pub since: Option<Timestamp>,
    /// The time of the first of these changes.
    pub oldest: Timestamp,
}

/// The records of one kind that have the words, as far as the index knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidates {
    /// The kind.
    pub kind: Kind,
    /// The identifiers of the records, newest first, at most [`MAX_CANDIDATES`].
    pub ids: Vec<Ulid>,
    /// Whether these are all.
    pub is_complete: bool,
}

/// Stores the index of words.
#[async_trait]
pub trait SearchIndex: Send + Sync {
    /// Returns the kinds with changes that are not indexed yet. It costs a step into an index of each kind.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn search_backlog(&self, organization: OrganizationId) -> Result<Vec<Backlog>, StoreError>;

    /// Replaces the words of these records, and stores that every change of the kind before `as_of` is indexed, in one
    /// transaction. Of records whose words are the same, nothing is written.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn index_words(
        &self,
        organization: OrganizationId,
        kind: Kind,
        records: &[IndexedRecord],
        as_of: Timestamp,
    ) -> Result<(), StoreError>;

    /// Returns the records of these kinds that match the terms, as far as the index knows; kinds without any are left out.
    /// It reads a bounded number of rows of each kind, so with words that very many records have, it may miss some.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn search(
        &self,
        organization: OrganizationId,
        kinds: &[Kind],
        terms: &SearchTerms,
    ) -> Result<Vec<Candidates>, StoreError>;

    /// Removes rows of the index, at most about `limit`, and the state that says what is indexed, so that all of it is
    /// indexed anew. Returns whether rows are left.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn clear_search_index(&self, organization: OrganizationId, limit: usize) -> Result<bool, StoreError>;
}
