//! Partitions: which worker delivers to which subscription, and when a partition is due.

use std::{sync::Arc, time::Duration};

use kernel::{Id, Stored, Timestamp};
use store::DynStore;
use webhooks::{AttemptFailure, DeliveryHealth, DeliveryLag, Partition, PartitionLease, WebhookDelivery};

use crate::{
    Fixture,
    queue::{LEASE_DURATION, attempt_result, partition_of},
    samples,
};

/// Requeues a delivery.
async fn requeue(fixture: &Fixture, delivery: &Stored<WebhookDelivery>) -> Stored<WebhookDelivery> {
    fixture.update(delivery, delivery.record.requeued(fixture.now())).await
}

/// A partition becomes due when its subscription changes, when a delivery is due and when an event is fanned out.
pub async fn a_partition_becomes_due_when_its_work_is_due(fixture: Fixture) {
    let (partition, subscription) = fixture.idle_partition("one").await;
    let (other, _) = fixture.idle_partition("two").await;
    assert!(fixture.due_partitions().await.is_empty());

    fixture.update(&subscription, subscription.record.clone()).await;
    assert_eq!(fixture.due_partitions().await, [partition]);
    fixture.acquire_and_release(partition).await;

    let later = fixture.now() + Duration::from_secs(5);
    let due = fixture.create(fixture.home, samples::delivery(partition.subscription, fixture.new_id(), later)).await;
    let finished = samples::delivery(other.subscription, fixture.new_id(), later).cancelled();
    fixture.create(fixture.home, finished).await;
    assert!(fixture.due_partitions().await.is_empty());
    fixture.clock.set(later);
    assert_eq!(fixture.due_partitions().await, [partition]);
    fixture.update(&due, due.record.cancelled()).await;
    fixture.acquire_and_release(partition).await;

    fixture.publish_finding(fixture.home, "f-1").await;
    assert!(fixture.due_partitions().await.is_empty());
    fixture.fan_out(fixture.home, 10).await;
    let mut both = [partition, other];
    both.sort_unstable();
    assert_eq!(fixture.due_partitions().await, both);
}

/// At most `limit` partitions of all organizations are listed, none of them leased.
pub async fn the_longest_waiting_partitions_are_listed_first(fixture: Fixture) {
    let away = fixture.create_organization("away").await;
    let mut partitions = Vec::new();
    for number in 0..4 {
        fixture.clock.tick();
        let organization = if number % 2 == 0 { away } else { fixture.home };
        partitions.push(partition_of(&fixture.subscribe(organization, &format!("account {number}")).await));
    }
    let due = async |limit| fixture.store.due_partitions(fixture.now(), limit).await.unwrap();
    assert_eq!(due(10).await, partitions);
    assert_eq!(due(2).await, partitions[..2]);
    assert!(fixture.acquire(partitions[1], "one").await);
    assert_eq!(due(10).await, [partitions[0], partitions[2], partitions[3]]);
    fixture.clock.advance(LEASE_DURATION);
    assert_eq!(due(10).await, partitions, "an expired lease does not exclude its partition");
}

/// An endpoint is healthy if it accepted the last delivery: not while it is failing, nor before it has accepted anything.
pub async fn the_due_partitions_of_healthy_endpoints_are_listed_apart(fixture: Fixture) {
    let (now, mut partitions) = (Some(fixture.now()), Vec::new());
    for (number, (last_delivery_at, failing_since)) in
        [(None, None), (now, None), (now, now), (None, now), (now, None)].into_iter().enumerate()
    {
        fixture.clock.tick();
        let partition = partition_of(&fixture.subscribe(fixture.home, &format!("account {number}")).await);
        let health = DeliveryHealth { last_delivery_at, failing_since };
        fixture.store.record_results(partition, &[], Some(health)).await.unwrap();
        partitions.push(partition);
    }
    let healthy = async |limit| fixture.store.due_healthy_partitions(fixture.now(), limit).await.unwrap();
    assert_eq!(healthy(10).await, [partitions[1], partitions[4]]);
    assert_eq!(healthy(1).await, [partitions[1]]);
    assert!(fixture.acquire(partitions[1], "one").await);
    assert_eq!(healthy(10).await, [partitions[4]]);
    assert_eq!(fixture.store.due_partitions(fixture.now(), 10).await.unwrap().len(), 4);
}

