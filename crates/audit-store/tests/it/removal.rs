//! The removal of the oldest entries.

use std::{sync::Arc, time::Duration};

use audit::{
    AuditTables, Fault, Head, Removal, Tree, VerificationError,
    tables::{NewRun, PrefixRemoval, SegmentQuery, SegmentStart, TermMerge, TermQuery},
};
use kernel::{StoreError, Ulid};
use novantra_audit_store::{Compacted, CutRule, Expected, StoredLog, find_cut, remove_prefix};
use store_contract::{TestClock, TestLogKey};

use crate::support::{
    FailingTables, Failure, TestChain, assert_consistent, assert_listed, flip_byte_of_run, lease_owner, segments_of,
};

async fn compact(chain: &TestChain) {
    let mut compactor = chain.compactor();
    while compactor.run_once().await.unwrap() != Compacted::Nothing {}
}

async fn cut(chain: &TestChain, rule: CutRule) -> Option<Removal> {
    find_cut(&*chain.tables, chain.organization, rule, "a rule").await.unwrap()
}

async fn cut_at(chain: &TestChain, rule: CutRule) -> Option<i64> {
    cut(chain, rule).await.map(|removal| removal.last.sequence)
}

/// Removes the entries, and lets the chain of the test begin after them.
async fn remove(chain: &mut TestChain, last: Head) {
    let before = chain.head.removed;
    assert!(remove_prefix(&*chain.tables, chain.organization, before, last).await.unwrap());
    chain.head.removed = last;
    chain.entries.drain(..usize::try_from(last.sequence - before.sequence).unwrap());
    assert!(!remove_prefix(&*chain.tables, chain.organization, before, last).await.unwrap(), "it is removed once");
}

#[tokio::test]
async fn a_removal_by_number_ends_with_a_segment_and_states_what_is_removed() {
    let mut chain = TestChain::new().await;
    chain.grow(3 * 4096 + 300).await;
    compact(&chain).await;
    assert_eq!(cut_at(&chain, CutRule::Keep(3 * 4096 + 300)).await, None);
    assert_eq!(cut_at(&chain, CutRule::Keep(2 * 4096 + 301)).await, None);
    assert_eq!(cut_at(&chain, CutRule::Keep(2 * 4096 + 300)).await, Some(4096));
    assert_eq!(cut_at(&chain, CutRule::Keep(4096 + 301)).await, Some(4096));
    assert_eq!(cut_at(&chain, CutRule::Keep(0)).await, Some(3 * 4096), "the blocks after segments stay");
    let removal = cut(&chain, CutRule::Keep(5000)).await.unwrap();
    let mut tree = Tree::default();
    chain.entries[..4096].iter().for_each(|(_, hash)| tree.push(*hash));
    let expected = Removal {
        first_sequence: 1,
        last: Head { sequence: 4096, hash: chain.entries[4095].1 },
        first_at: chain.entries[0].0.occurred_at,
        last_at: chain.entries[4095].0.occurred_at,
        tree_root: Some(tree.root()),
        policy: "a rule".to_owned(),
    };
    assert_eq!(removal, expected);
    assert!(removal.changes().iter().any(|change| change.field == "tree_root"));
    remove(&mut chain, removal.last).await;
    assert_consistent(&chain).await;
    let query = TermQuery { bucket: -1, from: 0, before: i64::MAX, downwards: false, limit: 9 };
    let terms = chain.tables.terms(chain.organization, &query).await.unwrap();
    assert_eq!(terms.iter().map(|row| row.first_sequence).collect::<Vec<_>>(), [4097, 8193]);
    let next = cut(&chain, CutRule::Keep(0)).await.unwrap();
    assert_eq!((next.first_sequence, next.last.sequence), (4097, 3 * 4096));
    remove(&mut chain, next.last).await;
    chain.grow(4096).await;
    compact(&chain).await;
    assert_consistent(&chain).await;
}

