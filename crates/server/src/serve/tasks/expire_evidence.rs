//! The task that lets evidence claims expire.

use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::{operations::EvidenceExpiry, serve::shutdown::ShutdownSignal};

/// Interval of looking for claims whose validity has ended. With the lease of a server that died, claims expire within a
/// minute.
const INTERVAL: Duration = Duration::from_secs(15);

/// Lets claims expire until shutdown.
pub(crate) async fn run(expiry: EvidenceExpiry, mut shutdown: ShutdownSignal) {
    let mut ticks = interval_at(Instant::now(), INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = shutdown.requested() => return,
            _ = ticks.tick() => {}
        }
        match expiry.run_once().await {
            Ok(0) => {}
            Ok(expired) => tracing::info!(expired, "evidence claims expired, because their validity has ended"),
            Err(error) => tracing::warn!(%error, "can't let evidence claims expire; trying again in 15 s"),
        }
    }
}
