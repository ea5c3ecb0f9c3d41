//! The task that returns unused leases to the shared rate limits.

use std::{sync::Arc, time::Duration};

use kernel::{Clock, StoreError, Timestamp};
use limits::SharedBuckets;
use tokio::time::{MissedTickBehavior, interval};

use crate::serve::{rate_limits::SharedLimits, shutdown::ShutdownSignal};

/// Interval of returning unused leases to the shared buckets.
const RETURN_INTERVAL: Duration = Duration::from_secs(1);

/// Number of these intervals between two deletions of buckets that have long been full.
const TICKS_PER_CLEANUP: u32 = 60;

/// Number of buckets deleted in one statement.
const CLEANUP_BATCH: usize = 1000;

/// Returns unused leases and deletes full buckets until shutdown, then returns all leases. Returns immediately if the
/// limits are not shared.
pub(crate) async fn run(limits: Option<SharedLimits>, clock: Arc<dyn Clock>, mut shutdown: ShutdownSignal) {
    let Some(SharedLimits { buckets, leased }) = limits else { return };
    let mut ticks = interval(RETURN_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for tick in 1_u32.. {
        tokio::select! {
            biased;
            () = shutdown.requested() => break,
            _ = ticks.tick() => {}
        }
        let now = clock.now();
        let mut result = leased.return_unused(now).await;
        if result.is_ok() && tick.is_multiple_of(TICKS_PER_CLEANUP) {
            result = delete_full(&*buckets, now).await;
        }
        if let Err(error) = result {
            tracing::warn!(%error, "can't return unused leases to the shared rate limits; trying again in 1 s");
        }
    }
    if let Err(error) = leased.return_all(clock.now()).await {
        tracing::warn!(%error, "can't return unused leases to the shared rate limits at shutdown; the limits refill over time");
    }
}

async fn delete_full(buckets: &dyn SharedBuckets, now: Timestamp) -> Result<(), StoreError> {
    loop {
        let deleted = buckets.delete_full(now, CLEANUP_BATCH).await?;
        if usize::try_from(deleted).is_ok_and(|deleted| deleted < CLEANUP_BATCH) {
            return Ok(());
        }
    }
}
