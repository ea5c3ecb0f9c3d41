//! Concurrent writes, and callers that go away.

use std::{
    sync::Arc,
    task::{Context, Waker},
    time::Duration,
};

use findings::{Finding, Severity};
use kernel::{Changeset, CommitError, Conflict, Kind, PageRequest, Revision};
use store::DynStore;

use crate::{Fixture, samples};

async fn commit_concurrently(store: &Arc<DynStore>, changesets: Vec<Changeset>) -> Vec<Result<(), CommitError>> {
    let commits: Vec<_> = changesets
        .into_iter()
        .map(|changeset| {
            let store = Arc::clone(store);
            tokio::spawn(async move { store.commit(changeset).await })
        })
        .collect();
    let mut outcomes = Vec::new();
    for commit in commits {
        outcomes.push(commit.await.unwrap());
    }
    outcomes
}

fn conflicts(outcomes: Vec<Result<(), CommitError>>) -> Vec<Conflict> {
    let lost = outcomes.into_iter().filter_map(Result::err);
    lost.map(|error| match error {
        CommitError::Conflict(clash) => clash,
        other => panic!("expected a conflict, got {other:?}"),
    })
    .collect()
}

/// Of sixteen updates of one revision, one is stored and the others get a conflict.
pub async fn one_of_sixteen_concurrent_updates_of_a_revision_wins(fixture: Fixture) {
    let first = fixture.create(fixture.home, samples::finding("f-1")).await;
    let entries = fixture.audit_log(fixture.home).await.len();
    let changes = (0..16).map(|number| {
        let title = samples::title(&format!("change {number}"));
        fixture.update_changeset(&first, Finding { title, ..first.record.clone() }).0
    });
    let outcomes = commit_concurrently(&fixture.store, changes.collect()).await;
    let winner = outcomes.iter().position(Result::is_ok).unwrap();
    assert_eq!(conflicts(outcomes), vec![Conflict::Revision(Kind::Finding, first.meta.ulid()); 15]);
    let stored = fixture.get(fixture.home, first.meta.id).await.unwrap();
    assert_eq!(stored.meta.revision, Revision(2));
    assert_eq!(stored.record.title.as_str(), format!("change {winner}"));
    assert_eq!(fixture.audit_log(fixture.home).await.len(), entries + 1);
}

/// Of sixteen records with one key, one is stored and the others get a conflict.
pub async fn one_of_sixteen_concurrent_creations_with_one_key_wins(fixture: Fixture) {
    let creations = (0..16).map(|_| fixture.create_changeset(fixture.home, samples::finding("wanted")).0);
    let outcomes = commit_concurrently(&fixture.store, creations.collect()).await;
    assert_eq!(conflicts(outcomes), vec![Conflict::UniqueKey(Kind::Finding, "wanted".to_owned()); 15]);
    let all = fixture.list_all::<Finding>(fixture.home, &Default::default(), PageRequest::default()).await;
    assert_eq!(all.len(), 1);
}

/// Writes of different records do not affect each other, even if some of them fail.
pub async fn a_conflict_does_not_fail_other_concurrent_writes(fixture: Fixture) {
    fixture.create(fixture.home, samples::finding("taken")).await;
    let creations = (0..32).map(|number| {
        let key = if number % 2 == 0 { "taken".to_owned() } else { format!("f-{number}") };
        fixture.create_changeset(fixture.home, samples::finding(&key)).0
    });
    let outcomes = commit_concurrently(&fixture.store, creations.collect()).await;
    for (number, outcome) in outcomes.iter().enumerate() {
        assert_eq!(outcome.is_ok(), number % 2 == 1, "{outcome:?}");
    }
    let all = fixture.list_all::<Finding>(fixture.home, &Default::default(), PageRequest::default()).await;
    assert_eq!(all.len(), 17);
}

/// Two changesets that write the same two records in opposite order do not deadlock: one is stored completely.
pub async fn one_of_two_crossing_writes_wins(fixture: Fixture) {
    let first = fixture.create(fixture.home, samples::finding("first")).await;
    let second = fixture.create(fixture.home, samples::finding("second")).await;
    for severity in [Severity::Low, Severity::High, Severity::Low, Severity::High] {
        let before = [
            fixture.get(fixture.home, first.meta.id).await.unwrap(),
            fixture.get(fixture.home, second.meta.id).await.unwrap(),
        ];
        let crossing = [[0, 1], [1, 0]].map(|order| {
            let mut changeset = fixture.changeset_after(fixture.home, &before);
            for index in order {
                let record = Finding { severity, ..before[index].record.clone() };
                changeset.update(&before[index], &before[index].changed(changeset.at(), record));
            }
            changeset
        });
        let outcomes = commit_concurrently(&fixture.store, crossing.into()).await;
        let won = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        assert_eq!(won, 1, "{outcomes:?}");
        for stored in &before {
            let after = fixture.get(fixture.home, stored.meta.id).await.unwrap();
            assert_eq!((after.meta.revision, after.record.severity), (stored.meta.revision.next(), severity));
        }
    }
}

/// A commit that has begun is completed although its caller is gone, and the next commit is not affected.
pub async fn a_commit_completes_after_its_caller_is_gone(fixture: Fixture) {
    let (pending, entries) = (fixture.pending_events().await, fixture.audit_log(fixture.home).await.len());
    let mut abandoned = Vec::new();
    for number in 0..16 {
        let (mut changeset, stored) =
            fixture.create_changeset(fixture.home, samples::finding(&format!("abandoned-{number}")));
        let record = samples::idempotency_record(fixture.home, &format!("key-{number}"), changeset.at());
        changeset.set_idempotency(record.clone());
        changeset.publish(samples::outbox_event(&*fixture.entropy, &stored));
        let mut commit = fixture.store.commit(changeset);
        let _ = commit.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        drop(commit);
        abandoned.push((stored, record));
        fixture.create(fixture.home, samples::finding(&format!("next-{number}"))).await;
    }
    let all_stored = async {
        for (stored, record) in &abandoned {
            while fixture.get(fixture.home, stored.meta.id).await.is_none() {
                tokio::task::yield_now().await;
            }
            assert!(fixture.has_stored_response(&record.key).await);
        }
    };
    tokio::time::timeout(Duration::from_secs(30), all_stored).await.expect("an abandoned commit was never stored");
    assert_eq!(fixture.audit_log(fixture.home).await.len(), entries + 32);
    assert_eq!(fixture.pending_events().await, pending + 16);
}

/// An abandoned append is stored or not, and the next append is not affected.
pub async fn an_abandoned_append_does_not_affect_other_appends(fixture: Fixture) {
    let entries = fixture.audit_log(fixture.home).await.len();
    for _ in 0..16 {
        let at = fixture.clock.tick();
        let entry = samples::entry(&*fixture.entropy, fixture.home, at);
        let mut append = fixture.store.append(entry, fixture.store.begin_entry());
        let _ = append.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        drop(append);
        let entry = samples::entry(&*fixture.entropy, fixture.home, at);
        fixture.append(entry).await.unwrap();
    }
    assert!((entries + 16..=entries + 32).contains(&fixture.audit_log(fixture.home).await.len()));
}
