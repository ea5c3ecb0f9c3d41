//! The tasks that keep webhooks on their way.

use std::{sync::Arc, time::Duration};

use delivery::{Dispatcher, Distributor, Doorbell, Round};
use store::DynStore;
use tokio::{
    task::JoinError,
    time::{MissedTickBehavior, interval, sleep},
};

use crate::{
    compose::{Installation, Webhooks},
    failure::Failure,
    serve::{metrics::Metrics, shutdown::Stop, webhook_metrics::WebhookMetrics},
    settings::Settings,
};

/// How soon it is looked again where other processes may have committed events or left deliveries, or some came just now.
const SOON: Duration = Duration::from_millis(100);

/// How soon it is looked for events where no other process is: this one's own ring the bell.
const ALONE: Duration = Duration::from_secs(1);

/// How soon it is looked there for deliveries: those whose next attempt has become due ring no bell.
const DUE: Duration = Duration::from_millis(300);

/// How long those who take what they are sent have to themselves, before the others are told.
const AHEAD: Duration = Duration::from_millis(100);

/// How often lanes are held for longer.
const RENEW_EVERY: Duration = Duration::from_secs(5);

/// Rests while another server distributes, and after a failure.
const REST: Duration = Duration::from_secs(1);

/// How long attempts in flight have to end when the server stops.
const GRACE: Duration = Duration::from_secs(5);

/// What keeps webhooks on their way.
pub(crate) struct Deliveries {
    pub(crate) webhooks: Webhooks,
    pub(crate) metrics: Arc<WebhookMetrics>,
}

impl Deliveries {
    /// Nothing is under way before [`Self::start`].
    ///
    /// # Errors
    /// When something else has the name of one of its figures.
    pub(crate) fn of(installation: &Installation, settings: &Settings, metrics: &Metrics) -> Result<Self, Failure> {
        Ok(Self {
            webhooks: Webhooks::of(installation, &settings.webhooks),
            metrics: Arc::new(WebhookMetrics::among(metrics)?),
        })
    }

    /// Starts the tasks. What is given back ends when they have, after they were asked to stop.
    pub(crate) fn start(
        self,
        installation: &Installation,
        stop: &Stop,
    ) -> impl Future<Output = Result<(), JoinError>> + use<> {
        let Self { webhooks, metrics } = self;
        let distributor = webhooks.distributor(installation);
        let dispatcher = webhooks.dispatcher(installation, metrics);
        let bell = webhooks.bell;
        let store = Arc::clone(&installation.store);
        let distributing = keep_distributing(distributor, Arc::clone(&store), Arc::clone(&bell), stop.clone());
        let distributing = tokio::spawn(distributing);
        let dispatching = tokio::spawn(keep_dispatching(dispatcher, store, bell, stop.clone()));
        async { distributing.await.and(dispatching.await) }
    }
}

/// Makes deliveries of events until it is time to stop.
async fn keep_distributing(mut distributor: Distributor, store: Arc<DynStore>, bell: Arc<Doorbell>, mut stop: Stop) {
    let mut pause = Duration::ZERO;
    let mut heeds_bell = true;
    loop {
        tokio::select! {
            biased;
            () = stop.asked() => break,
            () = bell.for_distributor(), if heeds_bell => {}
            () = sleep(pause) => {}
        }
        (heeds_bell, pause) = match distributor.round().await {
            Ok(round) => {
                if round.deliveries > 0 {
                    bell.deliveries_are_due();
                }
                let soon = if store.alone() && round.events == 0 { ALONE } else { SOON };
                match round {
                    Round { elsewhere: true, .. } => (false, REST),
                    Round { more: true, .. } => (true, Duration::ZERO),
                    Round { left: true, .. } => (true, AHEAD),
                    _ => (true, soon),
                }
            }
            Err(error) => {
                tracing::warn!(%error, "can't distribute events to webhooks");
                (false, REST)
            }
        };
    }
    if let Err(error) = distributor.resign().await {
        tracing::warn!(%error, "another server distributes events a little later");
    }
}

/// Sends deliveries until it is time to stop.
async fn keep_dispatching(mut dispatcher: Dispatcher, store: Arc<DynStore>, bell: Arc<Doorbell>, mut stop: Stop) {
    let mut renewals = interval(RENEW_EVERY);
    renewals.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut pause = Duration::ZERO;
    let mut heeds_bell = true;
    loop {
        let renews = tokio::select! {
            biased;
            () = stop.asked() => break,
            _ = renewals.tick() => true,
            () = bell.for_dispatcher(), if heeds_bell => false,
            () = sleep(pause) => false,
        };
        if renews {
            if let Err(error) = dispatcher.renew().await {
                tracing::warn!(%error, "can't hold webhook lanes for longer");
            }
            continue;
        }
        (heeds_bell, pause) = match dispatcher.round().await {
            Ok(true) => (true, Duration::ZERO),
            Ok(false) => (true, if store.alone() { DUE } else { SOON }),
            Err(error) => {
                tracing::warn!(%error, "can't look for webhooks that are due");
                (false, REST)
            }
        };
    }
    if let Err(error) = dispatcher.wind_up(GRACE).await {
        tracing::warn!(%error, "webhooks in flight are sent by another server a little later");
    }
}
