use kernel::{Kind, Stored};
use webhooks::{
    DeliveryState, DisabledReason, MAX_RECOVERED, RecoveryCounts, SubscriptionStatus, WebhookDelivery, WebhookError,
    recover, redeliver,
};

use crate::harness::{
    BEFORE, Harness, NOW, active, audit_actions, delivery, failed, stored_event, subscription, succeeded, written,
};

/// A delivery whose last attempt failed.
fn failing() -> Stored<WebhookDelivery> {
    let stored = delivery();
    let record = stored.record.after_attempt(failed(BEFORE), BEFORE, 0);
    Stored { record, ..stored }
}

#[test]
fn a_redelivery_makes_a_delivery_due_immediately() {
    let harness = Harness::new();
    let (subscription, current) = (active(), failing());
    let (changeset, after) = redeliver(&harness.context(), harness.write_timestamp(), &subscription, &current).unwrap();
    assert_eq!((after.record.state, after.record.next_attempt_at), (DeliveryState::Pending, Some(NOW)));
    assert_eq!(after.record.consecutive_failures, 0);
    assert_eq!(after.meta.revision, current.meta.revision.next());
    assert_eq!(written::<WebhookDelivery>(&changeset, 0), after.record);
    assert_eq!(changeset.writes()[0].expected, Some(current.meta.revision));
    assert_eq!(audit_actions(&changeset), ["webhook_delivery.redelivered"]);
    let subject = changeset.entries()[0].subject.as_ref().map(|subject| subject.id.clone());
    assert_eq!(subject, Some(current.meta.id.to_string()));
    assert_eq!(
        changeset.preconditions(),
        [(Kind::WebhookSubscription, subscription.meta.ulid(), subscription.meta.revision)]
    );
}

#[test]
fn a_delivered_event_can_be_delivered_again_but_a_pending_one_can_not() {
    let harness = Harness::new();
    let pending = delivery();
    let redelivered = |current| redeliver(&harness.context(), harness.write_timestamp(), &active(), current);
    assert_eq!(redelivered(&pending).unwrap_err(), WebhookError::AlreadyPending);
    let delivered = Stored { record: pending.record.after_attempt(succeeded(BEFORE), BEFORE, 0), ..pending };
    assert_eq!(redelivered(&delivered).unwrap().1.record.state, DeliveryState::Pending);
}

#[test]
fn nothing_is_sent_again_to_a_disabled_subscription() {
    let harness = Harness::new();
    let disabled = subscription(SubscriptionStatus::Disabled, Some(DisabledReason::Gone));
    let one = redeliver(&harness.context(), harness.write_timestamp(), &disabled, &failing());
    assert_eq!(one.unwrap_err(), WebhookError::Disabled);
    let many = recover(&harness.context(), harness.write_timestamp(), &disabled, &[], &[]);
    assert_eq!(many.unwrap_err(), WebhookError::Disabled);
}

#[test]
fn a_recovery_sends_failed_deliveries_and_missed_events() {
    let harness = Harness::new();
    let subscription = active();
    let missed = [stored_event(51), stored_event(52)];
    let (changeset, counts) =
        recover(&harness.context(), harness.write_timestamp(), &subscription, &[failing()], &missed).unwrap();
    assert_eq!(counts, RecoveryCounts { redelivered: 1, missed: 2 });
    let expected: Vec<_> = changeset.writes().iter().map(|write| write.expected.map(|revision| revision.0)).collect();
    assert_eq!(expected, [Some(1), None, None]);
    assert_eq!(written::<WebhookDelivery>(&changeset, 0), failing().record.requeued(NOW));
    for (index, event) in missed.iter().enumerate() {
        let new = WebhookDelivery::new(event, subscription.meta.id);
        assert_eq!(written::<WebhookDelivery>(&changeset, 1 + index), new.record);
    }
    assert_eq!(audit_actions(&changeset), ["webhook_subscription.recovered"]);
    assert_eq!(changeset.preconditions().len(), 1, "the subscription must still be active");
}

#[test]
fn a_recovery_sends_at_most_a_thousand_events_and_failed_deliveries_first() {
    let harness = Harness::new();
    let recovered = |failed: usize, missed: usize| {
        let failed = vec![failing(); failed];
        let missed: Vec<_> = (0..missed).map(|number| stored_event(u128::try_from(100 + number).unwrap())).collect();
        let (changeset, counts) =
            recover(&harness.context(), harness.write_timestamp(), &active(), &failed, &missed).unwrap();
        assert_eq!(changeset.writes().len(), counts.redelivered + counts.missed);
        (counts.redelivered, counts.missed)
    };
    assert_eq!(MAX_RECOVERED, 1_000);
    assert_eq!(recovered(998, 5), (998, 2));
    assert_eq!(recovered(1_001, 5), (1_000, 0));
    assert_eq!(recovered(0, 1_001), (0, 1_000));
}
