//! A lane's deliveries that are due, in the order they go out.

use std::collections::{HashSet, VecDeque};

use kernel::Id;
use ulid::Ulid;
use webhooks::{Due, WebhookDelivery};

/// With fewer waiting than that, more is read.
const LOW: usize = 16;

/// How many are known at most: one attempt that hangs can hold up all that wait behind it.
const KNOWN_AT_MOST: usize = 256;

/// What waits, and what is under way: one first attempt about each record at a time, so that they go out in the order of
/// its revisions, whatever else overtakes them.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: VecDeque<Due>,
    /// All that was taken in and is not settled yet.
    known: HashSet<Id<WebhookDelivery>>,
    /// What first attempts under way are about.
    busy: HashSet<Ulid>,
}

impl Queue {
    /// How many are not settled yet: a read that is to find others must look at more.
    pub(super) fn known(&self) -> usize {
        self.known.len()
    }

    /// Whether more should be read: what waits may all be held up by what is under way.
    pub(super) fn is_low(&self) -> bool {
        self.waiting.len() < LOW && self.known.len() < KNOWN_AT_MOST
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Takes in what is due, in its order; what is here already stays where it is.
    pub(super) fn take_in(&mut self, due: Vec<Due>) {
        let fresh = due.into_iter().filter(|due| self.known.insert(due.delivery.meta.id));
        self.waiting.extend(fresh);
    }

    /// The next one that may go.
    pub(super) fn next(&mut self) -> Option<Due> {
        let free = |due: &Due| !due.delivery.record.is_first() || !self.busy.contains(&due.delivery.record.subject);
        let place = self.waiting.iter().position(free)?;
        let due = self.waiting.remove(place)?;
        if due.delivery.record.is_first() {
            self.busy.insert(due.delivery.record.subject);
        }
        Some(due)
    }

    /// Its attempt has ended: what happened later to the same record may go.
    pub(super) fn ended(&mut self, delivery: &WebhookDelivery) {
        if delivery.is_first() {
            self.busy.remove(&delivery.subject);
        }
    }

    /// What came of it is stored.
    pub(super) fn settled(&mut self, id: Id<WebhookDelivery>) {
        self.known.remove(&id);
    }

    /// Forgets all that waits, to be read anew. Nothing is under way.
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
