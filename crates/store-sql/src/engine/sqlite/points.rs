//! The pool of connections for point reads on the calling thread.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::engine::Session;

pub(super) struct Points {
    state: Mutex<State>,
    returned: Condvar,
}

struct State {
    idle: Vec<Session>,
    lent: usize,
    closed: bool,
}

impl Points {
    pub(super) fn over(connections: Vec<rusqlite::Connection>) -> Self {
        let idle = connections.into_iter().map(Session::on_sqlite).collect();
        Self { state: Mutex::new(State { idle, lent: 0, closed: false }), returned: Condvar::new() }
    }

    /// Takes an idle session out of the pool, if there is one. The caller must return it.
    pub(super) fn take(&self) -> Option<Session> {
        let mut state = self.state();
        let session = state.idle.pop()?;
        state.lent += 1;
        Some(session)
    }

    pub(super) fn give_back(&self, session: Session) {
        let mut state = self.state();
        state.lent -= 1;
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
        while state.lent > 0 {
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

    fn over(count: usize) -> Points {
        Points::over((0..count).map(|_| rusqlite::Connection::open_in_memory().unwrap()).collect())
    }

    #[test]
    fn no_more_is_lent_than_there_is() {
        let points = over(1);
        let session = points.take().unwrap();
        assert!(points.take().is_none());
        points.give_back(session);
        assert!(points.take().is_some());
    }

    #[test]
    fn closing_waits_for_what_is_lent_and_lends_no_more() {
        let points = over(2);
        let session = points.take().unwrap();
        std::thread::scope(|scope| {
            let closing = scope.spawn(|| points.close());
            while points.take().map(|idle| points.give_back(idle)).is_some() {
                std::thread::yield_now();
            }
            assert!(!closing.is_finished());
            points.give_back(session);
        });
        assert!(points.take().is_none());
    }
}
