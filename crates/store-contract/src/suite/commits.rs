//! Changesets are atomic, and their preconditions are checked at the moment of the commit.

use findings::{Finding, Severity};
use kernel::{Changeset, CommitError, Conflict, Kind, PageRequest, Resource, Revision, StoreError, Stored};
use registers::Control;
use webhooks::{SubscriptionStatus, WebhookSubscription};

use crate::{Fixture, samples};

/// The conflict that a commit failed with.
fn conflict(outcome: Result<(), CommitError>) -> Conflict {
    match outcome {
        Err(CommitError::Conflict(clash)) => clash,
        other => panic!("expected a conflict, got {other:?}"),
    }
}

fn revision_conflict<R: Resource>(stored: &Stored<R>) -> Conflict {
    Conflict::Revision(R::KIND, stored.meta.ulid())
}

/// A changeset that fails late stores no record, no audit entry, no idempotency record and no event.
pub async fn a_conflict_in_the_second_write_rolls_back_the_changeset(fixture: Fixture) {
    let taken = fixture.create(fixture.home, samples::finding("taken")).await;
    let (pending, log) = (fixture.pending_events().await, fixture.audit_log(fixture.home).await);
    let (mut changeset, first) = fixture.create_changeset(fixture.home, samples::finding("first"));
    let second = fixture.new_record(&changeset, samples::finding("taken"));
    changeset.create(&second);
    let record = samples::idempotency_record(fixture.home, "key", changeset.at());
    changeset.set_idempotency(record.clone());
    changeset.publish(samples::outbox_event(&*fixture.entropy, &first));
    assert_eq!(conflict(fixture.commit(changeset).await), Conflict::UniqueKey(Kind::Finding, "taken".to_owned()));
    assert_eq!(fixture.get(fixture.home, first.meta.id).await, None);
    assert_eq!(fixture.list_all::<Finding>(fixture.home, &Default::default(), PageRequest::default()).await, [taken]);
    assert_eq!(fixture.audit_log(fixture.home).await, log);
    assert_eq!(fixture.pending_events().await, pending);
    assert!(!fixture.has_stored_response(&record.key).await);
}

/// A changeset can't write records or events of another organization, or use its idempotency keys. Nothing of it is
/// stored.
pub async fn a_changeset_that_writes_to_another_organization_is_refused(fixture: Fixture) {
    let other = fixture.create_organization("other").await;
    let log = fixture.audit_log(fixture.home).await;
    let (foreign, own) = (samples::finding("foreign"), samples::finding("own"));
    let refused = async |changeset: Changeset| {
        let outcome = fixture.commit(changeset).await;
        assert!(matches!(outcome, Err(CommitError::Store(StoreError::Corrupt(_)))), "{outcome:?}");
    };

    let (mut changeset, first) = fixture.create_changeset(fixture.home, own.clone());
    let stored = Stored::new(other, fixture.new_id(), changeset.at(), foreign);
    changeset.create(&stored);
    refused(changeset).await;
    assert_eq!(fixture.get(other, stored.meta.id).await, None);
    assert_eq!(fixture.get(fixture.home, first.meta.id).await, None);

    let (mut changeset, _) = fixture.create_changeset(fixture.home, own.clone());
    changeset.publish(samples::outbox_event(&*fixture.entropy, &stored));
    refused(changeset).await;

    let (mut changeset, _) = fixture.create_changeset(fixture.home, own);
    let record = samples::idempotency_record(other, "key", changeset.at());
    changeset.set_idempotency(record.clone());
    refused(changeset).await;
    assert!(!fixture.has_stored_response(&record.key).await);
    assert_eq!(fixture.audit_log(fixture.home).await, log);
}

/// An identifier belongs to one record: a record that exists is not created again.
pub async fn a_record_is_created_only_once(fixture: Fixture) {
    let stored = fixture.create(fixture.home, samples::finding("f-1")).await;
    for key in ["f-1", "f-2"] {
        let mut changeset = fixture.changeset(fixture.home);
        changeset.create(&Stored { record: samples::finding(key), ..stored.clone() });
        assert_eq!(conflict(fixture.commit(changeset).await), revision_conflict(&stored));
    }
    assert_eq!(fixture.get(fixture.home, stored.meta.id).await, Some(stored));
}

/// An update that is based on a revision other than the current one is not stored.
pub async fn an_update_based_on_another_revision_is_refused(fixture: Fixture) {
    let first = fixture.create(fixture.home, samples::finding("f-1")).await;
    let record = Finding { severity: Severity::High, ..first.record.clone() };
    let second = fixture.update(&first, record.clone()).await;
    assert_eq!(second.meta.revision, Revision(2));
    let (stale, _) = fixture.update_changeset(&first, Finding { severity: Severity::Low, ..record.clone() });
    assert_eq!(conflict(fixture.commit(stale).await), revision_conflict(&first));
    let (early, _) = fixture.update_changeset(&second.changed(second.meta.updated_at, record.clone()), record);
    assert_eq!(conflict(fixture.commit(early).await), revision_conflict(&first));
    assert_eq!(fixture.get(fixture.home, first.meta.id).await, Some(second));
}

