//! Damage of what is stored: the verification names the first range that it is in.

use audit::{
    Fault, Head, VerificationError,
    tables::{BodyRange, Conversion, NewRun, NewSegment, PrefixRemoval, RunTable},
};
use novantra_audit_store::{Compacted, Expected, StoredLog};
use std::sync::Arc;
use store_contract::TestLogKey;

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

/// The range of entries in which the verification finds the first fault; `None` if there is none.
async fn damaged(chain: &TestChain) -> Option<(i64, i64)> {
    let log = StoredLog::new(Arc::clone(&chain.tables));
    log.set_key(Arc::new(TestLogKey::DEFAULT));
    match log.verify(chain.organization, &TestLogKey::DEFAULT, Expected::default()).await {
        Ok(_) => None,
        Err(VerificationError::Fault(Fault::Unreadable { first, last } | Fault::AlteredBlock { first, last })) => {
            Some((first, last))
        }
        Err(other) => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_intact_chain_verifies() {
    assert_eq!(damaged(&compacted().await).await, None);
}

#[tokio::test]
async fn a_flipped_byte_of_a_segment_is_named_with_the_block_that_it_is_in() {
    for part in 0..17 {
        let chain = compacted().await;
        let mut segment = stored_segment(&chain).await;
        let header = audit_runs::Header::parse(&segment.run.body).unwrap();
        let (position, range) = match part {
            // All blocks need the dictionary.
            16 => (header.dictionary().start + 5, (1, 4096)),
            block => {
                let bytes = header.block(block);
                let sequences = header.sequences(block);
                ((bytes.start + bytes.end) / 2, (sequences.start, sequences.end - 1))
            }
        };
        segment.run.body[position] ^= 0x10;
        replace_segment(&chain, segment).await;
        let (first, last) = damaged(&chain).await.unwrap();
        assert!(first == range.0 && last <= range.1, "part {part}: {first} to {last}");
    }
}

#[tokio::test]
async fn a_body_that_has_the_same_entries_in_other_bytes_is_found_by_its_digest() {
    let chain = compacted().await;
    let mut segment = stored_segment(&chain).await;
    // Bytes after the last frame belong to no entry.
    segment.run.body.push(0);
    assert!(audit_runs::Header::parse(&segment.run.body).is_ok());
    replace_segment(&chain, segment).await;
    assert_eq!(damaged(&chain).await, Some((1, 4096)));
}

#[tokio::test]
async fn a_flipped_byte_of_a_run_is_named_with_the_run() {
    let mut chain = compacted().await;
    for (first, last, position) in [(4097, 4352, 0), (4353, 4608, 300), (4609, 4696, 200), (4609, 4696, 60)] {
        let intact = flip_byte_of_run(&mut chain, first, position).await;
        assert_eq!(damaged(&chain).await, Some((first, last)), "byte {position}");
        chain.replace_run(intact).await;
    }
}
