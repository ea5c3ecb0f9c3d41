//! The compaction of blocks to segments, and of the index.

use std::{sync::Arc, time::Duration};

use audit::{AuditTables, tables::TermQuery};
use kernel::StoreError;
use novantra_audit_store::{Compacted, Compactor};

use crate::support::{
    FailingTables, Failure, TestChain, assert_consistent, flip_byte_of_run, lease_owner, runs_of, segments_of,
};

fn segment(chain: &TestChain, first_sequence: i64, last_sequence: i64) -> Compacted {
    Compacted::Segment { organization: chain.organization, first_sequence, last_sequence }
}

#[tokio::test]
async fn sixteen_blocks_become_a_segment_with_its_index_and_its_tiles() {
    let mut chain = TestChain::new().await;
    let mut compactor = chain.compactor();
    assert!(compactor.has_more(), "all heads are looked at once");
    chain.grow(4095).await;
    assert_eq!(compactor.run_once().await.unwrap(), Compacted::Nothing);
    assert!(!compactor.has_more());
    chain.grow(1).await;
    compactor.report(chain.organization, 4095, 4096);
    assert_eq!(compactor.run_once().await.unwrap(), segment(&chain, 1, 4096));
    assert_eq!(compactor.run_once().await.unwrap(), Compacted::Nothing);
    assert!(!compactor.has_more());
    assert_eq!(runs_of(&*chain.tables, chain.organization).await, []);
    let tiles = chain.tables.tiles(chain.organization, &[(1, 0), (2, 0)]).await.unwrap();
    assert_eq!(tiles.iter().map(|tile| (tile.level, tile.hashes.len())).collect::<Vec<_>>(), [(1, 16 * 32)]);
    chain.grow(4500).await;
    compactor.report(chain.organization, 4096, 8596);
    assert_eq!(compactor.run_once().await.unwrap(), segment(&chain, 4097, 8192));
    assert_consistent(&chain).await;
}

#[tokio::test]
async fn a_chain_is_looked_at_when_it_was_reported_or_the_lease_was_taken_over() {
    let mut chain = TestChain::new().await;
    let mut compactor = chain.compactor();
    assert_eq!(compactor.run_once().await.unwrap(), Compacted::Nothing);
    chain.grow(3 * 4096 + 1).await;
    compactor.report(chain.organization, 1, 4095);
    assert_eq!(compactor.run_once().await.unwrap(), Compacted::Nothing);
    let mut next = chain.compactor();
    assert_eq!(next.run_once().await.unwrap(), segment(&chain, 1, 4096));
    compactor.take_over();
    assert_eq!(compactor.run_once().await.unwrap(), segment(&chain, 4097, 8192));
    assert!(compactor.has_more());
    assert_eq!(compactor.run_once().await.unwrap(), segment(&chain, 8193, 12288));
    assert_eq!(compactor.run_once().await.unwrap(), Compacted::Nothing);
    assert_eq!(next.run_once().await.unwrap(), Compacted::Nothing, "others have compacted what was due");
    assert_consistent(&chain).await;
}

#[tokio::test]
async fn chains_take_turns() {
    let mut first = TestChain::new().await;
    let mut second = first.beside(2);
    first.grow(2 * 4096).await;
    second.grow(4096).await;
    let mut compactor = first.compactor();
    assert_eq!(compactor.run_once().await.unwrap(), segment(&first, 1, 4096));
    assert_eq!(compactor.run_once().await.unwrap(), segment(&second, 1, 4096));
    assert_eq!(compactor.run_once().await.unwrap(), segment(&first, 4097, 8192));
    assert_eq!(compactor.run_once().await.unwrap(), Compacted::Nothing);
    assert_consistent(&first).await;
    assert_consistent(&second).await;
}

#[tokio::test]
async fn a_damaged_block_never_gets_into_a_segment() {
    let mut chain = TestChain::new().await;
    chain.grow(4096 + 3).await;
    // Headers with anchors, dictionaries and blocks; the last run is the one after the segment, whose anchor is damaged.
    for (first, position) in
        [(1, 0), (1, 30), (257, 60), (513, 85), (1025, 300), (3841, 2_000), (3841, 9_999), (4097, 60)]
    {
        let intact = flip_byte_of_run(&mut chain, first, position).await;
        let mut compactor = chain.compactor();
        let Compacted::Damaged(damage) = compactor.run_once().await.unwrap() else {
            panic!("the damage at byte {position} of the run from {first} was not found");
        };
        assert_eq!(damage.organization, chain.organization);
        assert!(
            damage.first_sequence <= first && first <= damage.last_sequence,
            "byte {position} of the run from {first}: {damage}"
        );
        assert_eq!(segments_of(&*chain.tables, chain.organization).await, []);
        chain.replace_run(intact).await;
        compactor.report(chain.organization, 0, 4096);
        assert_eq!(compactor.run_once().await.unwrap(), Compacted::Nothing, "the chain rests");
        assert!(!compactor.has_more());
        chain.clock.advance(Duration::from_secs(3600));
        assert!(compactor.has_more());
        if first == 4097 {
            assert_eq!(compactor.run_once().await.unwrap(), segment(&chain, 1, 4096));
        }
    }
    assert_consistent(&chain).await;
}

