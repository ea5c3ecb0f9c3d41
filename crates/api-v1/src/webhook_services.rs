//! The services that only the webhook endpoints use.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use http_api::{CommitListener, pipeline::StreamLimits};
use integrations::Endpoints;
use kernel::{Changeset, Kind, Write};
use tokio::sync::watch;
use webhooks::{AddressPolicy, DeliveryNotifier, Sender, WebhookSigner};

use crate::webhook_payload::PayloadRenderer;

/// The services that only the webhook endpoints use, and the open event streams of this server.
pub struct WebhookServices {
    /// The parts that reach the endpoints of subscriptions.
    pub endpoints: Endpoints,
    /// The limits on event streams. Each of those queries the database several times a second.
    pub(crate) event_stream_limits: Arc<StreamLimits>,
    event_streams_closed: watch::Sender<bool>,
}

impl WebhookServices {
    /// Creates the services.
    #[must_use]
    pub fn new(signer: Arc<dyn WebhookSigner>, sender: Arc<dyn Sender>, addresses: AddressPolicy) -> Self {
        Self {
            endpoints: Endpoints {
                signer,
                sender,
                addresses,
                renderer: Arc::new(PayloadRenderer),
                paused: Arc::new(AtomicBool::new(false)),
            },
            event_stream_limits: Arc::new(StreamLimits::new(4, 32, "subscribe a webhook")),
            event_streams_closed: watch::Sender::new(false),
        }
    }

    /// Records whether the webhooks of the installation are paused, as the server reads it every second.
    pub fn set_paused(&self, paused: bool) {
        self.endpoints.paused.store(paused, Ordering::Relaxed);
    }

    /// Whether the webhooks of the installation were paused a second ago.
    pub(crate) fn are_paused(&self) -> bool {
        self.endpoints.are_paused()
    }

    /// Closes all event streams, which never end by themselves, including those that are opened later. The server calls
    /// this when it shuts down.
    pub fn close_event_streams(&self) {
        self.event_streams_closed.send_replace(true);
    }

    /// Waits until [`Self::close_event_streams`] is called.
    pub(crate) async fn event_streams_closed(&self) {
        // This can't fail, because `self` owns the sender.
        let _ = self.event_streams_closed.subscribe().wait_for(|closed| *closed).await;
    }
}

/// Notifies the delivery workers of commits that create events or deliveries, or affect a subscription.
pub struct DeliveryTrigger(pub Arc<dyn DeliveryNotifier>);

impl CommitListener for DeliveryTrigger {
    fn concerns(&self, changeset: &Changeset) -> bool {
        let is_webhook =
            |write: &Write| matches!(write.record.kind(), Kind::WebhookSubscription | Kind::WebhookDelivery);
        !changeset.events().is_empty() || changeset.writes().iter().any(is_webhook)
    }

    fn notify(&self) {
        self.0.notify();
    }
}
