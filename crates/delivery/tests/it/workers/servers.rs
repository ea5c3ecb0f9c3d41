//! Several servers with one store, and servers that stop or die.

use std::{sync::Arc, time::Duration};

use tokio::sync::Semaphore;
use webhooks::DeliveryState;

use super::{
    fake_endpoints::Behaviour,
    harness::{DeliveryHarness, HOOK},
};

const LEASE: Duration = Duration::from_secs(4);

#[tokio::test]
async fn servers_share_the_work_and_each_delivery_is_sent_once() {
    let mut harness = DeliveryHarness::new().await;
    let mut other_dispatcher = harness.another_dispatcher();
    for index in 0..40 {
        harness.subscribe(&format!("https://hook{index}.example/")).await;
    }
    for subject in 1..=5 {
        harness.publish_event("finding.created", subject, 1).await;
    }
    harness.fan_out().await;
    while !harness.fixture.store.due_partitions(harness.now() + Duration::from_millis(20), 1).await.unwrap().is_empty()
    {
        let (first, second) = tokio::join!(harness.dispatcher.run_once(), other_dispatcher.run_once());
        first.and(second).unwrap();
    }
    harness.dispatcher.wait_until_idle().await;
    other_dispatcher.wait_until_idle().await;
    assert_eq!(harness.endpoints.calls().len(), 200);
    assert!(harness.deliveries().await.iter().all(|delivery| delivery.record.attempts.len() == 1));
}

#[tokio::test]
async fn partitions_of_a_dead_server_are_taken_over_when_their_leases_expire() {
    let mut harness = DeliveryHarness::new().await;
    harness.subscribe(HOOK).await;
    harness.endpoints.set_next_behaviours(HOOK, [Behaviour::Hang]);
    harness.publish_event("finding.created", 1, 1).await;
    harness.fan_out().await;
    harness.dispatcher.run_once().await.unwrap();
    harness.endpoints.wait_for_in_flight(1).await;
    let mut other_dispatcher = harness.another_dispatcher();
    drop(harness.replace_dispatcher());

    harness.clock().advance(LEASE - Duration::from_millis(100));
    other_dispatcher.run_once().await.unwrap();
    other_dispatcher.wait_until_idle().await;
    assert_eq!(harness.endpoints.calls().len(), 1, "the lease of the dead server is still valid");
    harness.clock().advance(Duration::from_millis(100));
    other_dispatcher.run_once().await.unwrap();
    other_dispatcher.wait_until_idle().await;
    assert_eq!(harness.endpoints.calls().len(), 2);
    assert_eq!(harness.delivery().await.record.state, DeliveryState::Delivered);
}

#[tokio::test]
async fn partitions_with_renewed_leases_are_not_taken_over() {
    let mut harness = DeliveryHarness::new().await;
    harness.subscribe(HOOK).await;
    let gate = Arc::new(Semaphore::new(0));
    harness.endpoints.set_behaviour(HOOK, Behaviour::WaitForGate(Arc::clone(&gate)));
    harness.publish_event("finding.created", 1, 1).await;
    harness.fan_out().await;
    harness.dispatcher.run_once().await.unwrap();
    harness.endpoints.wait_for_in_flight(1).await;
    let mut other_dispatcher = harness.another_dispatcher();
    for _ in 0..10 {
        harness.clock().advance(LEASE / 4);
        harness.dispatcher.renew().await.unwrap();
        other_dispatcher.run_once().await.unwrap();
    }
    gate.add_permits(1);
    harness.dispatcher.wait_until_idle().await;
    other_dispatcher.wait_until_idle().await;
    assert_eq!(harness.endpoints.calls().len(), 1);
}

