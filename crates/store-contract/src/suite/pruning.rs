//! Deletion of old deliveries and events, and of removed subscriptions.

use std::time::Duration;

use kernel::{OutboxEvent, Reader, Stored, Timestamp};
use ulid::Ulid;
use webhooks::{AttemptFailure, DeliveryHealth, DisabledReason, EventBodies, SubscriptionStatus, WebhookSubscription};

use crate::{
    Fixture,
    queue::{attempt_result, partition_of},
    samples,
};

const DAY: Duration = Duration::from_secs(86_400);

async fn count_events(fixture: &Fixture) -> usize {
    fixture.store.events(fixture.home, Ulid::nil(), Ulid::max(), 1_000, EventBodies::Omitted).await.unwrap().len()
}

async fn prune(fixture: &Fixture, before: Timestamp) -> u64 {
    fixture.store.prune(before, 100).await.unwrap()
}

/// Publishes events one day apart and delivers each to a single subscription.
async fn deliver_events(fixture: &Fixture, count: u32) -> Vec<OutboxEvent> {
    let partition = partition_of(&fixture.subscribe(fixture.home, "one").await);
    let mut events = Vec::new();
    for number in 0..count {
        events.push(fixture.publish_finding(fixture.home, &format!("f-{number}")).await.1);
        fixture.fan_out(fixture.home, 10).await;
        let due = fixture.due_deliveries(partition).await;
        fixture
            .store
            .record_results(partition, &[attempt_result(&due[0].delivery, fixture.now(), None)], None)
            .await
            .unwrap();
        fixture.clock.advance(DAY);
    }
    events
}

/// Deliveries are deleted together with their events. Younger ones are not, and each call is limited.
pub async fn finished_deliveries_are_pruned_after_their_retention_up_to_a_limit(fixture: Fixture) {
    let published = deliver_events(&fixture, 5).await;
    assert_eq!(prune(&fixture, published[0].created_at).await, 0);
    assert_eq!(prune(&fixture, published[1].created_at).await, 2);
    assert_eq!((fixture.deliveries(fixture.home).await.len(), count_events(&fixture).await), (4, 4));
    assert_eq!(fixture.store.prune(fixture.now(), 0).await.unwrap(), 0);
    let mut deleted = 0;
    for _ in 0..8 {
        let batch = fixture.store.prune(fixture.now(), 1).await.unwrap();
        assert!(batch <= 2);
        deleted += batch;
    }
    assert_eq!((deleted, fixture.deliveries(fixture.home).await.len(), count_events(&fixture).await), (8, 0, 0));
}

/// The limit of a call applies to all subscriptions together, and an event is kept as long as any delivery needs it.
pub async fn finished_deliveries_of_every_subscription_are_pruned(fixture: Fixture) {
    let mut partitions = Vec::new();
    for name in ["one", "two", "three"] {
        partitions.push(partition_of(&fixture.subscribe(fixture.home, name).await));
    }
    for day in 0..3 {
        fixture.publish_finding(fixture.home, &format!("f-{day}")).await;
        fixture.fan_out(fixture.home, 10).await;
        for (index, partition) in partitions.iter().enumerate().filter(|(index, _)| (*index, day) != (1, 1)) {
            let due = fixture.due_deliveries(*partition).await;
            let result = attempt_result(&due[due.len() - 1].delivery, fixture.now(), None);
            assert_eq!(
                fixture.store.record_results(*partition, &[result], None).await.unwrap(),
                [],
                "subscription {index} on day {day}"
            );
        }
        fixture.clock.advance(DAY);
    }
    let mut deleted = 0;
    for _ in 0..5 {
        let batch = fixture.store.prune(fixture.now(), 3).await.unwrap();
        assert!(batch <= 6);
        deleted += batch;
    }
    let remaining = fixture.deliveries(fixture.home).await;
    assert_eq!((deleted, remaining.len(), count_events(&fixture).await), (9, 1, 2));
    assert_eq!(fixture.due_deliveries(partitions[1]).await[0].delivery, remaining[0]);
}

/// An open delivery and its event are kept, however old they are, because the delivery still has to be sent.
pub async fn an_open_delivery_keeps_its_event(fixture: Fixture) {
    let published = deliver_events(&fixture, 1).await;
    let partition = partition_of(&fixture.subscribe(fixture.home, "two").await);
    fixture.publish_finding(fixture.home, "f-slow").await;
    fixture.fan_out(fixture.home, 10).await;
    fixture.clock.advance(DAY);
    assert_eq!(prune(&fixture, fixture.now()).await, 2, "the open delivery does not keep earlier events");
    let due = fixture.due_deliveries(partition).await;
    assert_eq!((due.len(), &due[0].body), (1, &published[0].body));
    assert_eq!((fixture.deliveries(fixture.home).await.len(), count_events(&fixture).await), (2, 1));

    let at = fixture.now();
    for delivery in fixture.deliveries(fixture.home).await {
        let result = attempt_result(&delivery, at, None);
        fixture.store.record_results(partition, &[result], None).await.unwrap();
    }
    fixture.clock.advance(DAY);
    assert_eq!(prune(&fixture, fixture.now()).await, 3);
}

