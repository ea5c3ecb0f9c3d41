//! Deliveries: which of them are due, and the recorded results of their attempts.

use std::{sync::Arc, time::Duration};

use kernel::{
    CommitError, Conflict, Criteria as _, Kind, Order, PageLimit, PageRequest, Reader, Revision, Stored, TimeRange,
};
use webhooks::{AttemptFailure, DeliveryFilter, DeliveryState, Partition, StoredEvent, WebhookDelivery};

use crate::{
    Fixture,
    queue::{attempt_result, partition_of},
    samples,
};

/// The longest-due delivery comes first. Deliveries that are due later are not returned.
pub async fn due_deliveries_are_returned_in_order_with_their_bodies(fixture: Fixture) {
    let partition = partition_of(&fixture.subscribe(fixture.home, "one").await);
    let other = partition_of(&fixture.subscribe(fixture.home, "two").await);
    let (finding, first) = fixture.publish_finding(fixture.home, "f-1").await;
    let (_, second) = fixture.publish_update(&finding).await;
    fixture.clock.advance(Duration::from_millis(2));
    let (_, third) = fixture.publish_finding(fixture.home, "f-2").await;
    fixture.fan_out(fixture.home, 10).await;
    let due = fixture.due_deliveries(partition).await;
    let events: Vec<_> = due.iter().map(|due| due.delivery.record.event).collect();
    assert_eq!(events, [first.id, second.id, third.id]);
    assert!(due.iter().all(|due| due.body == first.body && due.delivery.record.subscription == partition.subscription));
    assert_eq!(fixture.store.due_deliveries(partition, second.created_at, 100).await.unwrap().len(), 2);
    assert_eq!(fixture.store.due_deliveries(partition, fixture.now(), 1).await.unwrap(), due[..1]);

    let result = attempt_result(&due[0].delivery, fixture.now(), Some(AttemptFailure::TimedOut));
    let next = result.after.record.next_attempt_at.unwrap();
    fixture.store.record_results(partition, &[result], None).await.unwrap();
    assert_eq!(fixture.due_deliveries(partition).await.len(), 2);
    assert_eq!(fixture.due_deliveries(other).await.len(), 3);
    fixture.clock.set(next);
    let events: Vec<_> = fixture.due_deliveries(partition).await.iter().map(|due| due.delivery.record.event).collect();
    assert_eq!(events, [second.id, third.id, first.id], "a retry is returned when it is due");
}

/// A result is not stored if its delivery was changed meanwhile; the call returns the id of that delivery and stores
/// the other results.
pub async fn a_result_is_stored_only_if_its_delivery_is_unchanged(fixture: Fixture) {
    let partition = partition_of(&fixture.subscribe(fixture.home, "one").await);
    for number in 0..4 {
        fixture.clock.tick();
        fixture.publish_finding(fixture.home, &format!("f-{number}")).await;
    }
    fixture.fan_out(fixture.home, 10).await;
    let due = fixture.due_deliveries(partition).await;
    fixture.clock.tick();
    let cancelled = fixture.update(&due[1].delivery, due[1].delivery.record.cancelled()).await;
    let at = fixture.clock.tick();
    let outcomes = [None, None, Some(AttemptFailure::Unreachable), None];
    let results: Vec<_> =
        due.iter().zip(outcomes).map(|(due, failure)| attempt_result(&due.delivery, at, failure)).collect();
    let stale = fixture.store.record_results(partition, &results, None).await.unwrap();
    assert_eq!(stale, [due[1].delivery.meta.id]);
    for (index, result) in results.iter().enumerate() {
        let expected = if index == 1 { &cancelled } else { &result.after };
        assert_eq!(fixture.get(fixture.home, result.after.meta.id).await.as_ref(), Some(expected));
    }
    assert_eq!(
        fixture.store.record_results(partition, &results, None).await.unwrap().len(),
        4,
        "no result is stored twice"
    );
    assert_eq!(fixture.store.record_results(partition, &results[..1], None).await.unwrap(), [due[0].delivery.meta.id]);
    assert!(fixture.store.record_results(partition, &[], None).await.unwrap().is_empty());
    assert!(fixture.due_deliveries(partition).await.is_empty());
}

