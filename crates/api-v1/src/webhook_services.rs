//! The services that only the webhook endpoints use.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use http_api::{CommitListener, pipeline::StreamLimits, request::ApiRequest, response::Problem};
use kernel::{Changeset, Kind, Write};
use tokio::sync::watch;
use webhooks::{AddressPolicy, DeliveryNotifier, Sender, WebhookSigner};

use crate::services::ApiServices;

/// The services that only the webhook endpoints use, and the open event streams of this server.
pub struct WebhookServices {
    pub(crate) signer: Arc<dyn WebhookSigner>,
    pub(crate) sender: Arc<dyn Sender>,
    /// The policy for the addresses that webhook endpoints may have.
    pub(crate) addresses: AddressPolicy,
    /// The limits on event streams. Each of those queries the database several times a second.
    pub(crate) event_stream_limits: Arc<StreamLimits>,
    event_streams_closed: watch::Sender<bool>,
    paused: AtomicBool,
}

impl WebhookServices {
    /// Creates the services.
    #[must_use]
    pub fn new(signer: Arc<dyn WebhookSigner>, sender: Arc<dyn Sender>, addresses: AddressPolicy) -> Self {
        Self {
            signer,
            sender,
            addresses,
            event_stream_limits: Arc::new(StreamLimits::new(4, 32, "subscribe a webhook")),
            event_streams_closed: watch::Sender::new(false),
            paused: AtomicBool::new(false),
        }
    }

    /// Returns the services of the surface that the request was sent to.
    pub(crate) fn of(request: &ApiRequest) -> Result<Arc<Self>, Problem> {
        Ok(Arc::clone(&request.state::<ApiServices>()?.webhooks))
    }

    /// Records whether the webhooks of the installation are paused, as the server reads it every second.
    pub fn set_paused(&self, paused: bool) {
        self.paused.store(paused, Ordering::Relaxed);
    }

    /// Whether the webhooks of the installation were paused a second ago.
    pub(crate) fn are_paused(&self) -> bool {
        self.paused.load(Ordering::Relaxed)
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
