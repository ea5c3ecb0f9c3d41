//! What is forgotten, and when.

use std::time::Duration;

use kernel::{OutboxEvent, Timestamp};
use ulid::Ulid;
use webhooks::{DisabledReason, Failure, SubscriptionStatus};

use crate::{
    Fixture,
    queue::{attempted, lane_of},
    samples,
};

const DAY: Duration = Duration::from_secs(86_400);

async fn events(fixture: &Fixture) -> usize {
    fixture.store.events(fixture.home, Ulid::nil(), Ulid::max(), 1_000).await.unwrap().len()
}

async fn prune(fixture: &Fixture, before: Timestamp) -> u64 {
    fixture.store.prune(before, 100).await.unwrap()
}

/// Events one day apart, each delivered to the one subscription.
async fn delivered(fixture: &Fixture, count: u32) -> Vec<OutboxEvent> {
    let lane = lane_of(&fixture.subscribe(fixture.home, "one").await);
    let mut told = Vec::new();
    for number in 0..count {
        told.push(fixture.told(fixture.home, &format!("f-{number}")).await.1);
        fixture.distribute(fixture.home, 10).await;
        let due = fixture.due(lane).await;
        fixture.store.settle(lane, &[attempted(&due[0].delivery, fixture.now(), None)], None).await.unwrap();
        fixture.clock.advance(DAY);
    }
    told
}

/// Deliveries, and the events they tell of; nothing younger, and so many at a time.
pub async fn what_is_over_is_forgotten_after_its_time_and_in_bounds(fixture: Fixture) {
    let told = delivered(&fixture, 5).await;
    assert_eq!(prune(&fixture, told[0].created_at).await, 0);
    assert_eq!(prune(&fixture, told[1].created_at).await, 2);
    assert_eq!((fixture.deliveries(fixture.home).await.len(), events(&fixture).await), (4, 4));
    assert_eq!(fixture.store.prune(fixture.now(), 0).await.unwrap(), 0);
    let mut went = 0;
    for _ in 0..8 {
        let now = fixture.store.prune(fixture.now(), 1).await.unwrap();
        assert!(now <= 2);
        went += now;
    }
    assert_eq!((went, fixture.deliveries(fixture.home).await.len(), events(&fixture).await), (8, 0, 0));
}

/// Whichever subscription it was for: the bounds are those of all together, and an event stays for whoever needs it.
pub async fn what_is_over_is_forgotten_of_every_subscription(fixture: Fixture) {
    let mut lanes = Vec::new();
    for name in ["one", "two", "three"] {
        lanes.push(lane_of(&fixture.subscribe(fixture.home, name).await));
    }
    for day in 0..3 {
        fixture.told(fixture.home, &format!("f-{day}")).await;
        fixture.distribute(fixture.home, 10).await;
        for (place, lane) in lanes.iter().enumerate().filter(|one| (one.0, day) != (1, 1)) {
            let due = fixture.due(*lane).await;
            let settlement = attempted(&due[due.len() - 1].delivery, fixture.now(), None);
            assert_eq!(fixture.store.settle(*lane, &[settlement], None).await.unwrap(), [], "{place} on day {day}");
        }
        fixture.clock.advance(DAY);
    }
    let mut went = 0;
    for _ in 0..5 {
        let now = fixture.store.prune(fixture.now(), 3).await.unwrap();
        assert!(now <= 6);
        went += now;
    }
    let kept = fixture.deliveries(fixture.home).await;
    assert_eq!((went, kept.len(), events(&fixture).await), (9, 1, 2));
    assert_eq!(fixture.due(lanes[1]).await[0].delivery, kept[0]);
}

/// However old: it still has to be sent.
pub async fn what_is_under_way_keeps_what_it_tells_of(fixture: Fixture) {
    let told = delivered(&fixture, 1).await;
    let lane = lane_of(&fixture.subscribe(fixture.home, "two").await);
    fixture.told(fixture.home, "f-slow").await;
    fixture.distribute(fixture.home, 10).await;
    fixture.clock.advance(DAY);
    assert_eq!(prune(&fixture, fixture.now()).await, 2, "what came before is no matter to it");
    let due = fixture.due(lane).await;
    assert_eq!((due.len(), &due[0].body), (1, &told[0].body));
    assert_eq!((fixture.deliveries(fixture.home).await.len(), events(&fixture).await), (2, 1));

    let at = fixture.now();
    for delivery in fixture.deliveries(fixture.home).await {
        let settlement = attempted(&delivery, at, None);
        fixture.store.settle(lane, &[settlement], None).await.unwrap();
    }
    fixture.clock.advance(DAY);
    assert_eq!(prune(&fixture, fixture.now()).await, 3);
}

/// Nobody knows whether it is ever made active again.
pub async fn what_waits_for_a_disabled_subscription_is_forgotten_in_its_time(fixture: Fixture) {
    let subscription = fixture.subscribe(fixture.home, "one").await;
    fixture.told(fixture.home, "f-1").await;
    fixture.distribute(fixture.home, 10).await;
    let due = fixture.due(lane_of(&subscription)).await;
    let settlement = attempted(&due[0].delivery, fixture.now(), Some(Failure::Refused));
    fixture.store.settle(lane_of(&subscription), &[settlement], None).await.unwrap();
    let disabled = samples::with_status(&subscription.record, SubscriptionStatus::Disabled, Some(DisabledReason::Gone));
    fixture.clock.advance(DAY);
    assert_eq!(prune(&fixture, fixture.now()).await, 0);
    fixture.revise(&subscription, disabled).await;
    assert_eq!(prune(&fixture, fixture.now() - 2 * DAY).await, 0);
    assert_eq!(prune(&fixture, fixture.now()).await, 2);
    assert_eq!((fixture.deliveries(fixture.home).await.len(), events(&fixture).await), (0, 0));
}

/// It waits for a server that distributes.
pub async fn an_event_that_was_not_distributed_stays(fixture: Fixture) {
    fixture.subscribe(fixture.home, "one").await;
    fixture.told(fixture.home, "f-1").await;
    let (mut changeset, finding) = fixture.creation(fixture.home, samples::finding("f-2"));
    let later = OutboxEvent { name: "later.event", ..samples::outbox_event(&*fixture.entropy, &finding) };
    changeset.publish(later);
    fixture.commit(changeset).await.unwrap();
    fixture.clock.advance(DAY);
    assert_eq!((prune(&fixture, fixture.now()).await, events(&fixture).await), (0, 2));
    assert_eq!(fixture.distribute(fixture.home, 10).await.deliveries, 1);
}
