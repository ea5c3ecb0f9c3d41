//! Partitions: their leases, and when they are due.

use kernel::{Id, Timestamp, Write};
use webhooks::{Claim, Lane, LaneSigns, WebhookDelivery, WebhookSubscription};

use crate::state::{Held, State};

#[derive(Clone, Default)]
pub(crate) struct LaneRow {
    pub(super) due_at: Option<Timestamp>,
    /// Whether the partition was made due since its owner last acquired or checked it.
    arrived: bool,
    held: Option<Held>,
    pub(super) signs: LaneSigns,
}

impl LaneRow {
    fn is_free(&self, now: Timestamp) -> bool {
        self.held.as_ref().is_none_or(|lease| lease.until <= now)
    }

    fn is_due(&self, now: Timestamp) -> bool {
        self.due_at.is_some_and(|due| due <= now)
    }

    pub(super) fn hold(&mut self, owner: &str, until: Timestamp) {
        self.held = Some(Held { holder: owner.to_owned(), until });
    }

    pub(super) fn let_go(&mut self) {
        self.held = None;
    }
}

impl State {
    /// Makes the partition due at `at`, unless it is due earlier.
    pub(super) fn wake(&mut self, partition: Lane, at: Timestamp) {
        if !self.lanes.contains_key(&partition) {
            self.lanes.insert_mut(partition, LaneRow::default());
        }
        if let Some(row) = self.lanes.get_mut(&partition) {
            row.due_at = Some(row.due_at.map_or(at, |due| due.min(at)));
            row.arrived = true;
        }
    }

    /// Whether the endpoint of the partition is failing.
    pub(super) fn is_failing(&self, partition: Lane) -> bool {
        self.lanes.get(&partition).is_some_and(|row| row.signs.failing_since.is_some())
    }

    /// Makes the partition due that a write affects: a delivery with a next attempt, or a subscription.
    pub(crate) fn wake_by(&mut self, write: &Write) {
        let (organization, record) = (write.meta.organization, write.record.as_any());
        if record.is::<WebhookSubscription>() {
            let subscription = Id::new(write.meta.ulid());
            self.wake(Lane { organization, subscription }, write.meta.updated_at);
        } else if let Some(delivery) = record.downcast_ref::<WebhookDelivery>()
            && let Some(at) = delivery.next_attempt_at
        {
            self.wake(Lane { organization, subscription: delivery.subscription }, at);
        }
    }

    pub(super) fn lanes_due(&self, now: Timestamp, limit: usize) -> Vec<Lane> {
        let due = self.lanes.iter().filter(|(_, row)| row.is_due(now) && row.is_free(now));
        let mut due: Vec<_> = due.map(|(partition, row)| (row.due_at, *partition)).collect();
        due.sort_unstable();
        due.into_iter().map(|(_, partition)| partition).take(limit).collect()
    }

    pub(super) fn claim_lane(
        &mut self,
        partition: Lane,
        owner: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Option<Claim> {
        let row = self.lanes.get_mut(&partition).filter(|row| row.is_due(now) && row.is_free(now))?;
        row.hold(owner, until);
        row.arrived = false;
        Some(Claim { lane: partition, signs: row.signs })
    }

    pub(super) fn give_up_lane(&mut self, partition: Lane, owner: &str, now: Timestamp, suspended: bool) -> bool {
        let next = self.open(partition).first().and_then(|delivery| delivery.record.next_attempt_at);
        let is_due = !suspended && next.is_some_and(|next| next <= now);
        let is_held = |row: &&mut LaneRow| row.held.as_ref().is_some_and(|lease| lease.holder == owner);
        let Some(row) = self.lanes.get_mut(&partition).filter(is_held) else { return true };
        if row.arrived || is_due {
            row.arrived = false;
            return false;
        }
        row.due_at = next.filter(|_| !suspended);
        row.let_go();
        true
    }

    pub(super) fn each_lane_of(&mut self, owner: &str, mut change: impl FnMut(&mut LaneRow)) {
        let is_held = |row: &LaneRow| row.held.as_ref().is_some_and(|lease| lease.holder == owner);
        let partitions: Vec<Lane> =
            self.lanes.iter().filter(|(_, row)| is_held(row)).map(|(partition, _)| *partition).collect();
        for partition in partitions {
            self.lanes.get_mut(&partition).into_iter().for_each(&mut change);
        }
    }
}
