//! The number of attempts in flight.

use std::{collections::BTreeSet, sync::Arc};

use store_contract::samples;
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

/// The number of attempts of a server that has 32 workers: 24 of them, and 6 attempts in flight, are for endpoints that
/// are not healthy.
const FEW_ATTEMPTS: usize = 8;
const DEAD: usize = 900;
const HEALTHY: usize = 12;

#[tokio::test]
async fn healthy_endpoints_are_served_before_a_seventh_attempt_at_nine_hundred_dead_ones() {
    let mut harness = DeliveryHarness::with_concurrency(FEW_ATTEMPTS).await;
    let healthy: Vec<String> = (0..HEALTHY).map(|index| format!("https://healthy{index}.example/")).collect();
    for url in &healthy {
        harness.subscribe(url).await;
    }
    harness.publish_event("finding.created", 1, 1).await;
    harness.run_until_idle().await;
    assert_eq!(harness.endpoints.calls().len(), HEALTHY);

    harness.clock().tick();
    for account in 0..DEAD / 50 {
        let account = harness.fixture.create(harness.fixture.home, samples::account(&format!("dead {account}"))).await;
        let mut taken = BTreeSet::new();
        for slot in 0..50 {
            let url = format!("https://dead{slot}.{}.example/", account.meta.id.ulid().to_string().to_lowercase());
            harness.endpoints.set_behaviour(&url, Behaviour::Hang);
            taken.insert(harness.subscribe_account(&account, &taken, &url).await.record.slot);
        }
    }
    // The dead ones have been due for longer in each of these rounds, and none of their attempts ends.
    for round in 1..=5 {
        harness.clock().tick();
        harness.publish_event("finding.created", 1 + round, 1).await;
        harness.fan_out().await;
        let all_made = HEALTHY + 6 + round as usize * HEALTHY;
        for _ in 0..4 {
            harness.dispatcher.run_once().await.unwrap();
            tokio::task::yield_now().await;
        }
        harness.endpoints.wait_for_calls(all_made).await;
        for url in &healthy {
            assert_eq!(harness.endpoints.calls_to(url).len(), 1 + round as usize, "{url} in round {round}");
        }
    }
    harness.endpoints.wait_for_in_flight(6).await;
}
