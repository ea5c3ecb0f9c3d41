//! The check of bodies without decoding them.

use audit::{
    Head,
    tables::{BodyRange, Conversion, NewRun, NewSegment, PrefixRemoval, RunTable, TileRow},
};
use novantra_audit_store::{Compacted, check_bodies};

use crate::support::{TestChain, flip_byte_of_run, lease_owner, segments_of};

/// A chain with a segment, two blocks and a smaller run.
async fn compacted() -> TestChain {
    let mut chain = TestChain::new().await;
    chain.grow(4096 + 600).await;
    assert_ne!(chain.compactor().run_once().await.unwrap(), Compacted::Nothing);
    chain
}

/// Puts another body in the place of the segment, which keeps its digest.
async fn replace_segment(chain: &TestChain, segment: NewSegment) {
    // A removal that states a wrong end is the only change of the port that deletes a segment.
    let organization = chain.organization;
    let last = Head { sequence: 4096, hash: chain.entries[4095].1 };
    let stored = chain.tables.heads(&[organization]).await.unwrap().remove(0).removed;
    if stored == Head::EMPTY {
        let removal = PrefixRemoval {
            organization,
            before: stored,
            last,
            terms_before: 0,
            merged_terms_before: 0,
            tiles: Vec::new(),
        };
        assert!(chain.tables.remove_prefix(&removal).await.unwrap());
    }
    let conversion = Conversion {
        lease: lease_owner().hold(chain.clock_now()),
        organization,
        segments: vec![segment],
        runs: Vec::new(),
        terms: Vec::new(),
        tiles: Vec::new(),
        head: None,
    };
    assert!(chain.tables.convert(&conversion).await.unwrap());
}

async fn stored_segment(chain: &TestChain) -> NewSegment {
    let key = segments_of(&*chain.tables, chain.organization).await.remove(0);
    let range = BodyRange { table: RunTable::Segments, first_sequence: 1, offset: 0, length: usize::MAX };
    let body = chain.tables.bodies(chain.organization, &[range]).await.unwrap().remove(0).unwrap();
    let digest = chain.tables.digests(chain.organization, 1, 1).await.unwrap()[0].1;
    let run = NewRun {
        first_sequence: key.first_sequence,
        last_sequence: key.last_sequence,
        first_id: key.first_id,
        high_id: key.high_id,
        body,
    };
    NewSegment { run, digest }
}

#[tokio::test]
async fn an_intact_chain_has_no_damages() {
    let chain = compacted().await;
    let checked = check_bodies(&*chain.tables, chain.organization).await.unwrap();
    assert_eq!((checked.segments, checked.archived, checked.runs, checked.damages), (1, 0, 3, Vec::new()));
}

#[tokio::test]
async fn a_flipped_byte_of_a_segment_is_named_with_the_block_that_it_is_in() {
    for part in 0..17 {
        let chain = compacted().await;
        let mut segment = stored_segment(&chain).await;
        let header = audit_runs::Header::parse(&segment.run.body).unwrap();
        let (position, range) = match part {
            16 => (header.dictionary().start + 5, (1, 4096)),
            block => {
                let bytes = header.block(block);
                let sequences = header.sequences(block);
                ((bytes.start + bytes.end) / 2, (sequences.start, sequences.end - 1))
            }
        };
        segment.run.body[position] ^= 0x10;
        replace_segment(&chain, segment).await;
        let checked = check_bodies(&*chain.tables, chain.organization).await.unwrap();
        let ranges: Vec<_> =
            checked.damages.iter().map(|damage| (damage.first_sequence, damage.last_sequence)).collect();
        // All blocks need the dictionary.
        let named = (ranges[0].0, ranges[ranges.len() - 1].1);
        assert_eq!(named, range, "part {part}: {:?}", checked.damages);
        assert!(part == 16 || ranges.len() == 1);
    }
}

#[tokio::test]
async fn a_flipped_byte_of_a_run_is_named_with_the_run() {
    let mut chain = compacted().await;
    for (first, last, position) in [(4097, 4352, 0), (4353, 4608, 300), (4609, 4696, 200), (4609, 4696, 60)] {
        let intact = flip_byte_of_run(&mut chain, first, position).await;
        let checked = check_bodies(&*chain.tables, chain.organization).await.unwrap();
        let ranges: Vec<_> =
            checked.damages.iter().map(|damage| (damage.first_sequence, damage.last_sequence)).collect();
        assert_eq!(ranges, [(first, last)], "byte {position}: {:?}", checked.damages);
        chain.replace_run(intact).await;
    }
}

#[tokio::test]
async fn a_tile_with_another_hash_is_named_with_its_block() {
    let chain = compacted().await;
    let mut tile = chain.tables.tiles(chain.organization, &[(1, 0)]).await.unwrap().remove(0);
    tile.hashes[3 * 32] ^= 1;
    let conversion = Conversion {
        lease: lease_owner().hold(chain.clock_now()),
        organization: chain.organization,
        segments: Vec::new(),
        runs: Vec::new(),
        terms: Vec::new(),
        tiles: vec![TileRow { ..tile }],
        head: None,
    };
    assert!(chain.tables.convert(&conversion).await.unwrap());
    let checked = check_bodies(&*chain.tables, chain.organization).await.unwrap();
    let ranges: Vec<_> = checked.damages.iter().map(|damage| (damage.first_sequence, damage.last_sequence)).collect();
    assert_eq!(ranges, [(769, 1024), (1, 4696)], "{:?}", checked.damages);
}

#[tokio::test]
async fn missing_runs_are_named() {
    let mut chain = compacted().await;
    chain.forget_run(4353).await;
    let checked = check_bodies(&*chain.tables, chain.organization).await.unwrap();
    let ranges: Vec<_> = checked.damages.iter().map(|damage| (damage.first_sequence, damage.last_sequence)).collect();
    assert_eq!(ranges, [(4353, 4608)], "{:?}", checked.damages);
}
