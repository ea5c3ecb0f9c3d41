//! Jobs to be run in a transaction.

use std::panic::AssertUnwindSafe;

use futures_util::{FutureExt as _, future::BoxFuture};
use kernel::StoreError;
use tokio::time::Instant;

use crate::engine::{Done, Failure, Given, Session, Work, corrupt, task::Task};

/// A job that runs in a transaction, which it may share with other jobs, and completes when the transaction is
/// committed.
pub(super) trait Job: Send {
    /// Runs the job and returns whether it succeeded. May be called again after the transaction was rolled back.
    fn run<'s>(&'s mut self, session: &'s mut Session) -> BoxFuture<'s, bool>;
    /// Delivers the job's result, or the error with which the transaction ended.
    fn finish(self: Box<Self>, committed: Result<(), StoreError>);
    /// When the job was submitted.
    fn since(&self) -> Instant;
}

impl<C: Given, W: Work<C, T, E>, D: Done<T, E>, T: Send, E: Failure> Job for Task<C, W, D, T, E> {
    fn run<'s>(&'s mut self, session: &'s mut Session) -> BoxFuture<'s, bool> {
        async move {
            // A panic must not abort the other jobs of the transaction.
            let outcome = AssertUnwindSafe((self.work)(&self.given, session)).catch_unwind().await;
            let answer = outcome.unwrap_or_else(|_| Err(corrupt("the work on the database panicked").into()));
            self.answer.insert(answer).is_ok()
        }
        .boxed()
    }

    fn finish(self: Box<Self>, committed: Result<(), StoreError>) {
        Task::finish(*self, committed);
    }

    fn since(&self) -> Instant {
        self.since
    }
}
