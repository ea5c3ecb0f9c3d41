//! Single entries, the changes of a subject, and entries in the order of the chain.

use audit::{StoredEntry, hash_entry};
use kernel::{Id, Ulid};
use proptest::prelude::*;

use crate::support::stored;
use crate::{
    made_log::{MadeLog, entry},
    random_log::{ORGANIZATION, OTHER, Step, made, steps},
};

async fn check_entries(made: &MadeLog, picks: &[proptest::sample::Index]) {
    let (log, all) = (made.log(), made.entries());
    let all: Vec<&StoredEntry> = all.values().collect();
    for pick in picks.iter().filter(|_| !all.is_empty()) {
        let expected = all[pick.index(all.len())];
        let found = log.entry(ORGANIZATION, expected.entry.id).await.unwrap();
        assert_eq!(found.as_ref(), Some(expected));
        let unknown = Id::new(Ulid(expected.entry.id.ulid().0 ^ 1));
        assert_eq!(log.entry(ORGANIZATION, unknown).await.unwrap(), None);
    }
    if let Some(removed) = made.sealed.first().filter(|first| !all.contains(first)) {
        assert_eq!(log.entry(ORGANIZATION, removed.entry.id).await.unwrap(), None);
    }
}

async fn check_changes(made: &MadeLog) {
    let (log, all) = (made.log(), made.entries());
    for subject in ["thing_1", "thing_99", "thing_100"] {
        let is_change = |stored: &&StoredEntry| {
            let about = stored.entry.subject.as_ref().is_some_and(|about| about.id == subject);
            about && !stored.entry.changes.is_empty()
        };
        let expected: Vec<StoredEntry> = all.values().rev().filter(is_change).take(30).cloned().collect();
        assert_eq!(log.changes(ORGANIZATION, subject, 30).await.unwrap(), expected);
    }
}

async fn check_sealed(made: &MadeLog, limit: usize) {
    let log = made.log();
    let removed = log.removed(ORGANIZATION).await.unwrap().sequence;
    let expected = &made.sealed[removed as usize..];
    let (mut found, mut after) = (Vec::new(), i64::MIN);
    loop {
        let page = stored(log.sealed(ORGANIZATION, after, limit).await.unwrap());
        assert!(page.len() == limit || found.len() + page.len() == expected.len());
        let Some(last) = page.last() else { break };
        after = last.seal.unwrap().sequence;
        found.extend(page);
    }
    assert_eq!(found, expected);
    let head = log.head(ORGANIZATION).await.unwrap();
    assert_eq!(Some(head.hash), expected.last().map(|last| last.seal.unwrap().hash).or(Some(head.hash)));
    if let Some(last) = expected.last() {
        let seal = last.seal.unwrap();
        assert_eq!(hash_entry(&last.entry, seal.sequence, seal.previous_hash), head.hash);
    }
}

async fn check_stats(made: &MadeLog) {
    let stats = made.log().unsealed_stats(Some(ORGANIZATION)).await.unwrap();
    let waiting = made.waiting();
    assert_eq!(stats.entries, waiting.len() as u64);
    assert_eq!(stats.oldest, waiting.iter().map(|entry| entry.occurred_at).min());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10, ..ProptestConfig::default() })]

    #[test]
    fn each_entry_is_found_by_its_identifier_its_subject_and_its_sequence(
        steps in steps(),
        picks in proptest::collection::vec(any::<proptest::sample::Index>(), 20),
        limit in prop_oneof![1..40_usize, 400..600_usize],
    ) {
        crate::block_on(async {
            let made = made(&steps).await;
            check_entries(&made, &picks).await;
            check_changes(&made).await;
            let limit = if made.sealed.len() > 1_000 { limit.max(300) } else { limit };
            check_sealed(&made, limit).await;
            check_stats(&made).await;
        });
    }
}

#[tokio::test]
async fn a_row_that_another_installation_wrote_is_not_shown() {
    let mut made = MadeLog::new(ORGANIZATION).await;
    made.append_under(b"other", &[entry(ORGANIZATION, 5, 1)]).await;
    made.append(&[entry(ORGANIZATION, 6, 2)]).await;
    let log = made.log();
    let stats = log.unsealed_stats(Some(ORGANIZATION)).await.unwrap();
    assert_eq!(stats.entries, 1);
    assert!(log.entry(ORGANIZATION, entry(ORGANIZATION, 5, 1).id).await.unwrap().is_none());
    assert!(log.entry(ORGANIZATION, entry(ORGANIZATION, 6, 2).id).await.unwrap().is_some());
}

#[tokio::test]
async fn an_organization_sees_only_its_own_entries_of_a_shared_row() {
    let mut made = MadeLog::new(ORGANIZATION).await;
    let (own, other) = (entry(ORGANIZATION, 5, 1), entry(OTHER, 5, 2));
    made.append(&[own.clone(), other.clone()]).await;
    let log = made.log();
    assert!(log.entry(ORGANIZATION, own.id).await.unwrap().is_some());
    assert!(log.entry(ORGANIZATION, other.id).await.unwrap().is_none());
    assert!(log.entry(OTHER, other.id).await.unwrap().is_some());
    let all = log.unsealed_stats(None).await.unwrap();
    assert_eq!((all.entries, all.oldest), (2, Some(own.occurred_at)));
}

#[tokio::test]
async fn a_repeated_row_is_counted_only_if_its_entries_are_not_sealed() {
    let mut made = MadeLog::new(ORGANIZATION).await;
    made.append(&[entry(ORGANIZATION, 5, 1)]).await;
    let planned = made.plan_seal(1);
    made.apply(planned).await;
    made.append_repeated(&[entry(ORGANIZATION, 5, 1)]).await;
    made.append_repeated(&[entry(ORGANIZATION, 6, 2), entry(ORGANIZATION, 7, 3)]).await;
    let log = made.log();
    assert_eq!(log.unsealed_stats(Some(ORGANIZATION)).await.unwrap().entries, 2);
    let sealed = log.entry(ORGANIZATION, entry(ORGANIZATION, 5, 1).id).await.unwrap().unwrap();
    assert!(sealed.seal.is_some());
}

#[tokio::test]
async fn an_empty_log_has_nothing() {
    let made = made(&[Step::Share]).await;
    let log = made.log();
    let nobody = Id::new(Ulid(7));
    assert_eq!(log.head(nobody).await.unwrap(), audit::Head::EMPTY);
    assert_eq!(stored(log.sealed(nobody, i64::MIN, 10).await.unwrap()), []);
    assert_eq!(log.changes(nobody, "thing_1", 10).await.unwrap(), []);
    assert_eq!(log.unsealed_stats(Some(nobody)).await.unwrap().entries, 0);
}
