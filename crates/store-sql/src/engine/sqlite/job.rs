//! Jobs to be run on a database thread.

use std::panic::{AssertUnwindSafe, catch_unwind};

use kernel::StoreError;

use crate::engine::{Done, Failure, Given, Session, Work, corrupt, session::drive, task::Task};

/// A job that reads. It completes when it has run.
pub(super) trait ReadJob: Send {
    fn run(self: Box<Self>, session: &mut Session);
    fn refuse(self: Box<Self>, error: StoreError);
}

/// A job that writes. It completes when the transaction it shares with other jobs is durable.
pub(super) trait WriteJob: Send {
    /// Runs the job. Returns whether its writes must be kept.
    fn run(&mut self, session: &mut Session) -> bool;
    fn finish(self: Box<Self>, committed: Result<(), StoreError>);
}

/// Runs work to its end on this thread.
pub(super) fn attempt<C: Given, T, E: Failure>(
    input: &C,
    work: &impl Work<C, T, E>,
    session: &mut Session,
) -> Result<T, E> {
    // A panic would end the thread, and with it the database for all callers, and lose the session.
    catch_unwind(AssertUnwindSafe(|| drive(work(input, session))))
        .unwrap_or_else(|_| Err(corrupt("the work on the database panicked").into()))
}

impl<C: Given, W: Work<C, T, E>, D: Done<T, E>, T: Send, E: Failure> ReadJob for Task<C, W, D, T, E> {
    fn run(self: Box<Self>, session: &mut Session) {
        let result = attempt(&self.given, &self.work, session);
        (self.done)(result);
    }

    fn refuse(self: Box<Self>, error: StoreError) {
        (self.done)(Err(error.into()));
    }
}

impl<C: Given, W: Work<C, T, E>, D: Done<T, E>, T: Send, E: Failure> WriteJob for Task<C, W, D, T, E> {
    fn run(&mut self, session: &mut Session) -> bool {
        let result = attempt(&self.given, &self.work, session);
        self.answer.insert(result).is_ok()
    }

    fn finish(self: Box<Self>, committed: Result<(), StoreError>) {
        Task::finish(*self, committed);
    }
}
