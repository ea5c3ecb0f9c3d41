//! Lanes: who sends to which subscription, and when there is something for it.

use std::{sync::Arc, time::Duration};

use kernel::{Id, Stored, Timestamp};
use store::DynStore;
use webhooks::{Claim, Failure, Lag, Lane, LaneSigns, WebhookDelivery, WebhookSubscription};

use crate::{
    Fixture,
    queue::{SPAN, attempted, lane_of},
    samples,
};

/// A lane with nothing to do.
async fn idle(fixture: &Fixture, name: &str) -> (Lane, Stored<WebhookSubscription>) {
    let subscription = fixture.subscribe(fixture.home, name).await;
    fixture.look_at(lane_of(&subscription)).await;
    (lane_of(&subscription), subscription)
}

/// Asks for a delivery again.
async fn again(fixture: &Fixture, delivery: &Stored<WebhookDelivery>) -> Stored<WebhookDelivery> {
    fixture.revise(delivery, delivery.record.again(fixture.now())).await
}

/// A subscription that changed, a delivery that is due, an event that was distributed.
pub async fn a_lane_is_due_from_the_moment_of_what_came_in(fixture: Fixture) {
    let (lane, subscription) = idle(&fixture, "one").await;
    let (other, _) = idle(&fixture, "two").await;
    assert!(fixture.lanes_due().await.is_empty());

    fixture.revise(&subscription, subscription.record.clone()).await;
    assert_eq!(fixture.lanes_due().await, [lane]);
    fixture.look_at(lane).await;

    let later = fixture.now() + Duration::from_secs(5);
    let due = fixture.create(fixture.home, samples::delivery(lane.subscription, fixture.id(), later)).await;
    let over = samples::delivery(other.subscription, fixture.id(), later).cancelled();
    fixture.create(fixture.home, over).await;
    assert!(fixture.lanes_due().await.is_empty());
    fixture.clock.set(later);
    assert_eq!(fixture.lanes_due().await, [lane]);
    fixture.revise(&due, due.record.cancelled()).await;
    fixture.look_at(lane).await;

    fixture.told(fixture.home, "f-1").await;
    assert!(fixture.lanes_due().await.is_empty());
    fixture.distribute(fixture.home, 10).await;
    let mut both = [lane, other];
    both.sort_unstable();
    assert_eq!(fixture.lanes_due().await, both);
}

/// So many at a time, whosever they are, and none that is held.
pub async fn the_longest_waiting_lanes_are_told_first(fixture: Fixture) {
    let away = fixture.organization("away").await;
    let mut lanes = Vec::new();
    for number in 0..4 {
        fixture.clock.tick();
        let organization = if number % 2 == 0 { away } else { fixture.home };
        lanes.push(lane_of(&fixture.subscribe(organization, &format!("account {number}")).await));
    }
    let told = async |limit| fixture.store.lanes_due(fixture.now(), limit).await.unwrap();
    assert_eq!(told(10).await, lanes);
    assert_eq!(told(2).await, lanes[..2]);
    assert!(fixture.claim(lanes[1], "one").await);
    assert_eq!(told(10).await, [lanes[0], lanes[2], lanes[3]]);
    fixture.clock.advance(SPAN);
    assert_eq!(told(10).await, lanes, "a lease that ran out holds nothing");
}

/// However many try at once.
pub async fn of_eight_that_claim_a_lane_one_gets_it(fixture: Fixture) {
    let lane = lane_of(&fixture.subscribe(fixture.home, "one").await);
    let now = fixture.now();
    let claims: Vec<_> = (0..8)
        .map(|number| {
            let store = Arc::clone(&fixture.store);
            tokio::spawn(async move { store.claim(&[lane], &format!("{number}"), now, now + SPAN).await.unwrap() })
        })
        .collect();
    let mut claimed = Vec::new();
    for claim in claims {
        claimed.extend(claim.await.unwrap());
    }
    assert_eq!(claimed.len(), 1);
    assert_eq!((claimed[0].lane, claimed[0].signs), (lane, LaneSigns::default()));
    assert!(fixture.lanes_due().await.is_empty());
    assert!(!fixture.claim(lane, "0").await && !fixture.claim(lane, "other").await);
}

