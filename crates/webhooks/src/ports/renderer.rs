//! The port of the API, in whose words events are rendered.

use bytes::Bytes;
use kernel::{Id, OrganizationRef, OutboxEvent, Stored, Timestamp};

use crate::{partition::DeliveryHealth, subscription::WebhookSubscription};

/// Renders test events.
pub trait TestRenderer: Send + Sync {
    /// Returns the body of a test event about this subscription.
    fn render_test(
        &self,
        id: Id<OutboxEvent>,
        at: Timestamp,
        organization: &OrganizationRef,
        subscription: &Stored<WebhookSubscription>,
        health: DeliveryHealth,
    ) -> Bytes;
}
