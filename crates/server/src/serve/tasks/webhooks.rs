//! The tasks that fan out events to webhook deliveries and send them.

use std::{sync::Arc, time::Duration};

use delivery::{Dispatcher, Distributor, FanOutSummary, LocalNotifier};
use store::DynStore;
use tokio::{
    task::JoinError,
    time::{MissedTickBehavior, interval, sleep},
};

use crate::{
    compose::{Installation, Webhooks},
    failure::Failure,
    serve::{
        metrics::{Metrics, webhooks::WebhookMetrics},
        shutdown::ShutdownSignal,
    },
    settings::Settings,
};

/// Polling interval while other processes share the database, or directly after events were fanned out.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Polling interval for events if this is the only process, which notifies the task of its own events.
const EVENT_POLL_INTERVAL_ALONE: Duration = Duration::from_secs(1);

/// Polling interval for deliveries if this is the only process. No notification announces that a retry has become due.
const DELIVERY_POLL_INTERVAL_ALONE: Duration = Duration::from_millis(300);

/// Delay after the fan-out to healthy endpoints before the remaining ones follow.
const HEALTHY_HEAD_START: Duration = Duration::from_millis(100);

/// Interval of renewing the leases of partitions.
const LEASE_RENEWAL_INTERVAL: Duration = Duration::from_secs(5);

/// Delay while another server holds the lease, and after a failure.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// Maximum duration for attempts in flight to finish at shutdown.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

/// The webhook services and metrics, before their tasks are started.
pub(crate) struct WebhookTasks {
    pub(crate) webhooks: Webhooks,
    pub(crate) metrics: Arc<WebhookMetrics>,
}

impl WebhookTasks {
    /// Creates the services and registers their metrics. Nothing is sent before [`Self::start`].
    ///
    /// # Errors
    /// If the metrics are registered already.
    pub(crate) fn new(installation: &Installation, settings: &Settings, metrics: &Metrics) -> Result<Self, Failure> {
        Ok(Self {
            webhooks: Webhooks::new(installation, &settings.webhooks),
            metrics: Arc::new(WebhookMetrics::register(metrics)?),
        })
    }

    /// Starts the tasks. The returned future completes when they have ended after a shutdown request.
    pub(crate) fn start(
        self,
        installation: &Installation,
        shutdown: &ShutdownSignal,
    ) -> impl Future<Output = Result<(), JoinError>> + use<> {
        let Self { webhooks, metrics } = self;
        let distributor = webhooks.distributor(installation);
        let dispatcher = webhooks.dispatcher(installation, metrics);
        let notifier = webhooks.notifier;
        let store = Arc::clone(&installation.store);
        let fan_out = run_distributor(distributor, Arc::clone(&store), Arc::clone(&notifier), shutdown.clone());
        let fan_out = tokio::spawn(fan_out);
        let dispatch = tokio::spawn(run_dispatcher(dispatcher, store, notifier, shutdown.clone()));
        async { fan_out.await.and(dispatch.await) }
    }
}

/// Fans out events to deliveries until shutdown.
async fn run_distributor(
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
                let interval = if store.is_sole_process() && summary.events == 0 {
                    EVENT_POLL_INTERVAL_ALONE
                } else {
                    POLL_INTERVAL
                };
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

/// Sends deliveries until shutdown.
async fn run_dispatcher(
    mut dispatcher: Dispatcher,
    store: Arc<DynStore>,
    notifier: Arc<LocalNotifier>,
    mut shutdown: ShutdownSignal,
) {
    let mut renewals = interval(LEASE_RENEWAL_INTERVAL);
    renewals.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut delay = Duration::ZERO;
    // False while the task backs off.
    let mut accepts_notifications = true;
    loop {
        let is_renewal = tokio::select! {
            biased;
            () = shutdown.requested() => break,
            _ = renewals.tick() => true,
            () = notifier.dispatch_notified(), if accepts_notifications => false,
            () = sleep(delay) => false,
        };
        if is_renewal {
            if let Err(error) = dispatcher.renew().await {
                tracing::warn!(%error, "can't renew the leases of webhook subscriptions; trying again in 5 s");
            }
            continue;
        }
        (accepts_notifications, delay) = match dispatcher.run_once().await {
            Ok(true) => (true, Duration::ZERO),
            Ok(false) => (true, if store.is_sole_process() { DELIVERY_POLL_INTERVAL_ALONE } else { POLL_INTERVAL }),
            Err(error) => {
                tracing::warn!(%error, "can't load due webhook deliveries; trying again in 1 s");
                (false, RETRY_DELAY)
            }
        };
    }
    if let Err(error) = dispatcher.shutdown(SHUTDOWN_TIMEOUT).await {
        tracing::warn!(%error, "can't release webhook subscriptions; another server sends their deliveries when the leases expire");
    }
}
