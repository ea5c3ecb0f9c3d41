//! The due deliveries of a partition, in sending order.

use std::collections::{HashSet, VecDeque};

use kernel::Id;
use ulid::Ulid;
use webhooks::{DueDelivery, WebhookDelivery};

/// More deliveries are read when fewer than this many are waiting.
const LOW_WATERMARK: usize = 16;

/// Maximum number of tracked deliveries: one hanging attempt can block all waiting ones about the same record.
const MAX_TRACKED: usize = 256;

/// The waiting deliveries and those in flight. At most one first attempt per record is in flight, so that first
/// attempts are sent in the order of its revisions; deliveries about other records may overtake them.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: VecDeque<DueDelivery>,
    /// All deliveries in the queue or in flight, until their results are stored.
    tracked: HashSet<Id<WebhookDelivery>>,
    /// The records that first attempts in flight are about.
    subjects_in_flight: HashSet<Ulid>,
}

impl Queue {
    /// Number of tracked deliveries: a read must ask for more than these to find others.
    pub(super) fn tracked_count(&self) -> usize {
        self.tracked.len()
    }

    /// Whether more should be read: all waiting deliveries may be blocked by attempts in flight.
    pub(super) fn is_low(&self) -> bool {
        self.waiting.len() < LOW_WATERMARK && self.tracked.len() < MAX_TRACKED
    }

    /// Whether no delivery is waiting.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Appends due deliveries in their order, without those that are tracked already.
    pub(super) fn push_new(&mut self, due: Vec<DueDelivery>) {
        let new = due.into_iter().filter(|due| self.tracked.insert(due.delivery.meta.id));
        self.waiting.extend(new);
    }

    /// Removes and returns the next delivery that may be sent.
    pub(super) fn next(&mut self) -> Option<DueDelivery> {
        let is_free = |due: &DueDelivery| {
            !due.delivery.record.is_first_attempt() || !self.subjects_in_flight.contains(&due.delivery.record.subject)
        };
        let index = self.waiting.iter().position(is_free)?;
        let due = self.waiting.remove(index)?;
        if due.delivery.record.is_first_attempt() {
            self.subjects_in_flight.insert(due.delivery.record.subject);
        }
        Some(due)
    }

    /// Marks the attempt as ended, so that the next delivery about the same record may be sent.
    pub(super) fn attempt_ended(&mut self, delivery: &WebhookDelivery) {
        if delivery.is_first_attempt() {
            self.subjects_in_flight.remove(&delivery.subject);
        }
    }

    /// Stops tracking the delivery, because its result is stored.
    pub(super) fn result_stored(&mut self, id: Id<WebhookDelivery>) {
        self.tracked.remove(&id);
    }

    /// Clears the queue, so that it is read anew. Must only be called while no attempt is in flight.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use kernel::{OrganizationId, OutboxEvent, Revision, Timestamp};
    use webhooks::{Attempt, AttemptOutcome, StoredEvent};

    use super::*;

    fn due(subject: u128, revision: i64) -> DueDelivery {
        let event = StoredEvent {
            id: Id::<OutboxEvent>::new(Ulid::from_parts(1, subject * 100 + u128::from(revision.unsigned_abs()))),
            organization: OrganizationId::INSTALLATION,
            name: "finding.updated".into(),
            subject: Ulid::from_parts(1, subject),
            revision: Revision(revision),
            created_at: Timestamp::from_millis(revision),
            body: Bytes::new(),
        };
        DueDelivery { delivery: WebhookDelivery::new(&event, Id::new(Ulid::from_parts(1, 1))), body: Bytes::new() }
    }

    fn with_attempt(mut due: DueDelivery) -> DueDelivery {
        let outcome = AttemptOutcome {
            duration: std::time::Duration::ZERO,
            status: None,
            response_body: None,
            failure: None,
            retry_after: None,
        };
        due.delivery.record.attempts.push(Attempt { at: Timestamp::MIN, outcome });
        due
    }

    fn subject_and_revision(due: Option<DueDelivery>) -> Option<(u128, i64)> {
        due.map(|due| (due.delivery.record.subject.random(), due.delivery.record.subject_revision.0))
    }

    #[test]
    fn later_events_about_a_record_wait_for_earlier_ones() {
        let mut queue = Queue::default();
        queue.push_new(vec![due(1, 1), due(1, 2), due(2, 1), due(1, 3)]);
        assert_eq!(subject_and_revision(queue.next()), Some((1, 1)));
        assert_eq!(subject_and_revision(queue.next()), Some((2, 1)));
        assert_eq!(subject_and_revision(queue.next()), None);
        queue.attempt_ended(&due(1, 1).delivery.record);
        assert_eq!(subject_and_revision(queue.next()), Some((1, 2)));
        assert_eq!(subject_and_revision(queue.next()), None);
    }

    #[test]
    fn a_retry_neither_waits_for_other_deliveries_nor_blocks_them() {
        let mut queue = Queue::default();
        queue.push_new(vec![with_attempt(due(1, 1)), due(1, 2), with_attempt(due(1, 3))]);
        assert_eq!(subject_and_revision(queue.next()), Some((1, 1)));
        assert_eq!(subject_and_revision(queue.next()), Some((1, 2)));
        assert_eq!(subject_and_revision(queue.next()), Some((1, 3)));
    }

    #[test]
    fn a_tracked_delivery_is_not_queued_again_until_its_result_is_stored() {
        let mut queue = Queue::default();
        queue.push_new(vec![due(1, 1)]);
        let first = queue.next().unwrap();
        queue.push_new(vec![due(1, 1), due(2, 1)]);
        assert_eq!(subject_and_revision(queue.next()), Some((2, 1)));
        assert_eq!(subject_and_revision(queue.next()), None);
        queue.attempt_ended(&first.delivery.record);
        queue.result_stored(first.delivery.meta.id);
        queue.push_new(vec![due(1, 1)]);
        assert_eq!(subject_and_revision(queue.next()), Some((1, 1)));
    }
}
