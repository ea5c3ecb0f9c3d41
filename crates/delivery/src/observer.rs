//! The observer of deliveries, for metrics.

use webhooks::{DisabledReason, Outcome};

/// Receives events about deliveries.
pub trait Observer: Send + Sync {
    /// An attempt has started.
    fn began(&self);

    /// An attempt has ended.
    fn ended(&self, outcome: &Outcome);

    /// The last attempt of a delivery has failed.
    fn exhausted(&self);

    /// A subscription was disabled.
    fn disabled(&self, reason: DisabledReason);
}
