//! Fan-out of events to deliveries.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use kernel::{Id, Order, OutboxEvent, PageRequest, Revision, TimeRange};
use store::Lease;
use webhooks::{
    DeliveryFilter, DeliveryHealth, DisabledReason, EventType, FanOut, FanOutPhase, StoredEvent, SubscriptionStatus,
    WebhookDelivery,
};

use crate::{
    Fixture,
    queue::{FAN_OUT_OWNER, LEASE_DURATION, attempt_result, partition_of},
    samples,
};

/// An event becomes one delivery for each active subscription to its type that existed when it happened, and none for
/// any other.
pub async fn an_event_becomes_a_delivery_for_each_subscription_to_it(fixture: Fixture) {
    let (home, away) = (fixture.home, fixture.create_organization("away").await);
    let account = fixture.create(home, samples::account("scanner")).await.meta.id;
    let subscribed = [fixture.subscribe(home, "one").await, fixture.subscribe(home, "two").await];
    let usual = |slot| samples::subscription(account, slot);
    let mut closed = usual(0);
    closed.event_types = BTreeSet::from([EventType::FindingClosed]);
    fixture.create(home, closed).await;
    let disabled = SubscriptionStatus::Disabled;
    fixture.create(home, samples::with_status(&usual(1), disabled, Some(DisabledReason::Requested))).await;
    fixture.create(home, samples::with_status(&usual(2), SubscriptionStatus::Removed, None)).await;
    fixture.subscribe(away, "other").await;
    let (finding, event) = fixture.publish_finding(home, "f-1").await;
    fixture.clock.tick();
    fixture.create(home, usual(3)).await;

    assert_eq!(fixture.store.pending_organizations(None, 10).await.unwrap(), [home]);
    assert_eq!(fixture.fan_out(home, 10).await, FanOut { events: 1, deliveries: 2, remaining: false });
    let mut deliveries = fixture.deliveries(home).await;
    deliveries.sort_by_key(|delivery| delivery.record.subscription);
    for (delivery, subscription) in deliveries.iter().zip(&subscribed) {
        let expected = WebhookDelivery::new(&StoredEvent::from(&event), subscription.meta.id);
        assert_eq!((delivery.meta.id, &delivery.record), (expected.meta.id, &expected.record));
        assert_eq!((delivery.meta.created_at, delivery.meta.updated_at), (event.created_at, fixture.now()));
        assert_eq!((delivery.record.subject, delivery.record.subject_revision), (finding.meta.ulid(), Revision(1)));
    }
    assert_eq!(deliveries.len(), 2);
    assert_eq!((fixture.pending_events().await, fixture.deliveries(away).await.len()), (0, 0));
    assert!(fixture.store.pending_organizations(None, 10).await.unwrap().is_empty());
    assert_eq!(fixture.fan_out(home, 10).await, FanOut::default());
}

/// Each fan-out takes at most `limit` events, the oldest first.
pub async fn events_are_fanned_out_oldest_first_up_to_a_limit(fixture: Fixture) {
    let subscription = fixture.subscribe(fixture.home, "one").await;
    let mut events = Vec::new();
    for number in 0..5 {
        fixture.clock.tick();
        events.push(fixture.publish_finding(fixture.home, &format!("f-{number}")).await.1.id);
    }
    let mut seen = Vec::new();
    for expected in [2, 2, 1, 0] {
        let fan_out = fixture.fan_out(fixture.home, 2).await;
        assert_eq!(fan_out, FanOut { events: expected, deliveries: expected, remaining: false });
        seen = fixture
            .due_deliveries(partition_of(&subscription))
            .await
            .iter()
            .map(|due| due.delivery.record.event)
            .collect();
        assert_eq!(seen[..], events[..seen.len()]);
    }
    assert_eq!(seen, events);
}

