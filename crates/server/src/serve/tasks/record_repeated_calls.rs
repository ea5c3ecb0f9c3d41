//! The task that stores the audit entries of repeated calls, which are only counted at first.

use std::time::Duration;

use http_api::App;
use tokio::time::{MissedTickBehavior, interval};

use crate::serve::shutdown::ShutdownSignal;

/// The time by which entries are late. The first interval begins with the server: otherwise the counts of one that was
/// killed would wait as long as servers are restarted before it has passed.
const INTERVAL: Duration = Duration::from_secs(10);

/// Records repeated calls until shutdown.
pub(crate) async fn run(app: App, mut shutdown: ShutdownSignal) {
    let mut ticks = interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = shutdown.requested() => return,
            _ = ticks.tick() => {}
        }
        if let Err(error) = app.record_repeated_calls().await {
            tracing::warn!(%error, "can't store the audit entries of repeated calls; trying again in 10 s");
        }
    }
}
