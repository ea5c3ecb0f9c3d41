//! Commands on subscriptions.

use std::{collections::BTreeSet, time::Duration};

use kernel::{Description, Id, Kind, Revision, Ulid};
use scopes::Scope;
use webhooks::{
    DeliveryState, DisabledReason, EncryptedSecret, EventType, NewSubscription, SubscriptionPatch, SubscriptionStatus,
    TEST_EVENT, WebhookDelivery, WebhookError, WebhookSubscription, disable, record_test, remove, rotate_secret,
    subscribe, update,
};

use crate::harness::{
    BEFORE, Harness, NOW, account, active, audit_actions, changed_fields, failed, outbox_event, subscription,
    succeeded, url, written,
};

const DAY: Duration = Duration::from_secs(86_400);

fn new_subscription() -> NewSubscription {
    NewSubscription {
        url: url("https://hook.example/"),
        description: Description::parse("Tickets").unwrap(),
        event_types: BTreeSet::from([EventType::FindingCreated]),
    }
}

fn subscribed(
    harness: &Harness,
    scopes: &[Scope],
    taken_slots: impl IntoIterator<Item = u8>,
    new: &NewSubscription,
) -> Result<(kernel::Changeset, kernel::Stored<WebhookSubscription>), WebhookError> {
    let slots = taken_slots.into_iter().collect();
    let id = Id::new(Ulid(21));
    subscribe(&harness.context(), harness.write_timestamp(), &account(scopes), &slots, id, vec![1], new)
}

#[test]
fn a_new_subscription_is_active_and_has_one_secret() {
    let harness = Harness::new();
    let (changeset, stored) = subscribed(&harness, &[Scope::FindingsRead], [], &new_subscription()).unwrap();
    let subscription = &stored.record;
    assert_eq!((subscription.account, subscription.slot), (Id::new(Ulid(11)), 0));
    assert_eq!((subscription.status, subscription.disabled_reason), (SubscriptionStatus::Active, None));
    assert_eq!(subscription.url, new_subscription().url);
    assert_eq!(subscription.description, new_subscription().description);
    assert_eq!(subscription.event_types, new_subscription().event_types);
    assert_eq!(subscription.secrets, [EncryptedSecret { ciphertext: vec![1], expires_at: None }]);
    assert_eq!((stored.meta.id, stored.meta.created_at), (Id::new(Ulid(21)), NOW));
    assert_eq!(written::<WebhookSubscription>(&changeset, 0), *subscription);
    assert_eq!(changeset.writes()[0].expected, None);
    assert_eq!(audit_actions(&changeset), ["webhook_subscription.created"]);
    assert_eq!(changed_fields(&changeset), ["url", "description", "event_types", "status"]);
}

#[test]
fn a_new_subscription_takes_the_first_free_slot_and_an_account_has_fifty() {
    let harness = Harness::new();
    let slot = |taken_slots: &[u8]| {
        subscribed(&harness, &[Scope::FindingsRead], taken_slots.iter().copied(), &new_subscription())
            .map(|(_, stored)| stored.record.slot)
    };
    assert_eq!(slot(&[0, 1, 3]), Ok(2));
    assert_eq!(slot(&(0..49).collect::<Vec<_>>()), Ok(49));
    assert_eq!(slot(&(0..50).collect::<Vec<_>>()), Err(WebhookError::TooManySubscriptions));
}

#[test]
fn a_subscription_requires_an_event_and_the_scope_of_each() {
    let harness = Harness::new();
    let without_events = NewSubscription { event_types: BTreeSet::new(), ..new_subscription() };
    let Err(WebhookError::Invalid(faults)) = subscribed(&harness, &[Scope::FindingsRead], [], &without_events) else {
        panic!("a subscription without events was created")
    };
    assert_eq!(faults[0].field, "event_types");
    let without_scope = subscribed(&harness, &[], [], &new_subscription());
    assert_eq!(without_scope.unwrap_err(), WebhookError::MissingScope(Scope::FindingsRead));

    for (scopes, event_types) in [(&[][..], new_subscription().event_types), (&[Scope::FindingsRead], BTreeSet::new())]
    {
        let patch = SubscriptionPatch { event_types: Some(event_types), ..SubscriptionPatch::default() };
        assert!(update(&harness.context(), harness.write_timestamp(), &account(scopes), &active(), &patch).is_err());
    }
}

