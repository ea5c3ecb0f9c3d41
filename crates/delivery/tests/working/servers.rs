//! Several servers with one store, and servers that stop or die.

use std::{sync::Arc, time::Duration};

use tokio::sync::Semaphore;
use webhooks::DeliveryState;

use crate::{
    script::Does,
    workshop::{HOOK, Workshop},
};

const LEASE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn servers_share_the_work_and_each_delivery_is_sent_once() {
    let mut harness = Workshop::open().await;
    let mut other_dispatcher = harness.another_dispatcher();
    for index in 0..40 {
        harness.subscribe(&format!("https://hook{index}.example/")).await;
    }
    for subject in 1..=5 {
        harness.happens("finding.created", subject, 1).await;
    }
    harness.distribute().await;
    while !harness.fixture.store.lanes_due(harness.now() + Duration::from_millis(20), 1).await.unwrap().is_empty() {
        let (first, second) = tokio::join!(harness.dispatcher.round(), other_dispatcher.round());
        first.and(second).unwrap();
    }
    harness.dispatcher.idle().await;
    other_dispatcher.idle().await;
    assert_eq!(harness.script.calls().len(), 200);
    assert!(harness.deliveries().await.iter().all(|delivery| delivery.record.attempts.len() == 1));
}

#[tokio::test]
async fn what_a_server_held_that_died_is_taken_over_when_its_time_is_over() {
    let mut harness = Workshop::open().await;
    harness.subscribe(HOOK).await;
    harness.script.next(HOOK, [Does::Hang]);
    harness.happens("finding.created", 1, 1).await;
    harness.distribute().await;
    harness.dispatcher.round().await.unwrap();
    harness.script.in_flight(1).await;
    let mut other_dispatcher = harness.another_dispatcher();
    drop(harness.replace_dispatcher());

    harness.clock().advance(LEASE - Duration::from_millis(100));
    other_dispatcher.round().await.unwrap();
    other_dispatcher.idle().await;
    assert_eq!(harness.script.calls().len(), 1, "the lease of the dead server is still valid");
    harness.clock().advance(Duration::from_millis(100));
    other_dispatcher.round().await.unwrap();
    other_dispatcher.idle().await;
    assert_eq!(harness.script.calls().len(), 2);
    assert_eq!(harness.delivery().await.record.state, DeliveryState::Delivered);
}

#[tokio::test]
async fn a_server_that_holds_on_is_not_taken_over_from() {
    let mut harness = Workshop::open().await;
    harness.subscribe(HOOK).await;
    let gate = Arc::new(Semaphore::new(0));
    harness.script.always(HOOK, Does::Wait(Arc::clone(&gate)));
    harness.happens("finding.created", 1, 1).await;
    harness.distribute().await;
    harness.dispatcher.round().await.unwrap();
    harness.script.in_flight(1).await;
    let mut other_dispatcher = harness.another_dispatcher();
    for _ in 0..10 {
        harness.clock().advance(LEASE / 4);
        harness.dispatcher.renew().await.unwrap();
        other_dispatcher.round().await.unwrap();
    }
    gate.add_permits(1);
    harness.dispatcher.idle().await;
    other_dispatcher.idle().await;
    assert_eq!(harness.script.calls().len(), 1);
}

#[tokio::test]
async fn a_server_whose_time_ran_out_unnoticed_sends_nothing_more_under_its_old_name() {
    let mut harness = Workshop::open().await;
    harness.subscribe(HOOK).await;
    let gate = Arc::new(Semaphore::new(0));
    harness.script.next(HOOK, [Does::Wait(Arc::clone(&gate))]);
    for subject in 1..=5 {
        harness.happens("finding.created", subject, 1).await;
    }
    harness.distribute().await;
    harness.dispatcher.round().await.unwrap();
    harness.script.in_flight(1).await;
    // The server was paused for a while, and renews its leases too late.
    harness.clock().advance(LEASE);
    gate.add_permits(1);
    harness.dispatcher.idle().await;
    assert_eq!(harness.script.calls().len(), 1);
    let delivered = |delivery: &webhooks::WebhookDelivery| delivery.state == DeliveryState::Delivered;
    let deliveries = harness.deliveries().await;
    assert_eq!(
        deliveries.iter().filter(|stored| delivered(&stored.record)).count(),
        1,
        "the result of the attempt in flight is stored nevertheless"
    );
    harness.work().await;
    assert!(harness.deliveries().await.iter().all(|stored| delivered(&stored.record)));
    assert_eq!(harness.script.calls().len(), 5);
}

#[tokio::test]
async fn a_server_that_stops_lets_attempts_end_and_leaves_the_rest_to_others_at_once() {
    let mut harness = Workshop::open().await;
    for url in ["https://ends.example/", "https://hangs.example/"] {
        harness.subscribe(url).await;
    }
    let gate = Arc::new(Semaphore::new(0));
    harness.script.next("https://ends.example/", [Does::Wait(Arc::clone(&gate))]);
    harness.script.next("https://hangs.example/", [Does::Hang]);
    for subject in 1..=3 {
        harness.happens("finding.created", subject, 1).await;
    }
    harness.distribute().await;
    harness.dispatcher.round().await.unwrap();
    harness.script.in_flight(2).await;
    let stopping = harness.replace_dispatcher();
    let stopped = tokio::spawn(stopping.wind_up(Duration::from_millis(300)));
    gate.add_permits(1);
    stopped.await.unwrap().unwrap();
    assert_eq!(harness.script.calls().len(), 2, "no further attempt starts");
    let delivered = async |harness: &Workshop| {
        let deliveries = harness.deliveries().await;
        deliveries.iter().filter(|stored| stored.record.state == DeliveryState::Delivered).count()
    };
    assert_eq!(delivered(&harness).await, 1);
    harness.dispatch().await;
    assert_eq!(delivered(&harness).await, 6);
    assert_eq!(harness.script.calls().len(), 7, "only the hanging delivery was sent twice");
}

#[tokio::test]
async fn one_server_distributes_until_it_resigns_or_is_gone() {
    let harness = Workshop::open().await;
    harness.subscribe(HOOK).await;
    let (mut first, mut second) = (harness.another_distributor(), harness.another_distributor());
    harness.happens("finding.created", 1, 1).await;
    assert_eq!(first.round().await.unwrap().deliveries, 1);
    harness.happens("finding.created", 2, 1).await;
    assert!(second.round().await.unwrap().elsewhere);
    first.resign().await.unwrap();
    assert_eq!(second.round().await.unwrap().deliveries, 1);
    harness.happens("finding.created", 3, 1).await;
    assert!(first.round().await.unwrap().elsewhere);
    harness.clock().advance(Duration::from_secs(5));
    assert_eq!(first.round().await.unwrap().deliveries, 1);
    assert_eq!(first.round().await.unwrap(), novantra_delivery::Round::default(), "nothing is pending");
}
