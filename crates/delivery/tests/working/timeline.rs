//! When a delivery that failed is tried again, and when no more.

use std::{sync::atomic::Ordering, time::Duration};

use webhooks::DeliveryState;

use crate::{
    script::Does,
    workshop::{HOOK, Workshop},
};

const HOUR: u64 = 3_600;

#[tokio::test]
async fn an_endpoint_that_always_fails_is_tried_ten_times_over_three_days_and_then_no_more() {
    let mut workshop = Workshop::open().await;
    workshop.subscribe(HOOK).await;
    workshop.script.always(HOOK, Does::Answer(500));
    let began = workshop.now();
    workshop.happens("finding.created", 1, 1).await;
    workshop.work().await;
    assert_eq!(workshop.delivery().await.record.state, DeliveryState::Failed);

    let mut waits = Vec::new();
    while let Some(wait) = workshop.next_attempt().await {
        waits.push(wait);
    }
    let stated = [5, 300, 1_800, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR];
    assert_eq!(waits.len(), stated.len());
    for (wait, stated) in waits.iter().zip(stated) {
        let stated = Duration::from_secs(stated);
        assert!(*wait >= stated * 9 / 10 && *wait <= stated * 11 / 10, "{wait:?} is not within a tenth of {stated:?}");
    }
    assert!(workshop.now().since(began) > Duration::from_secs(3 * 24 * HOUR * 9 / 10));

    let delivery = workshop.delivery().await.record;
    assert_eq!((delivery.state, delivery.next_attempt_at), (DeliveryState::Exhausted, None));
    assert_eq!(delivery.attempts.len(), 10);
    assert_eq!(workshop.counts.exhausted.load(Ordering::SeqCst), 1);
    workshop.clock().advance(Duration::from_secs(30 * 24 * HOUR));
    workshop.work().await;
    let calls = workshop.script.calls();
    assert_eq!(calls.len(), 10, "an exhausted delivery is left alone");
    assert!(
        calls.iter().all(|call| (call.message.id, &call.message.body) == (calls[0].message.id, &calls[0].message.body))
    );
    assert!(calls.iter().all(|call| call.message.timestamp == call.at.seconds()), "each attempt has a time of its own");
}

#[tokio::test]
async fn an_endpoint_that_recovers_is_tried_until_then() {
    let mut workshop = Workshop::open().await;
    let subscription = workshop.subscribe(HOOK).await;
    workshop.script.next(HOOK, [Does::Answer(500), Does::Answer(404)]);
    workshop.happens("finding.created", 1, 1).await;
    workshop.work().await;
    while workshop.next_attempt().await.is_some() {}
    let delivery = workshop.delivery().await.record;
    assert_eq!(delivery.state, DeliveryState::Delivered);
    let statuses: Vec<_> = delivery.attempts.iter().map(|attempt| attempt.outcome.status.unwrap()).collect();
    assert_eq!(statuses, [500, 404, 200]);
    let home = workshop.fixture.home;
    let [(_, signs)] =
        <[_; 1]>::try_from(workshop.fixture.store.signs(home, &[subscription.meta.id]).await.unwrap()).unwrap();
    assert_eq!((signs.failing_since, signs.last_delivery_at), (None, Some(delivery.attempts[2].at)));
}

#[tokio::test]
async fn an_endpoint_is_left_alone_for_as_long_as_it_asks_up_to_a_day() {
    for (asked, waited) in [(1, None), (HOUR, Some(HOUR)), (100 * HOUR, Some(24 * HOUR))] {
        let mut workshop = Workshop::open().await;
        workshop.subscribe(HOOK).await;
        workshop.script.next(HOOK, [Does::AskForRest(Duration::from_secs(asked))]);
        workshop.happens("finding.created", 1, 1).await;
        workshop.work().await;
        let wait = workshop.next_attempt().await.unwrap();
        match waited {
            Some(waited) => assert_eq!(wait, Duration::from_secs(waited)),
            None => assert!(wait >= Duration::from_millis(4_500), "the plan is longer than {asked} s"),
        }
        assert_eq!(workshop.delivery().await.record.state, DeliveryState::Delivered);
    }
}
