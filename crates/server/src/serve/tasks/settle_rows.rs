//! The task that lets the sealer find out if the newest rows of audit entries of this server are missing.

use std::{sync::Arc, time::Duration};

use store::DynStore;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::serve::shutdown::ShutdownSignal;

/// Interval of storing an empty row after others: only a row that follows shows that one is missing.
const INTERVAL: Duration = Duration::from_secs(5);

/// Stores an empty row every few seconds, if there were others, until shutdown. The store does it once more when it is
/// closed.
pub(crate) async fn run(store: Arc<DynStore>, mut shutdown: ShutdownSignal) {
    let mut ticks = interval_at(Instant::now() + INTERVAL, INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = shutdown.requested() => return,
            _ = ticks.tick() => {}
        }
        if let Err(error) = store.settle_rows().await {
            tracing::warn!(%error, "can't store the number of the last row of audit entries; trying again in 5 s");
        }
    }
}