/// Those that are to be had, each as it is.
pub async fn lanes_are_claimed_many_at_once(fixture: Fixture) {
    let away = fixture.organization("away").await;
    let mut lanes = Vec::new();
    for number in 0..6 {
        let organization = if number % 2 == 0 { away } else { fixture.home };
        lanes.push(lane_of(&fixture.subscribe(organization, &format!("account {number}")).await));
    }
    let (idle, _) = idle(&fixture, "idle").await;
    let signs = LaneSigns { last_delivery_at: Some(fixture.now()), failing_since: None };
    fixture.store.settle(lanes[2], &[], Some(signs)).await.unwrap();
    assert!(fixture.claim(lanes[4], "other").await);
    let asked = [lanes[5], lanes[2], idle, lanes[4], lanes[0], lanes[5]];
    let now = fixture.now();
    let mut claims = fixture.store.claim(&asked, "one", now, now + SPAN).await.unwrap();
    claims.sort_by_key(|claim| claim.lane);
    let claim = |place: usize| Claim { lane: lanes[place], signs: LaneSigns::default() };
    let mut expected = [claim(0), Claim { lane: lanes[2], signs }, claim(5)];
    expected.sort_by_key(|claim| claim.lane);
    assert_eq!(claims, expected);
    assert_eq!(fixture.lanes_due().await, [lanes[1], lanes[3]]);
    assert!(fixture.store.claim(&[], "one", now, now + SPAN).await.unwrap().is_empty());
}

/// Calls in flight may share a transaction, but not an answer.
pub async fn many_lanes_at_once_are_worked_on_each_for_itself(fixture: Fixture) {
    const EVENTS: usize = 4;
    let mut lanes = Vec::new();
    for number in 0..12 {
        lanes.push(lane_of(&fixture.subscribe(fixture.home, &format!("account {number}")).await));
    }
    for number in 0..EVENTS {
        fixture.clock.tick();
        fixture.told(fixture.home, &format!("f-{number}")).await;
    }
    fixture.distribute(fixture.home, 10).await;
    let now = fixture.now();
    assert_eq!(fixture.store.claim(&lanes, "one", now, now + SPAN).await.unwrap().len(), lanes.len());
    let settle = |place: usize, lane: Lane| {
        let store = Arc::clone(&fixture.store);
        tokio::spawn(async move {
            let limit = place % (EVENTS + 1);
            let due = store.due(lane, now, limit).await.unwrap();
            assert_eq!(due.len(), limit);
            assert!(due.iter().all(|due| due.delivery.record.subscription == lane.subscription));
            let settlements: Vec<_> = due.iter().map(|due| attempted(&due.delivery, now, None)).collect();
            let last_delivery_at = Some(now + Duration::from_secs(place as u64));
            let signs = LaneSigns { last_delivery_at, failing_since: None };
            assert!(store.settle(lane, &settlements, Some(signs)).await.unwrap().is_empty());
            let again = store.settle(lane, &settlements, None).await.unwrap();
            assert_eq!(again.len(), limit);
            let left = store.give_up(lane, "one", now, false).await.unwrap();
            let parked = store.give_up(lane, if place == 0 { "one" } else { "nobody" }, now, true).await.unwrap();
            assert!(parked);
            (left, limit, signs)
        })
    };
    let working: Vec<_> = lanes.iter().enumerate().map(|(place, lane)| settle(place, *lane)).collect();
    for (place, work) in working.into_iter().enumerate() {
        let (left, limit, signs) = work.await.unwrap();
        assert_eq!(left, limit == EVENTS, "{place}");
        assert_eq!(fixture.due(lanes[place]).await.len(), EVENTS - limit);
        let told = fixture.store.signs(fixture.home, &[lanes[place].subscription]).await.unwrap();
        assert_eq!(told, [(lanes[place].subscription, signs)]);
    }
}

