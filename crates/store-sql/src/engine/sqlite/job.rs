//! Jobs to be run on a database thread.

use std::panic::{AssertUnwindSafe, catch_unwind};

use kernel::StoreError;

use crate::engine::{Completion, Input, Session, SessionFn, WorkError, corrupt, job::Job};

/// A job that reads. It completes when it has run.
pub(super) trait ReadJob: Send {
    fn run(self: Box<Self>, session: &mut Session);
    fn reject(self: Box<Self>, error: StoreError);
}

/// A job that writes. It completes when the transaction it shares with other jobs is durable.
pub(super) trait WriteJob: Send {
    /// Runs the job. Returns whether its writes must be kept.
    fn run(&mut self, session: &mut Session) -> bool;
    fn finish(self: Box<Self>, committed: Result<(), StoreError>);
}

/// Runs work to its end on this thread.
pub(super) fn run_catching_panics<C: Input, T, E: WorkError>(
    input: &C,
    work: &impl SessionFn<C, T, E>,
    session: &mut Session,
) -> Result<T, E> {
    // A panic would end the thread, and with it the database for all callers, and lose the session.
    catch_unwind(AssertUnwindSafe(|| drive(work(input, session))))
        .unwrap_or_else(|_| Err(corrupt("the work on the database panicked").into()))
}

/// Runs a future to its end: on SQLite no statement ever yields.
fn drive<T, E: From<StoreError>>(work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    futures_util::FutureExt::now_or_never(work)
        .unwrap_or_else(|| Err(corrupt("the work on the database awaited something other than the database").into()))
}

impl<C: Input, W: SessionFn<C, T, E>, D: Completion<T, E>, T: Send, E: WorkError> ReadJob for Job<C, W, D, T, E> {
    fn run(self: Box<Self>, session: &mut Session) {
        let result = run_catching_panics(&self.input, &self.work, session);
        (self.completion)(result);
    }

    fn reject(self: Box<Self>, error: StoreError) {
        (self.completion)(Err(error.into()));
    }
}

impl<C: Input, W: SessionFn<C, T, E>, D: Completion<T, E>, T: Send, E: WorkError> WriteJob for Job<C, W, D, T, E> {
    fn run(&mut self, session: &mut Session) -> bool {
        let result = run_catching_panics(&self.input, &self.work, session);
        self.result.insert(result).is_ok()
    }

    fn finish(self: Box<Self>, committed: Result<(), StoreError>) {
        Job::finish(*self, committed);
    }
}
