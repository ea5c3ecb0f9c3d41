//! Compaction, the merge of the index, and the removal of a chain's start in the tables of the audit log.

use std::sync::Arc;

use audit::{
    Head,
    tables::{Compaction, HeadChange, LeaseHold, PrefixRemoval, RunTable, TermMerge},
};
use kernel::OrganizationId;

use crate::{
    Fixture,
    log_rows::{LogRows, checkpoint, hash, head, progress, run, run_key, segment, stored_head, terms, tile},
};

/// Stores a chain of twelve entries in four runs, with two checkpoints.
async fn store_chain(log: &LogRows, organization: OrganizationId) {
    for last in [3, 6, 9, 12] {
        let kept = (last % 2 == 0).then(|| checkpoint(organization, last));
        log.seal_head(HeadChange { checkpoint: kept, ..progress(organization, last - 3, last) }).await;
    }
}

fn compaction(log: &LogRows, organization: OrganizationId) -> Compaction {
    Compaction {
        lease: log.lease.clone(),
        organization,
        replaced_runs: vec![1, 4],
        segment: segment(1, 6),
        terms: terms(-1, 1),
        tiles: vec![tile(1, 0, &[hash(1), hash(2)])],
    }
}

fn removal(organization: OrganizationId, before: i64, last: i64) -> PrefixRemoval {
    PrefixRemoval {
        organization,
        before: head(before),
        last: head(last),
        terms_before: last + 1,
        merged_terms_before: last + 1,
        tiles: Vec::new(),
    }
}

/// Blocks become a segment with a row of the index, and tiles are replaced by longer ones.
pub async fn blocks_are_replaced_by_a_segment(fixture: Fixture) {
    let log = LogRows::open(&fixture).await;
    let (organization, other) = (fixture.new_id(), fixture.new_id());
    store_chain(&log, organization).await;
    store_chain(&log, other).await;
    let untouched = log.log(other).await;
    assert!(log.tables.compact(&compaction(&log, organization)).await.unwrap());
    let second = Compaction {
        replaced_runs: vec![7],
        segment: segment(7, 9),
        terms: terms(-1, 7),
        tiles: vec![tile(1, 0, &[hash(1), hash(2), hash(3)]), tile(1, 1, &[hash(4)])],
        ..compaction(&log, organization)
    };
    assert!(log.tables.compact(&second).await.unwrap());
    let stored = log.log(organization).await;
    assert_eq!(stored.recent.runs, [run_key(RunTable::Runs, &run(10, 12))]);
    assert_eq!(
        stored.segments,
        [segment(1, 6), segment(7, 9)].map(|segment| run_key(RunTable::Segments, &segment.run))
    );
    assert_eq!(stored.bodies, [run(10, 12).body, segment(1, 6).run.body, segment(7, 9).run.body].map(Some));
    assert_eq!(stored.terms, [terms(-1, 1), terms(-1, 7)]);
    assert_eq!(stored.tiles, second.tiles);
    assert_eq!(stored.recent.head, Some(stored_head(organization, 12)));
    assert_eq!(log.log(other).await, untouched);
}

/// A compaction of another process, or of a block that is gone, stores nothing.
pub async fn a_compaction_that_does_not_fit_stores_nothing(fixture: Fixture) {
    let log = LogRows::open(&fixture).await;
    let organization = fixture.new_id();
    store_chain(&log, organization).await;
    let right = compaction(&log, organization);
    let before = log.content(&[organization]).await;
    for wrong in [
        Compaction { lease: LeaseHold { owner: "sealer-2".into(), ..log.lease.clone() }, ..right.clone() },
        Compaction { replaced_runs: vec![1, 4, 13], ..right.clone() },
        Compaction { organization: fixture.new_id(), ..right.clone() },
    ] {
        assert!(!log.tables.compact(&wrong).await.unwrap());
        assert_eq!(log.content(&[organization]).await, before);
    }
    assert!(log.tables.compact(&right).await.unwrap());
    let after = log.content(&[organization]).await;
    assert!(!log.tables.compact(&right).await.unwrap(), "its blocks are gone");
    assert_eq!(log.content(&[organization]).await, after);
}

/// Rows of the index of single segments are replaced by merged ones, or nothing is.
pub async fn rows_of_the_index_are_merged(fixture: Fixture) {
    let log = LogRows::open(&fixture).await;
    let organization = fixture.new_id();
    let merge = |replaced: &[i64], rows: Vec<_>| TermMerge {
        lease: log.lease.clone(),
        organization,
        replaced: replaced.to_vec(),
        rows,
    };
    let single = merge(&[], vec![terms(-1, 1), terms(-1, 11), terms(-1, 21)]);
    assert!(log.tables.merge_terms(&single).await.unwrap());
    let right = merge(&[1, 11], vec![terms(0, 1), terms(7, 1)]);
    let before = log.content(&[organization]).await;
    for wrong in [
        TermMerge { lease: LeaseHold { owner: "sealer-2".into(), ..log.lease.clone() }, ..right.clone() },
        TermMerge { replaced: vec![1, 12], ..right.clone() },
        TermMerge { organization: fixture.new_id(), ..right.clone() },
    ] {
        assert!(!log.tables.merge_terms(&wrong).await.unwrap());
        assert_eq!(log.content(&[organization]).await, before);
    }
    assert!(log.tables.merge_terms(&right).await.unwrap());
    assert_eq!(log.log(organization).await.terms, [terms(-1, 21), terms(0, 1), terms(7, 1)]);
}

