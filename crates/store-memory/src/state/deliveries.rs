//! The deliveries of a partition.

use std::sync::Arc;

use kernel::{Kind, Stored, Timestamp};
use webhooks::{Partition, WebhookDelivery};

use super::{Row, State};

impl State {
    pub(crate) fn partition_deliveries(&self, partition: Partition) -> impl Iterator<Item = Stored<WebhookDelivery>> {
        let rows = self.rows(Kind::WebhookDelivery, partition.organization).filter_map(Row::read::<WebhookDelivery>);
        rows.filter(move |delivery| delivery.record.subscription == partition.subscription)
    }

    /// The partition's unfinished deliveries, in the order in which they are attempted.
    pub(crate) fn open_deliveries(&self, partition: Partition) -> Vec<Stored<WebhookDelivery>> {
        let is_open = |delivery: &Stored<WebhookDelivery>| delivery.record.next_attempt_at.is_some();
        let mut open: Vec<_> = self.partition_deliveries(partition).filter(is_open).collect();
        open.sort_by_key(WebhookDelivery::due_order);
        open
    }

    /// The earliest time of a next attempt in the partition.
    pub(crate) fn next_attempt_at(&self, partition: Partition) -> Option<Timestamp> {
        self.open_deliveries(partition).iter().filter_map(|delivery| delivery.record.next_attempt_at).min()
    }

    pub(crate) fn put_delivery(&mut self, delivery: Stored<WebhookDelivery>) {
        let key = (Kind::WebhookDelivery, delivery.meta.organization, delivery.meta.ulid());
        let row = Row { meta: delivery.meta.erased(), record: Arc::new(delivery.record) };
        self.records.insert_mut(key, row);
    }
}

/// Sets the time of change to the time of the write, which may be after that of the decision.
pub(crate) fn with_updated_at(mut delivery: Stored<WebhookDelivery>, at: Timestamp) -> Stored<WebhookDelivery> {
    delivery.meta.updated_at = at.max(delivery.meta.updated_at);
    delivery
}
