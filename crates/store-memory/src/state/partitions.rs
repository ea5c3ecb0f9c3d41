//! Partitions: their leases, and when they are due.

use kernel::{Id, Timestamp, Write};
use webhooks::{DeliveryHealth, Partition, PartitionLease, WebhookDelivery, WebhookSubscription};

use super::{LeaseRow, State};

#[derive(Clone, Default)]
pub(crate) struct PartitionRow {
    pub(crate) due_at: Option<Timestamp>,
    /// Whether the partition was made due since its owner last acquired or checked it.
    made_due: bool,
    lease: Option<LeaseRow>,
    pub(crate) health: DeliveryHealth,
}

impl PartitionRow {
    fn is_free(&self, now: Timestamp) -> bool {
        self.lease.as_ref().is_none_or(|lease| lease.expires_at <= now)
    }

    fn is_due(&self, now: Timestamp) -> bool {
        self.due_at.is_some_and(|due| due <= now)
    }

    pub(crate) fn set_lease(&mut self, owner: &str, expires_at: Timestamp) {
        self.lease = Some(LeaseRow { owner: owner.to_owned(), expires_at });
    }

    pub(crate) fn release(&mut self) {
        self.lease = None;
    }
}

impl State {
    /// Makes the partition due at `at`, unless it is due earlier.
    pub(crate) fn mark_due(&mut self, partition: Partition, at: Timestamp) {
        if !self.partitions.contains_key(&partition) {
            self.partitions.insert_mut(partition, PartitionRow::default());
        }
        if let Some(row) = self.partitions.get_mut(&partition) {
            row.due_at = Some(row.due_at.map_or(at, |due| due.min(at)));
            row.made_due = true;
        }
    }

    /// Whether the endpoint of the partition is healthy.
    pub(crate) fn is_healthy(&self, partition: Partition) -> bool {
        self.partitions.get(&partition).is_some_and(|row| row.health.is_healthy())
    }

    /// Makes the partition due that a write affects: a delivery with a next attempt, or a subscription.
    /// A subscription becomes due at `due_at`.
    pub(crate) fn mark_due_for(&mut self, write: &Write, due_at: Timestamp) {
        let (organization, record) = (write.meta.organization, write.record.as_any());
        if record.is::<WebhookSubscription>() {
            let subscription = Id::new(write.meta.ulid());
            self.mark_due(Partition { organization, subscription }, due_at);
        } else if let Some(delivery) = record.downcast_ref::<WebhookDelivery>()
            && let Some(at) = delivery.next_attempt_at
        {
            self.mark_due(Partition { organization, subscription: delivery.subscription }, at);
        }
    }

    /// The partitions that are due and not leased, the longest-due first.
    pub(crate) fn due_partitions(&self, now: Timestamp) -> impl Iterator<Item = Partition> {
        let due = self.partitions.iter().filter(|(_, row)| row.is_due(now) && row.is_free(now));
        let mut due: Vec<_> = due.map(|(partition, row)| (row.due_at, *partition)).collect();
        due.sort_unstable();
        due.into_iter().map(|(_, partition)| partition)
    }

    pub(crate) fn acquire_partition(
        &mut self,
        partition: Partition,
        owner: &str,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Option<PartitionLease> {
        let row = self.partitions.get_mut(&partition).filter(|row| row.is_due(now) && row.is_free(now))?;
        row.set_lease(owner, expires_at);
        row.made_due = false;
        Some(PartitionLease { partition, health: row.health })
    }

    pub(crate) fn release_partition(
        &mut self,
        partition: Partition,
        owner: &str,
        now: Timestamp,
        suspended: bool,
    ) -> bool {
        let next = self.next_attempt_at(partition);
        let is_due = !suspended && next.is_some_and(|next| next <= now);
        let is_owned = |row: &&mut PartitionRow| row.lease.as_ref().is_some_and(|lease| lease.owner == owner);
        let Some(row) = self.partitions.get_mut(&partition).filter(is_owned) else { return true };
        if row.made_due || is_due {
            row.made_due = false;
            return false;
        }
        row.due_at = next.filter(|_| !suspended);
        row.release();
        true
    }

    /// Releases the partitions whose leases expire after `latest`.
    pub(crate) fn release_partitions_leased_after(&mut self, latest: Timestamp) {
        let is_later = |row: &PartitionRow| row.lease.as_ref().is_some_and(|lease| lease.expires_at > latest);
        let partitions: Vec<Partition> =
            self.partitions.iter().filter(|(_, row)| is_later(row)).map(|(partition, _)| *partition).collect();
        for partition in partitions {
            self.partitions.get_mut(&partition).into_iter().for_each(PartitionRow::release);
        }
    }

    /// Makes the deliveries due at `now` whose next attempt is after `latest`, in partitions that are not due before.
    pub(crate) fn make_deliveries_due_that_wait_until_after(&mut self, latest: Timestamp, now: Timestamp) {
        let waits = |at: Option<Timestamp>| at.is_some_and(|at| at > latest);
        let partitions: Vec<Partition> =
            self.partitions.iter().filter(|(_, row)| waits(row.due_at)).map(|(partition, _)| *partition).collect();
        for partition in partitions {
            for mut delivery in self.open_deliveries(partition) {
                if waits(delivery.record.next_attempt_at) {
                    delivery.record.next_attempt_at = Some(now);
                    self.put_delivery(delivery);
                }
            }
            self.mark_due(partition, now);
        }
    }

    pub(crate) fn for_each_partition_of(&mut self, owner: &str, mut change: impl FnMut(&mut PartitionRow)) {
        let is_owned = |row: &PartitionRow| row.lease.as_ref().is_some_and(|lease| lease.owner == owner);
        let partitions: Vec<Partition> =
            self.partitions.iter().filter(|(_, row)| is_owned(row)).map(|(partition, _)| *partition).collect();
        for partition in partitions {
            self.partitions.get_mut(&partition).into_iter().for_each(&mut change);
        }
    }
}