#[tokio::test]
async fn a_process_without_the_lease_compacts_nothing() {
    let mut chain = TestChain::new().await;
    chain.grow(4096).await;
    let mut owner = lease_owner();
    owner.owner.push('2');
    let mut compactor = Compactor::new(Arc::clone(&chain.tables), chain.clock.clone(), owner);
    assert_eq!(compactor.run_once().await.unwrap(), Compacted::Refused);
    assert!(compactor.has_more());
    assert_eq!(segments_of(&*chain.tables, chain.organization).await, []);
    assert_eq!(chain.compactor().run_once().await.unwrap(), segment(&chain, 1, 4096));
}

#[tokio::test]
async fn the_index_of_a_group_of_segments_is_merged_when_it_is_complete() {
    let mut chain = TestChain::starting_after(254 * 4096).await;
    let group = 256 * 4096;
    chain.grow(3 * 4096 - 1).await;
    let mut compactor = chain.compactor();
    for first in [254 * 4096 + 1, 255 * 4096 + 1] {
        assert_eq!(compactor.run_once().await.unwrap(), segment(&chain, first, first + 4095));
    }
    assert_consistent(&chain).await;
    let merged = Compacted::Terms { organization: chain.organization, first_sequence: 1 };
    assert_eq!(compactor.run_once().await.unwrap(), merged);
    assert_consistent(&chain).await;
    assert_eq!(compactor.run_once().await.unwrap(), Compacted::Nothing);
    chain.grow(1).await;
    compactor.report(chain.organization, group + 4095, group + 4096);
    assert_eq!(compactor.run_once().await.unwrap(), segment(&chain, group + 1, group + 4096));
    assert_eq!(compactor.run_once().await.unwrap(), Compacted::Nothing);
    assert_consistent(&chain).await;
    let own = TermQuery { bucket: -1, from: 0, before: i64::MAX, downwards: false, limit: 9 };
    let own = chain.tables.terms(chain.organization, &own).await.unwrap();
    assert_eq!(own.iter().map(|row| row.first_sequence).collect::<Vec<_>>(), [group + 1]);
}

#[tokio::test]
async fn a_compactor_that_is_killed_at_any_call_leaves_old_or_new_rows() {
    for failure in [Failure::BeforeItsEffect, Failure::AfterItsEffect] {
        let mut chain = TestChain::starting_after(254 * 4096).await;
        chain.grow(2 * 4096 + 700).await;
        let mut kills = 0;
        for calls in 0.. {
            let tables = FailingTables::new(&chain.tables, failure, calls);
            let tables_of_process: Arc<dyn AuditTables> = Arc::clone(&tables) as Arc<dyn AuditTables>;
            let mut compactor = Compactor::new(tables_of_process, chain.clock.clone(), lease_owner());
            let outcome = run_to_end(&mut compactor).await;
            assert_eq!(outcome.is_err(), tables.has_failed());
            if outcome.is_ok() {
                break;
            }
            kills += 1;
            if failure == Failure::AfterItsEffect || kills == 1 {
                assert_consistent(&chain).await;
            }
        }
        assert!(kills >= 6, "only {kills} calls were cut");
        assert_eq!(segments_of(&*chain.tables, chain.organization).await.len(), 2);
        let own = TermQuery { bucket: -1, from: 0, before: i64::MAX, downwards: false, limit: 9 };
        assert_eq!(chain.tables.terms(chain.organization, &own).await.unwrap(), []);
        assert_consistent(&chain).await;
    }
}

async fn run_to_end(compactor: &mut Compactor) -> Result<(), StoreError> {
    while compactor.run_once().await? != Compacted::Nothing {}
    Ok(())
}

#[tokio::test]
async fn a_compactor_goes_on_after_a_failure_of_the_store() {
    let mut chain = TestChain::new().await;
    chain.grow(4096).await;
    for calls in 0.. {
        let tables = FailingTables::new(&chain.tables, Failure::BeforeItsEffect, calls);
        let tables_of_process: Arc<dyn AuditTables> = Arc::clone(&tables) as Arc<dyn AuditTables>;
        let mut compactor = Compactor::new(tables_of_process, chain.clock.clone(), lease_owner());
        if compactor.run_once().await.is_err() {
            assert!(tables.has_failed() && compactor.has_more());
            assert_eq!(compactor.run_once().await.unwrap(), segment(&chain, 1, 4096), "after the call {calls}");
            // The next round of this test begins with a chain that has a further segment to make.
            chain = TestChain::new().await;
            chain.grow(4096).await;
        } else {
            break;
        }
    }
}