#[test]
fn every_field_of_a_patch_sets_the_field_of_the_same_name() {
    let harness = Harness::new();
    let current = active();
    let owner = account(&[Scope::FindingsRead]);
    let patch = SubscriptionPatch {
        url: Some(url("https://other.example/")),
        description: Some(Description::parse("Another purpose").unwrap()),
        event_types: Some(BTreeSet::from([EventType::FindingClosed])),
        active: None,
    };
    let (changeset, after) = update(&harness.context(), harness.write_timestamp(), &owner, &current, &patch).unwrap();
    assert_eq!(Some(&after.record.url), patch.url.as_ref());
    assert_eq!(Some(&after.record.description), patch.description.as_ref());
    assert_eq!(Some(&after.record.event_types), patch.event_types.as_ref());
    assert_eq!((after.record.status, &after.record.secrets), (SubscriptionStatus::Active, &current.record.secrets));
    assert_eq!(written::<WebhookSubscription>(&changeset, 0), after.record);
    assert_eq!(changeset.writes()[0].expected, Some(current.meta.revision));
    assert_eq!(audit_actions(&changeset), ["webhook_subscription.updated"]);
    assert_eq!(changed_fields(&changeset), ["url", "description", "event_types"]);
}

#[test]
fn a_change_of_a_masked_part_of_the_url_is_listed_without_its_values() {
    let harness = Harness::new();
    let mut current = active();
    current.record.url = url("https://hook.example/?key=old");
    let updated = |text: &str| {
        let patch = SubscriptionPatch { url: Some(url(text)), ..SubscriptionPatch::default() };
        let owner = account(&[Scope::FindingsRead]);
        update(&harness.context(), harness.write_timestamp(), &owner, &current, &patch).unwrap().0
    };
    assert_eq!(changed_fields(&updated("https://hook.example/?key=new")), ["url"]);
    assert_eq!(changed_fields(&updated("https://other.example/?key=new")), ["url"]);
    for changeset in [updated("https://hook.example/?key=new"), updated("https://other.example/?key=new")] {
        let entries = format!("{:?}", changeset.entries());
        assert!(!entries.contains("old") && !entries.contains("new"), "{entries}");
    }
}

#[test]
fn a_patch_without_differences_is_audited_and_keeps_the_revision() {
    let harness = Harness::new();
    let current = active();
    let same = SubscriptionPatch { active: Some(true), ..SubscriptionPatch::default() };
    assert!(SubscriptionPatch::default().is_empty() && !same.is_empty());
    for patch in [SubscriptionPatch::default(), same] {
        // Neither names events, so the account needs no scope.
        let (changeset, after) =
            update(&harness.context(), harness.write_timestamp(), &account(&[]), &current, &patch).unwrap();
        assert_eq!(after, current);
        assert!(changeset.writes().is_empty());
        assert_eq!(audit_actions(&changeset), ["webhook_subscription.updated"]);
        assert_eq!(
            changeset.preconditions(),
            [(Kind::WebhookSubscription, current.meta.ulid(), current.meta.revision)]
        );
    }
}

#[test]
fn an_account_disables_a_subscription_and_enables_it_again() {
    let harness = Harness::new();
    let updated = |current: &kernel::Stored<WebhookSubscription>, active| {
        let patch = SubscriptionPatch { active: Some(active), ..SubscriptionPatch::default() };
        let (_, after) = update(&harness.context(), harness.write_timestamp(), &account(&[]), current, &patch).unwrap();
        (after.record.status, after.record.disabled_reason)
    };
    assert_eq!(updated(&active(), false), (SubscriptionStatus::Disabled, Some(DisabledReason::Requested)));
    for reason in DisabledReason::ALL {
        let disabled = subscription(SubscriptionStatus::Disabled, Some(*reason));
        assert_eq!(updated(&disabled, true), (SubscriptionStatus::Active, None));
        assert_eq!(updated(&disabled, false), (SubscriptionStatus::Disabled, Some(*reason)), "the reason stays");
    }
}

