//! All of a changeset or nothing, decided on what is so at that moment.

use findings::{Finding, Severity};
use kernel::{Clash, CommitError, Kind, PageRequest, Resource, Revision, Stored};
use registers::Control;
use webhooks::{SubscriptionStatus, WebhookSubscription};

use crate::{Fixture, samples};

/// The clash of a commit that lost a race.
fn clash(outcome: Result<(), CommitError>) -> Clash {
    match outcome {
        Err(CommitError::Conflict(clash)) => clash,
        other => panic!("a conflict was expected, not {other:?}"),
    }
}

fn lost<R: Resource>(stored: &Stored<R>) -> Clash {
    Clash::Revision(R::KIND, stored.meta.ulid())
}

/// No record, entry, idempotency record or event is left of a changeset that fails late.
pub async fn a_clash_in_the_second_write_leaves_nothing(fixture: Fixture) {
    let taken = fixture.create(fixture.home, samples::finding("taken")).await;
    let (pending, log) = (fixture.pending().await, fixture.log(fixture.home).await);
    let (mut changeset, first) = fixture.creation(fixture.home, samples::finding("first"));
    let second = fixture.fresh(&changeset, samples::finding("taken"));
    changeset.create(&second);
    let claim = samples::claim(fixture.home, "key", changeset.at());
    changeset.claim(claim.clone());
    changeset.publish(samples::outbox_event(&*fixture.entropy, &first));
    assert_eq!(clash(fixture.commit(changeset).await), Clash::Key(Kind::Finding, "taken".to_owned()));
    assert_eq!(fixture.get(fixture.home, first.meta.id).await, None);
    assert_eq!(fixture.walk::<Finding>(fixture.home, &Default::default(), PageRequest::default()).await, [taken]);
    assert_eq!(fixture.log(fixture.home).await, log);
    assert_eq!(fixture.pending().await, pending);
    assert!(!fixture.is_answered(&claim.key).await);
}

/// An identifier names one record: what is there already is not created again.
pub async fn a_record_is_created_only_once(fixture: Fixture) {
    let stored = fixture.create(fixture.home, samples::finding("f-1")).await;
    for key in ["f-1", "f-2"] {
        let mut changeset = fixture.changeset(fixture.home);
        changeset.create(&Stored { record: samples::finding(key), ..stored.clone() });
        assert_eq!(clash(fixture.commit(changeset).await), lost(&stored));
    }
    assert_eq!(fixture.get(fixture.home, stored.meta.id).await, Some(stored));
}

/// What was decided on another revision than the present one is not stored.
pub async fn an_update_of_another_revision_is_refused(fixture: Fixture) {
    let first = fixture.create(fixture.home, samples::finding("f-1")).await;
    let record = Finding { severity: Severity::High, ..first.record.clone() };
    let second = fixture.revise(&first, record.clone()).await;
    assert_eq!(second.meta.revision, Revision(2));
    let (stale, _) = fixture.revision(&first, Finding { severity: Severity::Low, ..record.clone() });
    assert_eq!(clash(fixture.commit(stale).await), lost(&first));
    let (early, _) = fixture.revision(&second.changed(second.meta.updated_at, record.clone()), record);
    assert_eq!(clash(fixture.commit(early).await), lost(&first));
    assert_eq!(fixture.get(fixture.home, first.meta.id).await, Some(second));
}

/// Nothing comes to be by an update, in no organization.
pub async fn an_update_of_what_is_not_there_is_refused(fixture: Fixture) {
    let (_, never) = fixture.creation(fixture.home, samples::control("c-1"));
    let (changeset, _) = fixture.revision(&never, never.record.clone());
    assert_eq!(clash(fixture.commit(changeset).await), lost(&never));
    let away = fixture.organization("away").await;
    let mut theirs = fixture.create(away, samples::control("c-2")).await;
    theirs.meta.organization = fixture.home;
    let (changeset, _) = fixture.revision(&theirs, samples::control("c-3"));
    assert_eq!(clash(fixture.commit(changeset).await), lost(&theirs));
    assert_eq!(fixture.get(fixture.home, theirs.meta.id).await, None);
    assert_eq!(fixture.get(away, theirs.meta.id).await.unwrap().record, samples::control("c-2"));
}

