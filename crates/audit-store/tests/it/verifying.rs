//! The verification of a chain, and of one that somebody has changed.

use audit::{
    Fault, Hash, Signature, VerificationError, VerifiedChain, leaf_hash, tree_root, verify_consistency,
    verify_inclusion,
};
use novantra_audit_store::Expected;
use proptest::prelude::*;

use crate::{
    made_log::{MadeLog, Move, TestKey},
    random_log::{ORGANIZATION, Step, made, steps},
};

async fn verify(made: &MadeLog, roots: &[(u64, Hash)]) -> Result<VerifiedChain, Fault> {
    match made.log().verify(ORGANIZATION, &TestKey, Expected { roots, ..Expected::default() }).await {
        Ok(verified) => Ok(verified),
        Err(VerificationError::Fault(fault)) => Err(fault),
        Err(VerificationError::Store(error)) => panic!("{error}"),
    }
}

fn root(made: &MadeLog, size: u64) -> Hash {
    tree_root(made.sealed[..size as usize].iter().map(|stored| stored.seal.unwrap().hash))
}

async fn check(made: &MadeLog, sizes: &[proptest::sample::Index]) {
    let log = made.log();
    let removed = log.removed(ORGANIZATION).await.unwrap().sequence as u64;
    let last = made.sealed.len() as u64;
    let sizes: Vec<u64> = sizes
        .iter()
        .filter(|_| last > 0)
        .map(|size| size.index(last as usize) as u64 + 1)
        .filter(|size| *size > removed)
        .collect();
    let roots: Vec<(u64, Hash)> = sizes.iter().map(|size| (*size, root(made, *size))).collect();
    let verified = verify(made, &roots).await;
    if removed > 0 {
        assert_eq!(verified, Err(Fault::UnrecordedRemoval { through: removed as i64 }));
    } else {
        let verified = verified.unwrap();
        assert_eq!((verified.entries, verified.signed_through), (last, last as i64));
        assert_eq!(verified.head.sequence, last as i64);
    }
    for (size, expected) in &roots {
        let wrong = (*size, Hash::digest(b"other"));
        assert_eq!(verify(made, &[wrong]).await, Err(Fault::OtherRoot { size: *size }));
        for index in [removed, size / 2, size - 1].into_iter().filter(|index| *index >= removed) {
            let leaf = leaf_hash(made.sealed[index as usize].seal.unwrap().hash);
            let proof = log.inclusion_proof(ORGANIZATION, index, *size).await.unwrap();
            assert!(verify_inclusion(leaf, index, *size, *expected, &proof), "{index} of {size}");
        }
        // What was removed is known by blocks.
        for from in [removed, *size / 2, *size].into_iter().filter(|from| *from >= removed) {
            let proof = log.consistency_proof(ORGANIZATION, from, *size).await.unwrap();
            assert!(verify_consistency((from, root(made, from)), (*size, *expected), &proof), "{from} to {size}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10, ..ProptestConfig::default() })]

    #[test]
    fn a_log_verifies_and_proves_its_entries(
        steps in steps(),
        sizes in proptest::collection::vec(any::<proptest::sample::Index>(), 3),
    ) {
        crate::block_on(async {
            let mut made = made(&steps).await;
            // Nothing is verified of what waits.
            let planned = made.plan_seal(1_000);
            made.apply(planned).await;
            check(&made, &sizes).await;
        });
    }
}

/// A log whose last step was changed.
async fn changed(change: impl Fn(&MadeLog, &mut Move)) -> Result<VerifiedChain, Fault> {
    let steps = [
        Step::Append { rows: 3, entries: 200, late: 0 },
        Step::Seal(3),
        Step::Append { rows: 1, entries: 90, late: 0 },
    ];
    let mut made = made(&steps).await;
    let mut planned = made.plan_seal(1).unwrap();
    change(&made, &mut planned);
    made.apply(Some(planned)).await;
    verify(&made, &[]).await
}

fn seal(planned: &mut Move) -> &mut audit::tables::HeadChange {
    match planned {
        Move::Seal(round) => &mut round.heads[0],
        _ => panic!("it is no seal"),
    }
}

#[tokio::test]
async fn a_changed_entry_is_found() {
    let fault = changed(|made, planned| {
        let run = &mut seal(planned).runs[0];
        run.body = made.encode(run.first_sequence, run.last_sequence, |entries| entries[7].status = Some(418));
    });
    assert_eq!(fault.await, Err(Fault::AlteredBlock { first: 601, last: 690 }));
}

#[tokio::test]
async fn a_run_that_can_not_be_read_is_named() {
    let cut = changed(|_, planned| seal(planned).runs[0].body.truncate(300));
    assert_eq!(cut.await, Err(Fault::Unreadable { first: 601, last: 690 }));
    let flipped = changed(|_, planned| *seal(planned).runs[0].body.last_mut().unwrap() ^= 1);
    assert!(matches!(flipped.await, Err(Fault::Unreadable { .. } | Fault::AlteredBlock { first: 601, last: 690 })));
}

#[tokio::test]
async fn a_run_under_wrong_identifiers_is_found() {
    let low = changed(|_, planned| seal(planned).runs[0].first_id.0 += 1);
    assert_eq!(low.await, Err(Fault::WrongKey { first: 601, last: 690 }));
    let high = changed(|_, planned| seal(planned).runs[0].high_id.0 -= 1);
    assert_eq!(high.await, Err(Fault::WrongKey { first: 601, last: 690 }));
}

#[tokio::test]
async fn a_run_that_is_missing_is_found() {
    let fault = changed(|_, planned| drop(seal(planned).runs.pop()));
    let fault = fault.await.unwrap_err();
    assert!(matches!(fault, Fault::TailCut { last: 600, sequence: 690, .. }), "{fault}");
}

#[tokio::test]
async fn entries_that_the_head_does_not_have_are_found() {
    let fault = changed(|made, planned| {
        let before = made.sealed[599].seal.unwrap();
        let head = &mut seal(planned).after;
        head.head = audit::Head { sequence: before.sequence, hash: before.hash };
        let hashes = made.sealed[..600].iter().map(|stored| stored.seal.unwrap().hash);
        let mut tree = audit::Tree::default();
        hashes.for_each(|hash| tree.push(hash));
        head.tree = Some(tree);
        head.signed = Some(made.sign(600));
    });
    assert_eq!(fault.await, Err(Fault::Unsigned { from: 601 }));
}

#[tokio::test]
async fn a_changed_head_is_found() {
    let unsigned = changed(|_, planned| {
        seal(planned).after.signed.as_mut().unwrap().checkpoint = Signature([1; 64]);
    });
    assert_eq!(unsigned.await, Err(Fault::BadSignature { sequence: 690 }));
    let other_tree = changed(|_, planned| {
        let mut tree = audit::Tree::default();
        (0..690).for_each(|_| tree.push(Hash::ZERO));
        seal(planned).after.tree = Some(tree);
    });
    assert_eq!(other_tree.await, Err(Fault::AlteredHead { sequence: 690 }));
    let never_signed = changed(|_, planned| seal(planned).after.signed = None);
    assert_eq!(never_signed.await, Err(Fault::Unsigned { from: 1 }));
}

#[tokio::test]
async fn a_changed_tile_is_found() {
    let steps = [Step::Append { rows: 11, entries: 390, late: 0 }, Step::Seal(11)];
    for change in [true, false] {
        let mut made = made(&steps).await;
        let mut planned = made.plan_compact().unwrap();
        if let (Move::Compact(compaction), true) = (&mut planned, change) {
            compaction.tiles[0].hashes[40] ^= 1;
        }
        made.apply(Some(planned)).await;
        let expected = if change { Err(Fault::AlteredTile { level: 1, tile: 0 }) } else { Ok(4_290) };
        assert_eq!(verify(&made, &[]).await.map(|verified| verified.entries), expected);
    }
}

#[tokio::test]
async fn tiles_have_the_nodes_of_the_tree() {
    use audit::{Tile, TileContent, entry_bundle, hash_tile, subtree_root};
    let steps = [Step::Append { rows: 12, entries: 390, late: 0 }, Step::Compact { rows: 12 }];
    let made = made(&steps).await;
    let log = made.log();
    let hashes: Vec<Hash> = made.sealed.iter().map(|stored| stored.seal.unwrap().hash).collect();
    let leaves: Vec<Hash> = hashes.iter().map(|hash| leaf_hash(*hash)).collect();
    let tile = |content, number, width| Tile { content, number, width };
    for (number, width, start) in [(0, 256, 0), (15, 256, 3_840), (18, 72, 4_608), (18, 5, 4_608)] {
        let range = start..start + width as usize;
        let found = log.tile(ORGANIZATION, &tile(TileContent::Hashes(0), number, width)).await.unwrap();
        assert_eq!(found, Some(hash_tile(&leaves[range.clone()])));
        let found = log.tile(ORGANIZATION, &tile(TileContent::Entries, number, width)).await.unwrap();
        assert_eq!(found, Some(entry_bundle(&hashes[range])));
    }
    // Of these blocks 16 are in a segment, and 2 are not.
    let roots: Vec<Hash> = leaves.chunks_exact(256).map(subtree_root).collect();
    let found = log.tile(ORGANIZATION, &tile(TileContent::Hashes(1), 0, 18)).await.unwrap();
    assert_eq!(found, Some(hash_tile(&roots)));
    for missing in [
        tile(TileContent::Hashes(1), 0, 19),
        tile(TileContent::Hashes(0), 18, 73),
        tile(TileContent::Entries, 19, 1),
        tile(TileContent::Hashes(2), 0, 1),
        tile(TileContent::Hashes(7), u64::MAX, 1),
    ] {
        assert_eq!(log.tile(ORGANIZATION, &missing).await.unwrap(), None, "{missing}");
    }
}

#[tokio::test]
async fn a_chain_without_a_head_that_was_named_is_found() {
    let steps = [Step::Append { rows: 3, entries: 200, late: 0 }, Step::Seal(3)];
    let made = made(&steps).await;
    let head = |sequence: i64| {
        let sealed = made.sealed.get(sequence as usize - 1);
        audit::Head { sequence, hash: sealed.map_or(Hash::ZERO, |stored| stored.seal.unwrap().hash) }
    };
    let other = |sequence| audit::Head { hash: Hash::digest(b"other"), ..head(sequence) };
    for (heads, fault) in [
        (vec![head(1), head(300), head(512), head(600)], None),
        (vec![head(300), other(300)], Some(300)),
        (vec![other(17), head(600)], Some(17)),
        (vec![other(512)], Some(512)),
        (vec![head(601)], Some(601)),
    ] {
        let expected = Expected { heads: &heads, ..Expected::default() };
        let verified = made.log().verify(ORGANIZATION, &TestKey, expected).await;
        match (verified, fault) {
            (Ok(_), None) => {}
            (Err(VerificationError::Fault(Fault::OtherHead { sequence })), Some(fault)) => assert_eq!(sequence, fault),
            (verified, _) => panic!("{heads:?}: {verified:?}"),
        }
    }
}

/// A chain of which 4,096 entries were removed, with so many roots of their blocks.
async fn with_removed_roots(roots: usize) -> Result<VerifiedChain, Fault> {
    let steps = [Step::Append { rows: 11, entries: 390, late: 0 }, Step::Seal(11)];
    let mut made = made(&steps).await;
    let mut planned = made.plan_compact().unwrap();
    if let Move::Compact(compaction) = &mut planned {
        compaction.tiles[0].hashes.truncate(32 * roots);
    }
    made.apply(Some(planned)).await;
    let planned = made.plan_remove();
    made.apply(planned).await;
    verify(&made, &[(4_200, Hash::digest(b"other"))]).await
}

#[tokio::test]
async fn a_missing_tile_of_what_was_removed_is_found() {
    assert_eq!(with_removed_roots(16).await, Err(Fault::OtherRoot { size: 4_200 }));
    assert_eq!(with_removed_roots(15).await, Err(Fault::AlteredTile { level: 1, tile: 0 }));
    assert_eq!(with_removed_roots(0).await, Err(Fault::AlteredTile { level: 1, tile: 0 }));
}

#[tokio::test]
async fn a_root_is_not_ignored_while_there_is_no_tree() {
    let fault = changed(|_, planned| seal(planned).after.tree = None).await;
    assert_eq!(fault.map(|verified| verified.entries), Ok(690));
    let steps = [Step::Append { rows: 3, entries: 200, late: 0 }];
    let mut made = made(&steps).await;
    let mut planned = made.plan_seal(3).unwrap();
    seal(&mut planned).after.tree = None;
    made.apply(Some(planned)).await;
    assert_eq!(verify(&made, &[(600, root(&made, 600))]).await, Err(Fault::NoTree { size: 600 }));
}