/// The result was created before a list was read, but its delivery counts as changed at the moment of storing, after
/// that list's `as_of`.
pub async fn a_recorded_result_is_visible_in_a_catch_up(fixture: Fixture) {
    let partition = partition_of(&fixture.subscribe(fixture.home, "one").await);
    fixture.publish_finding(fixture.home, "f-1").await;
    fixture.fan_out(fixture.home, 10).await;
    let due = fixture.due_deliveries(partition).await;
    let result = attempt_result(&due[0].delivery, fixture.now(), None);
    fixture.clock.advance(Duration::from_secs(5));
    let filter = DeliveryFilter::default();
    let before = fixture.list::<WebhookDelivery>(fixture.home, &filter, &PageRequest::default()).await;
    fixture.store.record_results(partition, &[result], None).await.unwrap();
    let time_range = TimeRange { updated_after: Some(before.as_of), ..TimeRange::default() };
    let page = PageRequest { time_range, order: Order::Changed, ..PageRequest::default() };
    let caught = fixture.list_all::<WebhookDelivery>(fixture.home, &filter, page).await;
    assert_eq!(caught.len(), 1);
    assert_eq!(caught[0].record.state, DeliveryState::Delivered);
}

/// Each call cancels at most `limit` open deliveries of the partition. Finished deliveries and other partitions stay
/// as they are.
pub async fn open_deliveries_are_cancelled_up_to_a_limit(fixture: Fixture) {
    let partition = partition_of(&fixture.subscribe(fixture.home, "one").await);
    let other = partition_of(&fixture.subscribe(fixture.home, "two").await);
    for number in 0..6 {
        fixture.clock.tick();
        fixture.publish_finding(fixture.home, &format!("f-{number}")).await;
    }
    fixture.fan_out(fixture.home, 10).await;
    let due = fixture.due_deliveries(partition).await;
    let now = fixture.clock.tick();
    let results = [
        attempt_result(&due[0].delivery, now, None),
        attempt_result(&due[1].delivery, now, Some(AttemptFailure::Refused)),
    ];
    fixture.store.record_results(partition, &results, None).await.unwrap();
    let now = fixture.clock.tick();
    let cancel = async |limit| fixture.store.cancel_deliveries(partition, now, limit).await.unwrap();
    assert_eq!([cancel(2).await, cancel(2).await, cancel(2).await, cancel(2).await], [2, 2, 1, 0]);
    for (index, due) in due.iter().enumerate() {
        let stored = fixture.get(fixture.home, due.delivery.meta.id).await.unwrap();
        if index == 0 {
            assert_eq!(stored, results[0].after);
        } else {
            let before = if index == 1 { &results[1].after } else { &due.delivery };
            assert_eq!(stored, before.changed(now, before.record.cancelled()));
        }
    }
    assert_eq!(fixture.due_deliveries(other).await.len(), 6);
}

/// The time of change of a delivery increases with each change, whatever the clock says.
pub async fn a_delivery_that_is_cancelled_or_attempted_at_the_moment_of_its_last_change_has_a_later_time_of_change(
    fixture: Fixture,
) {
    let partition = partition_of(&fixture.subscribe(fixture.home, "one").await);
    fixture.publish_finding(fixture.home, "f-1").await;
    fixture.fan_out(fixture.home, 10).await;
    let due = fixture.due_deliveries(partition).await;
    let result = attempt_result(&due[0].delivery, fixture.now(), Some(AttemptFailure::Refused));
    fixture.store.record_results(partition, std::slice::from_ref(&result), None).await.unwrap();
    let attempted = fixture.get(fixture.home, due[0].delivery.meta.id).await.unwrap();
    assert!(attempted.meta.updated_at > due[0].delivery.meta.updated_at);
    assert_eq!(fixture.store.cancel_deliveries(partition, fixture.now(), 10).await.unwrap(), 1);
    let cancelled = fixture.get(fixture.home, attempted.meta.id).await.unwrap();
    assert_eq!(cancelled, attempted.changed(fixture.now(), attempted.record.cancelled()));
    assert!(cancelled.meta.updated_at > attempted.meta.updated_at);
}

