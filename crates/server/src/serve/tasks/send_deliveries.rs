//! The task that sends webhook deliveries.

use std::{sync::Arc, time::Duration};

use api_v1::WebhookServices;
use delivery::{Dispatcher, LocalNotifier, RENEWAL_INTERVAL};
use store::DynStore;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use crate::serve::shutdown::ShutdownSignal;

/// Polling interval while other processes share the database.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Polling interval if this is the only process. No notification announces that a retry has become due.
const POLL_INTERVAL_ALONE: Duration = Duration::from_millis(300);

/// Delay after a failure.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// Maximum duration for attempts in flight to finish at shutdown.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

/// Sends deliveries until shutdown.
pub(crate) async fn run(
    mut dispatcher: Dispatcher,
    store: Arc<DynStore>,
    notifier: Arc<LocalNotifier>,
    endpoint_services: Arc<WebhookServices>,
    mut shutdown: ShutdownSignal,
) {
    let mut renewals = interval(RENEWAL_INTERVAL);
    renewals.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // A point in time, not a delay: renewals in between must not postpone it.
    let mut next_run = Instant::now();
    // False while the task backs off.
    let mut accepts_notifications = true;
    // Until it is known, nothing is sent. The first renewal, which is due immediately, reads it.
    let mut paused = None;
    loop {
        let is_renewal = tokio::select! {
            biased;
            () = shutdown.requested() => break,
            _ = renewals.tick() => true,
            () = notifier.dispatch_notified(), if paused == Some(false) && accepts_notifications => false,
            () = sleep_until(next_run), if paused == Some(false) => false,
        };
        if is_renewal {
            if let Err(error) = dispatcher.renew().await {
                tracing::warn!(%error, "can't renew the leases of webhook subscriptions; trying again in 1 s");
            }
            refresh_paused(&*store, &mut paused).await;
            endpoint_services.set_paused(paused != Some(false));
            continue;
        }
        let delay;
        (accepts_notifications, delay) = match dispatcher.run_once().await {
            Ok(true) => (true, Duration::ZERO),
            Ok(false) => (true, if store.is_sole_process() { POLL_INTERVAL_ALONE } else { POLL_INTERVAL }),
            Err(error) => {
                tracing::warn!(%error, "can't load due webhook deliveries; trying again in 1 s");
                (false, RETRY_DELAY)
            }
        };
        next_run = Instant::now() + delay;
    }
    if let Err(error) = dispatcher.shutdown(SHUTDOWN_TIMEOUT).await {
        tracing::warn!(%error, "can't release webhook subscriptions; another server sends their deliveries when the leases expire");
    }
}

/// Reads whether webhooks are paused. If that fails, what was known before still holds.
async fn refresh_paused(store: &DynStore, paused: &mut Option<bool>) {
    let current = match store.webhooks_paused().await {
        Ok(current) => current,
        Err(error) => {
            tracing::warn!(%error, "can't read whether webhooks are paused; trying again in 1 s");
            return;
        }
    };
    match (paused.replace(current), current) {
        (None | Some(false), true) => tracing::warn!(
            "webhooks are paused, because this installation is a copy of another one: deliveries wait until \
             `novantra webhooks resume`"
        ),
        (Some(true), false) => tracing::info!("webhooks are resumed"),
        _ => {}
    }
}
