//! The log over tables in memory.
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod archiving;
mod compaction;
mod conversion;
mod integrity;
mod lists;
mod made_log;
mod memory_tables;
mod moves;
mod moving_tables;
mod old_form;
mod random_log;
mod redacting;
mod removal;
mod sample_entries;
mod sealing;
mod single;
mod support;
mod test_keys;
mod verifying;
mod waiting;

/// Runs a test of random values to its end.
fn block_on(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .expect("a runtime can be made")
        .block_on(test);
}
