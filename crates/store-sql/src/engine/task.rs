//! A piece of work, where its answer goes, and the answer once there is one.

use kernel::StoreError;
use tokio::time::Instant;

use super::{Done, Failure, Given, Work, unavailable};

pub(super) struct Task<C, W, D, T, E> {
    pub(super) given: C,
    pub(super) work: W,
    pub(super) done: D,
    pub(super) answer: Option<Result<T, E>>,
    /// When it was given in.
    pub(super) since: Instant,
}

impl<C: Given, W: Work<C, T, E>, D: Done<T, E>, T: Send, E: Failure> Task<C, W, D, T, E> {
    pub(super) fn new(given: C, work: W, done: D) -> Self {
        Self { given, work, done, answer: None, since: Instant::now() }
    }

    /// Gives the answer out, which holds only if what the work shared a transaction with was `committed`.
    pub(super) fn finish(self, committed: Result<(), StoreError>) {
        let Self { given, done, answer, .. } = self;
        // Whatever it was given as being in flight is so no more.
        drop(given);
        done(match (committed, answer) {
            // What it found may have been another's work in the same transaction, which is gone with it.
            (Err(error), _) => Err(error.into()),
            (Ok(()), Some(answer)) => answer,
            (Ok(()), None) => Err(unavailable("the work was not done").into()),
        });
    }
}
