//! The retry schedule of failed deliveries.

use std::{sync::atomic::Ordering, time::Duration};

use webhooks::DeliveryState;

use super::{
    fake_endpoints::Behaviour,
    harness::{DeliveryHarness, HOOK},
};

const HOUR: u64 = 3_600;

#[tokio::test]
async fn an_endpoint_that_always_fails_gets_exactly_ten_attempts_over_three_days() {
    let mut harness = DeliveryHarness::new().await;
    harness.subscribe(HOOK).await;
    harness.endpoints.set_behaviour(HOOK, Behaviour::Respond(500));
    let started_at = harness.now();
    harness.publish_event("finding.created", 1, 1).await;
    harness.run_until_idle().await;
    assert_eq!(harness.delivery().await.record.state, DeliveryState::Failed);

    let mut delays = Vec::new();
    while let Some(wait) = harness.run_next_attempt().await {
        delays.push(wait);
    }
    let expected = [5, 300, 1_800, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR];
    assert_eq!(delays.len(), expected.len());
    for (wait, expected) in delays.iter().zip(expected) {
        let expected = Duration::from_secs(expected);
        assert!(
            *wait >= expected * 9 / 10 && *wait <= expected * 11 / 10,
            "{wait:?} is not within a tenth of {expected:?}"
        );
    }
    assert!(harness.now().since(started_at) > Duration::from_secs(3 * 24 * HOUR * 9 / 10));

    let delivery = harness.delivery().await.record;
    assert_eq!((delivery.state, delivery.next_attempt_at), (DeliveryState::Exhausted, None));
    assert_eq!(delivery.attempts.len(), 10);
    assert_eq!(harness.observer.exhausted.load(Ordering::SeqCst), 1);
    harness.clock().advance(Duration::from_secs(30 * 24 * HOUR));
    harness.run_until_idle().await;
    let calls = harness.endpoints.calls();
    assert_eq!(calls.len(), 10, "an exhausted delivery is not attempted again");
    assert!(
        calls.iter().all(|call| (call.message.id, &call.message.body) == (calls[0].message.id, &calls[0].message.body))
    );
    assert!(calls.iter().all(|call| call.message.timestamp == call.at.seconds()), "each attempt has its own timestamp");
}

#[tokio::test]
async fn a_delivery_is_retried_until_the_endpoint_recovers() {
    let mut harness = DeliveryHarness::new().await;
    let subscription = harness.subscribe(HOOK).await;
    harness.endpoints.set_next_behaviours(HOOK, [Behaviour::Respond(500), Behaviour::Respond(404)]);
    harness.publish_event("finding.created", 1, 1).await;
    harness.run_until_idle().await;
    while harness.run_next_attempt().await.is_some() {}
    let delivery = harness.delivery().await.record;
    assert_eq!(delivery.state, DeliveryState::Delivered);
    let statuses: Vec<_> = delivery.attempts.iter().map(|attempt| attempt.outcome.status.unwrap()).collect();
    assert_eq!(statuses, [500, 404, 200]);
    let home = harness.fixture.home;
    let [(_, health)] =
        <[_; 1]>::try_from(harness.fixture.store.delivery_health(home, &[subscription.meta.id]).await.unwrap())
            .unwrap();
    assert_eq!((health.failing_since, health.last_delivery_at), (None, Some(delivery.attempts[2].at)));
}

#[tokio::test]
async fn retry_after_delays_the_next_attempt_by_up_to_a_day() {
    for (retry_after, expected_wait) in [(1, None), (HOUR, Some(HOUR)), (100 * HOUR, Some(24 * HOUR))] {
        let mut harness = DeliveryHarness::new().await;
        harness.subscribe(HOOK).await;
        harness.endpoints.set_next_behaviours(HOOK, [Behaviour::RetryAfter(Duration::from_secs(retry_after))]);
        harness.publish_event("finding.created", 1, 1).await;
        harness.run_until_idle().await;
        let wait = harness.run_next_attempt().await.unwrap();
        match expected_wait {
            Some(expected_wait) => assert_eq!(wait, Duration::from_secs(expected_wait)),
            None => assert!(wait >= Duration::from_millis(4_500), "the scheduled delay is longer than {retry_after} s"),
        }
        assert_eq!(harness.delivery().await.record.state, DeliveryState::Delivered);
    }
}
