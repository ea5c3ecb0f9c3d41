use std::time::Duration;

use kernel::{Id, Resource as _, Stored, Ulid};
use webhooks::{
    DeliveryState, DisabledReason, MAX_STORED_ATTEMPTS, RETRY_DELAYS, StoredEvent, SubscriptionStatus, WebhookDelivery,
    deliveries_for,
};

use crate::harness::{BEFORE, NOW, active, delivery, failed, stored_event, subscription, succeeded};

#[test]
fn only_a_delivery_to_an_active_subscription_has_a_next_attempt() {
    let open = delivery().record;
    assert_eq!(open.scheduled_at(&active().record, false), open.next_attempt_at);
    assert_eq!(open.scheduled_at(&active().record, true), None, "webhooks are paused");
    for status in [SubscriptionStatus::Disabled, SubscriptionStatus::Removed] {
        assert_eq!(open.scheduled_at(&subscription(status, None).record, false), None, "{status:?}");
    }
    assert_eq!(open.cancelled().scheduled_at(&active().record, false), None);
}

#[test]
fn a_new_delivery_is_pending_and_due_since_its_event() {
    let event = stored_event(31);
    let stored = delivery();
    assert_eq!(
        stored.record,
        WebhookDelivery {
            subscription: Id::new(Ulid(21)),
            event: event.id,
            event_type: "finding.created".into(),
            subject: event.subject,
            subject_revision: event.revision,
            state: DeliveryState::Pending,
            consecutive_failures: 0,
            next_attempt_at: Some(event.created_at),
            attempts: Vec::new(),
        }
    );
    assert_eq!((stored.meta.organization, stored.meta.created_at), (event.organization, event.created_at));
    assert!(stored.record.is_first_attempt());
    assert!(!stored.record.after_attempt(failed(NOW), NOW, 0).is_first_attempt());
    assert_eq!(stored.record.unique_key(), None);
}

#[test]
fn the_identifier_of_a_delivery_depends_on_its_subscription_event_and_time_only() {
    let derive = |subscription, event, at| {
        WebhookDelivery::derive_id(Id::new(Ulid(subscription)), Id::new(Ulid(event)), at).ulid()
    };
    let id = derive(1, 2, NOW);
    assert_eq!(id, derive(1, 2, NOW));
    for other in [derive(3, 2, NOW), derive(1, 3, NOW), derive(2, 1, NOW), derive(1, 2, BEFORE)] {
        assert_ne!(id, other);
    }
    assert_eq!(id.timestamp_ms(), NOW.millis().unsigned_abs());
}

#[test]
fn the_identifier_of_a_delivery_contains_the_first_ten_bytes_of_the_hash() {
    // The hash of the two identifiers 1 and 2, with 16 bytes each, computed with `sha256sum`.
    let id = WebhookDelivery::derive_id(Id::new(Ulid(1)), Id::new(Ulid(2)), NOW).ulid();
    assert_eq!(id.random(), 0x78d68721debb423cf880);
}

#[test]
fn a_successful_attempt_finishes_a_delivery() {
    let failing = delivery().record.after_attempt(failed(BEFORE), BEFORE, 0);
    let after = failing.after_attempt(succeeded(NOW), NOW, 0);
    assert_eq!((after.state, after.consecutive_failures), (DeliveryState::Delivered, 0));
    assert_eq!(after.next_attempt_at, None);
    assert_eq!(after.attempts, [failed(BEFORE), succeeded(NOW)]);
}

#[test]
fn a_delivery_fails_until_its_retry_schedule_is_exhausted() {
    let mut current = delivery().record;
    for failures in 1..=9 {
        current = current.after_attempt(failed(NOW), NOW, 0);
        assert_eq!((current.state, current.consecutive_failures), (DeliveryState::Failed, failures));
        let delay = RETRY_DELAYS[usize::from(failures) - 1];
        assert_eq!(current.next_attempt_at, Some(NOW + delay * 9 / 10));
    }
    let exhausted = current.after_attempt(failed(NOW), NOW, 0);
    assert_eq!((exhausted.state, exhausted.next_attempt_at), (DeliveryState::Exhausted, None));
}

