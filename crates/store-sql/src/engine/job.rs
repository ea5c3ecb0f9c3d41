//! A job: work on the database, its input, its completion callback, and its result once there is one.

use kernel::StoreError;
use tokio::time::Instant;

use super::{Completion, Input, SessionFn, WorkError, unavailable};

pub(super) struct Job<C, W, D, T, E> {
    pub(super) input: C,
    pub(super) work: W,
    pub(super) completion: D,
    pub(super) result: Option<Result<T, E>>,
    /// The time at which the job was submitted.
    pub(super) submitted_at: Instant,
}

impl<C: Input, W: SessionFn<C, T, E>, D: Completion<T, E>, T: Send, E: WorkError> Job<C, W, D, T, E> {
    pub(super) fn new(input: C, work: W, completion: D) -> Self {
        Self { input, work, completion, result: None, submitted_at: Instant::now() }
    }

    /// Calls the completion with the job's result, or with the error if its transaction was not `committed`.
    pub(super) fn finish(self, committed: Result<(), StoreError>) {
        let Self { input, completion, result, .. } = self;
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