/// Of any number of concurrent attempts one succeeds.
pub async fn one_of_eight_concurrent_workers_acquires_a_partition(fixture: Fixture) {
    let partition = partition_of(&fixture.subscribe(fixture.home, "one").await);
    let now = fixture.now();
    let attempts: Vec<_> = (0..8)
        .map(|number| {
            let store = Arc::clone(&fixture.store);
            tokio::spawn(async move {
                store.acquire_partitions(&[partition], &format!("{number}"), now, now + LEASE_DURATION).await.unwrap()
            })
        })
        .collect();
    let mut acquired = Vec::new();
    for attempt in attempts {
        acquired.extend(attempt.await.unwrap());
    }
    assert_eq!(acquired.len(), 1);
    assert_eq!((acquired[0].partition, acquired[0].health), (partition, DeliveryHealth::default()));
    assert!(fixture.due_partitions().await.is_empty());
    assert!(!fixture.acquire(partition, "0").await && !fixture.acquire(partition, "other").await);
}

/// The call acquires those partitions that are due and not leased, and returns the health of each.
pub async fn many_partitions_are_acquired_in_one_call(fixture: Fixture) {
    let away = fixture.create_organization("away").await;
    let mut partitions = Vec::new();
    for number in 0..6 {
        let organization = if number % 2 == 0 { away } else { fixture.home };
        partitions.push(partition_of(&fixture.subscribe(organization, &format!("account {number}")).await));
    }
    let (idle, _) = fixture.idle_partition("idle").await;
    let health = DeliveryHealth { last_delivery_at: Some(fixture.now()), failing_since: None };
    fixture.store.record_results(partitions[2], &[], Some(health)).await.unwrap();
    assert!(fixture.acquire(partitions[4], "other").await);
    let requested = [partitions[5], partitions[2], idle, partitions[4], partitions[0], partitions[5]];
    let now = fixture.now();
    let mut acquired = fixture.store.acquire_partitions(&requested, "one", now, now + LEASE_DURATION).await.unwrap();
    acquired.sort_by_key(|lease| lease.partition);
    let lease = |index: usize| PartitionLease { partition: partitions[index], health: DeliveryHealth::default() };
    let mut expected = [lease(0), PartitionLease { partition: partitions[2], health }, lease(5)];
    expected.sort_by_key(|lease| lease.partition);
    assert_eq!(acquired, expected);
    assert_eq!(fixture.due_partitions().await, [partitions[1], partitions[3]]);
    assert!(fixture.store.acquire_partitions(&[], "one", now, now + LEASE_DURATION).await.unwrap().is_empty());
}

/// Concurrent calls may share a transaction, but each gets its own answer.
pub async fn concurrent_calls_for_many_partitions_are_independent(fixture: Fixture) {
    const EVENTS: usize = 4;
    let mut partitions = Vec::new();
    for number in 0..12 {
        partitions.push(partition_of(&fixture.subscribe(fixture.home, &format!("account {number}")).await));
    }
    for number in 0..EVENTS {
        fixture.clock.tick();
        fixture.publish_finding(fixture.home, &format!("f-{number}")).await;
    }
    fixture.fan_out(fixture.home, 10).await;
    let now = fixture.now();
    assert_eq!(
        fixture.store.acquire_partitions(&partitions, "one", now, now + LEASE_DURATION).await.unwrap().len(),
        partitions.len()
    );
    let attempt_and_release = |index: usize, partition: Partition| {
        let store = Arc::clone(&fixture.store);
        tokio::spawn(async move {
            let limit = index % (EVENTS + 1);
            let due = store.due_deliveries(partition, now, limit).await.unwrap();
            assert_eq!(due.len(), limit);
            assert!(due.iter().all(|due| due.delivery.record.subscription == partition.subscription));
            let results: Vec<_> = due.iter().map(|due| attempt_result(&due.delivery, now, None)).collect();
            let last_delivery_at = Some(now + Duration::from_secs(index as u64));
            let health = DeliveryHealth { last_delivery_at, failing_since: None };
            assert!(store.record_results(partition, &results, Some(health)).await.unwrap().is_empty());
            let stale = store.record_results(partition, &results, None).await.unwrap();
            assert_eq!(stale.len(), limit);
            let released = store.release_partition(partition, "one", now, false).await.unwrap();
            let suspended =
                store.release_partition(partition, if index == 0 { "one" } else { "nobody" }, now, true).await.unwrap();
            assert!(suspended);
            (released, limit, health)
        })
    };
    let workers: Vec<_> =
        partitions.iter().enumerate().map(|(index, partition)| attempt_and_release(index, *partition)).collect();
    for (index, worker) in workers.into_iter().enumerate() {
        let (released, limit, health) = worker.await.unwrap();
        assert_eq!(released, limit == EVENTS, "{index}");
        assert_eq!(fixture.due_deliveries(partitions[index]).await.len(), EVENTS - limit);
        let stored = fixture.store.delivery_health(fixture.home, &[partitions[index].subscription]).await.unwrap();
        assert_eq!(stored, [(partitions[index].subscription, health)]);
    }
}

