//! The pool of connections for point reads on the calling thread.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::damage::Damage;
use crate::engine::Session;

pub(super) struct PointReadPool {
    state: Mutex<State>,
    returned: Condvar,
}

struct State {
    idle: Vec<Session>,
    in_use: usize,
    closed: bool,
}

impl PointReadPool {
    pub(super) fn new(connections: Vec<rusqlite::Connection>, damage: &Damage) -> Self {
        let idle = connections.into_iter().map(|connection| Session::from_sqlite(connection, damage)).collect();
        Self { state: Mutex::new(State { idle, in_use: 0, closed: false }), returned: Condvar::new() }
    }

    /// Takes an idle session out of the pool, if there is one. The caller must return it.
    pub(super) fn acquire(&self) -> Option<Session> {
        let mut state = self.state();
        let session = state.idle.pop()?;
        state.in_use += 1;
        Some(session)
    }

    pub(super) fn return_to_pool(&self, session: Session) {
        let mut state = self.state();
        state.in_use -= 1;
        if state.closed {
            // Dropped first, so that `close` returns only after the connection is closed.
            drop(session);
            self.returned.notify_all();
        } else {
            state.idle.push(session);
        }
    }

    /// Closes the pool and waits for sessions in use, so that no connection is open when the writer checkpoints the
    /// log.
    pub(super) fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        state.idle.clear();
        while state.in_use > 0 {
            state = self.returned.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool_of(count: usize) -> PointReadPool {
        let connections = (0..count).map(|_| rusqlite::Connection::open_in_memory().unwrap()).collect();
        PointReadPool::new(connections, &Damage::new(std::path::Path::new("memory")))
    }

    #[test]
    fn an_empty_pool_has_no_session_until_one_is_returned() {
        let points = pool_of(1);
        let session = points.acquire().unwrap();
        assert!(points.acquire().is_none());
        points.return_to_pool(session);
        assert!(points.acquire().is_some());
    }

    #[test]
    fn closing_waits_for_sessions_in_use_and_empties_the_pool() {
        let points = pool_of(2);
        let session = points.acquire().unwrap();
        std::thread::scope(|scope| {
            let closing = scope.spawn(|| points.close());
            while points.acquire().map(|idle| points.return_to_pool(idle)).is_some() {
                std::thread::yield_now();
            }
            assert!(!closing.is_finished());
            points.return_to_pool(session);
        });
        assert!(points.acquire().is_none());
    }
}
