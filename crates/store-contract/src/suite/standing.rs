//! A commit checks once more that the account may still do what it was admitted for (contract v1 § 2).

use auth::{AccountStatus, ServiceAccount};
use findings::Finding;
use kernel::{CommitError, OrganizationId, PageRequest, Revision, StandingProof, Stored};

use crate::{Fixture, samples};

fn proof(account: &Stored<ServiceAccount>) -> StandingProof {
    StandingProof { account: account.meta.ulid(), revision: account.meta.revision }
}

/// Commits a finding with a claim and an event in the name of the account; says whether all or nothing of it is there.
async fn commit_as(fixture: &Fixture, organization: OrganizationId, proof: StandingProof) -> Result<(), CommitError> {
    let entries = fixture.log(organization).await.len();
    let pending = fixture.pending().await;
    let mut changeset = samples::changeset_of(&*fixture.entropy, fixture.store.begin(), organization, proof);
    let key = format!("f-{}", fixture.id::<Finding>());
    let finding = fixture.fresh(&changeset, samples::finding(&key));
    changeset.create(&finding);
    let claim = samples::claim(organization, &key, changeset.at());
    changeset.claim(claim.clone());
    changeset.publish(samples::outbox_event(&*fixture.entropy, &finding));
    let outcome = fixture.commit(changeset).await;
    let effect = u64::from(outcome.is_ok());
    assert_eq!(fixture.get(organization, finding.meta.id).await.is_some(), outcome.is_ok());
    assert_eq!(fixture.is_answered(&claim.key).await, outcome.is_ok());
    assert_eq!(fixture.log(organization).await.len() as u64, entries as u64 + effect);
    assert_eq!(fixture.pending().await, pending + effect);
    outcome
}

/// An account that is what it was may act, and notes of its use are no change.
pub async fn an_account_that_did_not_change_may_act(fixture: Fixture) {
    let account = fixture.create(fixture.home, samples::account("scanner")).await;
    commit_as(&fixture, fixture.home, proof(&account)).await.unwrap();
    let noted = [(fixture.home, account.meta.id, fixture.clock.tick())];
    fixture.store.note_use(&noted).await.unwrap();
    commit_as(&fixture, fixture.home, proof(&account)).await.unwrap();
}

/// Whatever changed about the account, nothing is stored that was decided before.
pub async fn a_write_of_an_account_that_changed_meanwhile_stores_nothing(fixture: Fixture) {
    let account = fixture.create(fixture.home, samples::account("scanner")).await;
    let disabled = fixture.revise(&account, account.record.with_status(AccountStatus::Disabled)).await;
    let refused = commit_as(&fixture, fixture.home, proof(&account)).await;
    assert!(matches!(refused, Err(CommitError::StandingChanged)), "{refused:?}");
    // Whether a revision may act was judged before: the store only asks that it is the present one.
    commit_as(&fixture, fixture.home, proof(&disabled)).await.unwrap();
}

/// An account that is not there, or is another organization's, can't act.
pub async fn a_write_of_an_account_that_is_not_the_organizations_stores_nothing(fixture: Fixture) {
    let away = fixture.organization("away").await;
    let theirs = fixture.create(away, samples::account("scanner")).await;
    let unknown = StandingProof { account: fixture.id::<ServiceAccount>().ulid(), revision: Revision::FIRST };
    for proof in [proof(&theirs), unknown] {
        let refused = commit_as(&fixture, fixture.home, proof).await;
        assert!(matches!(refused, Err(CommitError::StandingChanged)), "{refused:?}");
    }
}

/// Once an account was disabled, no write it had under way is stored any more.
pub async fn no_write_is_stored_after_its_account_was_disabled(fixture: Fixture) {
    let account = fixture.create(fixture.home, samples::account("scanner")).await;
    let begun: Vec<_> = (0..16)
        .map(|number| {
            let stamp = fixture.store.begin();
            let mut changeset = samples::changeset_of(&*fixture.entropy, stamp, fixture.home, proof(&account));
            changeset.create(&fixture.fresh(&changeset, samples::finding(&format!("f-{number}"))));
            changeset
        })
        .collect();
    let (racing, late) = {
        let mut begun = begun;
        let late = begun.split_off(8);
        (begun, late)
    };
    let racers: Vec<_> = racing
        .into_iter()
        .map(|changeset| {
            let store = std::sync::Arc::clone(&fixture.store);
            tokio::spawn(async move { store.commit(changeset).await.is_ok() })
        })
        .collect();
    fixture.revise(&account, account.record.with_status(AccountStatus::Disabled)).await;
    let seen = fixture.walk::<Finding>(fixture.home, &Default::default(), PageRequest::default()).await.len();
    for changeset in late {
        assert!(matches!(fixture.commit(changeset).await, Err(CommitError::StandingChanged)));
    }
    let mut stored = 0;
    for racer in racers {
        stored += usize::from(racer.await.unwrap());
    }
    let after = fixture.walk::<Finding>(fixture.home, &Default::default(), PageRequest::default()).await.len();
    assert_eq!((seen, stored), (after, after), "a write came through after the account was disabled");
}
