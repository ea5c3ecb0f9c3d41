//! Lanes: who sends to which subscription, and when there is something for it.

use kernel::{Id, Timestamp, Write};
use webhooks::{Claim, Lane, LaneSigns, WebhookDelivery, WebhookSubscription};

use crate::state::{Held, State};

#[derive(Clone, Default)]
pub(crate) struct LaneRow {
    pub(super) due_at: Option<Timestamp>,
    /// Whether anything came in since its holder last looked.
    arrived: bool,
    held: Option<Held>,
    pub(super) signs: LaneSigns,
}

impl LaneRow {
    fn is_free(&self, now: Timestamp) -> bool {
        self.held.as_ref().is_none_or(|held| held.until <= now)
    }

    fn is_due(&self, now: Timestamp) -> bool {
        self.due_at.is_some_and(|due| due <= now)
    }

    pub(super) fn hold(&mut self, holder: &str, until: Timestamp) {
        self.held = Some(Held { holder: holder.to_owned(), until });
    }

    pub(super) fn let_go(&mut self) {
        self.held = None;
    }
}

impl State {
    /// Makes the lane due from this moment on, if it is not already.
    pub(super) fn wake(&mut self, lane: Lane, at: Timestamp) {
        if !self.lanes.contains_key(&lane) {
            self.lanes.insert_mut(lane, LaneRow::default());
        }
        if let Some(row) = self.lanes.get_mut(&lane) {
            row.due_at = Some(row.due_at.map_or(at, |due| due.min(at)));
            row.arrived = true;
        }
    }

    /// Whether the lane's endpoint has not taken anything lately.
    pub(super) fn is_failing(&self, lane: Lane) -> bool {
        self.lanes.get(&lane).is_some_and(|row| row.signs.failing_since.is_some())
    }

    /// Makes the lane due that a write has something for: its delivery is due, or its subscription is to be looked at.
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
        let mut due: Vec<_> = due.map(|(lane, row)| (row.due_at, *lane)).collect();
        due.sort_unstable();
        due.into_iter().map(|(_, lane)| lane).take(limit).collect()
    }

    pub(super) fn claim_lane(&mut self, lane: Lane, holder: &str, now: Timestamp, until: Timestamp) -> Option<Claim> {
        let row = self.lanes.get_mut(&lane).filter(|row| row.is_due(now) && row.is_free(now))?;
        row.hold(holder, until);
        row.arrived = false;
        Some(Claim { lane, signs: row.signs })
    }

    pub(super) fn give_up_lane(&mut self, lane: Lane, holder: &str, now: Timestamp, parked: bool) -> bool {
        let next = self.open(lane).first().and_then(|delivery| delivery.record.next_attempt_at);
        let is_due = !parked && next.is_some_and(|next| next <= now);
        let held = |row: &&mut LaneRow| row.held.as_ref().is_some_and(|held| held.holder == holder);
        let Some(row) = self.lanes.get_mut(&lane).filter(held) else { return true };
        if row.arrived || is_due {
            row.arrived = false;
            return false;
        }
        row.due_at = next.filter(|_| !parked);
        row.let_go();
        true
    }

    pub(super) fn each_lane_of(&mut self, holder: &str, mut change: impl FnMut(&mut LaneRow)) {
        let held = |row: &LaneRow| row.held.as_ref().is_some_and(|held| held.holder == holder);
        let lanes: Vec<Lane> = self.lanes.iter().filter(|(_, row)| held(row)).map(|(lane, _)| *lane).collect();
        for lane in lanes {
            self.lanes.get_mut(&lane).into_iter().for_each(&mut change);
        }
    }
}
