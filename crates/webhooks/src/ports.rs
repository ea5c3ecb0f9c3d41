//! The ports of webhooks: storage, network, cryptography and notifications.

mod delivery_history;
mod event_fan_out;
mod notifier;
mod partition_queue;
mod renderer;
mod sender;
mod signer;

pub use delivery_history::{DeliveryHistory, DeliveryLag, EventBodies};
pub use event_fan_out::{EventFanOut, FanOut, FanOutPhase};
pub use notifier::DeliveryNotifier;
pub use partition_queue::{DeliveryUpdate, DueDelivery, PartitionLease, PartitionQueue, StaleDelivery};
pub use renderer::TestRenderer;
pub use sender::Sender;
pub use signer::WebhookSigner;

#[cfg(test)]
pub(crate) use sender::MockSender;
