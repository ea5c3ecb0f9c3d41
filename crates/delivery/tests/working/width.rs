//! The number of attempts in flight.

use std::sync::Arc;

use tokio::sync::Semaphore;
use webhooks::DeliveryState;

use crate::{
    script::Does,
    workshop::{HOOK, Workshop},
};

#[tokio::test]
async fn an_endpoint_gets_one_at_first_then_twice_as_many_up_to_sixteen_and_one_after_a_failure() {
    let mut harness = Workshop::open().await;
    harness.subscribe(HOOK).await;
    let gate = Arc::new(Semaphore::new(0));
    harness.script.always(HOOK, Does::Wait(Arc::clone(&gate)));
    for subject in 0..100 {
        harness.happens("finding.created", subject, 1).await;
    }
    harness.distribute().await;
    harness.dispatcher.round().await.unwrap();
    for concurrency in [1, 2, 4, 8, 16, 16] {
        harness.script.in_flight(concurrency).await;
        gate.add_permits(concurrency);
        let made = harness.script.calls().len();
        harness.script.made(made + (2 * concurrency).min(16)).await;
    }
    harness.script.always(HOOK, Does::Answer(500));
    gate.add_permits(16);
    harness.dispatcher.idle().await;
    let states: Vec<_> = harness.deliveries().await.iter().map(|delivery| delivery.record.state).collect();
    assert!(states.iter().all(|state| *state != DeliveryState::Pending));

    harness.script.always(HOOK, Does::Wait(Arc::clone(&gate)));
    harness.clock().advance(std::time::Duration::from_secs(6));
    harness.dispatcher.round().await.unwrap();
    harness.script.in_flight(1).await;
}

#[tokio::test]
async fn endpoints_that_hang_leave_room_for_those_that_answer() {
    let mut harness = Workshop::with_room(8).await;
    harness.subscribe(HOOK).await;
    harness.happens("finding.created", 1, 1).await;
    harness.work().await;
    for index in 0..20 {
        let url = format!("https://dead{index}.example/");
        harness.subscribe(&url).await;
        harness.script.always(&url, Does::Hang);
    }
    harness.clock().tick();
    for subject in 2..=10 {
        harness.happens("finding.created", subject, 1).await;
    }
    harness.distribute().await;
    harness.dispatcher.round().await.unwrap();
    harness.script.made(10 + 6).await;
    assert_eq!(harness.script.calls_to(HOOK).len(), 10, "all deliveries to the healthy endpoint");
    harness.script.in_flight(6).await;
}
