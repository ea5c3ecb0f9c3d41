//! A reader thread.

use super::{damage::Damage, job::ReadJob, queue::Queue};
use crate::engine::Session;

/// Runs jobs from the queue until it is closed and empty. It takes one at a time, so that idle threads get their share
/// and every read begins after it was requested.
pub(super) fn run(connection: rusqlite::Connection, damage: &Damage, queue: &Queue<Box<dyn ReadJob>>) {
    let mut session = Session::from_sqlite(connection, damage);
    let mut taken = Vec::with_capacity(1);
    while queue.take(1, &mut taken) {
        for job in taken.drain(..) {
            job.run(&mut session);
        }
    }
}