/// An update creates no record, in no organization.
pub async fn an_update_of_a_missing_record_is_refused(fixture: Fixture) {
    let (_, missing) = fixture.create_changeset(fixture.home, samples::control("c-1"));
    let (changeset, _) = fixture.update_changeset(&missing, missing.record.clone());
    assert_eq!(conflict(fixture.commit(changeset).await), revision_conflict(&missing));
    let away = fixture.create_organization("away").await;
    let mut foreign = fixture.create(away, samples::control("c-2")).await;
    foreign.meta.organization = fixture.home;
    let (changeset, _) = fixture.update_changeset(&foreign, samples::control("c-3"));
    assert_eq!(conflict(fixture.commit(changeset).await), revision_conflict(&foreign));
    assert_eq!(fixture.get(fixture.home, foreign.meta.id).await, None);
    assert_eq!(fixture.get(away, foreign.meta.id).await.unwrap().record, samples::control("c-2"));
}

/// A key belongs to one record: neither a new record nor an update can take it.
pub async fn a_taken_key_is_refused(fixture: Fixture) {
    let taken = fixture.create(fixture.home, samples::control("taken")).await;
    let other = fixture.create(fixture.home, samples::control("other")).await;
    let expected = Conflict::UniqueKey(Kind::Control, "taken".to_owned());
    let (creation, _) = fixture.create_changeset(fixture.home, samples::control("taken"));
    assert_eq!(conflict(fixture.commit(creation).await), expected);
    let (revision, _) = fixture.update_changeset(&other, samples::control("taken"));
    assert_eq!(conflict(fixture.commit(revision).await), expected);
    assert_eq!(fixture.get(fixture.home, other.meta.id).await, Some(other));
    let record = Control { title: samples::title("Changed"), ..taken.record.clone() };
    fixture.update(&taken, record).await;
    let account = fixture.create(fixture.home, samples::account("the scanner")).await;
    let (creation, _) = fixture.create_changeset(fixture.home, account.record);
    assert_eq!(
        conflict(fixture.commit(creation).await),
        Conflict::UniqueKey(Kind::ServiceAccount, "the scanner".to_owned())
    );
}

/// The first write that cannot be stored is reported, even if a later write of the same record removes the conflict.
pub async fn a_taken_key_is_reported_although_a_later_write_of_the_record_resolves_it(fixture: Fixture) {
    fixture.create(fixture.home, samples::control("taken")).await;
    let other = fixture.create(fixture.home, samples::control("other")).await;
    let (mut changeset, _) = fixture.update_changeset(&other, samples::control("taken"));
    changeset.update(&other, &other.changed(changeset.at(), samples::control("free")));
    assert_eq!(conflict(fixture.commit(changeset).await), Conflict::UniqueKey(Kind::Control, "taken".to_owned()));
    let (mut changeset, new) = fixture.create_changeset(fixture.home, samples::control("taken"));
    changeset.create(&Stored { record: samples::control("free"), ..new.clone() });
    assert_eq!(conflict(fixture.commit(changeset).await), Conflict::UniqueKey(Kind::Control, "taken".to_owned()));
    assert_eq!(fixture.get(fixture.home, new.meta.id).await, None);
}

/// A key can be used again in another organization or for another kind of record, and keys are case-sensitive.
pub async fn keys_are_case_sensitive_and_unique_per_organization_and_kind(fixture: Fixture) {
    let away = fixture.create_organization("away").await;
    for organization in [fixture.home, away] {
        fixture.create(organization, samples::account("name")).await;
        for key in ["key", "KEY", "key-", "_key"] {
            fixture.create(organization, samples::finding(key)).await;
            fixture.create(organization, samples::control(key)).await;
        }
    }
}

/// A key is free as soon as its record has another one, even within the same changeset.
pub async fn a_released_key_can_be_reused(fixture: Fixture) {
    let first = fixture.create(fixture.home, samples::finding("old")).await;
    let first = fixture.update(&first, samples::finding("new")).await;
    let second = fixture.create(fixture.home, samples::finding("old")).await;
    let mut changeset = fixture.changeset_after(fixture.home, [&first, &second]);
    changeset.update(&second, &second.changed(changeset.at(), samples::finding("older")));
    let renamed = first.changed(changeset.at(), samples::finding("old"));
    changeset.update(&first, &renamed);
    fixture.commit(changeset).await.unwrap();
    assert_eq!(fixture.get(fixture.home, first.meta.id).await, Some(renamed));
}