/// A key names one record, whether it is taken by a new record or by one that changes its key.
pub async fn a_taken_key_is_refused(fixture: Fixture) {
    let taken = fixture.create(fixture.home, samples::control("taken")).await;
    let other = fixture.create(fixture.home, samples::control("other")).await;
    let expected = Clash::Key(Kind::Control, "taken".to_owned());
    let (creation, _) = fixture.creation(fixture.home, samples::control("taken"));
    assert_eq!(clash(fixture.commit(creation).await), expected);
    let (revision, _) = fixture.revision(&other, samples::control("taken"));
    assert_eq!(clash(fixture.commit(revision).await), expected);
    assert_eq!(fixture.get(fixture.home, other.meta.id).await, Some(other));
    let record = Control { title: samples::title("Changed"), ..taken.record.clone() };
    fixture.revise(&taken, record).await;
    let account = fixture.create(fixture.home, samples::account("the scanner")).await;
    let (creation, _) = fixture.creation(fixture.home, account.record);
    assert_eq!(clash(fixture.commit(creation).await), Clash::Key(Kind::ServiceAccount, "the scanner".to_owned()));
}

/// The first write that cannot be stored is told, also where a later one of the same record could have been.
pub async fn a_taken_key_is_told_though_a_later_write_of_the_record_would_do(fixture: Fixture) {
    fixture.create(fixture.home, samples::control("taken")).await;
    let other = fixture.create(fixture.home, samples::control("other")).await;
    let (mut changeset, _) = fixture.revision(&other, samples::control("taken"));
    changeset.update(&other, &other.changed(changeset.at(), samples::control("free")));
    assert_eq!(clash(fixture.commit(changeset).await), Clash::Key(Kind::Control, "taken".to_owned()));
    let (mut changeset, new) = fixture.creation(fixture.home, samples::control("taken"));
    changeset.create(&Stored { record: samples::control("free"), ..new.clone() });
    assert_eq!(clash(fixture.commit(changeset).await), Clash::Key(Kind::Control, "taken".to_owned()));
    assert_eq!(fixture.get(fixture.home, new.meta.id).await, None);
}

/// What is one key in one organization and kind is free in another, and `a` is not `A`.
pub async fn keys_are_unique_per_organization_and_kind_and_to_the_letter(fixture: Fixture) {
    let away = fixture.organization("away").await;
    for organization in [fixture.home, away] {
        fixture.create(organization, samples::account("name")).await;
        for key in ["key", "KEY", "key-", "_key"] {
            fixture.create(organization, samples::finding(key)).await;
            fixture.create(organization, samples::control(key)).await;
        }
    }
}

/// A key is free as soon as its record has another, within the same changeset too.
pub async fn a_key_that_was_given_up_may_be_taken(fixture: Fixture) {
    let first = fixture.create(fixture.home, samples::finding("old")).await;
    let first = fixture.revise(&first, samples::finding("new")).await;
    let second = fixture.create(fixture.home, samples::finding("old")).await;
    let (mut changeset, _) = fixture.revision(&second, samples::finding("older"));
    let renamed = first.changed(changeset.at(), samples::finding("old"));
    changeset.update(&first, &renamed);
    fixture.commit(changeset).await.unwrap();
    assert_eq!(fixture.get(fixture.home, first.meta.id).await, Some(renamed));
}

/// Of one account, and only once it is removed.
pub async fn the_place_of_a_removed_subscription_may_be_taken(fixture: Fixture) {
    let account = fixture.create(fixture.home, samples::account("scanner")).await.meta.id;
    let first = fixture.create(fixture.home, samples::subscription(account, 7)).await;
    let (again, _) = fixture.creation(fixture.home, samples::subscription(account, 7));
    let taken = Clash::Key(Kind::WebhookSubscription, WebhookSubscription::place_key(account, 7));
    assert_eq!(clash(fixture.commit(again).await), taken);
    fixture.create(fixture.home, samples::subscription(fixture.id(), 7)).await;
    let mut removed = Vec::new();
    for present in [first, fixture.create(fixture.home, samples::subscription(account, 8)).await] {
        let record = samples::with_status(&present.record, SubscriptionStatus::Removed, None);
        removed.push(fixture.revise(&present, record).await);
    }
    fixture.create(fixture.home, samples::subscription(account, 7)).await;
    for gone in removed {
        assert_eq!(fixture.get(fixture.home, gone.meta.id).await, Some(gone));
    }
}

