//! The task that fans out events to webhook deliveries.

use std::{sync::Arc, time::Duration};

use delivery::{Distributor, FanOutSummary, LocalNotifier};
use store::DynStore;
use tokio::time::sleep;

use crate::serve::shutdown::ShutdownSignal;

/// Polling interval while other processes share the database, or directly after events were fanned out.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Polling interval if this is the only process, which notifies the task of its own events.
const POLL_INTERVAL_ALONE: Duration = Duration::from_secs(1);

/// Delay after the fan-out to healthy endpoints before the remaining ones follow.
const HEALTHY_HEAD_START: Duration = Duration::from_millis(100);

/// Delay while another server holds the lease, and after a failure.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// Fans out events to deliveries until shutdown.
pub(crate) async fn run(
    mut distributor: Distributor,
    store: Arc<DynStore>,
    notifier: Arc<LocalNotifier>,
    mut shutdown: ShutdownSignal,
) {
    let mut delay = Duration::ZERO;
    // False while the task backs off.
    let mut accepts_notifications = true;
    loop {
        tokio::select! {
            biased;
            () = shutdown.requested() => break,
            () = notifier.fan_out_notified(), if accepts_notifications => {}
            () = sleep(delay) => {}
        }
        (accepts_notifications, delay) = match distributor.run_once().await {
            Ok(summary) => {
                if summary.deliveries > 0 {
                    notifier.notify_dispatcher();
                }
                let interval =
                    if store.is_sole_process() && summary.events == 0 { POLL_INTERVAL_ALONE } else { POLL_INTERVAL };
                match summary {
                    FanOutSummary { leased_elsewhere: true, .. } => (false, RETRY_DELAY),
                    FanOutSummary { has_more: true, .. } => (true, Duration::ZERO),
                    FanOutSummary { remaining: true, .. } => (true, HEALTHY_HEAD_START),
                    _ => (true, interval),
                }
            }
            Err(error) => {
                tracing::warn!(%error, "can't fan out events to webhook deliveries; trying again in 1 s");
                (false, RETRY_DELAY)
            }
        };
    }
    if let Err(error) = distributor.release_lease().await {
        tracing::warn!(%error, "can't release the lease of the event fan-out; another server takes over when it expires");
    }
}