/// The former owner can neither get the partition back nor take it from its new owner.
pub async fn a_partition_can_be_acquired_by_another_worker_once_its_lease_expires(fixture: Fixture) {
    let partition = partition_of(&fixture.subscribe(fixture.home, "one").await);
    assert!(fixture.acquire(partition, "slow").await);
    fixture.clock.advance(LEASE_DURATION - Duration::from_millis(1));
    assert!(!fixture.acquire(partition, "other").await);
    fixture.clock.tick();
    assert!(fixture.acquire(partition, "other").await);

    fixture.store.renew_partitions("slow", fixture.now() + 4 * LEASE_DURATION).await.unwrap();
    assert!(fixture.release(partition, "slow").await, "releasing a lost lease succeeds without an effect");
    fixture.store.release_all_partitions("slow").await.unwrap();
    assert!(!fixture.acquire(partition, "slow").await);
    assert!(fixture.due_partitions().await.is_empty(), "the other worker still has the lease");
    fixture.clock.advance(LEASE_DURATION);
    assert_eq!(fixture.due_partitions().await, [partition], "the lease lasts no longer than requested");
}

/// Expired leases are renewed, too, as long as no other worker has acquired them.
pub async fn an_owner_renews_all_its_partition_leases(fixture: Fixture) {
    let partitions = [
        partition_of(&fixture.subscribe(fixture.home, "one").await),
        partition_of(&fixture.subscribe(fixture.home, "two").await),
        partition_of(&fixture.subscribe(fixture.home, "three").await),
    ];
    for (partition, owner) in partitions.into_iter().zip(["one", "one", "other"]) {
        assert!(fixture.acquire(partition, owner).await);
    }
    fixture.clock.advance(LEASE_DURATION / 2);
    fixture.store.renew_partitions("one", fixture.now() + LEASE_DURATION).await.unwrap();
    fixture.clock.advance(LEASE_DURATION / 2);
    assert_eq!(fixture.due_partitions().await, partitions[2..]);
    fixture.clock.advance(LEASE_DURATION);
    assert!(fixture.acquire(partitions[0], "other").await);
    fixture.store.renew_partitions("one", fixture.now() + LEASE_DURATION).await.unwrap();
    assert_eq!(fixture.due_partitions().await, partitions[2..]);
    assert!(fixture.release(partitions[1], "one").await);
}

/// A partition is not released while a delivery is due. After its release it is due again when its next delivery is.
pub async fn a_released_partition_is_due_again_when_its_next_delivery_is(fixture: Fixture) {
    let (partition, _) = fixture.idle_partition("one").await;
    fixture.publish_finding(fixture.home, "f-1").await;
    fixture.fan_out(fixture.home, 10).await;
    assert!(fixture.acquire(partition, "one").await);
    assert!(!fixture.release(partition, "one").await, "a delivery is due");
    assert!(!fixture.release(partition, "one").await, "the delivery is still due");
    let due = fixture.due_deliveries(partition).await;
    let result = attempt_result(&due[0].delivery, fixture.now(), Some(AttemptFailure::Refused));
    let next = result.after.record.next_attempt_at.unwrap();
    fixture.store.record_results(partition, &[result], None).await.unwrap();
    assert!(fixture.release(partition, "one").await);
    fixture.clock.set(next - Duration::from_millis(1));
    assert!(fixture.due_partitions().await.is_empty() && !fixture.acquire(partition, "one").await);
    fixture.clock.tick();
    assert_eq!(fixture.due_partitions().await, [partition]);

    assert!(fixture.acquire(partition, "one").await);
    let due = fixture.due_deliveries(partition).await;
    let result = attempt_result(&due[0].delivery, fixture.now(), None);
    fixture.store.record_results(partition, &[result], None).await.unwrap();
    assert!(fixture.release(partition, "one").await);
    fixture.clock.advance(Duration::from_secs(86_400));
    assert!(fixture.due_partitions().await.is_empty(), "no open delivery is left");
}

/// A release fails once for each time that work has arrived since, so that the owner looks again.
pub async fn work_that_arrives_while_a_partition_is_leased_is_not_missed(fixture: Fixture) {
    let (partition, subscription) = fixture.idle_partition("one").await;
    fixture.publish_finding(fixture.home, "f-1").await;
    fixture.fan_out(fixture.home, 10).await;
    assert!(fixture.acquire(partition, "one").await);
    let due = fixture.due_deliveries(partition).await;
    let result = attempt_result(&due[0].delivery, fixture.now(), None);
    fixture.store.record_results(partition, std::slice::from_ref(&result), None).await.unwrap();

    requeue(&fixture, &result.after).await;
    assert!(!fixture.release(partition, "one").await);
    let due = fixture.due_deliveries(partition).await;
    let result = attempt_result(&due[0].delivery, fixture.now(), None);
    fixture.store.record_results(partition, &[result], None).await.unwrap();

    fixture.update(&subscription, subscription.record.clone()).await;
    assert!(!fixture.release(partition, "one").await, "the subscription must be read again");
    assert!(fixture.release(partition, "one").await);
    assert!(fixture.due_partitions().await.is_empty());
}

