//! A bounded job queue. Threads block on it while it is empty; tasks that push to it never block.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
};

pub(super) struct Queue<J> {
    state: Mutex<State<J>>,
    job_added: Condvar,
    capacity: usize,
}

struct State<J> {
    waiting: VecDeque<J>,
    /// The number of threads that wait for a job.
    idle: usize,
    closed: bool,
}

/// The reason why a job was not accepted.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub(super) enum PushError {
    #[error("too many requests are waiting for the database; try again later")]
    Full,
    #[error("the database is closed")]
    Closed,
}

impl<J> Queue<J> {
    pub(super) fn new(capacity: usize) -> Self {
        let state = State { waiting: VecDeque::new(), idle: 0, closed: false };
        Self { state: Mutex::new(state), job_added: Condvar::new(), capacity }
    }

    /// Adds a job at the end, or returns it if the queue is full or closed.
    pub(super) fn push(&self, job: J) -> Result<(), (J, PushError)> {
        let mut state = self.state();
        if state.closed {
            return Err((job, PushError::Closed));
        }
        if state.waiting.len() >= self.capacity {
            return Err((job, PushError::Full));
        }
        state.waiting.push_back(job);
        let wake = state.idle > 0;
        drop(state);
        if wake {
            self.job_added.notify_one();
        }
        Ok(())
    }

    /// The number of waiting jobs.
    pub(super) fn waiting(&self) -> usize {
        self.state().waiting.len()
    }

    /// Moves up to `max` waiting jobs into `taken`, blocking while there are none. Returns `false` when the queue is
    /// closed and empty.
    pub(super) fn take(&self, max: usize, taken: &mut Vec<J>) -> bool {
        let mut state = self.state();
        while state.waiting.is_empty() {
            if state.closed {
                return false;
            }
            state.idle += 1;
            state = self.job_added.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
        let count = state.waiting.len().min(max);
        taken.extend(state.waiting.drain(..count));
        true
    }

    /// Closes the queue. Waiting jobs can still be taken.
    pub(super) fn close(&self) {
        self.state().closed = true;
        self.job_added.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State<J>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_queue_returns_the_job() {
        let queue = Queue::new(2);
        assert!(queue.push(1).is_ok() && queue.push(2).is_ok());
        assert!(matches!(queue.push(3), Err((3, PushError::Full))));
    }

    #[test]
    fn a_closed_queue_accepts_no_jobs_and_hands_out_the_waiting_ones() {
        let queue = Queue::new(2);
        queue.push(1).unwrap();
        queue.close();
        assert!(matches!(queue.push(2), Err((2, PushError::Closed))));
        let mut taken = Vec::new();
        assert!(queue.take(8, &mut taken));
        assert_eq!(taken, [1]);
        assert!(!queue.take(8, &mut taken));
    }
}