/// A slug names one organization, though every organization is its own.
pub async fn a_slug_is_unique_over_the_installation(fixture: Fixture) {
    let away = fixture.organization("away").await;
    let id = fixture.id();
    let mut changeset = fixture.changeset(id);
    changeset.create(&Stored::new(id, id, changeset.at(), samples::organization("home")));
    let taken = Clash::Key(Kind::Organization, "home".to_owned());
    assert_eq!(clash(fixture.commit(changeset).await), taken);
    let stored = fixture.get(away, away).await.unwrap();
    let (revision, _) = fixture.revision(&stored, samples::organization("home"));
    assert_eq!(clash(fixture.commit(revision).await), taken);
}

/// Several writes of one record are taken in their order, each with the revision that the one before left.
pub async fn a_record_may_be_written_twice_in_one_changeset(fixture: Fixture) {
    let (mut changeset, first) = fixture.creation(fixture.home, samples::finding("first"));
    let second = first.changed(changeset.at(), samples::finding("second"));
    let third = second.changed(changeset.at(), samples::finding("third"));
    changeset.update(&first, &second);
    changeset.update(&second, &third);
    fixture.commit(changeset).await.unwrap();
    assert_eq!(fixture.get(fixture.home, first.meta.id).await.as_ref(), Some(&third));
    let mut twice = fixture.changeset(fixture.home);
    twice.update(&third, &third.changed(twice.at(), samples::finding("fourth")));
    twice.update(&third, &third.changed(twice.at(), samples::finding("fifth")));
    assert_eq!(clash(fixture.commit(twice).await), lost(&third));
    assert_eq!(fixture.get(fixture.home, first.meta.id).await, Some(third));
}

/// A record that was only read must still be what it was, be there and be the organization's.
pub async fn what_a_decision_rests_on_must_be_unchanged(fixture: Fixture) {
    let away = fixture.organization("away").await;
    let read = fixture.create(fixture.home, samples::control("read")).await;
    let (mut changeset, written) = fixture.creation(fixture.home, samples::finding("f-1"));
    changeset.expect(&read);
    fixture.commit(changeset).await.unwrap();
    assert!(fixture.get(fixture.home, written.meta.id).await.is_some());
    fixture.revise(&read, samples::control("read")).await;
    let (_, absent) = fixture.creation(fixture.home, samples::control("absent"));
    let theirs = fixture.create(away, samples::control("theirs")).await;
    for unmet in [read, absent, theirs] {
        let (mut changeset, refused) = fixture.creation(fixture.home, samples::finding("f-2"));
        changeset.expect(&unmet);
        assert_eq!(clash(fixture.commit(changeset).await), lost(&unmet));
        assert_eq!(fixture.get(fixture.home, refused.meta.id).await, None);
    }
}

/// The greatest changeset that a call makes is stored like any other.
pub async fn a_changeset_of_five_hundred_records_is_stored_whole(fixture: Fixture) {
    let (pending, entries) = (fixture.pending().await, fixture.log(fixture.home).await.len());
    let mut changeset = fixture.changeset(fixture.home);
    for count in 0..500 {
        let stored = fixture.fresh(&changeset, samples::finding(&format!("finding-{count}")));
        changeset.create(&stored);
        changeset.note(&*fixture.entropy, kernel::Action::new("finding.created"), None, Vec::new());
        changeset.publish(samples::outbox_event(&*fixture.entropy, &stored));
    }
    fixture.commit(changeset).await.unwrap();
    let all = fixture.walk::<Finding>(fixture.home, &Default::default(), PageRequest::default()).await;
    assert_eq!(all.len(), 500);
    assert_eq!(fixture.log(fixture.home).await.len(), entries + 501);
    assert_eq!(fixture.pending().await, pending + 500);
}
