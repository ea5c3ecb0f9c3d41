//! What can go wrong in a store, and how a refused field is named.

use std::borrow::Cow;

use ulid::Ulid;

use crate::{changeset::Answer, resource::Kind};

/// A store could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It can't be reached, is shutting down, or its queue is full; a later try may succeed.
    #[error("the store is not available: {0}")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// What it holds is no valid record, or it refused a statement: trying again won't help.
    #[error("the store holds or was given something invalid: {0}")]
    Corrupt(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Why nothing of a changeset was stored.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Something it was decided upon has changed: read again and decide anew, or refuse.
    #[error("a lost race: {0:?}")]
    Conflict(Clash),
    /// The idempotency key was used before, for the same call: this is its answer.
    #[error("the idempotency key has an answer")]
    Duplicate(Answer),
    /// The idempotency key was used before, for another call.
    #[error("the idempotency key was used for another call")]
    KeyReused,
    /// The service account has changed since it was admitted: judge it again.
    #[error("the account's standing changed")]
    StandingChanged,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a commit found changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Clash {
    /// A record has another revision than was expected, or exists though it must not.
    Revision(Kind, Ulid),
    /// The record's unique key is taken.
    Key(Kind, String),
}

/// A field that can't be accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct Invalid {
    /// The field's name in the domain: `due_at`.
    pub field: &'static str,
    /// What is wrong, in words fit for an answer.
    pub message: Cow<'static, str>,
}

impl Invalid {
    /// `field` is wrong in the way `message` says.
    #[must_use]
    pub fn new(field: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self { field, message: message.into() }
    }
}
