//! Deliveries: what is due, and what comes of it.

use std::{sync::Arc, time::Duration};

use kernel::{Id, Order, PageRequest, Revision, Window};
use ulid::Ulid;
use webhooks::{DeliveryFilter, DeliveryState, Failure, Lane, WebhookDelivery};

use crate::{
    Fixture,
    queue::{attempted, lane_of},
    samples,
};

/// The longest-due first, lower revisions first among those of one moment, and nothing that is due later.
pub async fn what_is_due_comes_in_order_with_its_body(fixture: Fixture) {
    let lane = lane_of(&fixture.subscribe(fixture.home, "one").await);
    let other = lane_of(&fixture.subscribe(fixture.home, "two").await);
    let (finding, first) = fixture.told(fixture.home, "f-1").await;
    let (_, second) = fixture.told_again(&finding).await;
    fixture.clock.tick();
    let (_, third) = fixture.told(fixture.home, "f-2").await;
    fixture.distribute(fixture.home, 10).await;
    let due = fixture.due(lane).await;
    let events: Vec<_> = due.iter().map(|due| due.delivery.record.event).collect();
    assert_eq!(events, [first.id, second.id, third.id]);
    assert!(due.iter().all(|due| due.body == first.body && due.delivery.record.subscription == lane.subscription));
    assert_eq!(fixture.store.due(lane, first.created_at, 100).await.unwrap().len(), 2);
    assert_eq!(fixture.store.due(lane, fixture.now(), 1).await.unwrap(), due[..1]);

    let settlement = attempted(&due[0].delivery, fixture.now(), Some(Failure::TimedOut));
    let next = settlement.after.record.next_attempt_at.unwrap();
    fixture.store.settle(lane, &[settlement], None).await.unwrap();
    assert_eq!(fixture.due(lane).await.len(), 2);
    assert_eq!(fixture.due(other).await.len(), 3);
    fixture.clock.set(next);
    let events: Vec<_> = fixture.due(lane).await.iter().map(|due| due.delivery.record.event).collect();
    assert_eq!(events, [second.id, third.id, first.id], "a retry comes when it is due");
}

/// One that was changed meanwhile stays as it is, and its name is told; the others are stored.
pub async fn a_settlement_is_stored_where_nothing_changed_meanwhile(fixture: Fixture) {
    let lane = lane_of(&fixture.subscribe(fixture.home, "one").await);
    for number in 0..4 {
        fixture.clock.tick();
        fixture.told(fixture.home, &format!("f-{number}")).await;
    }
    fixture.distribute(fixture.home, 10).await;
    let due = fixture.due(lane).await;
    fixture.clock.tick();
    let cancelled = fixture.revise(&due[1].delivery, due[1].delivery.record.cancelled()).await;
    let at = fixture.clock.tick();
    let outcomes = [None, None, Some(Failure::Unreachable), None];
    let settlements: Vec<_> =
        due.iter().zip(outcomes).map(|(due, failure)| attempted(&due.delivery, at, failure)).collect();
    let undone = fixture.store.settle(lane, &settlements, None).await.unwrap();
    assert_eq!(undone, [due[1].delivery.meta.id]);
    for (place, settlement) in settlements.iter().enumerate() {
        let expected = if place == 1 { &cancelled } else { &settlement.after };
        assert_eq!(fixture.get(fixture.home, settlement.after.meta.id).await.as_ref(), Some(expected));
    }
    assert_eq!(fixture.store.settle(lane, &settlements, None).await.unwrap().len(), 4, "none is stored twice");
    assert_eq!(fixture.store.settle(lane, &settlements[..1], None).await.unwrap(), [due[0].delivery.meta.id]);
    assert!(fixture.store.settle(lane, &[], None).await.unwrap().is_empty());
    assert!(fixture.due(lane).await.is_empty());
}

