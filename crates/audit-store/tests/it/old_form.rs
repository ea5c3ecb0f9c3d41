//! Chains that begin with entries of the old form.

use std::sync::Arc;

use audit::{StoredEntry, VerificationError};
use kernel::{Entry, Ulid};
use novantra_audit_store::{Expected, StoredLog};
use proptest::prelude::*;

use crate::{
    lists::{Query, all_pages, expected, queries},
    made_log::{MadeLog, TestKey, entry},
    moving_tables::MovingTables,
    random_log::ORGANIZATION,
};

/// A chain with so many entries of the old form, and some that were sealed later, or wait.
async fn begun(old: u64) -> (MadeLog, Vec<StoredEntry>) {
    let mut made = MadeLog::new(ORGANIZATION).await;
    let entries: Vec<Entry> = (1..=old)
        .map(|number| entry(ORGANIZATION, 1_000_000 + (number ^ u64::from(number % 5 == 0)) as i64, number))
        .collect();
    made.begin_old(entries).await;
    let stored = made.sealed.clone();
    for row in 0..9 {
        let first = old + row * 40;
        let entries: Vec<Entry> =
            (first..first + 40).map(|number| entry(ORGANIZATION, 1_000_000 + number as i64 - 9, number + 1)).collect();
        made.append(&entries).await;
    }
    let planned = made.plan_seal(7);
    made.apply(planned).await;
    (made, stored)
}

fn ids(entries: &[StoredEntry]) -> Vec<Ulid> {
    entries.iter().map(|stored| stored.entry.id.ulid()).collect()
}

async fn check(old: u64, calls: usize, queries: &[Query]) {
    let (mut made, stored) = begun(old).await;
    let all = made.entries();
    let conversion = made.plan_conversion();
    let tables = Arc::new(MovingTables::new(Arc::clone(&made.tables), Vec::new()).with_old(stored, Vec::new()));
    let log = StoredLog::new(Arc::clone(&tables) as _);
    log.set_key(Arc::new(TestKey));
    log.verify(ORGANIZATION, &TestKey, Expected::default()).await.unwrap();
    let picked = [&made.sealed[0], &made.sealed[made.sealed.len() / 2], made.sealed.last().unwrap()];
    for (number, query) in queries.iter().enumerate() {
        if number == 2 {
            tables.set(vec![(calls, conversion.clone())]);
        }
        assert_eq!(ids(&all_pages(&log, query).await), ids(&expected(&all, query)), "{query:?}");
        let mut sealed = Vec::new();
        while let Some(page) =
            Some(crate::support::stored(log.sealed(ORGANIZATION, sealed.len() as i64, 700).await.unwrap()))
                .filter(|page| !page.is_empty())
        {
            sealed.extend(page);
        }
        assert_eq!(sealed, made.sealed);
        for stored in picked {
            assert_eq!(log.entry(ORGANIZATION, stored.entry.id).await.unwrap().as_ref(), Some(stored));
        }
    }
    let is_about = |stored: &&StoredEntry| stored.entry.subject.as_ref().is_some_and(|about| about.id == "thing_1");
    let changes = all.values().rev().filter(|stored| !stored.entry.changes.is_empty()).filter(is_about).take(25);
    assert_eq!(
        ids(&log.changes(ORGANIZATION, "thing_1", 25).await.unwrap()),
        ids(&changes.cloned().collect::<Vec<_>>())
    );
    let verified = log.verify(ORGANIZATION, &TestKey, Expected::default()).await.unwrap();
    assert_eq!(verified.entries, made.sealed.len() as u64);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, ..ProptestConfig::default() })]

    #[test]
    fn entries_of_the_old_form_are_read_with_the_others_until_they_are_converted(
        old in prop_oneof![1..600_u64, 4_000..4_900_u64],
        calls in 0..9_usize,
        queries in queries(),
    ) {
        crate::block_on(check(old, calls, &queries));
    }
}

#[tokio::test]
async fn an_entry_of_the_old_form_that_waits_is_shown() {
    let made = MadeLog::new(ORGANIZATION).await;
    let waiting = entry(ORGANIZATION, 5, 1);
    let tables = MovingTables::new(Arc::clone(&made.tables), Vec::new()).with_old(Vec::new(), vec![waiting.clone()]);
    let log = StoredLog::new(Arc::new(tables));
    let found = log.entry(ORGANIZATION, waiting.id).await.unwrap();
    assert_eq!(found, Some(StoredEntry { entry: waiting, seal: None }));
    assert_eq!(log.unsealed_stats(Some(ORGANIZATION)).await.unwrap().entries, 1);
    assert_eq!(log.unsealed_stats(None).await.unwrap().entries, 1);
}

#[tokio::test]
async fn an_altered_entry_of_the_old_form_is_found() {
    let (made, mut stored) = begun(300).await;
    stored[100].entry.status = Some(418);
    let tables = MovingTables::new(Arc::clone(&made.tables), Vec::new()).with_old(stored, Vec::new());
    let outcome = StoredLog::new(Arc::new(tables)).verify(ORGANIZATION, &TestKey, Expected::default()).await;
    assert!(matches!(outcome, Err(VerificationError::Fault(audit::Fault::Altered { sequence: 101, .. }))));
}
