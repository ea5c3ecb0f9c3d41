//! Work on its way into a transaction.

use std::panic::AssertUnwindSafe;

use futures_util::{FutureExt as _, future::BoxFuture};
use kernel::StoreError;
use tokio::time::Instant;

use crate::engine::{Done, Failure, Given, Session, Work, corrupt, task::Task};

/// Work that is done in a transaction, which may be shared, and answered when that is committed.
pub(super) trait Job: Send {
    /// Does it, and says whether what it did is to be kept. May be called again when the transaction came to nothing.
    fn run<'s>(&'s mut self, session: &'s mut Session) -> BoxFuture<'s, bool>;
    fn finish(self: Box<Self>, committed: Result<(), StoreError>);
    /// When it was given in.
    fn since(&self) -> Instant;
}

impl<C: Given, W: Work<C, T, E>, D: Done<T, E>, T: Send, E: Failure> Job for Task<C, W, D, T, E> {
    fn run<'s>(&'s mut self, session: &'s mut Session) -> BoxFuture<'s, bool> {
        async move {
            // A panic is not to take along what shares the transaction.
            let done = AssertUnwindSafe((self.work)(&self.given, session)).catch_unwind().await;
            let answer = done.unwrap_or_else(|_| Err(corrupt("work on the database panicked").into()));
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