#[tokio::test]
async fn a_chain_without_segments_is_removed_by_blocks_whose_roots_stay() {
    let mut chain = TestChain::new().await;
    chain.grow(1000).await;
    assert_eq!(cut_at(&chain, CutRule::Keep(745)).await, None);
    assert_eq!(cut_at(&chain, CutRule::Keep(744)).await, Some(256));
    let removal = cut(&chain, CutRule::Keep(400)).await.unwrap();
    assert_eq!(removal.last, Head { sequence: 512, hash: chain.entries[511].1 });
    let mut tree = Tree::default();
    chain.entries[..512].iter().for_each(|(_, hash)| tree.push(*hash));
    assert_eq!(removal.tree_root, Some(tree.root()));
    remove(&mut chain, removal.last).await;
    assert_consistent(&chain).await;
    chain.grow(4096).await;
    let removal = cut(&chain, CutRule::Keep(200)).await.unwrap();
    assert_eq!(removal.last.sequence, 4096, "what is left begins with a segment");
    compact(&chain).await;
    let segments = segments_of(&*chain.tables, chain.organization).await;
    assert_eq!((segments[0].first_sequence, segments[0].last_sequence), (513, 4096));
    assert_consistent(&chain).await;
    assert_eq!(cut(&chain, CutRule::Keep(200)).await.unwrap(), removal, "the same as from the blocks");
    remove(&mut chain, removal.last).await;
    assert_eq!(cut_at(&chain, CutRule::Keep(200)).await, Some(4864), "a chain without segments again");
    assert_consistent(&chain).await;
}

#[tokio::test]
async fn a_removal_by_age_removes_what_is_older_as_a_whole() {
    let mut chain = TestChain::new().await;
    chain.grow(300).await;
    let time = chain.clock.advance(Duration::from_secs(1));
    assert_eq!(cut_at(&chain, CutRule::Before(TestClock::START)).await, None);
    assert_eq!(cut_at(&chain, CutRule::Before(time)).await, Some(256));
    let last_of_block = chain.entries[255].0.occurred_at;
    assert_eq!(cut_at(&chain, CutRule::Before(last_of_block)).await, None);
    chain.grow(3 * 4096).await;
    compact(&chain).await;
    let last_of_segment = chain.entries[2 * 4096 - 1].0.occurred_at;
    assert_eq!(cut_at(&chain, CutRule::Before(time)).await, None);
    assert_eq!(cut_at(&chain, CutRule::Before(last_of_segment)).await, Some(4096));
    let removal = cut(&chain, CutRule::Before(last_of_segment + Duration::from_millis(1))).await.unwrap();
    assert_eq!((removal.last.sequence, removal.last_at), (2 * 4096, last_of_segment));
    let later = chain.clock.tick();
    assert_eq!(cut_at(&chain, CutRule::Before(later)).await, Some(3 * 4096));
    remove(&mut chain, removal.last).await;
    assert_consistent(&chain).await;
}

#[tokio::test]
async fn recent_entries_are_not_removed_because_somebody_made_the_key_of_their_run_older() {
    let mut chain = TestChain::new().await;
    chain.grow(300).await;
    let time = chain.clock.advance(Duration::from_secs(1));
    chain.grow(600).await;
    assert_eq!(cut_at(&chain, CutRule::Before(time)).await, Some(256));
    for first in [257, 513] {
        let run = chain.run(first, first + 255);
        chain.replace_run(NewRun { high_id: Ulid(1), ..run }).await;
    }
    let refused = find_cut(&*chain.tables, chain.organization, CutRule::Before(time), "a rule").await.unwrap_err();
    assert!(matches!(&refused, StoreError::Corrupt(_)), "{refused}");
    assert!(refused.to_string().contains("257 to 512"), "{refused}");
}

