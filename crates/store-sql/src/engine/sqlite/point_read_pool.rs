//! The pool of connections for point reads on the calling thread.
//!
//! Such a read blocks a thread on which other tasks wait. That is worth it as long as its pages are in memory. Once one is
//! slow, because they are on a disk or the machine is busy, reads run on the reader threads for a while.

use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::damage::Damage;
use crate::engine::Session;

/// The duration from which on a read is slow: some hundred times that of one whose pages are in memory.
const SLOW: Duration = Duration::from_millis(2);
/// The time for which no session is handed out after a slow read. Slow reads block a thread for some hundredths of it.
const PAUSE: Duration = Duration::from_millis(100);

pub(super) struct PointReadPool {
    state: Mutex<State>,
    returned: Condvar,
}

struct State {
    idle: Vec<Session>,
    in_use: usize,
    paused_until: Option<Instant>,
    closed: bool,
}

impl PointReadPool {
    pub(super) fn new(connections: Vec<rusqlite::Connection>, damage: &Damage) -> Self {
        let idle = connections.into_iter().map(|connection| Session::from_sqlite(connection, damage)).collect();
        Self {
            state: Mutex::new(State { idle, in_use: 0, paused_until: None, closed: false }),
            returned: Condvar::new(),
        }
    }

    /// Takes an idle session out of the pool, if there is one and the latest reads were not slow. The caller must return
    /// it.
    pub(super) fn acquire(&self, now: Instant) -> Option<Session> {
        let mut state = self.state();
        if state.paused_until.is_some_and(|until| now < until) {
            return None;
        }
        let session = state.idle.pop()?;
        state.in_use += 1;
        Some(session)
    }

    /// Returns a session whose read took this long.
    pub(super) fn return_to_pool(&self, session: Session, taken: Instant, now: Instant) {
        let mut state = self.state();
        state.in_use -= 1;
        if now.duration_since(taken) >= SLOW {
            state.paused_until = Some(now + PAUSE);
        }
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
        let (points, now) = (pool_of(1), Instant::now());
        let session = points.acquire(now).unwrap();
        assert!(points.acquire(now).is_none());
        points.return_to_pool(session, now, now);
        assert!(points.acquire(now).is_some());
    }

    #[test]
    fn after_a_slow_read_no_session_is_handed_out_for_a_while() {
        let (points, began) = (pool_of(2), Instant::now());
        let session = points.acquire(began).unwrap();
        let ended = began + Duration::from_millis(30);
        points.return_to_pool(session, began, ended);
        assert!(points.acquire(ended).is_none());
        assert!(points.acquire(ended + Duration::from_millis(99)).is_none());
        let later = ended + Duration::from_millis(100);
        let session = points.acquire(later).unwrap();
        points.return_to_pool(session, later, later + Duration::from_micros(30));
        assert!(points.acquire(later + Duration::from_micros(30)).is_some());
    }

    #[test]
    fn closing_waits_for_sessions_in_use_and_empties_the_pool() {
        let (points, now) = (pool_of(2), Instant::now());
        let session = points.acquire(now).unwrap();
        std::thread::scope(|scope| {
            let closing = scope.spawn(|| points.close());
            while points.acquire(now).map(|idle| points.return_to_pool(idle, now, now)).is_some() {
                std::thread::yield_now();
            }
            assert!(!closing.is_finished());
            points.return_to_pool(session, now, now);
        });
        assert!(points.acquire(now).is_none());
    }
}