#[tokio::test]
async fn a_server_whose_leases_expired_sends_nothing_more_in_the_old_session() {
    let mut harness = DeliveryHarness::new().await;
    harness.subscribe(HOOK).await;
    let gate = Arc::new(Semaphore::new(0));
    harness.endpoints.set_next_behaviours(HOOK, [Behaviour::WaitForGate(Arc::clone(&gate))]);
    for subject in 1..=5 {
        harness.publish_event("finding.created", subject, 1).await;
    }
    harness.fan_out().await;
    harness.dispatcher.run_once().await.unwrap();
    harness.endpoints.wait_for_in_flight(1).await;
    // The server was paused for a while, and renews its leases too late.
    harness.clock().advance(LEASE);
    gate.add_permits(1);
    harness.dispatcher.wait_until_idle().await;
    assert_eq!(harness.endpoints.calls().len(), 1);
    let delivered = |delivery: &webhooks::WebhookDelivery| delivery.state == DeliveryState::Delivered;
    let deliveries = harness.deliveries().await;
    assert_eq!(
        deliveries.iter().filter(|stored| delivered(&stored.record)).count(),
        1,
        "the result of the attempt in flight is stored nevertheless"
    );
    harness.run_until_idle().await;
    assert!(harness.deliveries().await.iter().all(|stored| delivered(&stored.record)));
    assert_eq!(harness.endpoints.calls().len(), 5);
}

#[tokio::test]
async fn a_server_that_shuts_down_lets_attempts_end_and_releases_its_partitions() {
    let mut harness = DeliveryHarness::new().await;
    for url in ["https://ends.example/", "https://hangs.example/"] {
        harness.subscribe(url).await;
    }
    let gate = Arc::new(Semaphore::new(0));
    harness.endpoints.set_next_behaviours("https://ends.example/", [Behaviour::WaitForGate(Arc::clone(&gate))]);
    harness.endpoints.set_next_behaviours("https://hangs.example/", [Behaviour::Hang]);
    for subject in 1..=3 {
        harness.publish_event("finding.created", subject, 1).await;
    }
    harness.fan_out().await;
    harness.dispatcher.run_once().await.unwrap();
    harness.endpoints.wait_for_in_flight(2).await;
    let stopping = harness.replace_dispatcher();
    let stopped = tokio::spawn(stopping.shutdown(Duration::from_millis(300)));
    gate.add_permits(1);
    stopped.await.unwrap().unwrap();
    assert_eq!(harness.endpoints.calls().len(), 2, "no further attempt starts");
    let delivered = async |harness: &DeliveryHarness| {
        let deliveries = harness.deliveries().await;
        deliveries.iter().filter(|stored| stored.record.state == DeliveryState::Delivered).count()
    };
    assert_eq!(delivered(&harness).await, 1);
    harness.dispatch().await;
    assert_eq!(delivered(&harness).await, 6);
    assert_eq!(harness.endpoints.calls().len(), 7, "only the hanging delivery was sent twice");
}

#[tokio::test]
async fn a_server_renews_the_lease_of_a_time_that_the_clock_no_longer_shows() {
    let harness = DeliveryHarness::new().await;
    harness.subscribe(HOOK).await;
    let mut distributor = harness.another_distributor();
    harness.publish_event("finding.created", 1, 1).await;
    harness.clock().advance(Duration::from_secs(7200));
    assert_eq!(distributor.run_once().await.unwrap().deliveries, 1);
    harness.clock().set(harness.now() - Duration::from_secs(7200));
    harness.publish_event("finding.created", 2, 1).await;
    // Another server may discard the lease.
    harness.fixture.store.discard_future_state(harness.now(), Duration::from_secs(24 * 3600)).await.unwrap();
    assert_eq!(distributor.run_once().await.unwrap().deliveries, 1);
}

#[tokio::test]
async fn one_server_fans_out_until_it_releases_the_lease_or_the_lease_expires() {
    let harness = DeliveryHarness::new().await;
    harness.subscribe(HOOK).await;
    let (mut first, mut second) = (harness.another_distributor(), harness.another_distributor());
    harness.publish_event("finding.created", 1, 1).await;
    assert_eq!(first.run_once().await.unwrap().deliveries, 1);
    harness.publish_event("finding.created", 2, 1).await;
    assert!(second.run_once().await.unwrap().leased_elsewhere);
    first.release_lease().await.unwrap();
    assert_eq!(second.run_once().await.unwrap().deliveries, 1);
    harness.publish_event("finding.created", 3, 1).await;
    assert!(first.run_once().await.unwrap().leased_elsewhere);
    harness.clock().advance(Duration::from_secs(4));
    assert_eq!(first.run_once().await.unwrap().deliveries, 1);
    assert_eq!(first.run_once().await.unwrap(), novantra_delivery::FanOutSummary::default(), "nothing is pending");
}
