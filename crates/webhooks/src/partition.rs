//! Partitions of the deliveries, and the health of their endpoints.

use kernel::{Id, OrganizationId, Timestamp};

use crate::{attempt::Attempt, subscription::WebhookSubscription};

/// The deliveries of one subscription: the unit that is leased to one server at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition {
    /// The organization of the subscription.
    pub organization: OrganizationId,
    /// The subscription.
    pub subscription: Id<WebhookSubscription>,
}

/// The health of the deliveries of a partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeliveryHealth {
    /// The time of the last successful attempt.
    pub last_delivery_at: Option<Timestamp>,
    /// The time of the first failure after the last success; `None` while attempts succeed.
    pub failing_since: Option<Timestamp>,
}

impl DeliveryHealth {
    /// Whether the endpoint accepted the last delivery. It is not healthy while it is failing, and before it has accepted
    /// anything.
    #[must_use]
    pub const fn is_healthy(self) -> bool {
        self.failing_since.is_none() && self.last_delivery_at.is_some()
    }

    /// Returns the health after one more attempt.
    #[must_use]
    pub fn after(self, attempt: &Attempt) -> Self {
        if attempt.outcome.is_success() {
            Self { last_delivery_at: self.last_delivery_at.max(Some(attempt.at)), failing_since: None }
        } else {
            Self { failing_since: self.failing_since.or(Some(attempt.at)), ..self }
        }
    }
}
