//! The due deliveries of a partition, in sending order.

use std::collections::{HashSet, VecDeque};

use kernel::Id;
use ulid::Ulid;
use webhooks::{Due, WebhookDelivery};

/// More deliveries are read when fewer than this many are waiting.
const LOW: usize = 16;

/// Maximum number of tracked deliveries: one hanging attempt can block all waiting ones about the same record.
const KNOWN_AT_MOST: usize = 256;

/// The waiting deliveries and those in flight. At most one first attempt per record is in flight, so that first
/// attempts are sent in the order of its revisions; deliveries about other records may overtake them.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: VecDeque<Due>,
    /// All deliveries in the queue or in flight, until their results are stored.
    known: HashSet<Id<WebhookDelivery>>,
    /// The records that first attempts in flight are about.
    busy: HashSet<Ulid>,
}

impl Queue {
    /// Number of tracked deliveries: a read must ask for more than these to find others.
    pub(super) fn known(&self) -> usize {
        self.known.len()
    }

    /// Whether more should be read: all waiting deliveries may be blocked by attempts in flight.
    pub(super) fn is_low(&self) -> bool {
        self.waiting.len() < LOW && self.known.len() < KNOWN_AT_MOST
    }

    /// Whether no delivery is waiting.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Appends due deliveries in their order, without those that are tracked already.
    pub(super) fn take_in(&mut self, due: Vec<Due>) {
        let new = due.into_iter().filter(|due| self.known.insert(due.delivery.meta.id));
        self.waiting.extend(new);
    }

    /// Removes and returns the next delivery that may be sent.
    pub(super) fn next(&mut self) -> Option<Due> {
        let is_free = |due: &Due| !due.delivery.record.is_first() || !self.busy.contains(&due.delivery.record.subject);
        let index = self.waiting.iter().position(is_free)?;
        let due = self.waiting.remove(index)?;
        if due.delivery.record.is_first() {
            self.busy.insert(due.delivery.record.subject);
        }
        Some(due)
    }

    /// Marks the attempt as ended, so that the next delivery about the same record may be sent.
    pub(super) fn ended(&mut self, delivery: &WebhookDelivery) {
        if delivery.is_first() {
            self.busy.remove(&delivery.subject);
        }
    }

    /// Stops tracking the delivery, because its result is stored.
    pub(super) fn settled(&mut self, id: Id<WebhookDelivery>) {
        self.known.remove(&id);
    }

    /// Clears the queue, so that it is read anew. Must only be called while no attempt is in flight.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use kernel::{Organization, OutboxEvent, Revision, Timestamp};
    use webhooks::{Attempt, Outcome, StoredEvent};

    use super::*;

    fn due(subject: u128, revision: i64) -> Due {
        let event = StoredEvent {
            id: Id::<OutboxEvent>::new(Ulid::from_parts(1, subject * 100 + u128::from(revision.unsigned_abs()))),
            organization: Organization::installation(),
            name: "finding.updated".into(),
            subject: Ulid::from_parts(1, subject),
            revision: Revision(revision),
            created_at: Timestamp::from_millis(revision),
            body: Bytes::new(),
        };
        Due { delivery: WebhookDelivery::of(&event, Id::new(Ulid::from_parts(1, 1))), body: Bytes::new() }
    }

    fn repeated(mut due: Due) -> Due {
        let outcome =
            Outcome { took: std::time::Duration::ZERO, status: None, answer: None, failure: None, retry_after: None };
        due.delivery.record.attempts.push(Attempt { at: Timestamp::MIN, outcome });
        due
    }

    fn of(due: Option<Due>) -> Option<(u128, i64)> {
        due.map(|due| (due.delivery.record.subject.random(), due.delivery.record.subject_revision.0))
    }

    #[test]
    fn what_happened_later_to_a_record_waits_for_what_happened_before() {
        let mut queue = Queue::default();
        queue.take_in(vec![due(1, 1), due(1, 2), due(2, 1), due(1, 3)]);
        assert_eq!(of(queue.next()), Some((1, 1)));
        assert_eq!(of(queue.next()), Some((2, 1)));
        assert_eq!(of(queue.next()), None);
        queue.ended(&due(1, 1).delivery.record);
        assert_eq!(of(queue.next()), Some((1, 2)));
        assert_eq!(of(queue.next()), None);
    }

    #[test]
    fn a_repeated_attempt_waits_for_nothing_and_holds_nothing_up() {
        let mut queue = Queue::default();
        queue.take_in(vec![repeated(due(1, 1)), due(1, 2), repeated(due(1, 3))]);
        assert_eq!(of(queue.next()), Some((1, 1)));
        assert_eq!(of(queue.next()), Some((1, 2)));
        assert_eq!(of(queue.next()), Some((1, 3)));
    }

    #[test]
    fn what_is_under_way_is_not_taken_in_twice_until_it_is_settled() {
        let mut queue = Queue::default();
        queue.take_in(vec![due(1, 1)]);
        let first = queue.next().unwrap();
        queue.take_in(vec![due(1, 1), due(2, 1)]);
        assert_eq!(of(queue.next()), Some((2, 1)));
        assert_eq!(of(queue.next()), None);
        queue.ended(&first.delivery.record);
        queue.settled(first.delivery.meta.id);
        queue.take_in(vec![due(1, 1)]);
        assert_eq!(of(queue.next()), Some((1, 1)));
    }
}