/// Who had it before neither gets it back nor takes it from who has it now.
pub async fn a_lane_is_taken_over_once_its_lease_has_run_out(fixture: Fixture) {
    let lane = lane_of(&fixture.subscribe(fixture.home, "one").await);
    assert!(fixture.claim(lane, "slow").await);
    fixture.clock.advance(SPAN - Duration::from_millis(1));
    assert!(!fixture.claim(lane, "other").await);
    fixture.clock.tick();
    assert!(fixture.claim(lane, "other").await);

    fixture.store.renew("slow", fixture.now() + 4 * SPAN).await.unwrap();
    assert!(fixture.give_up(lane, "slow").await, "what was lost is given up already");
    fixture.store.give_up_all("slow").await.unwrap();
    assert!(!fixture.claim(lane, "slow").await);
    assert!(fixture.lanes_due().await.is_empty(), "it is still held by the other");
    fixture.clock.advance(SPAN);
    assert_eq!(fixture.lanes_due().await, [lane], "and for no longer than it asked for");
}

/// Those that ran out too, as long as nobody else took them.
pub async fn a_holder_renews_all_its_lanes(fixture: Fixture) {
    let lanes = [
        lane_of(&fixture.subscribe(fixture.home, "one").await),
        lane_of(&fixture.subscribe(fixture.home, "two").await),
        lane_of(&fixture.subscribe(fixture.home, "three").await),
    ];
    for (lane, holder) in lanes.into_iter().zip(["one", "one", "other"]) {
        assert!(fixture.claim(lane, holder).await);
    }
    fixture.clock.advance(SPAN / 2);
    fixture.store.renew("one", fixture.now() + SPAN).await.unwrap();
    fixture.clock.advance(SPAN / 2);
    assert_eq!(fixture.lanes_due().await, lanes[2..]);
    fixture.clock.advance(SPAN);
    assert!(fixture.claim(lanes[0], "other").await);
    fixture.store.renew("one", fixture.now() + SPAN).await.unwrap();
    assert_eq!(fixture.lanes_due().await, lanes[2..]);
    assert!(fixture.give_up(lanes[1], "one").await);
}

/// Not while something is due; and then it is due again when the next delivery is.
pub async fn a_lane_is_given_up_until_its_next_delivery_is_due(fixture: Fixture) {
    let (lane, _) = idle(&fixture, "one").await;
    fixture.told(fixture.home, "f-1").await;
    fixture.distribute(fixture.home, 10).await;
    assert!(fixture.claim(lane, "one").await);
    assert!(!fixture.give_up(lane, "one").await, "something is due");
    assert!(!fixture.give_up(lane, "one").await, "and still is");
    let due = fixture.due(lane).await;
    let settlement = attempted(&due[0].delivery, fixture.now(), Some(Failure::Refused));
    let next = settlement.after.record.next_attempt_at.unwrap();
    fixture.store.settle(lane, &[settlement], None).await.unwrap();
    assert!(fixture.give_up(lane, "one").await);
    fixture.clock.set(next - Duration::from_millis(1));
    assert!(fixture.lanes_due().await.is_empty() && !fixture.claim(lane, "one").await);
    fixture.clock.tick();
    assert_eq!(fixture.lanes_due().await, [lane]);

    assert!(fixture.claim(lane, "one").await);
    let due = fixture.due(lane).await;
    let settlement = attempted(&due[0].delivery, fixture.now(), None);
    fixture.store.settle(lane, &[settlement], None).await.unwrap();
    assert!(fixture.give_up(lane, "one").await);
    fixture.clock.advance(Duration::from_secs(86_400));
    assert!(fixture.lanes_due().await.is_empty(), "nothing is left to be due");
}