#[test]
fn only_the_last_attempts_are_stored() {
    let mut current = delivery().record;
    for number in 0..MAX_STORED_ATTEMPTS + 5 {
        let at = BEFORE + Duration::from_secs(u64::try_from(number).unwrap());
        current = current.after_attempt(failed(at), at, 0);
        assert_eq!(current.attempts.len(), MAX_STORED_ATTEMPTS.min(number + 1));
        assert_eq!(current.attempts.last(), Some(&failed(at)));
    }
    assert_eq!(current.attempts[0].at, BEFORE + Duration::from_secs(5));
    current.attempts.extend_from_within(..);
    assert_eq!(current.after_attempt(failed(NOW), NOW, 0).attempts.len(), MAX_STORED_ATTEMPTS);
}

#[test]
fn a_requeued_delivery_is_due_with_a_fresh_retry_schedule() {
    let failing = delivery().record.after_attempt(failed(BEFORE), BEFORE, 0);
    let requeued = failing.requeued(NOW);
    assert_eq!((requeued.state, requeued.consecutive_failures), (DeliveryState::Pending, 0));
    assert_eq!(requeued.next_attempt_at, Some(NOW));
    assert_eq!(requeued.attempts, failing.attempts);
}

#[test]
fn a_cancelled_delivery_is_not_due() {
    let cancelled = delivery().record.cancelled();
    assert_eq!((cancelled.state, cancelled.next_attempt_at), (DeliveryState::Cancelled, None));
}

#[test]
fn an_event_is_delivered_once_to_every_active_subscription_to_its_type() {
    let event = stored_event(31);
    let one = active();
    let other = Stored { meta: kernel::Meta { id: Id::new(Ulid(22)), ..one.meta }, ..active() };
    assert_eq!(
        deliveries_for(&event, &[one.clone(), other.clone()], NOW),
        [WebhookDelivery::new(&event, one.meta.id), WebhookDelivery::new(&event, other.meta.id)]
    );
}

#[test]
fn an_event_ahead_of_a_clock_that_was_set_back_is_delivered_immediately() {
    let event = stored_event(31);
    let now = event.created_at - Duration::from_secs(7200);
    let deliveries = deliveries_for(&event, &[active()], now);
    assert_eq!(deliveries[0].record.next_attempt_at, Some(now));
    assert_eq!(deliveries[0].meta.created_at, event.created_at);
}

#[test]
fn an_event_is_not_delivered_to_a_subscription_that_does_not_select_it() {
    let event = stored_event(31);
    let mut foreign = active();
    foreign.meta.organization = Id::new(Ulid(99));
    let mut later = active();
    later.meta.created_at = NOW + Duration::from_millis(1);
    let disabled = subscription(SubscriptionStatus::Disabled, Some(DisabledReason::Requested));
    let removed = subscription(SubscriptionStatus::Removed, None);
    for subscription in [foreign, later, disabled, removed] {
        assert_eq!(deliveries_for(&event, std::slice::from_ref(&subscription), NOW), [], "{subscription:?}");
    }
    let other_type = StoredEvent { name: "finding.closed".into(), ..stored_event(31) };
    assert_eq!(deliveries_for(&other_type, &[active()], NOW), []);
    let unknown_type = StoredEvent { name: "finding.vanished".into(), ..stored_event(31) };
    assert_eq!(deliveries_for(&unknown_type, &[active()], NOW), []);
}

#[test]
fn an_event_is_delivered_to_a_subscription_that_was_created_in_the_same_millisecond() {
    let event = stored_event(31);
    let mut same = active();
    same.meta.created_at = event.created_at;
    assert_eq!(deliveries_for(&event, &[same], NOW).len(), 1);
}
