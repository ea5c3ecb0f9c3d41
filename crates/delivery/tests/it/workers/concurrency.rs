//! The number of attempts in flight.

use std::sync::Arc;

use tokio::sync::Semaphore;
use webhooks::DeliveryState;

use super::{
    fake_endpoints::Behaviour,
    harness::{DeliveryHarness, HOOK},
};

#[tokio::test]
async fn the_concurrency_of_an_endpoint_doubles_up_to_sixteen_and_drops_to_one_after_a_failure() {
    let mut harness = DeliveryHarness::new().await;
    harness.subscribe(HOOK).await;
    let gate = Arc::new(Semaphore::new(0));
    harness.endpoints.set_behaviour(HOOK, Behaviour::WaitForGate(Arc::clone(&gate)));
    for subject in 0..100 {
        harness.publish_event("finding.created", subject, 1).await;
    }
    harness.fan_out().await;
    harness.dispatcher.run_once().await.unwrap();
    for concurrency in [1, 2, 4, 8, 16, 16] {
        harness.endpoints.wait_for_in_flight(concurrency).await;
        gate.add_permits(concurrency);
        let made = harness.endpoints.calls().len();
        harness.endpoints.wait_for_calls(made + (2 * concurrency).min(16)).await;
    }
    harness.endpoints.set_behaviour(HOOK, Behaviour::Respond(500));
    gate.add_permits(16);
    harness.dispatcher.wait_until_idle().await;
    let states: Vec<_> = harness.deliveries().await.iter().map(|delivery| delivery.record.state).collect();
    assert!(states.iter().all(|state| *state != DeliveryState::Pending));

    harness.endpoints.set_behaviour(HOOK, Behaviour::WaitForGate(Arc::clone(&gate)));
    harness.clock().advance(std::time::Duration::from_secs(6));
    harness.dispatcher.run_once().await.unwrap();
    harness.endpoints.wait_for_in_flight(1).await;
}

#[tokio::test]
async fn hanging_endpoints_leave_permits_for_responsive_ones() {
    let mut harness = DeliveryHarness::with_concurrency(8).await;
    harness.subscribe(HOOK).await;
    harness.publish_event("finding.created", 1, 1).await;
    harness.run_until_idle().await;
    for index in 0..20 {
        let url = format!("https://dead{index}.example/");
        harness.subscribe(&url).await;
        harness.endpoints.set_behaviour(&url, Behaviour::Hang);
    }
    harness.clock().tick();
    for subject in 2..=10 {
        harness.publish_event("finding.created", subject, 1).await;
    }
    harness.fan_out().await;
    harness.dispatcher.run_once().await.unwrap();
    harness.endpoints.wait_for_calls(10 + 6).await;
    assert_eq!(harness.endpoints.calls_to(HOOK).len(), 10, "all deliveries to the healthy endpoint");
    harness.endpoints.wait_for_in_flight(6).await;
}
