//! The conversion of entries of the old form.

use std::{sync::Arc, time::Duration};

use audit::{
    AuditTables, Hash, Head, Tree,
    tables::{Conversion, StoredHead, TileRow},
};
use kernel::StoreError;
use novantra_audit_store::{Compacted, Converted, Converter, TreeHeadSigner as _};

use crate::support::{
    FailingTables, Failure, TestChain, TestNotes, assert_consistent, keys, lease_owner, runs_of, segments_of,
};

async fn stored_head(chain: &TestChain) -> StoredHead {
    chain.tables.heads(&[chain.organization]).await.unwrap().remove(0)
}

async fn convert_all(converter: &mut Converter) -> Result<Vec<Converted>, StoreError> {
    let mut steps = Vec::new();
    loop {
        match converter.run_once().await? {
            Converted::Nothing => return Ok(steps),
            step => steps.push(step),
        }
    }
}

fn finished(chain: &TestChain) -> Converted {
    Converted::Finished { organization: chain.organization }
}

/// The tree over all entries of the chain, with zeros for those that were removed before the last one that was.
fn tree_of(chain: &TestChain) -> Tree {
    let removed = chain.head.removed;
    let mut tree = Tree::default();
    (1..removed.sequence).for_each(|_| tree.push(Hash::ZERO));
    if removed.sequence > 0 {
        tree.push(removed.hash);
    }
    chain.entries.iter().for_each(|(_, hash)| tree.push(*hash));
    tree
}

async fn assert_converted(chain: &TestChain) {
    let head = stored_head(chain).await;
    assert_eq!((head.head, head.old_through, head.removed), (chain.head.head, 0, chain.head.removed));
    assert_eq!(head.tree, Some(tree_of(chain)));
    let tree = tree_of(chain);
    let note = TestNotes.sign_tree(chain.organization, tree.size(), tree.root());
    assert_eq!(head.signed.and_then(|signed| signed.note), Some(note), "the tree is signed");
    let highest = chain.entries.iter().map(|(entry, _)| entry.id.ulid()).max().unwrap();
    assert_eq!(head.high_id, highest);
    assert_consistent(chain).await;
}

#[tokio::test]
async fn old_entries_become_segments_and_blocks_and_a_tree_over_all() {
    let chain = TestChain::of_old_entries(2 * 4096 + 700).await;
    let mut converter = chain.converter();
    let step = |last_sequence| Converted::Step { organization: chain.organization, last_sequence };
    assert_eq!(converter.run_once().await.unwrap(), step(4096));
    assert_eq!(converter.run_once().await.unwrap(), step(8192));
    assert_eq!(stored_head(&chain).await.old_through, 8892, "lists read the old rows until all are converted");
    // The entries of the segments are hashed once more.
    assert_eq!(converter.run_once().await.unwrap(), step(8192));
    assert_eq!(converter.run_once().await.unwrap(), step(8192));
    assert_eq!(converter.run_once().await.unwrap(), step(8892));
    assert_eq!(converter.run_once().await.unwrap(), finished(&chain));
    assert_converted(&chain).await;
    assert!(!chain.tables.old_sealed(chain.organization, 0, 1).await.unwrap().is_empty());
    assert_eq!(converter.run_once().await.unwrap(), Converted::Nothing);
    assert_eq!(chain.tables.old_sealed(chain.organization, 0, 1).await.unwrap(), []);
    let runs = runs_of(&*chain.tables, chain.organization).await;
    let ends: Vec<_> = runs.iter().map(|run| (run.first_sequence, run.last_sequence)).collect();
    assert_eq!(ends, [(8193, 8448), (8449, 8704), (8705, 8892)]);
}

#[tokio::test]
async fn what_was_sealed_since_the_migration_is_in_the_tree_too() {
    for (old, later) in [(4096, 300_usize), (300, 4096), (4096 + 17, 20 * 256), (255, 1), (512, 90), (4096, 0)] {
        let mut chain = TestChain::of_old_entries(old).await;
        let mut converter = chain.converter();
        let mut is_finished = false;
        for count in [later.min(1), later / 2, later.saturating_sub(1) - later / 2] {
            if count > 0 {
                chain.grow(count).await;
            }
            if count != 1 && converter.run_once().await.unwrap() == finished(&chain) {
                is_finished = true;
                chain.reload().await;
            }
        }
        let steps = convert_all(&mut converter).await.unwrap();
        assert!(is_finished || steps.last() == Some(&finished(&chain)), "{old} old entries");
        assert_converted(&chain).await;
        // Now the blocks of old and new entries become segments.
        let mut compactor = chain.compactor();
        while compactor.run_once().await.unwrap() != Compacted::Nothing {}
        let segments = segments_of(&*chain.tables, chain.organization).await.len();
        assert_eq!(segments, chain.entries.len() / 4096);
        assert_consistent(&chain).await;
    }
}