/// Deliveries of a disabled subscription are deleted although they are open, because it may never be enabled again.
pub async fn open_deliveries_of_a_disabled_subscription_are_pruned_after_their_retention(fixture: Fixture) {
    let subscription = fixture.subscribe(fixture.home, "one").await;
    fixture.publish_finding(fixture.home, "f-1").await;
    fixture.fan_out(fixture.home, 10).await;
    let due = fixture.due_deliveries(partition_of(&subscription)).await;
    let result = attempt_result(&due[0].delivery, fixture.now(), Some(AttemptFailure::Refused));
    fixture.store.record_results(partition_of(&subscription), &[result], None).await.unwrap();
    let disabled = samples::with_status(&subscription.record, SubscriptionStatus::Disabled, Some(DisabledReason::Gone));
    fixture.clock.advance(DAY);
    assert_eq!(prune(&fixture, fixture.now()).await, 0);
    fixture.update(&subscription, disabled).await;
    assert_eq!(prune(&fixture, fixture.now() - 2 * DAY).await, 0);
    assert_eq!(prune(&fixture, fixture.now()).await, 2);
    assert_eq!((fixture.deliveries(fixture.home).await.len(), count_events(&fixture).await), (0, 0));
}

/// A removed subscription goes with its deliveries, even open ones, and with its partition. Other subscriptions keep
/// theirs.
pub async fn what_a_removed_subscription_leaves_behind_is_pruned_after_its_retention(fixture: Fixture) {
    let (kept, removed) =
        (fixture.subscribe(fixture.home, "kept").await, fixture.subscribe(fixture.home, "removed").await);
    fixture.publish_finding(fixture.home, "f-1").await;
    fixture.fan_out(fixture.home, 10).await;
    let health = DeliveryHealth { last_delivery_at: Some(fixture.now()), failing_since: None };
    fixture.store.record_results(partition_of(&removed), &[], Some(health)).await.unwrap();
    fixture.clock.advance(DAY);
    let status = samples::with_status(&removed.record, SubscriptionStatus::Removed, None);
    let removed = fixture.update(&removed, status).await;
    let exists = async |subscription: &Stored<WebhookSubscription>| {
        Reader::<WebhookSubscription>::get(&*fixture.store, fixture.home, subscription.meta.id).await.unwrap().is_some()
    };
    assert_eq!(prune(&fixture, removed.meta.updated_at).await, 1, "only the delivery is older than the removal");
    assert!(exists(&removed).await);
    fixture.clock.advance(DAY);
    assert_eq!(fixture.store.prune(fixture.now(), 0).await.unwrap(), 0);
    assert_eq!(prune(&fixture, fixture.now()).await, 1);
    assert_eq!((exists(&removed).await, exists(&kept).await), (false, true));
    let partitions = [partition_of(&removed).subscription, partition_of(&kept).subscription];
    assert_eq!(fixture.store.delivery_health(fixture.home, &partitions).await.unwrap(), []);
    assert_eq!(fixture.due_partitions().await, [partition_of(&kept)]);
    assert_eq!(fixture.due_deliveries(partition_of(&kept)).await.len(), 1);
    assert_eq!(fixture.store.partition_revisions(partition_of(&removed)).await.unwrap(), None);
    assert_eq!(prune(&fixture, fixture.now()).await, 0);
}

/// An event that is not fanned out yet is kept until a server fans it out.
pub async fn an_event_that_is_not_fanned_out_yet_is_kept(fixture: Fixture) {
    fixture.subscribe(fixture.home, "one").await;
    fixture.publish_finding(fixture.home, "f-1").await;
    let (mut changeset, finding) = fixture.create_changeset(fixture.home, samples::finding("f-2"));
    let later = OutboxEvent { name: "later.event", ..samples::outbox_event(&*fixture.entropy, &finding) };
    changeset.publish(later);
    fixture.commit(changeset).await.unwrap();
    fixture.clock.advance(DAY);
    assert_eq!((prune(&fixture, fixture.now()).await, count_events(&fixture).await), (0, 2));
    assert_eq!(fixture.fan_out(fixture.home, 10).await.deliveries, 1);
}