/// Revisions are delivered in order, however the clock steps and the events are batched.
pub async fn revisions_of_one_record_are_due_in_order_despite_clock_steps(fixture: Fixture) {
    let subscription = fixture.subscribe(fixture.home, "one").await;
    fixture.clock.advance(Duration::from_secs(60));
    let (mut finding, _) = fixture.publish_finding(fixture.home, "f-1").await;
    for step in 0..6_u64 {
        match step % 3 {
            0 => fixture.clock.set(fixture.now() - Duration::from_secs(10)),
            1 => {}
            _ => {
                fixture.clock.tick();
            }
        }
        fixture.publish_finding(fixture.home, &format!("other-{step}")).await;
        finding = fixture.publish_update(&finding).await.0;
    }
    fixture.clock.advance(Duration::from_secs(120));
    while fixture.fan_out(fixture.home, 2).await.events > 0 {}
    let due = fixture.due_deliveries(partition_of(&subscription)).await;
    let of_finding = due.iter().filter(|due| due.delivery.record.subject == finding.meta.ulid());
    let revisions: Vec<i64> = of_finding.map(|due| due.delivery.record.subject_revision.0).collect();
    assert_eq!(revisions, [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(due.len(), 13);
}

/// An event whose timestamp is older than others that are already fanned out is fanned out once it is stored.
pub async fn an_event_that_is_committed_late_is_not_skipped(fixture: Fixture) {
    let subscription = fixture.subscribe(fixture.home, "one").await;
    let (mut late, finding) = fixture.create_changeset(fixture.home, samples::finding("late"));
    let event = samples::outbox_event(&*fixture.entropy, &finding);
    late.publish(event.clone());
    fixture.clock.advance(Duration::from_secs(5));
    fixture.publish_finding(fixture.home, "early").await;
    assert_eq!(fixture.fan_out(fixture.home, 10).await.events, 1);
    fixture.commit(late).await.unwrap();
    assert_eq!(fixture.fan_out(fixture.home, 10).await, FanOut { events: 1, deliveries: 1, remaining: false });
    let due = fixture.due_deliveries(partition_of(&subscription)).await;
    assert_eq!((due.len(), due[0].delivery.record.event), (2, event.id), "the earlier event is due first");
}

/// A delivery that exists already keeps its state, and no second one is created.
pub async fn an_existing_delivery_of_an_event_is_kept(fixture: Fixture) {
    let subscription = fixture.subscribe(fixture.home, "one").await;
    let events =
        [fixture.publish_finding(fixture.home, "f-1").await.1, fixture.publish_finding(fixture.home, "f-2").await.1];
    let mut recovered = WebhookDelivery::new(&StoredEvent::from(&events[0]), subscription.meta.id);
    recovered.record = recovered.record.cancelled();
    let mut changeset = fixture.changeset(fixture.home);
    changeset.create(&recovered);
    fixture.commit(changeset).await.unwrap();
    assert_eq!(fixture.fan_out(fixture.home, 10).await.events, 2);
    let mut deliveries = fixture.deliveries(fixture.home).await;
    deliveries.sort_by_key(|delivery| delivery.record.event);
    assert_eq!(deliveries.len(), 2);
    assert_eq!(deliveries[0], recovered);
    assert_eq!(deliveries[1].record.event, events[1].id);
}

/// Events for healthy endpoints are stored as deliveries first and need not wait for those of failing endpoints. No
/// subscription gets an event twice.
pub async fn healthy_subscriptions_receive_events_before_failing_ones(fixture: Fixture) {
    let healthy = partition_of(&fixture.subscribe(fixture.home, "healthy").await);
    let failing = partition_of(&fixture.subscribe(fixture.home, "failing").await);
    for partition in [healthy, failing] {
        fixture.acquire_and_release(partition).await;
    }
    let health = DeliveryHealth { last_delivery_at: None, failing_since: Some(fixture.clock.tick()) };
    fixture.store.record_results(failing, &[], Some(health)).await.unwrap();
    let accepted = DeliveryHealth { last_delivery_at: Some(fixture.now()), failing_since: None };
    fixture.store.record_results(healthy, &[], Some(accepted)).await.unwrap();
    fixture.publish_finding(fixture.home, "f-1").await;
    let due = async || fixture.store.due_partitions(fixture.now(), 10).await.unwrap();
    let due_counts =
        async || (fixture.due_deliveries(healthy).await.len(), fixture.due_deliveries(failing).await.len());
    assert!(
        fixture.store.acquire_lease(Lease::Distributor, FAN_OUT_OWNER, fixture.now(), LEASE_DURATION).await.unwrap()
    );
    // The second time simulates a server that failed between the two phases.
    for _ in 0..2 {
        let first = fixture.fan_out_phase(fixture.home, 10, FanOutPhase::Healthy).await;
        assert_eq!(first, FanOut { events: 1, deliveries: 1, remaining: true });
        assert_eq!((due().await, due_counts().await, fixture.pending_events().await), (vec![healthy], (1, 0), 1));
    }
    let sent = attempt_result(&fixture.due_deliveries(healthy).await[0].delivery, fixture.now(), None);
    assert!(fixture.acquire(healthy, "one").await);
    assert!(fixture.store.record_results(healthy, &[sent], None).await.unwrap().is_empty());
    assert!(fixture.release(healthy, "one").await);
    let remaining = fixture.fan_out_phase(fixture.home, 10, FanOutPhase::Remaining).await;
    assert_eq!(remaining, FanOut { events: 1, deliveries: 2, remaining: false });
    assert_eq!((due().await, due_counts().await, fixture.pending_events().await), (vec![failing], (0, 1), 0));

    let away = fixture.create_organization("away").await;
    let alone = partition_of(&fixture.subscribe(away, "alone").await);
    fixture.store.record_results(alone, &[], Some(health)).await.unwrap();
    fixture.publish_finding(away, "f-1").await;
    let all = fixture.fan_out_phase(away, 10, FanOutPhase::Healthy).await;
    assert_eq!(
        all,
        FanOut { events: 1, deliveries: 1, remaining: false },
        "without a healthy subscription, the event is fanned out to all at once"
    );
}

/// A process without the lease fans out nothing, not even a former owner, and its attempt has no effect.
pub async fn only_the_lease_owner_fans_out_events(fixture: Fixture) {
    fixture.subscribe(fixture.home, "one").await;
    fixture.publish_finding(fixture.home, "f-1").await;
    let attempt = async |owner: &str| {
        let result =
            fixture.store.fan_out(fixture.home, owner, fixture.now(), 10, FanOutPhase::Remaining).await.unwrap();
        assert_eq!((result, fixture.pending_events().await), (FanOut::default(), 1), "{owner}");
        assert!(fixture.deliveries(fixture.home).await.is_empty(), "{owner}");
    };
    attempt("nobody").await;
    assert!(fixture.store.acquire_lease(Lease::Distributor, "slow", fixture.now(), LEASE_DURATION).await.unwrap());
    attempt("other").await;
    fixture.clock.advance(LEASE_DURATION);
    attempt("slow").await;
    assert!(fixture.store.acquire_lease(Lease::Distributor, "other", fixture.now(), LEASE_DURATION).await.unwrap());
    attempt("slow").await;
    let now = fixture.now();
    let fan_out = fixture.store.fan_out(fixture.home, "other", now, 10, FanOutPhase::Remaining).await.unwrap();
    assert_eq!(fan_out, FanOut { events: 1, deliveries: 1, remaining: false });
}

/// Concurrent fan-outs are serialized.
pub async fn eight_concurrent_fan_outs_process_each_event_once(fixture: Fixture) {
    fixture.subscribe(fixture.home, "one").await;
    for number in 0..12 {
        fixture.publish_finding(fixture.home, &format!("f-{number}")).await;
    }
    let (home, now) = (fixture.home, fixture.now());
    assert!(fixture.store.acquire_lease(Lease::Distributor, FAN_OUT_OWNER, now, LEASE_DURATION).await.unwrap());
    let fan_outs: Vec<_> = (0..8)
        .map(|_| {
            let store = Arc::clone(&fixture.store);
            tokio::spawn(
                async move { store.fan_out(home, FAN_OUT_OWNER, now, 5, FanOutPhase::Remaining).await.unwrap() },
            )
        })
        .collect();
    for fan_out in fan_outs {
        fan_out.await.unwrap();
    }
    assert_eq!((fixture.pending_events().await, fixture.deliveries(home).await.len()), (0, 12));
}

/// An event of an unknown type stays pending and blocks no other event.
pub async fn an_event_of_an_unknown_type_waits_for_a_server_that_supports_it(fixture: Fixture) {
    fixture.subscribe(fixture.home, "one").await;
    let (mut changeset, finding) = fixture.create_changeset(fixture.home, samples::finding("f-0"));
    let event = OutboxEvent { name: "later.event", ..samples::outbox_event(&*fixture.entropy, &finding) };
    changeset.publish(event.clone());
    fixture.commit(changeset).await.unwrap();
    assert!(fixture.store.pending_organizations(None, 10).await.unwrap().is_empty());
    fixture.clock.tick();
    fixture.publish_finding(fixture.home, "f-1").await;
    assert_eq!(fixture.fan_out(fixture.home, 1).await, FanOut { events: 1, deliveries: 1, remaining: false });
    assert_eq!(fixture.pending_events().await, 1);
    assert_eq!(fixture.store.delivery_lag(fixture.now()).await.unwrap().oldest_event, Some(event.created_at));
}

/// Organizations are listed in the order of their identifiers, at most `limit` of them, after any given one.
pub async fn organizations_with_pending_events_are_listed_up_to_a_limit(fixture: Fixture) {
    let mut organizations = Vec::new();
    for slug in ["a", "b", "c", "d"] {
        fixture.clock.tick();
        let organization = fixture.create_organization(slug).await;
        if slug != "c" {
            fixture.publish_finding(organization, "f-1").await;
            fixture.publish_finding(organization, "f-2").await;
            organizations.push(organization);
        }
    }
    let pending = async |after, limit| fixture.store.pending_organizations(after, limit).await.unwrap();
    assert_eq!(pending(None, 10).await, organizations);
    assert_eq!(pending(None, 2).await, organizations[..2]);
    assert_eq!(pending(Some(organizations[0]), 10).await, organizations[1..]);
    assert!(pending(Some(Id::new(ulid::Ulid::max())), 10).await.is_empty());
    assert!(pending(None, 0).await.is_empty());
}

/// A delivery becomes visible later than its event happened, and after the `as_of` of any earlier list.
pub async fn a_new_delivery_is_visible_in_a_catch_up(fixture: Fixture) {
    fixture.subscribe(fixture.home, "one").await;
    fixture.publish_finding(fixture.home, "f-1").await;
    fixture.clock.advance(Duration::from_secs(5));
    let filter = DeliveryFilter::default();
    let before = fixture.list::<WebhookDelivery>(fixture.home, &filter, &PageRequest::default()).await;
    fixture.fan_out(fixture.home, 10).await;
    let time_range = TimeRange { updated_after: Some(before.as_of), ..TimeRange::default() };
    let page = PageRequest { time_range, order: Order::Changed, ..PageRequest::default() };
    assert_eq!(fixture.list_all::<WebhookDelivery>(fixture.home, &filter, page).await.len(), 1);
}