/// A slot is unique within its account, and is free again once its subscription is removed.
pub async fn the_slot_of_a_removed_subscription_can_be_reused(fixture: Fixture) {
    let account = fixture.create(fixture.home, samples::account("scanner")).await.meta.id;
    let first = fixture.create(fixture.home, samples::subscription(account, 7)).await;
    let (again, _) = fixture.create_changeset(fixture.home, samples::subscription(account, 7));
    let taken = Conflict::UniqueKey(Kind::WebhookSubscription, WebhookSubscription::slot_key(account, 7));
    assert_eq!(conflict(fixture.commit(again).await), taken);
    fixture.create(fixture.home, samples::subscription(fixture.new_id(), 7)).await;
    let mut removed = Vec::new();
    for current in [first, fixture.create(fixture.home, samples::subscription(account, 8)).await] {
        let record = samples::with_status(&current.record, SubscriptionStatus::Removed, None);
        removed.push(fixture.update(&current, record).await);
    }
    fixture.create(fixture.home, samples::subscription(account, 7)).await;
    for removed_subscription in removed {
        assert_eq!(fixture.get(fixture.home, removed_subscription.meta.id).await, Some(removed_subscription));
    }
}

/// A slug belongs to one organization of the installation, although each organization is stored within itself.
pub async fn a_slug_is_unique_across_the_installation(fixture: Fixture) {
    let away = fixture.create_organization("away").await;
    let id = fixture.new_id();
    let mut changeset = fixture.changeset(id);
    changeset.create(&Stored::new(id, id, changeset.at(), samples::organization("home")));
    let taken = Conflict::UniqueKey(Kind::Organization, "home".to_owned());
    assert_eq!(conflict(fixture.commit(changeset).await), taken);
    let stored = fixture.get(away, away).await.unwrap();
    let (revision, _) = fixture.update_changeset(&stored, samples::organization("home"));
    assert_eq!(conflict(fixture.commit(revision).await), taken);
}

/// Several writes of one record are applied in order, each to the revision that the previous one created.
pub async fn a_record_may_be_written_twice_in_one_changeset(fixture: Fixture) {
    let (mut changeset, first) = fixture.create_changeset(fixture.home, samples::finding("first"));
    let second = first.changed(changeset.at(), samples::finding("second"));
    let third = second.changed(changeset.at(), samples::finding("third"));
    changeset.update(&first, &second);
    changeset.update(&second, &third);
    fixture.commit(changeset).await.unwrap();
    assert_eq!(fixture.get(fixture.home, first.meta.id).await.as_ref(), Some(&third));
    let (mut twice, _) = fixture.update_changeset(&third, samples::finding("fourth"));
    twice.update(&third, &third.changed(twice.at(), samples::finding("fifth")));
    assert_eq!(conflict(fixture.commit(twice).await), revision_conflict(&third));
    assert_eq!(fixture.get(fixture.home, first.meta.id).await, Some(third));
}

/// A record that the changeset requires unchanged must still exist in the organization with the same revision.
pub async fn a_commit_fails_when_a_record_it_requires_unchanged_has_changed(fixture: Fixture) {
    let away = fixture.create_organization("away").await;
    let read = fixture.create(fixture.home, samples::control("read")).await;
    let (mut changeset, written) = fixture.create_changeset(fixture.home, samples::finding("f-1"));
    changeset.require_unchanged(&read);
    fixture.commit(changeset).await.unwrap();
    assert!(fixture.get(fixture.home, written.meta.id).await.is_some());
    fixture.update(&read, samples::control("read")).await;
    let (_, absent) = fixture.create_changeset(fixture.home, samples::control("absent"));
    let foreign = fixture.create(away, samples::control("foreign")).await;
    for unmet in [read, absent, foreign] {
        let (mut changeset, refused) = fixture.create_changeset(fixture.home, samples::finding("f-2"));
        changeset.require_unchanged(&unmet);
        assert_eq!(conflict(fixture.commit(changeset).await), revision_conflict(&unmet));
        assert_eq!(fixture.get(fixture.home, refused.meta.id).await, None);
    }
}

/// The largest changeset that a request creates is stored like any other.
pub async fn a_changeset_of_five_hundred_records_is_stored_completely(fixture: Fixture) {
    let (pending, entries) = (fixture.pending_events().await, fixture.audit_log(fixture.home).await.len());
    let mut changeset = fixture.changeset(fixture.home);
    for count in 0..500 {
        let stored = fixture.new_record(&changeset, samples::finding(&format!("finding-{count}")));
        changeset.create(&stored);
        changeset.add_entry(&*fixture.entropy, kernel::Action::new("finding.created"), None, Vec::new());
        changeset.publish(samples::outbox_event(&*fixture.entropy, &stored));
    }
    fixture.commit(changeset).await.unwrap();
    let all = fixture.list_all::<Finding>(fixture.home, &Default::default(), PageRequest::default()).await;
    assert_eq!(all.len(), 500);
    assert_eq!(fixture.audit_log(fixture.home).await.len(), entries + 501);
    assert_eq!(fixture.pending_events().await, pending + 500);
}
