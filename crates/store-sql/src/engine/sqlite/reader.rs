//! A thread that reads.

use super::{job::ReadJob, queue::Queue};
use crate::engine::Session;

/// Works off the queue until it is closed and empty. One at a time, so that idle threads get their share and every read
/// begins after it was asked for.
pub(super) fn run(connection: rusqlite::Connection, queue: &Queue<Box<dyn ReadJob>>) {
    let mut session = Session::on_sqlite(connection);
    let mut taken = Vec::with_capacity(1);
    while queue.take(1, &mut taken) {
        for job in taken.drain(..) {
            job.run(&mut session);
        }
    }
}