#[tokio::test]
async fn a_chain_whose_first_entries_were_removed_has_zeros_for_their_leaves() {
    for removed in [1, 300, 512, 5000] {
        let mut chain = TestChain::of_old_entries(5000 + 4096).await;
        chain.remove_old_entries(removed).await;
        if removed == 300 {
            chain.grow(20).await;
        }
        chain.record_removal(chain.head.removed).await;
        let steps = convert_all(&mut chain.converter()).await.unwrap();
        assert_eq!(steps.last(), Some(&finished(&chain)));
        assert_converted(&chain).await;
        chain.reload().await;
        chain.grow(5000).await;
        let mut compactor = chain.compactor();
        while compactor.run_once().await.unwrap() != Compacted::Nothing {}
        assert_consistent(&chain).await;
    }
}

#[tokio::test]
async fn a_removal_that_the_chain_does_not_record_is_not_signed_with_its_tree() {
    let mut chain = TestChain::of_old_entries(5000).await;
    chain.remove_old_entries(300).await;
    let another = Head { sequence: 299, ..chain.head.removed };
    chain.record_removal(another).await;
    let steps = convert_all(&mut chain.converter()).await.unwrap();
    let Some(Converted::Damaged(damage)) = steps.last() else { panic!("{steps:?}") };
    assert_eq!((damage.first_sequence, damage.last_sequence), (1, 300), "{damage}");
    assert_eq!(stored_head(&chain).await.tree, None);
    chain.record_removal(chain.head.removed).await;
    chain.clock.advance(Duration::from_secs(3600));
    let steps = convert_all(&mut chain.converter()).await.unwrap();
    assert_eq!(steps.last(), Some(&finished(&chain)));
}

#[tokio::test]
async fn an_old_entry_that_was_altered_stops_its_chain_and_no_other() {
    let chain = TestChain::of_old_entries(5000).await;
    let mut other = chain.beside(2);
    other.insert_old_entries(10);
    let intact = chain.stored_entries();
    for altered in [1, 2500, 4097, 4999] {
        let mut entry = intact[altered - 1].clone();
        entry.entry.status = Some(500);
        chain.store.insert_old_entries(&[entry], &[]).unwrap();
        let sequence = i64::try_from(altered).unwrap();
        let mut converter = chain.converter();
        let mut steps = convert_all(&mut converter).await.unwrap();
        let damage = steps.iter().find_map(|step| match step {
            Converted::Damaged(damage) => Some(damage.clone()),
            _ => None,
        });
        let damage = damage.expect("the altered entry must be found");
        assert_eq!((damage.first_sequence, damage.last_sequence), (sequence, sequence), "{damage}");
        assert_eq!(damage.organization, chain.organization);
        assert_eq!(stored_head(&chain).await.old_through, 5000);
        assert_eq!(segments_of(&*chain.tables, chain.organization).await.len(), altered / 4097);
        assert_converted(&other).await;
        assert!(!chain.tables.old_sealed(chain.organization, 0, 1).await.unwrap().is_empty(), "nothing is deleted");
        chain.store.insert_old_entries(&intact[altered - 1..altered], &[]).unwrap();
        if altered == 4999 {
            chain.clock.advance(Duration::from_secs(3600));
            steps = convert_all(&mut converter).await.unwrap();
            assert_eq!(steps.last(), Some(&finished(&chain)), "it goes on once the entry is as it was");
        }
    }
    assert_converted(&chain).await;
}

#[tokio::test]
async fn a_head_without_the_signature_of_the_installation_is_not_signed_with_its_tree() {
    let chain = TestChain::new().await;
    chain.store.insert_old_entries(&TestChain::of_old_entries(700).await.stored_entries(), &[]).unwrap();
    let mut converter = chain.converter();
    assert!(convert_all(&mut converter).await.is_err());
    let head = stored_head(&chain).await;
    assert_eq!((head.old_through, head.tree, head.signed), (700, None, None));
    assert_eq!(convert_all(&mut converter).await.unwrap(), [], "the chain rests");
}

