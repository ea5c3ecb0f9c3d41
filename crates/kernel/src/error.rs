//! The errors of a store, and the error of an invalid field.

use std::borrow::Cow;

use ulid::Ulid;

use crate::{idempotency::StoredResponse, resource::Kind};

/// The failure of a store to carry out a request.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The store can't be reached, is shutting down, or its queue is full. A later attempt may succeed.
    #[error("the store is not available: {0}")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The store contains an invalid record or has rejected a statement. Another attempt will not succeed.
    #[error("the store contains invalid data or has rejected a statement: {0}")]
    Corrupt(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The reason that nothing of a changeset was stored.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// A record that the changeset depends on was changed by another write. The caller must read and decide again, or
    /// reject the request.
    #[error("another write has changed a record that this one depends on: {0:?}")]
    Conflict(Conflict),
    /// The idempotency key was used before for the same request, and this is its response.
    #[error("the idempotency key was already used for this request")]
    Duplicate(StoredResponse),
    /// The idempotency key was used before for another request.
    #[error("the idempotency key was already used for another request")]
    KeyReused,
    /// The service account or user has changed since the call was authorized. The caller must authenticate again.
    #[error("the service account or user has changed since the call was authorized")]
    ActorChanged,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The precondition of a commit that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Conflict {
    /// A record does not have the expected revision, or it exists although it must not.
    Revision(Kind, Ulid),
    /// Another record has the same unique key, or the same identity if the kind has no key.
    UniqueKey(Kind, String),
    /// A holder would have more bytes stored outside of the database than it may.
    Usage(Ulid),
}

/// An invalid field with a message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct FieldError {
    /// The field's name in the domain: `due_at`.
    pub field: &'static str,
    /// The message for the client.
    pub message: Cow<'static, str>,
}

impl FieldError {
    /// Creates the error of a field.
    #[must_use]
    pub fn new(field: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self { field, message: message.into() }
    }
}
