//! A job: work on the database, its input, its completion callback, and its result once there is one.

use kernel::StoreError;
use tokio::time::Instant;

use super::{Done, Failure, Given, Work, unavailable};

pub(super) struct Task<C, W, D, T, E> {
    pub(super) given: C,
    pub(super) work: W,
    pub(super) done: D,
    pub(super) answer: Option<Result<T, E>>,
    /// When the job was submitted.
    pub(super) since: Instant,
}

impl<C: Given, W: Work<C, T, E>, D: Done<T, E>, T: Send, E: Failure> Task<C, W, D, T, E> {
    pub(super) fn new(input: C, work: W, completion: D) -> Self {
        Self { given: input, work, done: completion, answer: None, since: Instant::now() }
    }

    /// Calls the completion with the job's result, or with the error if its transaction was not `committed`.
    pub(super) fn finish(self, committed: Result<(), StoreError>) {
        let Self { given: input, done: completion, answer: result, .. } = self;
        // The input may hold guards of in-flight writes, which end before the result is delivered.
        drop(input);
        completion(match (committed, result) {
            // The result may depend on the work of another job in the same transaction, which was rolled back with it.
            (Err(error), _) => Err(error.into()),
            (Ok(()), Some(result)) => result,
            (Ok(()), None) => Err(unavailable("the work was not run").into()),
        });
    }
}
