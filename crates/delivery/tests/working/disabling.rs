//! Endpoints that are gone, or fail for too long.

use std::time::Duration;

use kernel::ActorKind;
use webhooks::{DeliveryState, DisabledReason, SubscriptionStatus};

use crate::{
    script::Does,
    workshop::{HOOK, Workshop, entries},
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[tokio::test]
async fn an_endpoint_that_is_gone_disables_its_subscription_at_once_and_on_record() {
    let mut workshop = Workshop::open().await;
    let subscription = workshop.subscribe(HOOK).await;
    workshop.script.always(HOOK, Does::Answer(410));
    workshop.happens("finding.created", 1, 1).await;
    workshop.happens("finding.created", 2, 1).await;
    workshop.work().await;

    let disabled = workshop.subscription(subscription.meta.id).await.record;
    assert_eq!((disabled.status, disabled.disabled_reason), (SubscriptionStatus::Disabled, Some(DisabledReason::Gone)));
    let [entry] = <[_; 1]>::try_from(entries(&workshop, "webhook_subscription.disabled").await).unwrap();
    assert_eq!((entry.actor.kind, &*entry.actor.name), (ActorKind::System, "novantra"));
    assert_eq!(*workshop.counts.disabled.lock().unwrap(), [DisabledReason::Gone]);
    assert_eq!(workshop.script.calls().len(), 1, "what was open waits");

    workshop.happens("finding.created", 3, 1).await;
    workshop.clock().advance(DAY);
    workshop.work().await;
    assert_eq!(workshop.script.calls().len(), 1, "nothing goes to a disabled subscription");
    assert_eq!(workshop.deliveries().await.len(), 2, "what happens meanwhile is not addressed to it");

    workshop.script.always(HOOK, Does::Answer(200));
    workshop.set_active(subscription.meta.id, true).await;
    workshop.work().await;
    let states: Vec<_> = workshop.deliveries().await.iter().map(|delivery| delivery.record.state).collect();
    assert_eq!(states, [DeliveryState::Delivered; 2], "what was open goes on");
}

#[tokio::test]
async fn an_endpoint_that_fails_for_five_days_is_disabled_by_the_next_failure() {
    let mut workshop = Workshop::open().await;
    let subscription = workshop.subscribe(HOOK).await;
    workshop.script.always(HOOK, Does::Answer(500));
    let began = workshop.now();
    let mut revision = 0;
    let mut reason = None;
    while reason.is_none() {
        revision += 1;
        workshop.happens("finding.updated", 1, revision).await;
        workshop.work().await;
        reason = workshop.subscription(subscription.meta.id).await.record.disabled_reason;
        assert_eq!(reason.is_some(), workshop.now().since(began) >= 5 * DAY);
        workshop.clock().advance(DAY / 2 + Duration::from_secs(1));
    }
    assert_eq!(reason, Some(DisabledReason::Failing));
    assert_eq!(entries(&workshop, "webhook_subscription.disabled").await.len(), 1);

    workshop.set_active(subscription.meta.id, true).await;
    workshop.work().await;
    let again = workshop.subscription(subscription.meta.id).await.record;
    assert!(again.is_active(), "who has enabled it again has as much time once more");
}

#[tokio::test]
async fn one_success_begins_the_five_days_anew() {
    let mut workshop = Workshop::open().await;
    let subscription = workshop.subscribe(HOOK).await;
    workshop.script.always(HOOK, Does::Answer(500));
    for (day, revision) in (1..=8).enumerate() {
        if day == 4 {
            workshop.script.next(HOOK, std::iter::repeat_n(Does::Answer(200), 8));
        }
        workshop.happens("finding.updated", 1, revision).await;
        workshop.work().await;
        workshop.clock().advance(DAY);
    }
    assert!(workshop.subscription(subscription.meta.id).await.record.is_active());
}