/// Both revisions are the current ones; there are none if the subscription or the account is missing.
pub async fn the_revisions_of_a_partition_are_those_of_its_subscription_and_account(fixture: Fixture) {
    let away = fixture.create_organization("away").await;
    let account = fixture.create(fixture.home, samples::account("scanner")).await;
    let subscription = fixture.create(fixture.home, samples::subscription(account.meta.id, 0)).await;
    let partition = partition_of(&subscription);
    let revisions = async |partition: Partition| fixture.store.partition_revisions(partition).await.unwrap();
    assert_eq!(revisions(partition).await, Some((Revision(1), Revision(1))));
    let account = fixture.update(&account, account.record.clone()).await;
    assert_eq!(revisions(partition).await, Some((Revision(1), account.meta.revision)));
    fixture.update(&subscription, subscription.record.clone()).await;
    assert_eq!(revisions(partition).await, Some((Revision(2), Revision(2))));
    assert_eq!(revisions(Partition { organization: away, ..partition }).await, None);
    assert_eq!(revisions(Partition { subscription: fixture.new_id(), ..partition }).await, None);
    let orphan = fixture.create(fixture.home, samples::subscription(fixture.new_id(), 1)).await;
    assert_eq!(revisions(partition_of(&orphan)).await, None);
}

/// Concurrent calls may share a query, but each gets its own answer.
pub async fn concurrent_revision_lookups_get_their_own_answers(fixture: Fixture) {
    let mut partitions = Vec::new();
    for number in 0..12_i64 {
        let subscription = fixture.subscribe(fixture.home, &format!("account {number}")).await;
        let mut current = subscription.clone();
        for _ in 0..number {
            current = fixture.update(&current, current.record.clone()).await;
        }
        partitions.push((partition_of(&subscription), Some((Revision(number + 1), Revision(1)))));
    }
    let away = fixture.create_organization("away").await;
    let elsewhere = Partition { organization: away, ..partitions[0].0 };
    partitions.push((elsewhere, None));
    let calls: Vec<_> = (0..8)
        .flat_map(|_| partitions.clone())
        .map(|(partition, expected)| {
            let store = Arc::clone(&fixture.store);
            tokio::spawn(async move { (store.partition_revisions(partition).await.unwrap(), expected) })
        })
        .collect();
    for call in calls {
        let (revisions, expected) = call.await.unwrap();
        assert_eq!(revisions, expected);
    }
}

/// A delivery can't be found or changed under the id of another organization.
pub async fn deliveries_of_organizations_are_isolated_from_each_other(fixture: Fixture) {
    let away = fixture.create_organization("away").await;
    let subscription = fixture.subscribe(fixture.home, "one").await;
    fixture.subscribe(away, "one").await;
    fixture.publish_finding(fixture.home, "f-1").await;
    fixture.fan_out(fixture.home, 10).await;
    let partition = partition_of(&subscription);
    let theirs = Partition { organization: away, ..partition };
    let due = fixture.due_deliveries(partition).await;
    let id = due[0].delivery.meta.id;
    assert!(fixture.due_deliveries(theirs).await.is_empty());
    assert_eq!(fixture.store.cancel_deliveries(theirs, fixture.now(), 10).await.unwrap(), 0);
    assert!(!fixture.acquire(theirs, "one").await);
    assert!(fixture.store.delivery_health(away, &[partition.subscription]).await.unwrap().is_empty());
    let mut result = attempt_result(&due[0].delivery, fixture.now(), None);
    result.before.meta.organization = away;
    result.after.meta.organization = away;
    assert_eq!(fixture.store.record_results(theirs, &[result], None).await.unwrap(), [id]);
    assert_eq!(fixture.get::<WebhookDelivery>(away, id).await, None);
    assert_eq!(fixture.due_deliveries(partition).await, due);
}

