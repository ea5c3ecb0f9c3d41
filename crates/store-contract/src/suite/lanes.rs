//! Partitions: which worker delivers to which subscription, and when a partition is due.

use std::{sync::Arc, time::Duration};

use kernel::{Id, Stored, Timestamp};
use store::DynStore;
use webhooks::{
    AttemptFailure, DeliveryHealth, DeliveryLag, Partition, PartitionLease, WebhookDelivery, WebhookSubscription,
};

use crate::{
    Fixture,
    queue::{SPAN, attempted, lane_of},
    samples,
};

/// Creates a subscription whose partition has nothing due.
async fn idle(fixture: &Fixture, account: &str) -> (Partition, Stored<WebhookSubscription>) {
    let subscription = fixture.subscribe(fixture.home, account).await;
    fixture.look_at(lane_of(&subscription)).await;
    (lane_of(&subscription), subscription)
}

/// Requeues a delivery.
async fn again(fixture: &Fixture, delivery: &Stored<WebhookDelivery>) -> Stored<WebhookDelivery> {
    fixture.revise(delivery, delivery.record.requeued(fixture.now())).await
}

/// A partition becomes due when its subscription changes, when a delivery is due and when an event is fanned out.
pub async fn a_lane_is_due_from_the_moment_of_what_came_in(fixture: Fixture) {
    let (partition, subscription) = idle(&fixture, "one").await;
    let (other, _) = idle(&fixture, "two").await;
    assert!(fixture.lanes_due().await.is_empty());

    fixture.revise(&subscription, subscription.record.clone()).await;
    assert_eq!(fixture.lanes_due().await, [partition]);
    fixture.look_at(partition).await;

    let later = fixture.now() + Duration::from_secs(5);
    let due = fixture.create(fixture.home, samples::delivery(partition.subscription, fixture.id(), later)).await;
    let finished = samples::delivery(other.subscription, fixture.id(), later).cancelled();
    fixture.create(fixture.home, finished).await;
    assert!(fixture.lanes_due().await.is_empty());
    fixture.clock.set(later);
    assert_eq!(fixture.lanes_due().await, [partition]);
    fixture.revise(&due, due.record.cancelled()).await;
    fixture.look_at(partition).await;

    fixture.told(fixture.home, "f-1").await;
    assert!(fixture.lanes_due().await.is_empty());
    fixture.distribute(fixture.home, 10).await;
    let mut both = [partition, other];
    both.sort_unstable();
    assert_eq!(fixture.lanes_due().await, both);
}

/// At most `limit` partitions of all organizations are listed, none of them leased.
pub async fn the_longest_waiting_lanes_are_told_first(fixture: Fixture) {
    let away = fixture.organization("away").await;
    let mut partitions = Vec::new();
    for number in 0..4 {
        fixture.clock.tick();
        let organization = if number % 2 == 0 { away } else { fixture.home };
        partitions.push(lane_of(&fixture.subscribe(organization, &format!("account {number}")).await));
    }
    let due = async |limit| fixture.store.due_partitions(fixture.now(), limit).await.unwrap();
    assert_eq!(due(10).await, partitions);
    assert_eq!(due(2).await, partitions[..2]);
    assert!(fixture.claim(partitions[1], "one").await);
    assert_eq!(due(10).await, [partitions[0], partitions[2], partitions[3]]);
    fixture.clock.advance(SPAN);
    assert_eq!(due(10).await, partitions, "an expired lease does not exclude its partition");
}

/// Of any number of concurrent attempts one succeeds.
pub async fn of_eight_that_claim_a_lane_one_gets_it(fixture: Fixture) {
    let partition = lane_of(&fixture.subscribe(fixture.home, "one").await);
    let now = fixture.now();
    let attempts: Vec<_> = (0..8)
        .map(|number| {
            let store = Arc::clone(&fixture.store);
            tokio::spawn(async move {
                store.acquire_partitions(&[partition], &format!("{number}"), now, now + SPAN).await.unwrap()
            })
        })
        .collect();
    let mut acquired = Vec::new();
    for attempt in attempts {
        acquired.extend(attempt.await.unwrap());
    }
    assert_eq!(acquired.len(), 1);
    assert_eq!((acquired[0].partition, acquired[0].health), (partition, DeliveryHealth::default()));
    assert!(fixture.lanes_due().await.is_empty());
    assert!(!fixture.claim(partition, "0").await && !fixture.claim(partition, "other").await);
}

