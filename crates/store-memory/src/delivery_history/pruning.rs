//! Deletion of deliveries, events and removed subscriptions after the retention period.

use std::collections::BTreeSet;

use kernel::{Kind, OrganizationId, Stored, Timestamp};
use webhooks::{Partition, SubscriptionStatus, WebhookDelivery, WebhookSubscription};

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
        (deliveries.len() + events.len()) as u64 + self.prune_subscriptions(before, limit)
    }

    /// Deletes subscriptions that were removed before this time and have no deliveries left, with their partitions.
    fn prune_subscriptions(&mut self, before: Timestamp, limit: usize) -> u64 {
        let removed: Vec<Stored<WebhookSubscription>> = self
            .rows_of_all_organizations(Kind::WebhookSubscription)
            .filter_map(Row::read)
            .filter(|subscription: &Stored<WebhookSubscription>| {
                subscription.record.is_removed() && subscription.meta.updated_at < before
            })
            .filter(|subscription| self.partition_deliveries(partition_of(subscription)).next().is_none())
            .take(limit)
            .collect();
        for subscription in &removed {
            let meta = &subscription.meta;
            self.records.remove_mut(&(Kind::WebhookSubscription, meta.organization, meta.ulid()));
            self.partitions.remove_mut(&partition_of(subscription));
        }
        removed.len() as u64
    }

    fn is_prunable(&self, delivery: &Stored<WebhookDelivery>, before: Timestamp) -> bool {
        let subscription = self.record(delivery.meta.organization, delivery.record.subscription);
        let is_idle = subscription.is_some_and(|stored| stored.record.status != SubscriptionStatus::Active);
        was_created_before(delivery.meta.id, before) && (is_idle || delivery.record.next_attempt_at.is_none())
    }

    /// The time of creation of the organization's oldest delivery.
    fn oldest_delivery(&self, organization: OrganizationId) -> Option<Timestamp> {
        self.rows(Kind::WebhookDelivery, organization).next().map(|row| row.meta.created_at)
    }
}

fn partition_of(subscription: &Stored<WebhookSubscription>) -> Partition {
    Partition { organization: subscription.meta.organization, subscription: subscription.meta.id }
}

fn was_created_before<R: ?Sized>(id: kernel::Id<R>, before: Timestamp) -> bool {
    i64::try_from(id.ulid().timestamp_ms()).is_ok_and(|at| at < before.millis())
}
