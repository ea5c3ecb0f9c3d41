//! Authorization of deliveries: accounts and subscriptions that change while deliveries are unfinished.

use std::sync::Arc;

use scopes::{Scope, ScopeSet};
use tokio::sync::Semaphore;
use webhooks::DeliveryState;

use crate::{
    script::Does,
    workshop::{HOOK, Workshop},
};

/// Returns the states of all deliveries, delivered ones first.
async fn states(harness: &Workshop) -> Vec<DeliveryState> {
    let mut states: Vec<_> = harness.deliveries().await.iter().map(|delivery| delivery.record.state).collect();
    states.sort_by_key(|state| *state != DeliveryState::Delivered);
    states
}

/// Creates a harness with ten events, of which the first is in flight.
async fn in_mid_backlog() -> (Workshop, Arc<Semaphore>) {
    let mut harness = Workshop::open().await;
    harness.subscribe(HOOK).await;
    let gate = Arc::new(Semaphore::new(0));
    harness.script.next(HOOK, [Does::Wait(Arc::clone(&gate))]);
    for subject in 1..=10 {
        harness.happens("finding.created", subject, 1).await;
        harness.clock().tick();
    }
    harness.distribute().await;
    harness.dispatcher.round().await.unwrap();
    harness.script.in_flight(1).await;
    (harness, gate)
}

async fn goes_on(mut harness: Workshop, gate: &Semaphore) -> Vec<DeliveryState> {
    gate.add_permits(1);
    harness.dispatcher.idle().await;
    harness.work().await;
    assert_eq!(harness.script.calls().len(), 1, "nothing is sent after the change");
    states(&harness).await
}

#[tokio::test]
async fn an_account_that_is_disabled_in_mid_backlog_is_told_nothing_more() {
    let (harness, gate) = in_mid_backlog().await;
    harness.disable_account().await;
    let states = goes_on(harness, &gate).await;
    assert_eq!(states[0], DeliveryState::Delivered);
    assert_eq!(states[1..], [DeliveryState::Cancelled; 9]);
}

#[tokio::test]
async fn an_account_that_loses_the_scope_in_mid_backlog_is_told_nothing_more() {
    let (harness, gate) = in_mid_backlog().await;
    harness.narrow_account(ScopeSet::from_iter([Scope::WebhooksManage])).await;
    let states = goes_on(harness, &gate).await;
    assert_eq!(states[1..], [DeliveryState::Cancelled; 9]);
}

#[tokio::test]
async fn what_was_not_delivered_of_a_removed_subscription_is_cancelled() {
    let (harness, gate) = in_mid_backlog().await;
    let subscription = harness.deliveries().await[0].record.subscription;
    let current = harness.subscription(subscription).await;
    harness.with_desk(|context, timestamp| webhooks::remove(context, timestamp, &current)).await;
    let states = goes_on(harness, &gate).await;
    assert_eq!(states[1..], [DeliveryState::Cancelled; 9]);
}

#[tokio::test]
async fn what_was_not_delivered_of_a_disabled_subscription_waits_until_it_is_active_again() {
    let (mut harness, gate) = in_mid_backlog().await;
    let subscription = harness.deliveries().await[0].record.subscription;
    harness.set_active(subscription, false).await;
    gate.add_permits(1);
    harness.dispatcher.idle().await;
    harness.work().await;
    assert_eq!(harness.script.calls().len(), 1);
    assert_eq!(states(&harness).await[1..], [DeliveryState::Pending; 9]);
    harness.set_active(subscription, true).await;
    harness.work().await;
    assert_eq!(states(&harness).await, [DeliveryState::Delivered; 10]);
}

#[tokio::test]
async fn a_retry_to_come_is_cancelled_when_its_subscription_is_removed() {
    let mut harness = Workshop::open().await;
    let subscription = harness.subscribe(HOOK).await;
    harness.script.always(HOOK, Does::Answer(500));
    harness.happens("finding.created", 1, 1).await;
    harness.work().await;
    harness.with_desk(|context, timestamp| webhooks::remove(context, timestamp, &subscription)).await;
    harness.work().await;
    assert_eq!(states(&harness).await, [DeliveryState::Cancelled]);
}

#[tokio::test]
async fn an_attempt_that_had_to_wait_for_room_is_judged_when_it_has_it() {
    let mut harness = Workshop::with_room(4).await;
    let gate = Arc::new(Semaphore::new(0));
    for index in 0..4 {
        let url = format!("https://slow{index}.example/");
        harness.subscribe(&url).await;
        harness.script.always(&url, Does::Wait(Arc::clone(&gate)));
    }
    harness.happens("finding.created", 1, 1).await;
    harness.distribute().await;
    harness.dispatcher.round().await.unwrap();
    harness.script.in_flight(3).await;
    harness.disable_account().await;
    gate.add_permits(4);
    harness.dispatcher.idle().await;
    assert_eq!(harness.script.calls().len(), 3);
    let cancelled = states(&harness).await.iter().filter(|state| **state == DeliveryState::Cancelled).count();
    assert_eq!(cancelled, 1);
}
