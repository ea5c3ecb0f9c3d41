//! The removal of the oldest entries of a chain: a prefix that ends with a segment, or with a block in a chain that has no
//! segment in that range. The roots of its blocks stay for ever, so that the tree of the chain verifies from its start.

mod cut;
mod recorded;

use audit::{
    AuditTables, BLOCK_ENTRIES, Hash, Head,
    tables::{BodyRange, PrefixRemoval, RunKey, RunTable, SegmentQuery, SegmentStart, StoredHead, TileRow},
};
use audit_runs::Header;
use kernel::{OrganizationId, StoreError};

use crate::{
    blocks::{GROUP_ENTRIES, HashedBlock, SEGMENT_ENTRIES, end_of, hash_run},
    damage::{ChainFailure, Damage},
    tiles::append_roots,
};

pub use cut::{CutRule, find_cut};
pub(crate) use recorded::is_recorded;

/// Removes the entries up to `last` from the start of a chain that begins after `before`: after an entry that records it
/// was sealed. Returns `false`, and removes nothing, if the chain does not begin there, or can't end there.
///
/// # Errors
/// [`StoreError`] if the store fails; [`StoreError::Corrupt`] if a block that is to be removed is not as it was sealed.
pub async fn remove_prefix(
    tables: &dyn AuditTables,
    organization: OrganizationId,
    before: Head,
    last: Head,
) -> Result<bool, StoreError> {
    let Some(head) = removable(tables, organization).await? else { return Ok(false) };
    if head.removed != before || last.sequence <= before.sequence || last.sequence > head.head.sequence {
        return Ok(false);
    }
    let tiles = match tiles_of_blocks(tables, &head, last).await {
        Ok(Some(tiles)) => tiles,
        Ok(None) => return Ok(false),
        Err(failure) => return Err(store_error(failure)),
    };
    let next = last.sequence + 1;
    let removal = PrefixRemoval {
        organization,
        before,
        last,
        // The index of a segment of which only some blocks are removed does not exist yet.
        terms_before: end_of(next, SEGMENT_ENTRIES) - SEGMENT_ENTRIES + 1,
        merged_terms_before: end_of(next, GROUP_ENTRIES) - GROUP_ENTRIES + 1,
        tiles,
    };
    tables.remove_prefix(&removal).await
}

/// Returns the head of a chain from which entries can be removed: not before its tree is built.
async fn removable(tables: &dyn AuditTables, organization: OrganizationId) -> Result<Option<StoredHead>, StoreError> {
    let heads = tables.heads(&[organization]).await?;
    Ok(heads.into_iter().next().filter(|head| head.old_through == 0 && head.tree.is_some()))
}

/// Returns the tiles with the roots of the removed blocks that are not in them yet: none if the removal ends with a
/// segment, all if it ends with a block. Returns `None` if it ends with neither.
async fn tiles_of_blocks(
    tables: &dyn AuditTables,
    head: &StoredHead,
    last: Head,
) -> Result<Option<Vec<TileRow>>, ChainFailure> {
    if let Some(segment) = segment_at(tables, head.organization, last.sequence).await? {
        return Ok((segment.last_sequence == last.sequence).then(Vec::new));
    }
    let through = last_segment(tables, head.organization).await?.map_or(0, |segment| segment.last_sequence);
    if last.sequence % BLOCK_ENTRIES != 0 || through > head.removed.sequence {
        return Ok(None);
    }
    let first = head.removed.sequence + 1;
    let Some(roots) = block_roots(tables, head, (first, last.sequence)).await? else { return Ok(None) };
    append_roots(tables, head.organization, (first - 1) / BLOCK_ENTRIES, &roots).await.map(Some)
}

/// Returns the roots of the blocks with these first and last sequences that are not in a segment yet, from their headers;
/// `None` if one of them no longer exists.
async fn block_roots(
    tables: &dyn AuditTables,
    head: &StoredHead,
    (first, last): (i64, i64),
) -> Result<Option<Vec<Hash>>, ChainFailure> {
    let mut roots = Vec::new();
    let mut next = first;
    while next <= last {
        let end = end_of(next, BLOCK_ENTRIES);
        // Only the first block can lack entries. What stands for them is not in its header.
        let is_whole = end - next + 1 == BLOCK_ENTRIES;
        let length = if is_whole { Header::MAX_LENGTH } else { usize::MAX };
        let Some(body) = body(tables, head.organization, (RunTable::Runs, next), length).await? else {
            return Ok(None);
        };
        let damage = |reason: &str| Damage::new(head.organization, (next, end), reason);
        if is_whole {
            let header = Header::parse(&body).map_err(|fault| damage(&fault.to_string()))?;
            match header.anchors.as_slice() {
                [anchor] if header.first_sequence == next && header.sequences(0).end == end + 1 => {
                    roots.push(anchor.root);
                }
                _ => return Err(damage("its header is that of another run").into()),
            }
        } else {
            let (_, blocks) = hash_run(head.organization, (next, end), &body)?;
            roots.extend(blocks.iter().map(HashedBlock::root));
        }
        next = end + 1;
    }
    Ok(Some(roots))
}

async fn body(
    tables: &dyn AuditTables,
    organization: OrganizationId,
    (table, first_sequence): (RunTable, i64),
    length: usize,
) -> Result<Option<Vec<u8>>, StoreError> {
    let range = BodyRange { table, first_sequence, offset: 0, length };
    Ok(tables.bodies(organization, &[range]).await?.into_iter().next().flatten())
}

/// Returns the segment that contains this sequence.
async fn segment_at(
    tables: &dyn AuditTables,
    organization: OrganizationId,
    sequence: i64,
) -> Result<Option<RunKey>, StoreError> {
    let query = SegmentQuery { start: SegmentStart::Sequence(sequence), downwards: true, limit: 1 };
    let segment = tables.segments(organization, &query).await?.into_iter().next();
    Ok(segment.filter(|segment| segment.last_sequence >= sequence))
}

async fn last_segment(tables: &dyn AuditTables, organization: OrganizationId) -> Result<Option<RunKey>, StoreError> {
    let query = SegmentQuery { start: SegmentStart::End, downwards: true, limit: 1 };
    Ok(tables.segments(organization, &query).await?.into_iter().next())
}

fn store_error(failure: ChainFailure) -> StoreError {
    match failure {
        ChainFailure::Damage(damage) => StoreError::Corrupt(Box::new(damage)),
        ChainFailure::Store(error) => error,
    }
}
