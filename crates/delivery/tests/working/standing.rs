//! Accounts that may not be told any more.

use std::sync::Arc;

use scopes::{Scope, ScopeSet};
use tokio::sync::Semaphore;
use webhooks::DeliveryState;

use crate::{
    script::Does,
    workshop::{HOOK, Workshop},
};

/// How far all deliveries are; those that arrived first.
async fn states(workshop: &Workshop) -> Vec<DeliveryState> {
    let mut states: Vec<_> = workshop.deliveries().await.iter().map(|delivery| delivery.record.state).collect();
    states.sort_by_key(|state| *state != DeliveryState::Delivered);
    states
}

/// Ten events, of which the first is being sent.
async fn in_mid_backlog() -> (Workshop, Arc<Semaphore>) {
    let mut workshop = Workshop::open().await;
    workshop.subscribe(HOOK).await;
    let gate = Arc::new(Semaphore::new(0));
    workshop.script.next(HOOK, [Does::Wait(Arc::clone(&gate))]);
    for subject in 1..=10 {
        workshop.happens("finding.created", subject, 1).await;
        workshop.clock().tick();
    }
    workshop.distribute().await;
    workshop.dispatcher.round().await.unwrap();
    workshop.script.in_flight(1).await;
    (workshop, gate)
}

async fn goes_on(mut workshop: Workshop, gate: &Semaphore) -> Vec<DeliveryState> {
    gate.add_permits(1);
    workshop.dispatcher.idle().await;
    workshop.work().await;
    assert_eq!(workshop.script.calls().len(), 1, "nothing is sent after that");
    states(&workshop).await
}

#[tokio::test]
async fn an_account_that_is_disabled_in_mid_backlog_is_told_nothing_more() {
    let (workshop, gate) = in_mid_backlog().await;
    workshop.disable_account().await;
    let states = goes_on(workshop, &gate).await;
    assert_eq!(states[0], DeliveryState::Delivered);
    assert_eq!(states[1..], [DeliveryState::Cancelled; 9]);
}

#[tokio::test]
async fn an_account_that_loses_the_scope_in_mid_backlog_is_told_nothing_more() {
    let (workshop, gate) = in_mid_backlog().await;
    workshop.narrow_account(ScopeSet::from_iter([Scope::WebhooksManage])).await;
    let states = goes_on(workshop, &gate).await;
    assert_eq!(states[1..], [DeliveryState::Cancelled; 9]);
}

#[tokio::test]
async fn what_was_not_delivered_of_a_removed_subscription_is_cancelled() {
    let (workshop, gate) = in_mid_backlog().await;
    let subscription = workshop.deliveries().await[0].record.subscription;
    let present = workshop.subscription(subscription).await;
    workshop.with_desk(|desk, stamp| webhooks::remove(desk, stamp, &present)).await;
    let states = goes_on(workshop, &gate).await;
    assert_eq!(states[1..], [DeliveryState::Cancelled; 9]);
}

#[tokio::test]
async fn what_was_not_delivered_of_a_disabled_subscription_waits_until_it_is_active_again() {
    let (mut workshop, gate) = in_mid_backlog().await;
    let subscription = workshop.deliveries().await[0].record.subscription;
    workshop.set_active(subscription, false).await;
    gate.add_permits(1);
    workshop.dispatcher.idle().await;
    workshop.work().await;
    assert_eq!(workshop.script.calls().len(), 1);
    assert_eq!(states(&workshop).await[1..], [DeliveryState::Pending; 9]);
    workshop.set_active(subscription, true).await;
    workshop.work().await;
    assert_eq!(states(&workshop).await, [DeliveryState::Delivered; 10]);
}

#[tokio::test]
async fn a_retry_to_come_is_cancelled_when_its_subscription_is_removed() {
    let mut workshop = Workshop::open().await;
    let subscription = workshop.subscribe(HOOK).await;
    workshop.script.always(HOOK, Does::Answer(500));
    workshop.happens("finding.created", 1, 1).await;
    workshop.work().await;
    workshop.with_desk(|desk, stamp| webhooks::remove(desk, stamp, &subscription)).await;
    workshop.work().await;
    assert_eq!(states(&workshop).await, [DeliveryState::Cancelled]);
}

#[tokio::test]
async fn an_attempt_that_had_to_wait_for_room_is_judged_when_it_has_it() {
    let mut workshop = Workshop::with_room(4).await;
    let gate = Arc::new(Semaphore::new(0));
    for place in 0..4 {
        let url = format!("https://slow{place}.example/");
        workshop.subscribe(&url).await;
        workshop.script.always(&url, Does::Wait(Arc::clone(&gate)));
    }
    workshop.happens("finding.created", 1, 1).await;
    workshop.distribute().await;
    workshop.dispatcher.round().await.unwrap();
    workshop.script.in_flight(3).await;
    workshop.disable_account().await;
    gate.add_permits(4);
    workshop.dispatcher.idle().await;
    assert_eq!(workshop.script.calls().len(), 3);
    let cancelled = states(&workshop).await.iter().filter(|state| **state == DeliveryState::Cancelled).count();
    assert_eq!(cancelled, 1);
}
