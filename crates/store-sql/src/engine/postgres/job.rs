//! Jobs to be run in a transaction.

use std::panic::AssertUnwindSafe;

use futures_util::{FutureExt as _, future::BoxFuture};
use kernel::StoreError;
use tokio::time::Instant;

use crate::engine::{Completion, Input, Session, SessionFn, WorkError, corrupt, job::Job};

/// A job that runs in a transaction, which it may share with other jobs, and completes when the transaction is
/// committed.
pub(super) trait TransactionJob: Send {
    /// Runs the job and returns whether it succeeded. May be called again after the transaction was rolled back.
    fn run<'s>(&'s mut self, session: &'s mut Session) -> BoxFuture<'s, bool>;
    /// Delivers the job's result, or the error with which the transaction ended.
    fn finish(self: Box<Self>, committed: Result<(), StoreError>);
    /// The time at which the job was submitted.
    fn submitted_at(&self) -> Instant;
}

impl<C: Input, W: SessionFn<C, T, E>, D: Completion<T, E>, T: Send, E: WorkError> TransactionJob
    for Job<C, W, D, T, E>
{
    fn run<'s>(&'s mut self, session: &'s mut Session) -> BoxFuture<'s, bool> {
        async move {
            // A panic must not abort the other jobs of the transaction.
            let outcome = AssertUnwindSafe((self.work)(&self.input, session)).catch_unwind().await;
            let result = outcome.unwrap_or_else(|_| Err(corrupt("the work on the database panicked").into()));
            self.result.insert(result).is_ok()
        }
        .boxed()
    }

    fn finish(self: Box<Self>, committed: Result<(), StoreError>) {
        Job::finish(*self, committed);
    }

    fn submitted_at(&self) -> Instant {
        self.submitted_at
    }
}
