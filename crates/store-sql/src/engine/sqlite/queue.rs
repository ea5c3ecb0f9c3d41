//! A bounded job queue. Threads block on it while it is empty; tasks that push to it never block.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
};

pub(super) struct Queue<J> {
    state: Mutex<State<J>>,
    filled: Condvar,
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
pub(super) enum Refusal {
    #[error("too many requests are waiting for the database; try again later")]
    Full,
    #[error("the database is closed")]
    Closed,
}

impl<J> Queue<J> {
    pub(super) fn new(capacity: usize) -> Self {
        let state = State { waiting: VecDeque::new(), idle: 0, closed: false };
        Self { state: Mutex::new(state), filled: Condvar::new(), capacity }
    }

    /// Adds a job at the end, or returns it if the queue is full or closed.
    pub(super) fn push(&self, job: J) -> Result<(), (J, Refusal)> {
        let mut state = self.state();
        if state.closed {
            return Err((job, Refusal::Closed));
        }
        if state.waiting.len() >= self.capacity {
            return Err((job, Refusal::Full));
        }
        state.waiting.push_back(job);
        let wake = state.idle > 0;
        drop(state);
        if wake {
            self.filled.notify_one();
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
            state = self.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
        let count = state.waiting.len().min(max);
        taken.extend(state.waiting.drain(..count));
        true
    }

    /// Closes the queue. Waiting jobs can still be taken.
    pub(super) fn close(&self) {
        self.state().closed = true;
        self.filled.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State<J>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_queue_hands_work_back() {
        let queue = Queue::new(2);
        assert!(queue.push(1).is_ok() && queue.push(2).is_ok());
        assert!(matches!(queue.push(3), Err((3, Refusal::Full))));
    }

    #[test]
    fn a_closed_queue_takes_nothing_more_but_gives_out_what_waits() {
        let queue = Queue::new(2);
        queue.push(1).unwrap();
        queue.close();
        assert!(matches!(queue.push(2), Err((2, Refusal::Closed))));
        let mut taken = Vec::new();
        assert!(queue.take(8, &mut taken));
        assert_eq!(taken, [1]);
        assert!(!queue.take(8, &mut taken));
    }
}