/// Its holder is told to look again, once for each time that something came in.
pub async fn what_comes_in_while_a_lane_is_held_is_not_missed(fixture: Fixture) {
    let (lane, subscription) = idle(&fixture, "one").await;
    fixture.told(fixture.home, "f-1").await;
    fixture.distribute(fixture.home, 10).await;
    assert!(fixture.claim(lane, "one").await);
    let due = fixture.due(lane).await;
    let settlement = attempted(&due[0].delivery, fixture.now(), None);
    fixture.store.settle(lane, std::slice::from_ref(&settlement), None).await.unwrap();

    again(&fixture, &settlement.after).await;
    assert!(!fixture.give_up(lane, "one").await);
    let due = fixture.due(lane).await;
    let settlement = attempted(&due[0].delivery, fixture.now(), None);
    fixture.store.settle(lane, &[settlement], None).await.unwrap();

    fixture.revise(&subscription, subscription.record.clone()).await;
    assert!(!fixture.give_up(lane, "one").await, "the subscription is to be read again");
    assert!(fixture.give_up(lane, "one").await);
    assert!(fixture.lanes_due().await.is_empty());
}

/// Whatever it holds; and what came in since it was claimed keeps it from being parked.
pub async fn a_parked_lane_is_due_when_something_comes_in(fixture: Fixture) {
    let (lane, subscription) = idle(&fixture, "one").await;
    fixture.told(fixture.home, "f-1").await;
    fixture.distribute(fixture.home, 10).await;
    let park = async |holder| fixture.store.give_up(lane, holder, fixture.now(), true).await.unwrap();
    assert!(fixture.claim(lane, "one").await);
    let subscription = fixture.revise(&subscription, subscription.record.clone()).await;
    assert!(!park("one").await, "it may have been made active");
    assert!(park("one").await);
    fixture.clock.advance(Duration::from_secs(86_400));
    assert!(fixture.lanes_due().await.is_empty());
    assert_eq!(fixture.store.lag(fixture.now()).await.unwrap(), Lag::default(), "nothing that is parked waits");
    fixture.revise(&subscription, subscription.record.clone()).await;
    assert_eq!(fixture.lanes_due().await, [lane]);
    assert_eq!(fixture.due(lane).await.len(), 1);
    assert!(park("nobody").await);
    assert_eq!(fixture.lanes_due().await, [lane], "nobody parks what is not theirs");
}

/// Another server goes on at once.
pub async fn all_lanes_of_a_server_that_stops_are_free_and_as_due_as_they_were(fixture: Fixture) {
    let mut lanes = Vec::new();
    for number in 0..3 {
        fixture.clock.tick();
        lanes.push(lane_of(&fixture.subscribe(fixture.home, &format!("account {number}")).await));
    }
    for (lane, holder) in lanes.iter().zip(["stops", "stays", "stops"]) {
        assert!(fixture.claim(*lane, holder).await);
    }
    fixture.store.give_up_all("stops").await.unwrap();
    assert_eq!(fixture.lanes_due().await, [lanes[0], lanes[2]]);
    assert!(fixture.claim(lanes[0], "other").await);
}

/// A holder: takes the lane when it is due, sends all there is, and gives it up.
async fn work(store: &DynStore, lane: Lane, holder: &str, now: Timestamp) {
    if store.claim(&[lane], holder, now, now + SPAN).await.unwrap().is_empty() {
        return;
    }
    loop {
        let due = store.due(lane, now, 3).await.unwrap();
        let settlements: Vec<_> = due.iter().map(|due| attempted(&due.delivery, now, None)).collect();
        store.settle(lane, &settlements, None).await.unwrap();
        if store.give_up(lane, holder, now, false).await.unwrap() {
            return;
        }
    }
}