/// The call acquires those partitions that are due and not leased, and returns the health of each.
pub async fn lanes_are_claimed_many_at_once(fixture: Fixture) {
    let away = fixture.organization("away").await;
    let mut partitions = Vec::new();
    for number in 0..6 {
        let organization = if number % 2 == 0 { away } else { fixture.home };
        partitions.push(lane_of(&fixture.subscribe(organization, &format!("account {number}")).await));
    }
    let (idle, _) = idle(&fixture, "idle").await;
    let health = DeliveryHealth { last_delivery_at: Some(fixture.now()), failing_since: None };
    fixture.store.record_results(partitions[2], &[], Some(health)).await.unwrap();
    assert!(fixture.claim(partitions[4], "other").await);
    let requested = [partitions[5], partitions[2], idle, partitions[4], partitions[0], partitions[5]];
    let now = fixture.now();
    let mut acquired = fixture.store.acquire_partitions(&requested, "one", now, now + SPAN).await.unwrap();
    acquired.sort_by_key(|lease| lease.partition);
    let lease = |index: usize| PartitionLease { partition: partitions[index], health: DeliveryHealth::default() };
    let mut expected = [lease(0), PartitionLease { partition: partitions[2], health }, lease(5)];
    expected.sort_by_key(|lease| lease.partition);
    assert_eq!(acquired, expected);
    assert_eq!(fixture.lanes_due().await, [partitions[1], partitions[3]]);
    assert!(fixture.store.acquire_partitions(&[], "one", now, now + SPAN).await.unwrap().is_empty());
}

