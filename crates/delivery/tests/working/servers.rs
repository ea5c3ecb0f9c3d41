//! Several servers over one store, and servers that stop.

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
    let mut workshop = Workshop::open().await;
    let mut other = workshop.another_dispatcher();
    for place in 0..40 {
        workshop.subscribe(&format!("https://hook{place}.example/")).await;
    }
    for subject in 1..=5 {
        workshop.happens("finding.created", subject, 1).await;
    }
    workshop.distribute().await;
    while !workshop.fixture.store.lanes_due(workshop.now() + Duration::from_millis(20), 1).await.unwrap().is_empty() {
        let (one, two) = tokio::join!(workshop.dispatcher.round(), other.round());
        one.and(two).unwrap();
    }
    workshop.dispatcher.idle().await;
    other.idle().await;
    assert_eq!(workshop.script.calls().len(), 200);
    assert!(workshop.deliveries().await.iter().all(|delivery| delivery.record.attempts.len() == 1));
}

#[tokio::test]
async fn what_a_server_held_that_died_is_taken_over_when_its_time_is_over() {
    let mut workshop = Workshop::open().await;
    workshop.subscribe(HOOK).await;
    workshop.script.next(HOOK, [Does::Hang]);
    workshop.happens("finding.created", 1, 1).await;
    workshop.distribute().await;
    workshop.dispatcher.round().await.unwrap();
    workshop.script.in_flight(1).await;
    let mut other = workshop.another_dispatcher();
    drop(workshop.replace_dispatcher());

    workshop.clock().advance(LEASE - Duration::from_millis(100));
    other.round().await.unwrap();
    other.idle().await;
    assert_eq!(workshop.script.calls().len(), 1, "it may be alive");
    workshop.clock().advance(Duration::from_millis(100));
    other.round().await.unwrap();
    other.idle().await;
    assert_eq!(workshop.script.calls().len(), 2);
    assert_eq!(workshop.delivery().await.record.state, DeliveryState::Delivered);
}

#[tokio::test]
async fn a_server_that_holds_on_is_not_taken_over_from() {
    let mut workshop = Workshop::open().await;
    workshop.subscribe(HOOK).await;
    let gate = Arc::new(Semaphore::new(0));
    workshop.script.always(HOOK, Does::Wait(Arc::clone(&gate)));
    workshop.happens("finding.created", 1, 1).await;
    workshop.distribute().await;
    workshop.dispatcher.round().await.unwrap();
    workshop.script.in_flight(1).await;
    let mut other = workshop.another_dispatcher();
    for _ in 0..10 {
        workshop.clock().advance(LEASE / 4);
        workshop.dispatcher.renew().await.unwrap();
        other.round().await.unwrap();
    }
    gate.add_permits(1);
    workshop.dispatcher.idle().await;
    other.idle().await;
    assert_eq!(workshop.script.calls().len(), 1);
}

#[tokio::test]
async fn a_server_whose_time_ran_out_unnoticed_sends_nothing_more_under_its_old_name() {
    let mut workshop = Workshop::open().await;
    workshop.subscribe(HOOK).await;
    let gate = Arc::new(Semaphore::new(0));
    workshop.script.next(HOOK, [Does::Wait(Arc::clone(&gate))]);
    for subject in 1..=5 {
        workshop.happens("finding.created", subject, 1).await;
    }
    workshop.distribute().await;
    workshop.dispatcher.round().await.unwrap();
    workshop.script.in_flight(1).await;
    // It was stopped for a while, and renews too late.
    workshop.clock().advance(LEASE);
    gate.add_permits(1);
    workshop.dispatcher.idle().await;
    assert_eq!(workshop.script.calls().len(), 1);
    let delivered = |delivery: &webhooks::WebhookDelivery| delivery.state == DeliveryState::Delivered;
    let deliveries = workshop.deliveries().await;
    assert_eq!(
        deliveries.iter().filter(|one| delivered(&one.record)).count(),
        1,
        "what came of it is kept all the same"
    );
    workshop.work().await;
    assert!(workshop.deliveries().await.iter().all(|one| delivered(&one.record)));
    assert_eq!(workshop.script.calls().len(), 5);
}

#[tokio::test]
async fn a_server_that_stops_lets_attempts_end_and_leaves_the_rest_to_others_at_once() {
    let mut workshop = Workshop::open().await;
    for url in ["https://ends.example/", "https://hangs.example/"] {
        workshop.subscribe(url).await;
    }
    let gate = Arc::new(Semaphore::new(0));
    workshop.script.next("https://ends.example/", [Does::Wait(Arc::clone(&gate))]);
    workshop.script.next("https://hangs.example/", [Does::Hang]);
    for subject in 1..=3 {
        workshop.happens("finding.created", subject, 1).await;
    }
    workshop.distribute().await;
    workshop.dispatcher.round().await.unwrap();
    workshop.script.in_flight(2).await;
    let stopping = workshop.replace_dispatcher();
    let stopped = tokio::spawn(stopping.wind_up(Duration::from_millis(300)));
    gate.add_permits(1);
    stopped.await.unwrap().unwrap();
    assert_eq!(workshop.script.calls().len(), 2, "nothing begins any more");
    let delivered = async |workshop: &Workshop| {
        let deliveries = workshop.deliveries().await;
        deliveries.iter().filter(|one| one.record.state == DeliveryState::Delivered).count()
    };
    assert_eq!(delivered(&workshop).await, 1);
    workshop.dispatch().await;
    assert_eq!(delivered(&workshop).await, 6);
    assert_eq!(workshop.script.calls().len(), 7, "only the one that hung was sent twice");
}

#[tokio::test]
async fn one_server_distributes_until_it_resigns_or_is_gone() {
    let workshop = Workshop::open().await;
    workshop.subscribe(HOOK).await;
    let (mut one, mut two) = (workshop.another_distributor(), workshop.another_distributor());
    workshop.happens("finding.created", 1, 1).await;
    assert_eq!(one.round().await.unwrap().deliveries, 1);
    workshop.happens("finding.created", 2, 1).await;
    assert!(two.round().await.unwrap().elsewhere);
    one.resign().await.unwrap();
    assert_eq!(two.round().await.unwrap().deliveries, 1);
    workshop.happens("finding.created", 3, 1).await;
    assert!(one.round().await.unwrap().elsewhere);
    workshop.clock().advance(Duration::from_secs(5));
    assert_eq!(one.round().await.unwrap().deliveries, 1);
    assert_eq!(one.round().await.unwrap(), novantra_delivery::Round::default(), "nothing waits");
}
