//! A commit checks again that the account is unchanged since its request was authorized (contract v1 § 2).

use auth::{AccountStatus, ServiceAccount};
use findings::Finding;
use kernel::{ActorRevision, CommitError, OrganizationId, PageRequest, Revision, Stored};

use crate::{Fixture, samples};

fn proof(account: &Stored<ServiceAccount>) -> ActorRevision {
    ActorRevision { account: account.meta.ulid(), revision: account.meta.revision }
}

/// Commits a finding with an idempotency record and an event for the account, and asserts that all of it is stored or
/// nothing.
async fn commit_as(fixture: &Fixture, organization: OrganizationId, actor: ActorRevision) -> Result<(), CommitError> {
    let entries = fixture.log(organization).await.len();
    let pending = fixture.pending().await;
    let mut changeset = samples::changeset_of(&*fixture.entropy, fixture.store.begin_write(), organization, actor);
    let key = format!("f-{}", fixture.id::<Finding>());
    let finding = fixture.fresh(&changeset, samples::finding(&key));
    changeset.create(&finding);
    let record = samples::claim(organization, &key, changeset.at());
    changeset.set_idempotency(record.clone());
    changeset.publish(samples::outbox_event(&*fixture.entropy, &finding));
    let outcome = fixture.commit(changeset).await;
    let effect = u64::from(outcome.is_ok());
    assert_eq!(fixture.get(organization, finding.meta.id).await.is_some(), outcome.is_ok());
    assert_eq!(fixture.is_answered(&record.key).await, outcome.is_ok());
    assert_eq!(fixture.log(organization).await.len() as u64, entries as u64 + effect);
    assert_eq!(fixture.pending().await, pending + effect);
    outcome
}

/// A write of an unchanged account is stored. Recording the last use of an account does not change it.
pub async fn an_account_that_did_not_change_may_act(fixture: Fixture) {
    let account = fixture.create(fixture.home, samples::account("scanner")).await;
    commit_as(&fixture, fixture.home, proof(&account)).await.unwrap();
    let uses = [(fixture.home, account.meta.id, fixture.clock.tick())];
    fixture.store.record_last_used(&uses).await.unwrap();
    commit_as(&fixture, fixture.home, proof(&account)).await.unwrap();
}

/// After any change of the account, a write that was authorized before it is refused.
pub async fn a_write_of_an_account_that_changed_meanwhile_stores_nothing(fixture: Fixture) {
    let account = fixture.create(fixture.home, samples::account("scanner")).await;
    let disabled = fixture.revise(&account, account.record.with_status(AccountStatus::Disabled)).await;
    let refused = commit_as(&fixture, fixture.home, proof(&account)).await;
    assert!(matches!(refused, Err(CommitError::ActorChanged)), "{refused:?}");
    // Whether an account with that status may write is decided elsewhere: the store only checks that the revision is
    // current.
    commit_as(&fixture, fixture.home, proof(&disabled)).await.unwrap();
}

/// A write is refused if its account does not exist or belongs to another organization.
pub async fn a_write_of_an_account_that_is_not_the_organizations_stores_nothing(fixture: Fixture) {
    let away = fixture.organization("away").await;
    let foreign = fixture.create(away, samples::account("scanner")).await;
    let unknown = ActorRevision { account: fixture.id::<ServiceAccount>().ulid(), revision: Revision::FIRST };
    for proof in [proof(&foreign), unknown] {
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
            let mut changeset = samples::changeset_of(&*fixture.entropy, timestamp, fixture.home, proof(&account));
            changeset.create(&fixture.fresh(&changeset, samples::finding(&format!("f-{number}"))));
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
    fixture.revise(&account, account.record.with_status(AccountStatus::Disabled)).await;
    let seen = fixture.walk::<Finding>(fixture.home, &Default::default(), PageRequest::default()).await.len();
    for changeset in late {
        assert!(matches!(fixture.commit(changeset).await, Err(CommitError::ActorChanged)));
    }
    let mut stored = 0;
    for commit in commits {
        stored += usize::from(commit.await.unwrap());
    }
    let after = fixture.walk::<Finding>(fixture.home, &Default::default(), PageRequest::default()).await.len();
    assert_eq!((seen, stored), (after, after), "a write was stored after the account was disabled");
}
