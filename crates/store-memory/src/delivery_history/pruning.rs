//! Deletion of deliveries and events after the retention period.

use std::collections::BTreeSet;

use kernel::{Kind, OrganizationId, Stored, Timestamp};
use webhooks::{SubscriptionStatus, WebhookDelivery};

use crate::state::{Row, State};

impl State {
    pub(super) fn prune(&mut self, before: Timestamp, limit: usize) -> u64 {
        let deliveries: Vec<_> = self
            .rows_of_all_organizations(Kind::WebhookDelivery)
            .filter_map(Row::read)
            .filter(|delivery| self.is_prunable(delivery, before))
            .take(limit)
            .collect();
        for delivery in &deliveries {
            self.records.remove_mut(&(Kind::WebhookDelivery, delivery.meta.organization, delivery.meta.ulid()));
        }
        let owners: BTreeSet<OrganizationId> = self.outbox.keys().map(|(organization, _)| *organization).collect();
        let mut events = Vec::new();
        for organization in owners {
            let keep_from = self.oldest_delivery(organization).map_or(before, |oldest| oldest.min(before));
            let expired =
                self.events(organization).filter(|event| !event.pending && was_created_before(event.event.id, before));
            events.extend(
                expired.filter(|event| event.event.created_at < keep_from).map(|event| (organization, event.event.id)),
            );
        }
        events.truncate(limit);
        for key in &events {
            self.outbox.remove_mut(key);
        }
        (deliveries.len() + events.len()) as u64
    }

    fn is_prunable(&self, delivery: &Stored<WebhookDelivery>, before: Timestamp) -> bool {
        let subscription = self.record(delivery.meta.organization, delivery.record.subscription);
        let disabled = subscription.is_some_and(|stored| stored.record.status == SubscriptionStatus::Disabled);
        was_created_before(delivery.meta.id, before) && (disabled || delivery.record.next_attempt_at.is_none())
    }

    /// The time of creation of the organization's oldest delivery.
    fn oldest_delivery(&self, organization: OrganizationId) -> Option<Timestamp> {
        self.rows(Kind::WebhookDelivery, organization).next().map(|row| row.meta.created_at)
    }
}

fn was_created_before<R: ?Sized>(id: kernel::Id<R>, before: Timestamp) -> bool {
    i64::try_from(id.ulid().timestamp_ms()).is_ok_and(|at| at < before.millis())
}