/// It was decided before, but is noted as changed when it is stored, past which no list was complete.
pub async fn a_settlement_shows_in_a_catch_up(fixture: Fixture) {
    let lane = lane_of(&fixture.subscribe(fixture.home, "one").await);
    fixture.told(fixture.home, "f-1").await;
    fixture.distribute(fixture.home, 10).await;
    let due = fixture.due(lane).await;
    let settlement = attempted(&due[0].delivery, fixture.now(), None);
    fixture.clock.advance(Duration::from_secs(5));
    let filter = DeliveryFilter::default();
    let before = fixture.list::<WebhookDelivery>(fixture.home, &filter, &PageRequest::default()).await;
    fixture.store.settle(lane, &[settlement], None).await.unwrap();
    let window = Window { updated_after: Some(before.as_of), ..Window::default() };
    let page = PageRequest { window, order: Order::Changed, ..PageRequest::default() };
    let caught = fixture.walk::<WebhookDelivery>(fixture.home, &filter, page).await;
    assert_eq!(caught.len(), 1);
    assert_eq!(caught[0].record.state, DeliveryState::Delivered);
}

/// So many at a time, those of the lane alone, and nothing that is over.
pub async fn what_is_open_is_cancelled_in_bounds(fixture: Fixture) {
    let lane = lane_of(&fixture.subscribe(fixture.home, "one").await);
    let other = lane_of(&fixture.subscribe(fixture.home, "two").await);
    for number in 0..6 {
        fixture.clock.tick();
        fixture.told(fixture.home, &format!("f-{number}")).await;
    }
    fixture.distribute(fixture.home, 10).await;
    let due = fixture.due(lane).await;
    let now = fixture.clock.tick();
    let settled = [attempted(&due[0].delivery, now, None), attempted(&due[1].delivery, now, Some(Failure::Refused))];
    fixture.store.settle(lane, &settled, None).await.unwrap();
    let now = fixture.clock.tick();
    let cancel = async |limit| fixture.store.cancel(lane, now, limit).await.unwrap();
    assert_eq!([cancel(2).await, cancel(2).await, cancel(2).await, cancel(2).await], [2, 2, 1, 0]);
    for (place, due) in due.iter().enumerate() {
        let kept = fixture.get(fixture.home, due.delivery.meta.id).await.unwrap();
        if place == 0 {
            assert_eq!(kept, settled[0].after);
        } else {
            let before = if place == 1 { &settled[1].after } else { &due.delivery };
            assert_eq!(kept, before.changed(now, before.record.cancelled()));
        }
    }
    assert_eq!(fixture.due(other).await.len(), 6);
}

/// Both revisions as they are now; none where either is not there.
pub async fn the_standing_of_a_lane_is_that_of_its_subscription_and_account(fixture: Fixture) {
    let away = fixture.organization("away").await;
    let account = fixture.create(fixture.home, samples::account("scanner")).await;
    let subscription = fixture.create(fixture.home, samples::subscription(account.meta.id, 0)).await;
    let lane = lane_of(&subscription);
    let standing = async |lane: Lane| fixture.store.standing(lane).await.unwrap();
    assert_eq!(standing(lane).await, Some((Revision(1), Revision(1))));
    let account = fixture.revise(&account, account.record.clone()).await;
    assert_eq!(standing(lane).await, Some((Revision(1), account.meta.revision)));
    fixture.revise(&subscription, subscription.record.clone()).await;
    assert_eq!(standing(lane).await, Some((Revision(2), Revision(2))));
    assert_eq!(standing(Lane { organization: away, ..lane }).await, None);
    assert_eq!(standing(Lane { subscription: fixture.id(), ..lane }).await, None);
    let orphan = fixture.create(fixture.home, samples::subscription(fixture.id(), 1)).await;
    assert_eq!(standing(lane_of(&orphan)).await, None);
}