/// No wake is lost, however claims, releases and new work meet.
pub async fn whatever_comes_in_while_holders_take_turns_is_delivered(fixture: Fixture) {
    let (lane, _) = idle(&fixture, "one").await;
    let now = fixture.now();
    let asking: Vec<_> = (0..40)
        .map(|number| {
            let record = samples::delivery(lane.subscription, Id::new(ulid::Ulid(number)), now);
            let mut changeset = fixture.changeset(fixture.home);
            changeset.publish(kernel::OutboxEvent {
                id: record.event,
                ..samples::outbox_event(&*fixture.entropy, &fixture.fresh(&changeset, samples::finding("f")))
            });
            changeset.create(&fixture.fresh(&changeset, record));
            let store = Arc::clone(&fixture.store);
            tokio::spawn(async move { store.commit(changeset).await })
        })
        .collect();
    let holding: Vec<_> = (0..3)
        .map(|number| {
            let store = Arc::clone(&fixture.store);
            tokio::spawn(async move {
                for _ in 0..20 {
                    work(&*store, lane, &format!("{number}"), now).await;
                }
            })
        })
        .collect();
    for asked in asking {
        asked.await.unwrap().unwrap();
    }
    for held in holding {
        held.await.unwrap();
    }
    // Nobody wakes it any more: either it is due, or all is done.
    if !fixture.lanes_due().await.is_empty() {
        work(&*fixture.store, lane, "last", now).await;
    }
    let deliveries = fixture.deliveries(fixture.home).await;
    assert_eq!(deliveries.len(), 40);
    assert!(deliveries.iter().all(|delivery| delivery.record.attempts.len() == 1), "each is sent once");
    assert!(fixture.lanes_due().await.is_empty());
}

/// With what came of attempts, for whoever claims the lane next, and for those who ask.
pub async fn signs_of_lanes_are_kept(fixture: Fixture) {
    let (lane, _) = idle(&fixture, "one").await;
    let (other, _) = idle(&fixture, "two").await;
    let told = async || fixture.store.signs(fixture.home, &[lane.subscription, other.subscription]).await.unwrap();
    assert!(told().await.is_empty());
    fixture.told(fixture.home, "f-1").await;
    fixture.distribute(fixture.home, 10).await;
    let due = fixture.due(lane).await;
    let at = fixture.clock.tick();
    let settlement = attempted(&due[0].delivery, at, Some(Failure::Unreachable));
    let signs = LaneSigns { last_delivery_at: Some(at - SPAN), failing_since: Some(at) };
    fixture.store.settle(lane, &[settlement], Some(signs)).await.unwrap();
    assert_eq!(told().await, [(lane.subscription, signs)]);
    fixture.store.settle(lane, &[], None).await.unwrap();
    let claims = fixture.store.claim(&[lane], "one", fixture.now(), fixture.now() + SPAN).await.unwrap();
    assert_eq!(claims, [Claim { lane, signs }]);
    let signs = LaneSigns { last_delivery_at: Some(at), failing_since: None };
    fixture.store.settle(lane, &[], Some(signs)).await.unwrap();
    assert_eq!(told().await, [(lane.subscription, signs)]);
    assert!(fixture.store.signs(fixture.home, &[]).await.unwrap().is_empty());
}

/// The oldest event, and what is due on lanes, held or not.
pub async fn what_waits_is_told(fixture: Fixture) {
    let (lane, _) = idle(&fixture, "one").await;
    idle(&fixture, "two").await;
    let lag = async || fixture.store.lag(fixture.now()).await.unwrap();
    assert_eq!(lag().await, Lag::default());
    let first = fixture.clock.tick();
    fixture.told(fixture.home, "f-1").await;
    fixture.clock.advance(Duration::from_secs(5));
    fixture.told(fixture.home, "f-2").await;
    assert_eq!(lag().await, Lag { oldest_event: Some(first), ..Lag::default() });
    fixture.distribute(fixture.home, 10).await;
    assert_eq!(lag().await, Lag { oldest_event: None, oldest_due: Some(first), lanes_due: 2 });
    assert!(fixture.claim(lane, "one").await);
    let due = fixture.due(lane).await;
    let settlements: Vec<_> =
        due.iter().map(|due| attempted(&due.delivery, fixture.now(), Some(Failure::Refused))).collect();
    fixture.store.settle(lane, &settlements, None).await.unwrap();
    assert_eq!(lag().await.lanes_due, 1, "nothing is due on a lane that is held and was tried");
}