#[tokio::test]
async fn a_missing_old_entry_stops_the_conversion() {
    let chain = TestChain::new().await;
    let mut entries = TestChain::of_old_entries(700).await.stored_entries();
    entries.remove(333);
    chain.store.insert_old_entries(&entries, &[]).unwrap();
    let steps = convert_all(&mut chain.converter()).await.unwrap();
    let [Converted::Damaged(damage)] = steps.as_slice() else { panic!("the gap was not found: {steps:?}") };
    assert_eq!((damage.first_sequence, damage.last_sequence), (334, 334));
}

#[tokio::test]
async fn runs_that_were_sealed_since_get_the_greatest_identifier_of_old_entries() {
    let mut chain = TestChain::of_old_entries(4000).await;
    let now = chain.clock.tick();
    chain.clock.advance(Duration::from_secs(7200));
    chain.insert_old_entries(96);
    chain.clock.set(now);
    chain.grow(700).await;
    let steps = convert_all(&mut chain.converter()).await.unwrap();
    assert_eq!(steps.last(), Some(&finished(&chain)));
    assert_converted(&chain).await;
    let head = stored_head(&chain).await;
    assert!(head.late_ms > 7_000_000, "late by {} ms", head.late_ms);
}

#[tokio::test]
async fn a_conversion_that_is_killed_at_any_call_is_continued() {
    for failure in [Failure::BeforeItsEffect, Failure::AfterItsEffect] {
        let mut chain = TestChain::of_old_entries(4096 + 300).await;
        chain.grow(17 * 256).await;
        let mut kills = 0;
        for calls in 0.. {
            let tables = FailingTables::new(&chain.tables, failure, calls);
            let tables_of_process: Arc<dyn AuditTables> = Arc::clone(&tables) as Arc<dyn AuditTables>;
            let mut converter = Converter::new(tables_of_process, chain.clock.clone(), lease_owner(), keys());
            let outcome = convert_all(&mut converter).await;
            assert_eq!(outcome.is_err(), tables.has_failed());
            if outcome.is_ok() {
                break;
            }
            kills += 1;
            let head = stored_head(&chain).await;
            let is_converted = head.old_through == 0;
            assert_eq!(is_converted, head.tree.is_some(), "both or neither");
            if is_converted {
                // The process that goes on reports it, so that its sealer forgets the head that it has.
                let again = convert_all(&mut converter).await.unwrap();
                assert!(again.is_empty() || again == [finished(&chain)], "{again:?}");
            }
        }
        assert!(kills >= 8, "only {kills} calls were cut");
        assert_converted(&chain).await;
        assert_eq!(chain.tables.old_sealed(chain.organization, 0, 1).await.unwrap(), []);
    }
}

#[tokio::test]
async fn a_last_step_of_unknown_outcome_is_reported_as_finished() {
    let chain = TestChain::of_old_entries(100).await;
    let mut reported = 0;
    for calls in 0..20 {
        let chain = TestChain::of_old_entries(100).await;
        let tables = FailingTables::new(&chain.tables, Failure::AfterItsEffect, calls);
        let mut converter = Converter::new(tables.clone(), chain.clock.clone(), lease_owner(), keys());
        let _ = convert_all(&mut converter).await;
        if tables.has_failed() && stored_head(&chain).await.old_through == 0 {
            reported += usize::from(convert_all(&mut converter).await.unwrap() == [finished(&chain)]);
        }
    }
    assert_eq!(reported, 1, "only the call that stored it");
    assert_eq!(convert_all(&mut chain.converter()).await.unwrap().last(), Some(&finished(&chain)));
}

#[tokio::test]
async fn tiles_that_somebody_changes_between_two_steps_do_not_come_into_the_signed_tree() {
    let chain = TestChain::of_old_entries(2 * 4096 + 700).await;
    let mut converter = chain.converter();
    for _ in 0..2 {
        converter.run_once().await.unwrap();
    }
    let changed = Conversion {
        lease: lease_owner().hold(chain.clock.tick()),
        organization: chain.organization,
        segments: Vec::new(),
        runs: Vec::new(),
        terms: Vec::new(),
        tiles: vec![TileRow { level: 1, tile: 0, hashes: vec![7; 32 * 32] }],
        head: None,
    };
    assert!(chain.tables.convert(&changed).await.unwrap());
    assert_eq!(convert_all(&mut converter).await.unwrap().last(), Some(&finished(&chain)));
    assert_converted(&chain).await;
    let tiles = chain.tables.tiles(chain.organization, &[(1, 0)]).await.unwrap();
    assert_ne!(tiles[0].hashes, changed.tiles[0].hashes, "the tile is stored anew");
}