/// Calls in flight may share a look, but not an answer.
pub async fn many_at_once_are_told_each_its_own_standing(fixture: Fixture) {
    let mut lanes = Vec::new();
    for number in 0..12_i64 {
        let subscription = fixture.subscribe(fixture.home, &format!("account {number}")).await;
        let mut present = subscription.clone();
        for _ in 0..number {
            present = fixture.revise(&present, present.record.clone()).await;
        }
        lanes.push((lane_of(&subscription), Some((Revision(number + 1), Revision(1)))));
    }
    let away = fixture.organization("away").await;
    let elsewhere = Lane { organization: away, ..lanes[0].0 };
    lanes.push((elsewhere, None));
    let calls: Vec<_> = (0..8)
        .flat_map(|_| lanes.clone())
        .map(|(lane, expected)| {
            let store = Arc::clone(&fixture.store);
            tokio::spawn(async move { (store.standing(lane).await.unwrap(), expected) })
        })
        .collect();
    for call in calls {
        let (told, expected) = call.await.unwrap();
        assert_eq!(told, expected);
    }
}

/// Those of the lane that are there, of all that were asked for.
pub async fn deliveries_that_are_there_are_known(fixture: Fixture) {
    let away = fixture.organization("away").await;
    let lane = lane_of(&fixture.subscribe(fixture.home, "one").await);
    let other = lane_of(&fixture.subscribe(fixture.home, "two").await);
    let mut asked: Vec<Id<WebhookDelivery>> = Vec::new();
    for number in 0..3 {
        fixture.told(fixture.home, &format!("f-{number}")).await;
    }
    fixture.distribute(fixture.home, 10).await;
    let mut there: Vec<_> = fixture.due(lane).await.iter().map(|due| due.delivery.meta.id).collect();
    there.sort_unstable();
    asked.extend((0..1_000).map(|_| fixture.id()));
    asked.extend(there.iter().take(2));
    let known = async |lane, asked: &[_]| fixture.store.known(lane, asked).await.unwrap();
    assert_eq!(known(lane, &asked).await, there[..2]);
    assert!(known(other, &asked).await.is_empty());
    assert!(known(Lane { organization: away, ..lane }, &asked).await.is_empty());
    assert!(known(lane, &[]).await.is_empty());
}

/// After the first and up to the last, distributed or not, so many at a time.
pub async fn events_are_told_between_two_identifiers(fixture: Fixture) {
    let away = fixture.organization("away").await;
    let mut events = Vec::new();
    for number in 0..4 {
        fixture.clock.tick();
        events.push(samples::stored_event(&fixture.told(fixture.home, &format!("f-{number}")).await.1));
        fixture.told(away, &format!("f-{number}")).await;
    }
    fixture.distribute(fixture.home, 2).await;
    let told =
        async |after: Ulid, last: Ulid, limit| fixture.store.events(fixture.home, after, last, limit).await.unwrap();
    assert_eq!(told(Ulid::nil(), Ulid::max(), 10).await, events);
    assert_eq!(told(Ulid::nil(), Ulid::max(), 3).await, events[..3]);
    assert_eq!(told(events[0].id.ulid(), events[2].id.ulid(), 10).await, events[1..3]);
    assert!(told(events[3].id.ulid(), Ulid::max(), 10).await.is_empty());
}

/// Under another organization's name nothing of one is found or changed.
pub async fn deliveries_of_organizations_are_apart(fixture: Fixture) {
    let away = fixture.organization("away").await;
    let subscription = fixture.subscribe(fixture.home, "one").await;
    fixture.subscribe(away, "one").await;
    fixture.told(fixture.home, "f-1").await;
    fixture.distribute(fixture.home, 10).await;
    let lane = lane_of(&subscription);
    let theirs = Lane { organization: away, ..lane };
    let due = fixture.due(lane).await;
    let id = due[0].delivery.meta.id;
    assert!(fixture.due(theirs).await.is_empty());
    assert_eq!(fixture.store.cancel(theirs, fixture.now(), 10).await.unwrap(), 0);
    assert!(!fixture.claim(theirs, "one").await);
    assert!(fixture.store.signs(away, &[lane.subscription]).await.unwrap().is_empty());
    let mut settlement = attempted(&due[0].delivery, fixture.now(), None);
    settlement.before.meta.organization = away;
    settlement.after.meta.organization = away;
    assert_eq!(fixture.store.settle(theirs, &[settlement], None).await.unwrap(), [id]);
    assert_eq!(fixture.get::<WebhookDelivery>(away, id).await, None);
    assert_eq!(fixture.due(lane).await, due);
}