#[tokio::test]
async fn the_root_of_what_is_removed_is_that_of_its_entries_whatever_the_tiles_say() {
    let mut chain = TestChain::new().await;
    chain.grow(2 * 4096).await;
    compact(&chain).await;
    let genuine = cut(&chain, CutRule::Keep(4096)).await.unwrap();
    let mut tile = chain.tables.tiles(chain.organization, &[(1, 0)]).await.unwrap().remove(0);
    tile.hashes[40] ^= 1;
    chain.replace_tile(tile).await;
    assert_eq!(cut(&chain, CutRule::Keep(4096)).await.unwrap(), genuine);
}

#[tokio::test]
async fn the_merged_index_stays_until_its_last_segment_is_removed() {
    let mut chain = TestChain::starting_after(254 * 4096).await;
    chain.grow(3 * 4096).await;
    compact(&chain).await;
    let rows = async |chain: &TestChain, bucket| {
        let query = TermQuery { bucket, from: 0, before: i64::MAX, downwards: false, limit: 9 };
        chain.tables.terms(chain.organization, &query).await.unwrap().len()
    };
    let (entry, _) = &chain.entries[0];
    let bucket = audit_runs::Fingerprint::of(audit_runs::TermKind::Action, entry.action.as_str()).bucket();
    assert_eq!((rows(&chain, bucket).await, rows(&chain, -1).await), (1, 1));
    let removal = cut(&chain, CutRule::Keep(2 * 4096)).await.unwrap();
    assert_eq!(removal.last.sequence, 255 * 4096);
    remove(&mut chain, removal.last).await;
    assert_consistent(&chain).await;
    assert_eq!((rows(&chain, bucket).await, rows(&chain, -1).await), (1, 1));
    let removal = cut(&chain, CutRule::Keep(4096)).await.unwrap();
    remove(&mut chain, removal.last).await;
    assert_consistent(&chain).await;
    assert_eq!((rows(&chain, bucket).await, rows(&chain, -1).await), (0, 1));
}

#[tokio::test]
async fn rows_of_the_index_that_somebody_deletes_hide_no_entry_and_are_found() {
    for removed in [0, 512] {
        let mut chain = TestChain::new().await;
        chain.grow(1000).await;
        if removed > 0 {
            let removal = cut(&chain, CutRule::Keep(400)).await.unwrap();
            assert_eq!(removal.last.sequence, removed);
            remove(&mut chain, removal.last).await;
        }
        chain.grow(8000).await;
        compact(&chain).await;
        assert_consistent(&chain).await;
        let lease = lease_owner().hold(chain.clock.tick());
        let delete = TermMerge { lease, organization: chain.organization, replaced: vec![1], rows: Vec::new() };
        assert!(chain.tables.merge_terms(&delete).await.unwrap());
        assert_listed(&chain, &StoredLog::new(Arc::clone(&chain.tables))).await;
        let log = StoredLog::new(Arc::clone(&chain.tables));
        let verified = log.verify(chain.organization, &TestLogKey::DEFAULT, Expected::default()).await;
        let fault = Fault::AlteredIndex { first: removed + 1, last: 4096 };
        assert!(matches!(verified, Err(VerificationError::Fault(found)) if found == fault), "{verified:?}");
    }
}

#[tokio::test]
async fn merged_rows_of_the_index_that_somebody_deletes_are_found() {
    let mut chain = TestChain::starting_after(254 * 4096).await;
    chain.grow(3 * 4096).await;
    compact(&chain).await;
    let last = cut(&chain, CutRule::Keep(2 * 4096)).await.unwrap().last;
    let removal = PrefixRemoval {
        organization: chain.organization,
        before: chain.head.removed,
        last,
        terms_before: last.sequence,
        // One segment of the group is left.
        merged_terms_before: 256 * 4096,
        tiles: Vec::new(),
    };
    assert!(chain.tables.remove_prefix(&removal).await.unwrap());
    let log = StoredLog::new(Arc::clone(&chain.tables));
    let verified = log.verify(chain.organization, &TestLogKey::DEFAULT, Expected::default()).await;
    let fault = Fault::AlteredIndex { first: 255 * 4096 + 1, last: 256 * 4096 };
    assert!(matches!(verified, Err(VerificationError::Fault(found)) if found == fault), "{verified:?}");
}

