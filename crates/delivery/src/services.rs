//! The dependencies of the delivery workers.

use std::{sync::Arc, time::Duration};

use kernel::{Clock, Entropy, Timestamp};
use store::DynStore;
use webhooks::{Sender, WebhookSigner};

use crate::observer::DeliveryObserver;

/// The maximum time by which the timestamp of an event may be ahead of the clock. Without this tolerance, an event
/// might not be due yet when its notification arrives.
const MAX_EVENT_LEAD: Duration = Duration::from_millis(20);

/// The dependencies and settings of the delivery workers.
pub struct DeliveryServices {
    /// The store of deliveries.
    pub store: Arc<DynStore>,
    /// The client that sends messages.
    pub sender: Arc<dyn Sender>,
    /// Signs messages.
    pub signer: Arc<dyn WebhookSigner>,
    /// The clock of the installation.
    pub clock: Arc<dyn Clock>,
    /// Source of randomness for identifiers and for the jitter of retries.
    pub entropy: Arc<dyn Entropy>,
    /// Receives events for metrics.
    pub observer: Arc<dyn DeliveryObserver>,
    /// Maximum number of attempts in flight.
    pub concurrency: usize,
}

impl DeliveryServices {
    /// Returns the time up to which deliveries are due: those due at it or before are sent now.
    pub(crate) fn due_by(&self) -> Timestamp {
        self.clock.now() + MAX_EVENT_LEAD
    }
}