/// Deliveries are read in the same way before their first attempt and after it: each once, in the order of the list.
pub async fn deliveries_are_listed_alike_before_and_after_their_first_attempt(fixture: Fixture) {
    let subscription = fixture.subscribe(fixture.home, "one").await;
    let partition = partition_of(&subscription);
    for number in 0..6 {
        fixture.clock.tick();
        fixture.publish_finding(fixture.home, &format!("f-{number}")).await;
    }
    fixture.fan_out(fixture.home, 10).await;
    let due = fixture.due_deliveries(partition).await;
    let at = fixture.clock.tick();
    let results = [
        attempt_result(&due[1].delivery, at, None),
        attempt_result(&due[3].delivery, at, Some(AttemptFailure::Refused)),
    ];
    fixture.store.record_results(partition, &results, None).await.unwrap();
    fixture.clock.advance(Duration::from_secs(1));
    let ids: Vec<_> = due.iter().map(|due| due.delivery.meta.id).collect();
    let mut stored: Vec<Stored<WebhookDelivery>> = Vec::new();
    for id in &ids {
        stored.push(fixture.get(fixture.home, *id).await.unwrap());
    }
    let changed = |stored: &Stored<WebhookDelivery>| !WebhookDelivery::is_unchanged(stored);
    assert_eq!(stored.iter().map(changed).collect::<Vec<_>>(), [false, true, false, true, false, false]);
    assert_eq!((&stored[0], &stored[1].record), (&due[0].delivery, &results[0].after.record));
    let mut found = Reader::<WebhookDelivery>::get_many(&*fixture.store, fixture.home, &ids).await.unwrap();
    found.sort_by_key(|delivery| delivery.meta.id);
    assert_eq!(found, stored);

    let any = DeliveryFilter { subscription: Some(subscription.meta.id), ..DeliveryFilter::default() };
    let pending = DeliveryFilter { states: [DeliveryState::Pending].into(), ..any.clone() };
    for order in [Order::Newest, Order::Changed] {
        match order {
            Order::Changed => stored.sort_by_key(|delivery| (delivery.meta.updated_at, delivery.meta.id)),
            _ => stored.sort_by_key(|delivery| std::cmp::Reverse(delivery.meta.id)),
        }
        for filter in [&any, &pending, &DeliveryFilter::default()] {
            let expected: Vec<_> = stored.iter().filter(|delivery| filter.matches(delivery)).cloned().collect();
            for limit in 1..=7 {
                let page = PageRequest { order, limit: PageLimit::clamped(limit), ..PageRequest::default() };
                let listed = fixture.list_all(fixture.home, filter, page).await;
                assert_eq!(listed, expected, "{filter:?}, {order:?}, {limit}");
            }
            let page = PageRequest { order, ..PageRequest::default() };
            assert_eq!(fixture.stream(fixture.home, filter, page).await, expected, "{filter:?}, {order:?}");
        }
    }
}

/// A delivery that was fanned out exists for commits: another one of the same event can't be created, and it can be
/// required to be unchanged.
pub async fn a_delivery_is_created_once_and_can_be_required_before_its_first_attempt(fixture: Fixture) {
    let subscription = fixture.subscribe(fixture.home, "one").await;
    let event = fixture.publish_finding(fixture.home, "f-1").await.1;
    fixture.fan_out(fixture.home, 10).await;
    let again = WebhookDelivery::new(&StoredEvent::from(&event), subscription.meta.id);
    let mut changeset = fixture.changeset(fixture.home);
    changeset.create(&again);
    let conflict = Conflict::Revision(Kind::WebhookDelivery, again.meta.ulid());
    let outcome = fixture.commit(changeset).await;
    assert!(matches!(&outcome, Err(CommitError::Conflict(found)) if *found == conflict), "{outcome:?}");

    let delivery = fixture.due_deliveries(partition_of(&subscription)).await.remove(0).delivery;
    let require = async |delivery: &Stored<WebhookDelivery>| {
        let mut changeset = fixture.changeset(fixture.home);
        changeset.require_unchanged(delivery);
        fixture.commit(changeset).await
    };
    require(&delivery).await.unwrap();
    let due = fixture.due_deliveries(partition_of(&subscription)).await;
    assert_eq!((due.len(), &due[0].delivery), (1, &delivery));
    let result = attempt_result(&delivery, fixture.now(), None);
    assert!(fixture.store.record_results(partition_of(&subscription), &[result], None).await.unwrap().is_empty());
    assert!(matches!(require(&delivery).await, Err(CommitError::Conflict(_))));
}