#[test]
fn a_removed_subscription_has_no_secrets() {
    let harness = Harness::new();
    let current = active();
    let changeset = remove(&harness.context(), harness.write_timestamp(), &current);
    let removed = written::<WebhookSubscription>(&changeset, 0);
    assert!(removed.is_removed() && removed.secrets.is_empty());
    assert_eq!(changeset.writes()[0].expected, Some(current.meta.revision));
    assert_eq!(audit_actions(&changeset), ["webhook_subscription.deleted"]);
    assert_eq!(changed_fields(&changeset), ["status"]);
}

#[test]
fn a_rotated_secret_keeps_the_previous_one_for_the_grace_period() {
    let harness = Harness::new();
    let mut current = active();
    current.record.secrets.push(EncryptedSecret { ciphertext: vec![9], expires_at: Some(NOW + DAY) });
    let rotated =
        |grace| rotate_secret(&harness.context(), harness.write_timestamp(), &current, vec![2], grace).unwrap();
    let new = EncryptedSecret { ciphertext: vec![2], expires_at: None };
    let (changeset, after) = rotated(DAY);
    let old = EncryptedSecret { ciphertext: vec![1], expires_at: Some(NOW + DAY) };
    assert_eq!(after.record.secrets, [new.clone(), old]);
    assert_eq!(written::<WebhookSubscription>(&changeset, 0), after.record);
    assert_eq!(changeset.writes()[0].expected, Some(current.meta.revision));
    assert_eq!(audit_actions(&changeset), ["webhook_subscription.secret_rotated"]);
    assert_eq!(rotated(Duration::ZERO).1.record.secrets, [new]);
}

#[test]
fn a_grace_period_is_at_most_seven_days() {
    let harness = Harness::new();
    let rotated = |grace| rotate_secret(&harness.context(), harness.write_timestamp(), &active(), vec![2], grace);
    assert!(rotated(DAY * 7).is_ok());
    let Err(WebhookError::Invalid(faults)) = rotated(DAY * 7 + Duration::from_millis(1)) else {
        panic!("a longer grace period was accepted")
    };
    assert_eq!(faults[0].field, "grace_seconds");
}

#[test]
fn the_server_disables_a_subscription_for_a_reason() {
    let harness = Harness::new();
    let current = active();
    let (changeset, after) = disable(&harness.context(), harness.write_timestamp(), &current, DisabledReason::Failing);
    assert_eq!(after.record.status, SubscriptionStatus::Disabled);
    assert_eq!(after.record.disabled_reason, Some(DisabledReason::Failing));
    assert_eq!(written::<WebhookSubscription>(&changeset, 0), after.record);
    assert_eq!(changeset.writes()[0].expected, Some(current.meta.revision));
    assert_eq!(audit_actions(&changeset), ["webhook_subscription.disabled"]);
    assert_eq!(changed_fields(&changeset), ["status", "disabled_reason"]);
}

#[test]
fn a_test_is_attempted_once() {
    let harness = Harness::new();
    let current = active();
    for (attempt, state) in [(succeeded(BEFORE), DeliveryState::Delivered), (failed(BEFORE), DeliveryState::Exhausted)]
    {
        let event = outbox_event(TEST_EVENT);
        let (changeset, delivery) =
            record_test(&harness.context(), harness.write_timestamp(), &current, event.clone(), attempt.clone(), NOW);
        assert_eq!((delivery.record.state, delivery.record.next_attempt_at), (state, None));
        assert_eq!((&*delivery.record.event_type, &delivery.record.attempts), (TEST_EVENT, &vec![attempt]));
        assert_eq!(delivery.meta.revision, Revision::FIRST);
        assert_eq!(written::<WebhookDelivery>(&changeset, 0), delivery.record);
        assert_eq!(changeset.events(), [event]);
        assert_eq!(changeset.preconditions().len(), 1);
        assert_eq!(audit_actions(&changeset), ["webhook_subscription.tested"]);
    }
}