/// Concurrent calls may share a transaction, but each gets its own answer.
pub async fn many_lanes_at_once_are_worked_on_each_for_itself(fixture: Fixture) {
    const EVENTS: usize = 4;
    let mut partitions = Vec::new();
    for number in 0..12 {
        partitions.push(lane_of(&fixture.subscribe(fixture.home, &format!("account {number}")).await));
    }
    for number in 0..EVENTS {
        fixture.clock.tick();
        fixture.told(fixture.home, &format!("f-{number}")).await;
    }
    fixture.distribute(fixture.home, 10).await;
    let now = fixture.now();
    assert_eq!(
        fixture.store.acquire_partitions(&partitions, "one", now, now + SPAN).await.unwrap().len(),
        partitions.len()
    );
    let settle = |index: usize, partition: Partition| {
        let store = Arc::clone(&fixture.store);
        tokio::spawn(async move {
            let limit = index % (EVENTS + 1);
            let due = store.due_deliveries(partition, now, limit).await.unwrap();
            assert_eq!(due.len(), limit);
            assert!(due.iter().all(|due| due.delivery.record.subscription == partition.subscription));
            let results: Vec<_> = due.iter().map(|due| attempted(&due.delivery, now, None)).collect();
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
    let workers: Vec<_> = partitions.iter().enumerate().map(|(index, partition)| settle(index, *partition)).collect();
    for (index, worker) in workers.into_iter().enumerate() {
        let (released, limit, health) = worker.await.unwrap();
        assert_eq!(released, limit == EVENTS, "{index}");
        assert_eq!(fixture.due(partitions[index]).await.len(), EVENTS - limit);
        let stored = fixture.store.delivery_health(fixture.home, &[partitions[index].subscription]).await.unwrap();
        assert_eq!(stored, [(partitions[index].subscription, health)]);
    }
}

/// The former owner can neither get the partition back nor take it from its new owner.
pub async fn a_lane_is_taken_over_once_its_lease_has_run_out(fixture: Fixture) {
    let partition = lane_of(&fixture.subscribe(fixture.home, "one").await);
    assert!(fixture.claim(partition, "slow").await);
    fixture.clock.advance(SPAN - Duration::from_millis(1));
    assert!(!fixture.claim(partition, "other").await);
    fixture.clock.tick();
    assert!(fixture.claim(partition, "other").await);

    fixture.store.renew_partitions("slow", fixture.now() + 4 * SPAN).await.unwrap();
    assert!(fixture.give_up(partition, "slow").await, "releasing a lost lease succeeds without an effect");
    fixture.store.release_all_partitions("slow").await.unwrap();
    assert!(!fixture.claim(partition, "slow").await);
    assert!(fixture.lanes_due().await.is_empty(), "the other worker still has the lease");
    fixture.clock.advance(SPAN);
    assert_eq!(fixture.lanes_due().await, [partition], "the lease lasts no longer than requested");
}

/// Expired leases are renewed, too, as long as no other worker has acquired them.
pub async fn a_holder_renews_all_its_lanes(fixture: Fixture) {
    let partitions = [
        lane_of(&fixture.subscribe(fixture.home, "one").await),
        lane_of(&fixture.subscribe(fixture.home, "two").await),
        lane_of(&fixture.subscribe(fixture.home, "three").await),
    ];
    for (partition, owner) in partitions.into_iter().zip(["one", "one", "other"]) {
        assert!(fixture.claim(partition, owner).await);
    }
    fixture.clock.advance(SPAN / 2);
    fixture.store.renew_partitions("one", fixture.now() + SPAN).await.unwrap();
    fixture.clock.advance(SPAN / 2);
    assert_eq!(fixture.lanes_due().await, partitions[2..]);
    fixture.clock.advance(SPAN);
    assert!(fixture.claim(partitions[0], "other").await);
    fixture.store.renew_partitions("one", fixture.now() + SPAN).await.unwrap();
    assert_eq!(fixture.lanes_due().await, partitions[2..]);
    assert!(fixture.give_up(partitions[1], "one").await);
}

/// A partition is not released while a delivery is due. After its release it is due again when its next delivery is.
pub async fn a_lane_is_given_up_until_its_next_delivery_is_due(fixture: Fixture) {
    let (partition, _) = idle(&fixture, "one").await;
    fixture.told(fixture.home, "f-1").await;
    fixture.distribute(fixture.home, 10).await;
    assert!(fixture.claim(partition, "one").await);
    assert!(!fixture.give_up(partition, "one").await, "a delivery is due");
    assert!(!fixture.give_up(partition, "one").await, "the delivery is still due");
    let due = fixture.due(partition).await;
    let result = attempted(&due[0].delivery, fixture.now(), Some(AttemptFailure::Refused));
    let next = result.after.record.next_attempt_at.unwrap();
    fixture.store.record_results(partition, &[result], None).await.unwrap();
    assert!(fixture.give_up(partition, "one").await);
    fixture.clock.set(next - Duration::from_millis(1));
    assert!(fixture.lanes_due().await.is_empty() && !fixture.claim(partition, "one").await);
    fixture.clock.tick();
    assert_eq!(fixture.lanes_due().await, [partition]);

    assert!(fixture.claim(partition, "one").await);
    let due = fixture.due(partition).await;
    let result = attempted(&due[0].delivery, fixture.now(), None);
    fixture.store.record_results(partition, &[result], None).await.unwrap();
    assert!(fixture.give_up(partition, "one").await);
    fixture.clock.advance(Duration::from_secs(86_400));
    assert!(fixture.lanes_due().await.is_empty(), "no open delivery is left");
}

/// A release fails once for each time that work has arrived since, so that the owner looks again.
pub async fn what_comes_in_while_a_lane_is_held_is_not_missed(fixture: Fixture) {
    let (partition, subscription) = idle(&fixture, "one").await;
    fixture.told(fixture.home, "f-1").await;
    fixture.distribute(fixture.home, 10).await;
    assert!(fixture.claim(partition, "one").await);
    let due = fixture.due(partition).await;
    let result = attempted(&due[0].delivery, fixture.now(), None);
    fixture.store.record_results(partition, std::slice::from_ref(&result), None).await.unwrap();

    again(&fixture, &result.after).await;
    assert!(!fixture.give_up(partition, "one").await);
    let due = fixture.due(partition).await;
    let result = attempted(&due[0].delivery, fixture.now(), None);
    fixture.store.record_results(partition, &[result], None).await.unwrap();

    fixture.revise(&subscription, subscription.record.clone()).await;
    assert!(!fixture.give_up(partition, "one").await, "the subscription must be read again");
    assert!(fixture.give_up(partition, "one").await);
    assert!(fixture.lanes_due().await.is_empty());
}

/// A suspended partition is not due although it has open deliveries. Work that arrived since its lease was acquired
/// prevents its suspension.
pub async fn a_parked_lane_is_due_when_something_comes_in(fixture: Fixture) {
    let (partition, subscription) = idle(&fixture, "one").await;
    fixture.told(fixture.home, "f-1").await;
    fixture.distribute(fixture.home, 10).await;
    let suspend = async |owner| fixture.store.release_partition(partition, owner, fixture.now(), true).await.unwrap();
    assert!(fixture.claim(partition, "one").await);
    let subscription = fixture.revise(&subscription, subscription.record.clone()).await;
    assert!(!suspend("one").await, "the subscription may have been enabled");
    assert!(suspend("one").await);
    fixture.clock.advance(Duration::from_secs(86_400));
    assert!(fixture.lanes_due().await.is_empty());
    assert_eq!(
        fixture.store.delivery_lag(fixture.now()).await.unwrap(),
        DeliveryLag::default(),
        "suspended deliveries do not count as lag"
    );
    fixture.revise(&subscription, subscription.record.clone()).await;
    assert_eq!(fixture.lanes_due().await, [partition]);
    assert_eq!(fixture.due(partition).await.len(), 1);
    assert!(suspend("nobody").await);
    assert_eq!(fixture.lanes_due().await, [partition], "only the owner can suspend a partition");
}

/// Another server can acquire the partitions immediately.
pub async fn all_lanes_of_a_server_that_stops_are_free_and_as_due_as_they_were(fixture: Fixture) {
    let mut partitions = Vec::new();
    for number in 0..3 {
        fixture.clock.tick();
        partitions.push(lane_of(&fixture.subscribe(fixture.home, &format!("account {number}")).await));
    }
    for (partition, owner) in partitions.iter().zip(["stops", "stays", "stops"]) {
        assert!(fixture.claim(*partition, owner).await);
    }
    fixture.store.release_all_partitions("stops").await.unwrap();
    assert_eq!(fixture.lanes_due().await, [partitions[0], partitions[2]]);
    assert!(fixture.claim(partitions[0], "other").await);
}

/// Acts as a worker: acquires the partition if it is due, makes all due attempts, and releases it.
async fn work(store: &DynStore, partition: Partition, owner: &str, now: Timestamp) {
    if store.acquire_partitions(&[partition], owner, now, now + SPAN).await.unwrap().is_empty() {
        return;
    }
    loop {
        let due = store.due_deliveries(partition, now, 3).await.unwrap();
        let results: Vec<_> = due.iter().map(|due| attempted(&due.delivery, now, None)).collect();
        store.record_results(partition, &results, None).await.unwrap();
        if store.release_partition(partition, owner, now, false).await.unwrap() {
            return;
        }
    }
}

/// No wake-up is lost, however acquisitions, releases and new work interleave.
pub async fn whatever_comes_in_while_holders_take_turns_is_delivered(fixture: Fixture) {
    let (partition, _) = idle(&fixture, "one").await;
    let now = fixture.now();
    let commits: Vec<_> = (0..40)
        .map(|number| {
            let record = samples::delivery(partition.subscription, Id::new(ulid::Ulid(number)), now);
            let mut changeset = fixture.changeset(fixture.home);
            changeset.publish(kernel::OutboxEvent {
                id: record.event,
                ..samples::outbox_event(&*fixture.entropy, &fixture.fresh(&changeset, samples::finding("f")))
            });
            changeset.create(&fixture.fresh(&changeset, record));
            let store = Arc::clone(&fixture.store);
            tokio::spawn(async move { store.commit(changeset).await })
        })
        .collect();
    let workers: Vec<_> = (0..3)
        .map(|number| {
            let store = Arc::clone(&fixture.store);
            tokio::spawn(async move {
                for _ in 0..20 {
                    work(&*store, partition, &format!("{number}"), now).await;
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
    if !fixture.lanes_due().await.is_empty() {
        work(&*fixture.store, partition, "last", now).await;
    }
    let deliveries = fixture.deliveries(fixture.home).await;
    assert_eq!(deliveries.len(), 40);
    assert!(deliveries.iter().all(|delivery| delivery.record.attempts.len() == 1), "each delivery is attempted once");
    assert!(fixture.lanes_due().await.is_empty());
}

/// The health of a partition is stored with the results of attempts. It is returned to the next owner and to other
/// readers.
pub async fn signs_of_lanes_are_kept(fixture: Fixture) {
    let (partition, _) = idle(&fixture, "one").await;
    let (other, _) = idle(&fixture, "two").await;
    let stored_health = async || {
        fixture.store.delivery_health(fixture.home, &[partition.subscription, other.subscription]).await.unwrap()
    };
    assert!(stored_health().await.is_empty());
    fixture.told(fixture.home, "f-1").await;
    fixture.distribute(fixture.home, 10).await;
    let due = fixture.due(partition).await;
    let at = fixture.clock.tick();
    let result = attempted(&due[0].delivery, at, Some(AttemptFailure::Unreachable));
    let health = DeliveryHealth { last_delivery_at: Some(at - SPAN), failing_since: Some(at) };
    fixture.store.record_results(partition, &[result], Some(health)).await.unwrap();
    assert_eq!(stored_health().await, [(partition.subscription, health)]);
    fixture.store.record_results(partition, &[], None).await.unwrap();
    let leases =
        fixture.store.acquire_partitions(&[partition], "one", fixture.now(), fixture.now() + SPAN).await.unwrap();
    assert_eq!(leases, [PartitionLease { partition: partition, health: health }]);
    let health = DeliveryHealth { last_delivery_at: Some(at), failing_since: None };
    fixture.store.record_results(partition, &[], Some(health)).await.unwrap();
    assert_eq!(stored_health().await, [(partition.subscription, health)]);
    assert!(fixture.store.delivery_health(fixture.home, &[]).await.unwrap().is_empty());
}

/// The lag has the oldest pending event and the oldest due delivery, whether its partition is leased or not.
pub async fn what_waits_is_told(fixture: Fixture) {
    let (partition, _) = idle(&fixture, "one").await;
    idle(&fixture, "two").await;
    let lag = async || fixture.store.delivery_lag(fixture.now()).await.unwrap();
    assert_eq!(lag().await, DeliveryLag::default());
    let first = fixture.clock.tick();
    fixture.told(fixture.home, "f-1").await;
    fixture.clock.advance(Duration::from_secs(5));
    fixture.told(fixture.home, "f-2").await;
    assert_eq!(lag().await, DeliveryLag { oldest_event: Some(first), ..DeliveryLag::default() });
    fixture.distribute(fixture.home, 10).await;
    assert_eq!(lag().await, DeliveryLag { oldest_event: None, oldest_due: Some(first), due_partitions: 2 });
    assert!(fixture.claim(partition, "one").await);
    let due = fixture.due(partition).await;
    let results: Vec<_> =
        due.iter().map(|due| attempted(&due.delivery, fixture.now(), Some(AttemptFailure::Refused))).collect();
    fixture.store.record_results(partition, &results, None).await.unwrap();
    assert_eq!(lag().await.due_partitions, 1, "a leased partition whose deliveries were attempted is not due");
}