#[tokio::test]
async fn a_removal_that_ends_within_a_segment_removes_nothing() {
    let mut chain = TestChain::new().await;
    chain.grow(5000).await;
    let by_blocks = Head { sequence: 512, hash: chain.entries[511].1 };
    let tables = &*chain.tables;
    let within_a_block = Head { sequence: 300, hash: chain.entries[299].1 };
    assert!(!remove_prefix(tables, chain.organization, Head::EMPTY, within_a_block).await.unwrap());
    // The blocks become a segment after the removal was recorded.
    compact(&chain).await;
    assert!(!remove_prefix(tables, chain.organization, Head::EMPTY, by_blocks).await.unwrap());
    assert_consistent(&chain).await;
}

#[tokio::test]
async fn a_removal_that_is_killed_at_any_call_is_all_or_nothing() {
    for failure in [Failure::BeforeItsEffect, Failure::AfterItsEffect] {
        let mut chain = TestChain::new().await;
        chain.grow(1000).await;
        let last = cut(&chain, CutRule::Keep(300)).await.unwrap().last;
        for calls in 0.. {
            let tables = FailingTables::new(&chain.tables, failure, calls);
            let removed = remove_prefix(&*tables, chain.organization, Head::EMPTY, last).await;
            let head = chain.tables.heads(&[chain.organization]).await.unwrap().remove(0);
            if head.removed == last {
                chain.head.removed = last;
                chain.entries.drain(..512);
                assert_consistent(&chain).await;
                break;
            }
            assert!(removed.is_err() && tables.has_failed());
            assert_consistent(&chain).await;
        }
    }
}

#[tokio::test]
async fn a_damaged_block_at_the_cut_is_not_recorded() {
    let mut chain = TestChain::new().await;
    chain.grow(1000).await;
    for (first, position) in [(257, 60), (257, 500), (513, 60), (1, 2_000)] {
        let intact = flip_byte_of_run(&mut chain, first, position).await;
        let found = find_cut(&*chain.tables, chain.organization, CutRule::Keep(400), "a rule").await;
        assert!(found.is_err(), "byte {position} of the run from {first}: {found:?}");
        chain.replace_run(intact).await;
    }
    assert_eq!(cut_at(&chain, CutRule::Keep(400)).await, Some(512));
}

#[tokio::test]
async fn nothing_is_removed_before_old_entries_are_converted() {
    let mut chain = TestChain::of_old_entries(5000).await;
    chain.grow(10).await;
    assert_eq!(cut(&chain, CutRule::Keep(10)).await, None);
    let last = Head { sequence: 4096, hash: chain.entries[4095].1 };
    assert!(!remove_prefix(&*chain.tables, chain.organization, Head::EMPTY, last).await.unwrap());
}

#[tokio::test]
async fn a_cut_costs_a_few_reads_however_long_the_chain_is() {
    let mut chain = TestChain::new().await;
    chain.grow(5 * 4096).await;
    compact(&chain).await;
    let mut calls = 0;
    loop {
        let tables: Arc<dyn AuditTables> = FailingTables::new(&chain.tables, Failure::BeforeItsEffect, calls);
        let rule = CutRule::Keep(4096);
        if find_cut(&*tables, chain.organization, rule, "a rule").await.is_ok() {
            break;
        }
        calls += 1;
    }
    assert!(calls <= 20, "{calls} calls");
    let query = SegmentQuery { start: SegmentStart::End, downwards: true, limit: 1 };
    assert_eq!(chain.tables.segments(chain.organization, &query).await.unwrap()[0].last_sequence, 5 * 4096);
}
