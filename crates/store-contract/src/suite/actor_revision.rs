//! A commit checks again that the account is unchanged since its request was authorized (contract v1 § 2).

use auth::{AccountStatus, ServiceAccount};
use findings::Finding;
use kernel::{ActorRevision, CommitError, Kind, OrganizationId, PageRequest, Revision, Stored};

use crate::{Fixture, samples};

fn actor_revision(account: &Stored<ServiceAccount>) -> ActorRevision {
    ActorRevision { kind: Kind::ServiceAccount, id: account.meta.ulid(), revision: account.meta.revision }
}

/// Commits a finding with an idempotency record and an event for the account, and asserts that all of it is stored or
/// nothing.
async fn commit_as(fixture: &Fixture, organization: OrganizationId, actor: ActorRevision) -> Result<(), CommitError> {
    let entries = fixture.audit_log(organization).await.len();
    let pending = fixture.pending_events().await;
    let mut changeset =
        samples::changeset_for_account(&*fixture.entropy, fixture.store.begin_write(), organization, actor);
    let key = format!("f-{}", fixture.new_id::<Finding>());
    let finding = fixture.new_record(&changeset, samples::finding(&key));
    changeset.create(&finding);
    let record = samples::idempotency_record(organization, &key, changeset.at());
    changeset.set_idempotency(record.clone());
    changeset.publish(samples::outbox_event(&*fixture.entropy, &finding));
    let outcome = fixture.commit(changeset).await;
    let effect = u64::from(outcome.is_ok());
    assert_eq!(fixture.get(organization, finding.meta.id).await.is_some(), outcome.is_ok());
    assert_eq!(fixture.has_stored_response(&record.key).await, outcome.is_ok());
    assert_eq!(fixture.audit_log(organization).await.len() as u64, entries as u64 + effect);
    assert_eq!(fixture.pending_events().await, pending + effect);
    outcome
}

/// A write of an unchanged account is stored. Recording the last use of an account does not change it.
pub async fn a_write_of_an_unchanged_account_is_stored(fixture: Fixture) {
    let account = fixture.create(fixture.home, samples::account("scanner")).await;
    commit_as(&fixture, fixture.home, actor_revision(&account)).await.unwrap();
    let uses = [(fixture.home, account.meta.id, fixture.clock.tick())];
    fixture.store.record_last_used(&uses).await.unwrap();
    commit_as(&fixture, fixture.home, actor_revision(&account)).await.unwrap();
}

/// After any change of the account, a write that was authorized before it is refused.
pub async fn a_write_of_an_account_that_has_since_changed_is_refused(fixture: Fixture) {
    let account = fixture.create(fixture.home, samples::account("scanner")).await;
    let disabled = fixture.update(&account, account.record.with_status(AccountStatus::Disabled)).await;
    let refused = commit_as(&fixture, fixture.home, actor_revision(&account)).await;
    assert!(matches!(refused, Err(CommitError::ActorChanged)), "{refused:?}");
    // Whether an account with that status may write is decided elsewhere: the store only checks that the revision is
    // current.
    commit_as(&fixture, fixture.home, actor_revision(&disabled)).await.unwrap();
}

/// A write is refused if its account does not exist or belongs to another organization.
pub async fn a_write_of_an_account_outside_the_organization_is_refused(fixture: Fixture) {
    let away = fixture.create_organization("away").await;
    let foreign = fixture.create(away, samples::account("scanner")).await;
    let unknown = ActorRevision {
        kind: Kind::ServiceAccount,
        id: fixture.new_id::<ServiceAccount>().ulid(),
        revision: Revision::FIRST,
    };
    for proof in [actor_revision(&foreign), unknown] {
        let refused = commit_as(&fixture, fixture.home, proof).await;
        assert!(matches!(refused, Err(CommitError::ActorChanged)), "{refused:?}");
    }
}

/// Once an account is disabled, none of its in-flight writes is stored any more.
pub async fn no_write_is_stored_after_its_account_was_disabled(fixture: Fixture) {
    let account = fixture.create(fixture.home, samples::account("scanner")).await;
    let changesets: Vec<_> = (0..16)
        .map(|number| {
            let timestamp = fixture.store.begin_write();
            let mut changeset =
                samples::changeset_for_account(&*fixture.entropy, timestamp, fixture.home, actor_revision(&account));
            changeset.create(&fixture.new_record(&changeset, samples::finding(&format!("f-{number}"))));
            changeset
        })
        .collect();
    let (racing, late) = {
        let mut changesets = changesets;
        let late = changesets.split_off(8);
        (changesets, late)
    };
    let commits: Vec<_> = racing
        .into_iter()
        .map(|changeset| {
            let store = std::sync::Arc::clone(&fixture.store);
            tokio::spawn(async move { store.commit(changeset).await.is_ok() })
        })
        .collect();
    fixture.update(&account, account.record.with_status(AccountStatus::Disabled)).await;
    let seen = fixture.list_all::<Finding>(fixture.home, &Default::default(), PageRequest::default()).await.len();
    for changeset in late {
        assert!(matches!(fixture.commit(changeset).await, Err(CommitError::ActorChanged)));
    }
    let mut stored = 0;
    for commit in commits {
        stored += usize::from(commit.await.unwrap());
    }
    let after = fixture.list_all::<Finding>(fixture.home, &Default::default(), PageRequest::default()).await.len();
    assert_eq!((seen, stored), (after, after), "a write was stored after the account was disabled");
}