/// A suspended partition is not due although it has open deliveries. Work that arrived since its lease was acquired
/// prevents its suspension.
pub async fn a_suspended_partition_becomes_due_when_new_work_arrives(fixture: Fixture) {
    let (partition, subscription) = fixture.idle_partition("one").await;
    fixture.publish_finding(fixture.home, "f-1").await;
    fixture.fan_out(fixture.home, 10).await;
    let suspend = async |owner| fixture.store.release_partition(partition, owner, fixture.now(), true).await.unwrap();
    assert!(fixture.acquire(partition, "one").await);
    let subscription = fixture.update(&subscription, subscription.record.clone()).await;
    assert!(!suspend("one").await, "the subscription may have been enabled");
    assert!(suspend("one").await);
    fixture.clock.advance(Duration::from_secs(86_400));
    assert!(fixture.due_partitions().await.is_empty());
    assert_eq!(
        fixture.store.delivery_lag(fixture.now()).await.unwrap(),
        DeliveryLag::default(),
        "suspended deliveries do not count as lag"
    );
    fixture.update(&subscription, subscription.record.clone()).await;
    assert_eq!(fixture.due_partitions().await, [partition]);
    assert_eq!(fixture.due_deliveries(partition).await.len(), 1);
    assert!(suspend("nobody").await);
    assert_eq!(fixture.due_partitions().await, [partition], "only the owner can suspend a partition");
}

/// Another server can acquire the partitions immediately.
pub async fn a_stopping_server_releases_all_its_partitions_as_due_as_they_were(fixture: Fixture) {
    let mut partitions = Vec::new();
    for number in 0..3 {
        fixture.clock.tick();
        partitions.push(partition_of(&fixture.subscribe(fixture.home, &format!("account {number}")).await));
    }
    for (partition, owner) in partitions.iter().zip(["stops", "stays", "stops"]) {
        assert!(fixture.acquire(*partition, owner).await);
    }
    fixture.store.release_all_partitions("stops").await.unwrap();
    assert_eq!(fixture.due_partitions().await, [partitions[0], partitions[2]]);
    assert!(fixture.acquire(partitions[0], "other").await);
}

/// Acts as a worker: acquires the partition if it is due, makes all due attempts, and releases it.
async fn run_worker(store: &DynStore, partition: Partition, owner: &str, now: Timestamp) {
    if store.acquire_partitions(&[partition], owner, now, now + LEASE_DURATION).await.unwrap().is_empty() {
        return;
    }
    loop {
        let due = store.due_deliveries(partition, now, 3).await.unwrap();
        let results: Vec<_> = due.iter().map(|due| attempt_result(&due.delivery, now, None)).collect();
        store.record_results(partition, &results, None).await.unwrap();
        if store.release_partition(partition, owner, now, false).await.unwrap() {
            return;
        }
    }
}

/// No wake-up is lost, however acquisitions, releases and new work interleave.
pub async fn work_that_arrives_while_owners_alternate_is_delivered(fixture: Fixture) {
    let (partition, _) = fixture.idle_partition("one").await;
    let now = fixture.now();
    let commits: Vec<_> = (0..40)
        .map(|number| {
            let record = samples::delivery(partition.subscription, Id::new(ulid::Ulid(number)), now);
            let mut changeset = fixture.changeset(fixture.home);
            changeset.publish(kernel::OutboxEvent {
                id: record.event,
                ..samples::outbox_event(&*fixture.entropy, &fixture.new_record(&changeset, samples::finding("f")))
            });
            changeset.create(&fixture.new_record(&changeset, record));
            let store = Arc::clone(&fixture.store);
            tokio::spawn(async move { store.commit(changeset).await })
        })
        .collect();
    let workers: Vec<_> = (0..3)
        .map(|number| {
            let store = Arc::clone(&fixture.store);
            tokio::spawn(async move {
                for _ in 0..20 {
                    run_worker(&*store, partition, &format!("{number}"), now).await;
                }
            })
        })
        .collect();
    for commit in commits {
        commit.await.unwrap().unwrap();
    }
    for worker in workers {
        worker.await.unwrap();
    }
    // No more work arrives: the partition is either due, or everything is delivered.
    if !fixture.due_partitions().await.is_empty() {
        run_worker(&*fixture.store, partition, "last", now).await;
    }
    let deliveries = fixture.deliveries(fixture.home).await;
    assert_eq!(deliveries.len(), 40);
    assert!(deliveries.iter().all(|delivery| delivery.record.attempts.len() == 1), "each delivery is attempted once");
    assert!(fixture.due_partitions().await.is_empty());
}
