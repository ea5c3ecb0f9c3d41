//! Damage of what is stored: the verification names the first range that it is in.

use std::sync::Arc;

use audit::{
    Fault, VerificationError,
    tables::{BodyRange, RunTable},
};
use novantra_audit_store::{Compacted, Expected, StoredLog};
use store_contract::TestLogKey;

use crate::{
    moving_tables::MovingTables,
    support::{TestChain, flip_byte_of_run},
};

/// A chain with a segment, two blocks and a smaller run.
async fn compacted() -> TestChain {
    let mut chain = TestChain::new().await;
    chain.grow(4096 + 600).await;
    assert_ne!(chain.compactor().run_once().await.unwrap(), Compacted::Nothing);
    chain
}

/// The body of the segment.
async fn segment_body(chain: &TestChain) -> Vec<u8> {
    let range = BodyRange { table: RunTable::Segments, first_sequence: 1, offset: 0, length: usize::MAX };
    chain.tables.bodies(chain.organization, &[range]).await.unwrap().remove(0).unwrap()
}

/// The range of entries in which the verification finds the first fault, if the segment has this body; `None` if there is
/// none.
async fn damaged_with(chain: &TestChain, segment: Option<Vec<u8>>) -> Option<(i64, i64)> {
    let tables = MovingTables::new(Arc::clone(&chain.tables), Vec::new());
    let tables = match segment {
        Some(body) => tables.with_segment(body),
        None => tables,
    };
    let log = StoredLog::new(Arc::new(tables));
    log.set_key(Arc::new(TestLogKey::DEFAULT));
    match log.verify(chain.organization, &TestLogKey::DEFAULT, Expected::default()).await {
        Ok(_) => None,
        Err(VerificationError::Fault(Fault::Unreadable { first, last } | Fault::AlteredBlock { first, last })) => {
            Some((first, last))
        }
        Err(other) => panic!("{other:?}"),
    }
}

async fn damaged(chain: &TestChain) -> Option<(i64, i64)> {
    damaged_with(chain, None).await
}

#[tokio::test]
async fn an_intact_chain_verifies() {
    assert_eq!(damaged(&compacted().await).await, None);
}

#[tokio::test]
async fn a_flipped_byte_of_a_segment_is_named_with_the_block_that_it_is_in() {
    let chain = compacted().await;
    for part in 0..17 {
        let mut body = segment_body(&chain).await;
        let header = audit_runs::Header::parse(&body).unwrap();
        let (position, range) = match part {
            // All blocks need the dictionary.
            16 => (header.dictionary().start + 5, (1, 4096)),
            block => {
                let bytes = header.block(block);
                let sequences = header.sequences(block);
                ((bytes.start + bytes.end) / 2, (sequences.start, sequences.end - 1))
            }
        };
        body[position] ^= 0x10;
        let (first, last) = damaged_with(&chain, Some(body)).await.unwrap();
        assert!(first == range.0 && last <= range.1, "part {part}: {first} to {last}");
    }
}

#[tokio::test]
async fn a_body_that_has_the_same_entries_in_other_bytes_is_found_by_its_digest() {
    let chain = compacted().await;
    let mut body = segment_body(&chain).await;
    // Bytes after the last frame belong to no entry.
    body.push(0);
    assert!(audit_runs::Header::parse(&body).is_ok());
    assert_eq!(damaged_with(&chain, Some(body)).await, Some((1, 4096)));
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
