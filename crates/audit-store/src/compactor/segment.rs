//! The replacement of the blocks of a segment by the segment.

use audit::{
    AuditTables, BLOCK_ENTRIES, Hash,
    tables::{BodyRange, Compaction, LeaseHold, RunTable, StoredHead},
};
use audit_runs::{Header, RunEntry};
use kernel::Ulid;

use super::{Compacted, CompactedChain};
use crate::{
    blocks::{HashedBlock, SEGMENT_ENTRIES, end_of, hash_run, new_segment},
    damage::{ChainFailure, Damage},
    tiles::append_roots,
};

/// Makes the next segment of a chain that has all its entries.
pub(super) async fn compact(
    tables: &dyn AuditTables,
    lease: LeaseHold,
    chain: &CompactedChain,
) -> Result<Compacted, ChainFailure> {
    let organization = chain.head.organization;
    let (first, last) = (chain.through() + 1, end_of(chain.through() + 1, SEGMENT_ENTRIES));
    let Some((entries, blocks)) = read_blocks(tables, chain, (first, last)).await? else {
        return Ok(Compacted::Refused);
    };
    let high_id = chain.last.map_or(Ulid::nil(), |(_, high_id)| high_id);
    let (segment, terms) = new_segment(organization, &entries, &blocks, high_id);
    let roots: Vec<Hash> = blocks.iter().map(HashedBlock::root).collect();
    let compaction = Compaction {
        lease,
        organization,
        replaced_runs: blocks.iter().map(|block| block.first_sequence).collect(),
        segment,
        terms,
        tiles: append_roots(tables, organization, (first - 1) / BLOCK_ENTRIES, &roots).await?,
    };
    let is_stored = tables.compact(&compaction).await?;
    let compacted = Compacted::Segment { organization, first_sequence: first, last_sequence: last };
    Ok(if is_stored { compacted } else { Compacted::Refused })
}

/// Reads the blocks and hashes every entry once more: damage must not get into a segment, whose digest would vouch for it.
/// Returns `None` if the chain was changed in the meantime.
async fn read_blocks(
    tables: &dyn AuditTables,
    chain: &CompactedChain,
    (first, last): (i64, i64),
) -> Result<Option<(Vec<RunEntry>, Vec<HashedBlock>)>, ChainFailure> {
    let StoredHead { organization, removed, head, .. } = chain.head;
    let mut ranges = Vec::new();
    let mut next = first;
    while next <= last {
        ranges.push((next, end_of(next, BLOCK_ENTRIES)));
        next = end_of(next, BLOCK_ENTRIES) + 1;
    }
    let body = |first_sequence, length| BodyRange { table: RunTable::Runs, first_sequence, offset: 0, length };
    let mut wanted: Vec<BodyRange> = ranges.iter().map(|(first, _)| body(*first, usize::MAX)).collect();
    let has_next = last < head.sequence;
    if has_next {
        wanted.push(body(last + 1, Header::MAX_LENGTH));
    }
    let bodies = tables.bodies(organization, &wanted).await?;
    if let Some(missing) = bodies.iter().position(Option::is_none) {
        // A block that is missing although nothing has changed was deleted by somebody else.
        if CompactedChain::read(tables, organization).await?.as_ref() != Some(chain) {
            return Ok(None);
        }
        let range = ranges.get(missing).copied().unwrap_or((last + 1, last + 1));
        return Err(Damage::new(organization, range, "the run is missing").into());
    }
    let mut bodies = bodies.into_iter().flatten();
    let (mut entries, mut blocks) = (Vec::new(), Vec::new());
    // What the first block must begin with, if the chain has nothing before it.
    let mut before = (removed.sequence + 1 == first).then_some(removed.hash);
    for (range, body) in ranges.iter().zip(&mut bodies) {
        let (decoded, hashed) = hash_run(organization, *range, &body)?;
        if hashed.first().zip(before).is_some_and(|(block, before)| block.before != before) {
            return Err(Damage::new(organization, *range, UNCHAINED).into());
        }
        before = hashed.last().map(|block| block.last().hash);
        entries.extend(decoded);
        blocks.extend(hashed);
    }
    let following = match bodies.next() {
        Some(body) => next_anchor(&body).map_err(|reason| Damage::new(organization, (last + 1, last + 1), reason))?,
        None => head.hash,
    };
    if before.is_some_and(|before| before != following) {
        return Err(
            Damage::new(organization, (end_of(last, BLOCK_ENTRIES) - BLOCK_ENTRIES + 1, last + 1), UNCHAINED).into()
        );
    }
    Ok(Some((entries, blocks)))
}

const UNCHAINED: &str = "it does not begin with the hash that the entry before it has";

/// Returns the hash that a run begins with, from its header.
fn next_anchor(body: &[u8]) -> Result<Hash, String> {
    let header = Header::parse(body).map_err(|fault| fault.to_string())?;
    header.anchors.first().map(|anchor| anchor.before).ok_or_else(|| "it has no anchors".to_owned())
}