/// The start of a chain is removed with its runs, segments, checkpoints and index, and everything else is left, also of
/// other organizations.
pub async fn the_start_of_a_chain_is_removed(fixture: Fixture) {
    let log = LogRows::open(&fixture).await;
    let (organization, other) = (fixture.new_id(), fixture.new_id());
    for organization in [organization, other] {
        store_chain(&log, organization).await;
        assert!(log.tables.compact(&compaction(&log, organization)).await.unwrap());
        let rows = vec![terms(0, 1), terms(0, 7), terms(7, 1), terms(-1, 7)];
        let merge = TermMerge { lease: log.lease.clone(), organization, replaced: Vec::new(), rows };
        assert!(log.tables.merge_terms(&merge).await.unwrap());
    }
    let untouched = log.log(other).await;
    let removal = PrefixRemoval {
        terms_before: 7,
        merged_terms_before: 1,
        tiles: vec![tile(1, 0, &[hash(9)]), tile(2, 0, &[hash(8)])],
        ..removal(organization, 0, 6)
    };
    assert!(log.tables.remove_prefix(&removal).await.unwrap());
    let stored = log.log(organization).await;
    assert_eq!(stored.segments, []);
    assert_eq!(stored.recent.runs, [run(7, 9), run(10, 12)].map(|run| run_key(RunTable::Runs, &run)));
    assert_eq!(stored.checkpoints, [checkpoint(organization, 12)]);
    assert_eq!(stored.terms, [terms(-1, 7), terms(0, 1), terms(0, 7), terms(7, 1)], "the merged rows are kept");
    assert_eq!(stored.tiles, removal.tiles);
    let stored_head = stored.recent.head.unwrap();
    assert_eq!((stored_head.head, stored_head.removed), (head(12), head(6)));

    let second = PrefixRemoval { terms_before: 7, merged_terms_before: 7, ..self::removal(organization, 6, 12) };
    assert!(log.tables.remove_prefix(&second).await.unwrap());
    let stored = log.log(organization).await;
    assert_eq!((stored.recent.runs.len(), stored.checkpoints.len()), (0, 0));
    assert_eq!(stored.terms, [terms(-1, 7), terms(0, 7)]);
    assert_eq!(log.log(other).await, untouched);
}

/// A removal removes nothing unless the chain begins where it expects, and the runs and segments up to its end have
/// exactly the entries that it removes.
pub async fn a_removal_that_does_not_fit_removes_nothing(fixture: Fixture) {
    let log = LogRows::open(&fixture).await;
    let (organization, shortened) = (fixture.new_id(), fixture.new_id());
    store_chain(&log, organization).await;
    store_chain(&log, shortened).await;
    assert!(log.tables.compact(&compaction(&log, organization)).await.unwrap());
    assert!(log.tables.remove_prefix(&removal(shortened, 0, 3)).await.unwrap());
    let both = [organization, shortened];
    let before = log.content(&both).await;
    for (wrong, reason) in [
        (removal(organization, 0, 3), "a segment goes further than its end"),
        (removal(organization, 0, 7), "a run goes further than its end"),
        (removal(organization, 0, 13), "the chain ends before its end"),
        (removal(organization, 6, 9), "nothing was removed before"),
        (removal(fixture.new_id(), 0, 3), "there is no such chain"),
        (removal(shortened, 0, 6), "something was removed before"),
        (PrefixRemoval { before: Head { hash: hash(4), ..head(3) }, ..removal(shortened, 3, 6) }, "by another hash"),
    ] {
        assert!(!log.tables.remove_prefix(&wrong).await.unwrap(), "{reason}");
        assert_eq!(log.content(&both).await, before, "{reason}");
    }
}

/// Of eight removals of the same entries, one is stored.
pub async fn one_of_eight_concurrent_removals_is_stored(fixture: Fixture) {
    let log = LogRows::open(&fixture).await;
    let organization = fixture.new_id();
    store_chain(&log, organization).await;
    let removals: Vec<_> = (0..8)
        .map(|_| {
            let (tables, removal) = (Arc::clone(&log.tables), removal(organization, 0, 6));
            tokio::spawn(async move { tables.remove_prefix(&removal).await.unwrap() })
        })
        .collect();
    let mut winners = 0;
    for removal in removals {
        winners += usize::from(removal.await.unwrap());
    }
    assert_eq!(winners, 1);
    assert_eq!(log.log(organization).await.recent.runs.len(), 2);
}

/// Of a removal of blocks and their compaction at the same time, one is stored.
pub async fn a_removal_does_not_cross_a_compaction(fixture: Fixture) {
    let log = LogRows::open(&fixture).await;
    for _ in 0..8 {
        let organization = fixture.new_id();
        store_chain(&log, organization).await;
        let (tables, compaction) = (Arc::clone(&log.tables), compaction(&log, organization));
        let compacted = tokio::spawn(async move { tables.compact(&compaction).await.unwrap() });
        let (tables, removal) = (Arc::clone(&log.tables), removal(organization, 0, 3));
        let removed = tokio::spawn(async move { tables.remove_prefix(&removal).await.unwrap() });
        let (compacted, removed) = (compacted.await.unwrap(), removed.await.unwrap());
        assert!(compacted != removed, "compacted: {compacted}, removed: {removed}");
        let stored = log.log(organization).await;
        let runs = stored.recent.runs.iter().chain(&stored.segments);
        let entries: i64 = runs.map(|run| run.last_sequence - run.first_sequence + 1).sum();
        assert_eq!(entries, if removed { 9 } else { 12 });
    }
}
