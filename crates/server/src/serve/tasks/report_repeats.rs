//! The task that reports how often failures were repeated.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use crate::{logging, serve::shutdown::ShutdownSignal};

const INTERVAL: Duration = Duration::from_secs(1);

/// Reports repetitions until shutdown.
pub(crate) async fn run(mut shutdown: ShutdownSignal) {
    let mut ticks = interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = shutdown.requested() => return,
            _ = ticks.tick() => logging::report_repeats(),
        }
    }
}
