//! The delivery history: stored events, existing deliveries, the health of endpoints, and the backlog.

use std::time::Duration;

use bytes::Bytes;
use kernel::Id;
use ulid::Ulid;
use webhooks::{
    AttemptFailure, DeliveryHealth, DeliveryLag, EventBodies, Partition, PartitionLease, StoredEvent, WebhookDelivery,
};

use crate::{
    Fixture,
    queue::{LEASE_DURATION, attempt_result, partition_of},
};

/// The call returns those of the given ids that are deliveries of the partition.
pub async fn existing_deliveries_are_found(fixture: Fixture) {
    let away = fixture.create_organization("away").await;
    let partition = partition_of(&fixture.subscribe(fixture.home, "one").await);
    let other = partition_of(&fixture.subscribe(fixture.home, "two").await);
    let mut ids: Vec<Id<WebhookDelivery>> = Vec::new();
    for number in 0..3 {
        fixture.publish_finding(fixture.home, &format!("f-{number}")).await;
    }
    fixture.fan_out(fixture.home, 10).await;
    let mut stored: Vec<_> = fixture.due_deliveries(partition).await.iter().map(|due| due.delivery.meta.id).collect();
    stored.sort_unstable();
    ids.extend((0..1_000).map(|_| fixture.new_id()));
    ids.extend(stored.iter().take(2));
    let existing = async |partition, ids: &[_]| fixture.store.existing_deliveries(partition, ids).await.unwrap();
    assert_eq!(existing(partition, &ids).await, stored[..2]);
    assert!(existing(other, &ids).await.is_empty());
    assert!(existing(Partition { organization: away, ..partition }, &ids).await.is_empty());
    assert!(existing(partition, &[]).await.is_empty());
}

fn without_body(event: StoredEvent) -> StoredEvent {
    StoredEvent { body: Bytes::new(), ..event }
}

/// The range excludes its first id and includes its last one. Events are returned whether they are fanned out or not,
/// at most `limit` of them.
pub async fn events_are_listed_between_two_identifiers(fixture: Fixture) {
    let away = fixture.create_organization("away").await;
    let mut events = Vec::new();
    for number in 0..4 {
        fixture.clock.tick();
        events.push(StoredEvent::from(&fixture.publish_finding(fixture.home, &format!("f-{number}")).await.1));
        fixture.publish_finding(away, &format!("f-{number}")).await;
    }
    fixture.fan_out(fixture.home, 2).await;
    let events_between = async |after: Ulid, last: Ulid, limit| {
        fixture.store.events(fixture.home, after, last, limit, EventBodies::Included).await.unwrap()
    };
    assert_eq!(events_between(Ulid::nil(), Ulid::max(), 10).await, events);
    assert_eq!(events_between(Ulid::nil(), Ulid::max(), 3).await, events[..3]);
    assert_eq!(events_between(events[0].id.ulid(), events[2].id.ulid(), 10).await, events[1..3]);
    assert!(events_between(events[3].id.ulid(), Ulid::max(), 10).await.is_empty());
    let (after, last) = (events[0].id.ulid(), events[3].id.ulid());
    let found = fixture.store.events(fixture.home, after, last, 2, EventBodies::Omitted).await.unwrap();
    assert_eq!(found, events[1..3].iter().cloned().map(without_body).collect::<Vec<_>>());
}

/// The health of a partition is stored with the results of attempts. It is returned to the next owner and to other
/// readers.
pub async fn the_health_of_partitions_is_stored(fixture: Fixture) {
    let (partition, _) = fixture.idle_partition("one").await;
    let (other, _) = fixture.idle_partition("two").await;
    let stored_health = async || {
        fixture.store.delivery_health(fixture.home, &[partition.subscription, other.subscription]).await.unwrap()
    };
    assert!(stored_health().await.is_empty());
    fixture.publish_finding(fixture.home, "f-1").await;
    fixture.fan_out(fixture.home, 10).await;
    let due = fixture.due_deliveries(partition).await;
    let at = fixture.clock.tick();
    let result = attempt_result(&due[0].delivery, at, Some(AttemptFailure::Unreachable));
    let health = DeliveryHealth { last_delivery_at: Some(at - LEASE_DURATION), failing_since: Some(at) };
    fixture.store.record_results(partition, &[result], Some(health)).await.unwrap();
    assert_eq!(stored_health().await, [(partition.subscription, health)]);
    fixture.store.record_results(partition, &[], None).await.unwrap();
    let leases = fixture
        .store
        .acquire_partitions(&[partition], "one", fixture.now(), fixture.now() + LEASE_DURATION)
        .await
        .unwrap();
    assert_eq!(leases, [PartitionLease { partition, health }]);
    let health = DeliveryHealth { last_delivery_at: Some(at), failing_since: None };
    fixture.store.record_results(partition, &[], Some(health)).await.unwrap();
    assert_eq!(stored_health().await, [(partition.subscription, health)]);
    assert!(fixture.store.delivery_health(fixture.home, &[]).await.unwrap().is_empty());
}

/// The lag has the oldest pending event and the oldest due delivery, whether its partition is leased or not.
pub async fn the_delivery_lag_is_reported(fixture: Fixture) {
    let (partition, _) = fixture.idle_partition("one").await;
    fixture.idle_partition("two").await;
    let lag = async || fixture.store.delivery_lag(fixture.now()).await.unwrap();
    assert_eq!(lag().await, DeliveryLag::default());
    let first = fixture.clock.tick();
    fixture.publish_finding(fixture.home, "f-1").await;
    fixture.clock.advance(Duration::from_secs(5));
    fixture.publish_finding(fixture.home, "f-2").await;
    assert_eq!(lag().await, DeliveryLag { oldest_event: Some(first), ..DeliveryLag::default() });
    fixture.fan_out(fixture.home, 10).await;
    assert_eq!(lag().await, DeliveryLag { oldest_event: None, oldest_due: Some(first), due_partitions: 2 });
    assert!(fixture.acquire(partition, "one").await);
    let due = fixture.due_deliveries(partition).await;
    let results: Vec<_> =
        due.iter().map(|due| attempt_result(&due.delivery, fixture.now(), Some(AttemptFailure::Refused))).collect();
    fixture.store.record_results(partition, &results, None).await.unwrap();
    assert_eq!(lag().await.due_partitions, 1, "a leased partition whose deliveries were attempted is not due");
}
