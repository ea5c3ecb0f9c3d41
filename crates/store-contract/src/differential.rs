//! A differential test: the same commands in the same order give the same results on two stores.

mod command;
mod compare;
mod harness;
mod history;
mod query;
mod queue;

use std::sync::Arc;

use kernel::Clock;
use proptest::{
    collection::vec,
    test_runner::{Config, TestRunner},
};
use store_memory::MemoryStore;
use tokio::{runtime::Handle, task::block_in_place};

use crate::{OpenedStore, TestClock};

const CASES: u32 = 64;
const COMMANDS: usize = 30;
const QUERIES: usize = 40;

/// Opens a memory store: the reference implementation of the ports.
pub async fn reference(clock: Arc<dyn Clock>) -> OpenedStore {
    OpenedStore::new(Arc::new(MemoryStore::new(clock)))
}

/// Runs random sequences of commands, many of which conflict with each other, on a new reference store and a new store
/// of `open_other`. Compares the outcome of every command and, at the end, all that can be read.
///
/// # Panics
/// If the two stores differ: with the shortest sequence found that shows it. Also if it is not called on a
/// multi-threaded runtime.
pub async fn any_sequence_of_commands_leaves_two_stores_equal(
    open_reference: impl AsyncFn(Arc<dyn Clock>) -> OpenedStore,
    open_other: impl AsyncFn(Arc<dyn Clock>) -> OpenedStore,
) {
    let config = Config { cases: CASES, max_shrink_iters: 200, failure_persistence: None, ..Config::default() };
    let scenarios = (vec(command::any_command(), 1..=COMMANDS), vec(query::any_query(), QUERIES));
    let outcome = TestRunner::new(config).run(&scenarios, |(commands, queries)| {
        let scenario = async {
            let clock = Arc::new(TestClock::default());
            let reference = open_reference(Arc::clone(&clock) as Arc<dyn Clock>).await;
            let other = open_other(Arc::clone(&clock) as Arc<dyn Clock>).await;
            let mut pair = harness::DifferentialTest::new(clock, reference, other).await?;
            for command in &commands {
                pair.run(command).await?;
            }
            for query in &queries {
                pair.run_query(query).await?;
            }
            pair.compare_everything().await
        };
        block_in_place(|| Handle::current().block_on(scenario))
    });
    if let Err(difference) = outcome {
        panic!("the two stores differ: {difference}");
    }
}
