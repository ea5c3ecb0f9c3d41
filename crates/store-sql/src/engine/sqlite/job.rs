//! Work on its way to a thread, with the place its answer goes to.

use std::panic::{AssertUnwindSafe, catch_unwind};

use kernel::StoreError;

use crate::engine::{Done, Failure, Given, Session, Work, corrupt, session::drive, task::Task};

/// Work that reads: it is answered when it has run.
pub(super) trait ReadJob: Send {
    fn run(self: Box<Self>, session: &mut Session);
    fn refuse(self: Box<Self>, error: StoreError);
}

/// Work that writes: it is answered when what it shares a transaction with is durable.
pub(super) trait WriteJob: Send {
    /// Runs it. Says whether what it did is to be kept.
    fn run(&mut self, session: &mut Session) -> bool;
    fn finish(self: Box<Self>, committed: Result<(), StoreError>);
}

/// Runs work to its end on this thread.
pub(super) fn attempt<C: Given, T, E: Failure>(
    given: &C,
    work: &impl Work<C, T, E>,
    session: &mut Session,
) -> Result<T, E> {
    // A thread that ended by a panic would take everybody's database away, and a session that was lent to it.
    catch_unwind(AssertUnwindSafe(|| drive(work(given, session))))
        .unwrap_or_else(|_| Err(corrupt("work on the database panicked").into()))
}

impl<C: Given, W: Work<C, T, E>, D: Done<T, E>, T: Send, E: Failure> ReadJob for Task<C, W, D, T, E> {
    fn run(self: Box<Self>, session: &mut Session) {
        let answer = attempt(&self.given, &self.work, session);
        (self.done)(answer);
    }

    fn refuse(self: Box<Self>, error: StoreError) {
        (self.done)(Err(error.into()));
    }
}

impl<C: Given, W: Work<C, T, E>, D: Done<T, E>, T: Send, E: Failure> WriteJob for Task<C, W, D, T, E> {
    fn run(&mut self, session: &mut Session) -> bool {
        let answer = attempt(&self.given, &self.work, session);
        self.answer.insert(answer).is_ok()
    }

    fn finish(self: Box<Self>, committed: Result<(), StoreError>) {
        Task::finish(*self, committed);
    }
}
