//! What metrics are told.

use webhooks::{DisabledReason, Outcome};

/// Is told how deliveries go.
pub trait Observer: Send + Sync {
    /// An attempt has begun.
    fn began(&self);

    /// An attempt has ended.
    fn ended(&self, outcome: &Outcome);

    /// A delivery failed for the last time.
    fn exhausted(&self);

    /// A subscription was disabled.
    fn disabled(&self, reason: DisabledReason);
}
