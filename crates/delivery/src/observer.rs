//! The observer of deliveries, for metrics.

use webhooks::{AttemptOutcome, DisabledReason};

/// Receives events about deliveries.
pub trait DeliveryObserver: Send + Sync {
    /// An attempt has started.
    fn attempt_started(&self);

    /// An attempt has ended.
    fn attempt_ended(&self, outcome: &AttemptOutcome);

    /// The last attempt of a delivery has failed.
    fn delivery_exhausted(&self);

    /// A subscription was disabled.
    fn subscription_disabled(&self, reason: DisabledReason);
}
