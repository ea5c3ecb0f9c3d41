//! Authorization of deliveries: accounts and subscriptions that change while deliveries are unfinished.

use std::sync::Arc;

use scopes::{Scope, ScopeSet};
use tokio::sync::Semaphore;
use webhooks::DeliveryState;

use super::{
    fake_endpoints::Behaviour,
    harness::{DeliveryHarness, HOOK},
};

/// Returns the states of all deliveries, delivered ones first.
async fn states(harness: &DeliveryHarness) -> Vec<DeliveryState> {
    let mut states: Vec<_> = harness.deliveries().await.iter().map(|delivery| delivery.record.state).collect();
    states.sort_by_key(|state| *state != DeliveryState::Delivered);
    states
}

/// Creates a harness with ten events, of which the first is in flight.
async fn with_backlog_in_progress() -> (DeliveryHarness, Arc<Semaphore>) {
    let mut harness = DeliveryHarness::new().await;
    harness.subscribe(HOOK).await;
    let gate = Arc::new(Semaphore::new(0));
    harness.endpoints.set_next_behaviours(HOOK, [Behaviour::WaitForGate(Arc::clone(&gate))]);
    for subject in 1..=10 {
        harness.publish_event("finding.created", subject, 1).await;
        harness.clock().tick();
    }
    harness.fan_out().await;
    harness.dispatcher.run_once().await.unwrap();
    harness.endpoints.wait_for_in_flight(1).await;
    (harness, gate)
}

async fn states_after_completion(mut harness: DeliveryHarness, gate: &Semaphore) -> Vec<DeliveryState> {
    gate.add_permits(1);
    harness.dispatcher.wait_until_idle().await;
    harness.run_until_idle().await;
    assert_eq!(harness.endpoints.calls().len(), 1, "nothing is sent after the change");
    states(&harness).await
}

#[tokio::test]
async fn an_account_that_is_disabled_during_a_backlog_receives_nothing_more() {
    let (harness, gate) = with_backlog_in_progress().await;
    harness.disable_account().await;
    let states = states_after_completion(harness, &gate).await;
    assert_eq!(states[0], DeliveryState::Delivered);
    assert_eq!(states[1..], [DeliveryState::Cancelled; 9]);
}

#[tokio::test]
async fn an_account_that_loses_the_scope_during_a_backlog_receives_nothing_more() {
    let (harness, gate) = with_backlog_in_progress().await;
    harness.set_account_scopes(ScopeSet::from_iter([Scope::WebhooksManage])).await;
    let states = states_after_completion(harness, &gate).await;
    assert_eq!(states[1..], [DeliveryState::Cancelled; 9]);
}

#[tokio::test]
async fn unfinished_deliveries_of_a_removed_subscription_are_cancelled() {
    let (harness, gate) = with_backlog_in_progress().await;
    let subscription = harness.deliveries().await[0].record.subscription;
    let current = harness.subscription(subscription).await;
    harness.commit_command(|context, timestamp| webhooks::remove(context, timestamp, &current)).await;
    let states = states_after_completion(harness, &gate).await;
    assert_eq!(states[1..], [DeliveryState::Cancelled; 9]);
}

#[tokio::test]
async fn unfinished_deliveries_of_a_disabled_subscription_wait_until_it_is_enabled_again() {
    let (mut harness, gate) = with_backlog_in_progress().await;
    let subscription = harness.deliveries().await[0].record.subscription;
    harness.set_active(subscription, false).await;
    gate.add_permits(1);
    harness.dispatcher.wait_until_idle().await;
    harness.run_until_idle().await;
    assert_eq!(harness.endpoints.calls().len(), 1);
    assert_eq!(states(&harness).await[1..], [DeliveryState::Pending; 9]);
    harness.set_active(subscription, true).await;
    harness.run_until_idle().await;
    assert_eq!(states(&harness).await, [DeliveryState::Delivered; 10]);
}

#[tokio::test]
async fn a_scheduled_retry_is_cancelled_when_its_subscription_is_removed() {
    let mut harness = DeliveryHarness::new().await;
    let subscription = harness.subscribe(HOOK).await;
    harness.endpoints.set_behaviour(HOOK, Behaviour::Respond(500));
    harness.publish_event("finding.created", 1, 1).await;
    harness.run_until_idle().await;
    harness.commit_command(|context, timestamp| webhooks::remove(context, timestamp, &subscription)).await;
    harness.run_until_idle().await;
    assert_eq!(states(&harness).await, [DeliveryState::Cancelled]);
}

#[tokio::test]
async fn an_attempt_that_waited_for_a_permit_is_authorized_after_the_wait() {
    let mut harness = DeliveryHarness::with_concurrency(4).await;
    let gate = Arc::new(Semaphore::new(0));
    for index in 0..4 {
        let url = format!("https://slow{index}.example/");
        harness.subscribe(&url).await;
        harness.endpoints.set_behaviour(&url, Behaviour::WaitForGate(Arc::clone(&gate)));
    }
    harness.publish_event("finding.created", 1, 1).await;
    harness.fan_out().await;
    harness.dispatcher.run_once().await.unwrap();
    harness.endpoints.wait_for_in_flight(3).await;
    harness.disable_account().await;
    gate.add_permits(4);
    harness.dispatcher.wait_until_idle().await;
    assert_eq!(harness.endpoints.calls().len(), 3);
    let cancelled = states(&harness).await.iter().filter(|state| **state == DeliveryState::Cancelled).count();
    assert_eq!(cancelled, 1);
}
