//! Interception of calls: tests of the layers above count them, delay them and let them fail.

use async_trait::async_trait;
use kernel::{Changeset, StoreError};

use crate::MemoryStore;

/// A kind of call that can be intercepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    /// A read of records, of the audit log, or of the events and deliveries of webhooks.
    Read,
    /// The next batch of a stream.
    Batch,
    /// A commit.
    Commit,
    /// The claim of an idempotency key.
    Claim,
    /// The look-up of a stored response by its idempotency key.
    StoredResponse,
    /// The addition of an entry to the audit log.
    Append,
    /// The read of an account's revision.
    Revision,
    /// The look-up of an account by its client id.
    ClientId,
    /// The look-up of a session with its user.
    Session,
}

/// Runs around the calls of a store.
#[async_trait]
pub trait Interceptor: Send + Sync {
    /// Runs before a call, which fails with the returned error.
    ///
    /// # Errors
    /// The error that the call fails with.
    async fn before(&self, call: Call) -> Result<(), StoreError>;

    /// Runs after a successful commit.
    fn committed(&self, changeset: &Changeset);
}

impl MemoryStore {
    /// Runs the interceptor before a call, if there is one.
    pub(crate) async fn intercept(&self, call: Call) -> Result<(), StoreError> {
        match &self.interceptor {
            Some(interceptor) => interceptor.before(call).await,
            None => Ok(()),
        }
    }
}
