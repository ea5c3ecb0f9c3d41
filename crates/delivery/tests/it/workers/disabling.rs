//! Disabling of subscriptions whose endpoint is gone or has been failing for too long.

use std::time::Duration;

use kernel::ActorKind;
use webhooks::{DeliveryState, DisabledReason, SubscriptionStatus};

use super::{
    fake_endpoints::Behaviour,
    harness::{DeliveryHarness, HOOK, entries},
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[tokio::test]
async fn a_subscription_whose_endpoint_is_gone_is_disabled_immediately_and_audited() {
    let mut harness = DeliveryHarness::new().await;
    let subscription = harness.subscribe(HOOK).await;
    harness.endpoints.set_behaviour(HOOK, Behaviour::Respond(410));
    harness.publish_event("finding.created", 1, 1).await;
    harness.publish_event("finding.created", 2, 1).await;
    harness.run_until_idle().await;

    let disabled = harness.subscription(subscription.meta.id).await.record;
    assert_eq!((disabled.status, disabled.disabled_reason), (SubscriptionStatus::Disabled, Some(DisabledReason::Gone)));
    let [entry] = <[_; 1]>::try_from(entries(&harness, "webhook_subscription.disabled").await).unwrap();
    assert_eq!((entry.actor.kind, &*entry.actor.name), (ActorKind::System, "novantra"));
    assert_eq!(*harness.observer.disabled.lock().unwrap(), [DisabledReason::Gone]);
    assert_eq!(harness.endpoints.calls().len(), 1, "the second delivery waits");

    harness.publish_event("finding.created", 3, 1).await;
    harness.clock().advance(DAY);
    harness.run_until_idle().await;
    assert_eq!(harness.endpoints.calls().len(), 1, "nothing is sent to a disabled subscription");
    assert_eq!(harness.deliveries().await.len(), 2, "events are not fanned out to a disabled subscription");

    harness.endpoints.set_behaviour(HOOK, Behaviour::Respond(200));
    harness.set_active(subscription.meta.id, true).await;
    harness.run_until_idle().await;
    let states: Vec<_> = harness.deliveries().await.iter().map(|delivery| delivery.record.state).collect();
    assert_eq!(states, [DeliveryState::Delivered; 2], "the unfinished deliveries are sent");
}

#[tokio::test]
async fn a_subscription_that_fails_for_five_days_is_disabled_by_the_next_failure() {
    let mut harness = DeliveryHarness::new().await;
    let subscription = harness.subscribe(HOOK).await;
    harness.endpoints.set_behaviour(HOOK, Behaviour::Respond(500));
    let started_at = harness.now();
    let mut revision = 0;
    let mut reason = None;
    while reason.is_none() {
        revision += 1;
        harness.publish_event("finding.updated", 1, revision).await;
        harness.run_until_idle().await;
        reason = harness.subscription(subscription.meta.id).await.record.disabled_reason;
        assert_eq!(reason.is_some(), harness.now().since(started_at) >= 5 * DAY);
        harness.clock().advance(DAY / 2 + Duration::from_secs(1));
    }
    assert_eq!(reason, Some(DisabledReason::Failing));
    assert_eq!(entries(&harness, "webhook_subscription.disabled").await.len(), 1);

    harness.set_active(subscription.meta.id, true).await;
    harness.run_until_idle().await;
    let enabled_again = harness.subscription(subscription.meta.id).await.record;
    assert!(enabled_again.is_active(), "after being enabled again, the subscription has the full time once more");
}

#[tokio::test]
async fn a_success_restarts_the_five_days() {
    let mut harness = DeliveryHarness::new().await;
    let subscription = harness.subscribe(HOOK).await;
    harness.endpoints.set_behaviour(HOOK, Behaviour::Respond(500));
    for (day, revision) in (1..=8).enumerate() {
        if day == 4 {
            harness.endpoints.set_next_behaviours(HOOK, std::iter::repeat_n(Behaviour::Respond(200), 8));
        }
        harness.publish_event("finding.updated", 1, revision).await;
        harness.run_until_idle().await;
        harness.clock().advance(DAY);
    }
    assert!(harness.subscription(subscription.meta.id).await.record.is_active());
}
