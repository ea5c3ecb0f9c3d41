//! The end of the next removal of a chain, found with a few reads however long the chain is.

use audit::{
    AuditTables, BLOCK_ENTRIES, Hash, Head, Removal,
    tables::{RunKey, RunTable, SegmentQuery, SegmentStart, StoredHead},
};
use audit_runs::{Dictionary, Header, RunEntry};
use kernel::{OrganizationId, StoreError, Timestamp};

use super::{block_roots, body, last_segment, removable, segment_at, store_error};
use crate::{
    blocks::{GROUP_ENTRIES, HashedBlock, SEGMENT_ENTRIES, end_of, entry_id, hash_block},
    damage::{ChainFailure, Damage},
    tiles::stored_tree,
};

/// The maximum number of entries that one removal removes, in one transaction.
const MAX_REMOVED: i64 = GROUP_ENTRIES;

/// The rule by which entries are removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CutRule {
    /// All entries but this number of the newest ones.
    Keep(i64),
    /// The entries from before this time, by the times of their identifiers.
    Before(Timestamp),
}

/// Returns the next removal of a chain by a rule, with the text of the rule for people. It removes less than the rule
/// allows: up to the end of a segment, or of a block in a chain without segments, and at most 1,048,576 entries. Returns
/// `None` if there is nothing to remove, if the old entries of the chain are not converted yet, or if the entries at the
/// start or the end of the removal are in the archive.
///
/// # Errors
/// [`StoreError`] if the store fails; [`StoreError::Corrupt`] if the blocks at the removal's ends are not as they were
/// sealed.
pub async fn find_cut(
    tables: &dyn AuditTables,
    organization: OrganizationId,
    rule: CutRule,
    policy: &str,
) -> Result<Option<Removal>, StoreError> {
    let Some(head) = removable(tables, organization).await? else { return Ok(None) };
    let last_segment = last_segment(tables, organization).await?;
    let last_segment = last_segment.filter(|segment| segment.last_sequence > head.removed.sequence);
    let target = match rule {
        CutRule::Keep(entries) => head.head.sequence - entries,
        CutRule::Before(time) => last_before(tables, organization, last_segment.as_ref(), time).await?,
    };
    let target = target.min(head.removed.sequence + MAX_REMOVED).min(head.head.sequence);
    if target <= head.removed.sequence {
        return Ok(None);
    }
    let cut = match last_segment {
        Some(_) => match segment_at(tables, organization, target).await? {
            Some(segment) if segment.last_sequence > target => segment.first_sequence - 1,
            Some(segment) => segment.last_sequence,
            // It lies in the blocks after the last segment.
            None => last_segment.map_or(0, |segment| segment.last_sequence),
        },
        None => {
            // What is left should begin with a segment, if there are entries of more than one.
            let by_segments = target - target % SEGMENT_ENTRIES;
            if by_segments > head.removed.sequence { by_segments } else { target - target % BLOCK_ENTRIES }
        }
    };
    if cut <= head.removed.sequence {
        return Ok(None);
    }
    removal(tables, &head, cut, policy).await.map_err(store_error)
}

/// Returns the sequence of the last entry of the last segment, or block in a chain without segments, that has only entries
/// from before this time, like all before it; 0 if there is none.
async fn last_before(
    tables: &dyn AuditTables,
    organization: OrganizationId,
    last_segment: Option<&RunKey>,
    time: Timestamp,
) -> Result<i64, StoreError> {
    let first_id = time.first_ulid();
    let Some(last_segment) = last_segment else {
        let runs = tables.runs(organization).await?;
        let is_old_block = |run: &&RunKey| run.last_sequence % BLOCK_ENTRIES == 0 && run.high_id < first_id;
        return Ok(runs.iter().take_while(is_old_block).last().map_or(0, |run| run.last_sequence));
    };
    let query = SegmentQuery { start: SegmentStart::HighId(first_id), downwards: false, limit: 1 };
    let first_kept = tables.segments(organization, &query).await?.into_iter().next();
    Ok(first_kept.map_or(last_segment.last_sequence, |segment| segment.first_sequence - 1))
}

async fn removal(
    tables: &dyn AuditTables,
    head: &StoredHead,
    cut: i64,
    policy: &str,
) -> Result<Option<Removal>, ChainFailure> {
    let first_sequence = head.removed.sequence + 1;
    let Some((first, _)) = read_block(tables, head.organization, first_sequence).await? else { return Ok(None) };
    let Some((last, block)) = read_block(tables, head.organization, cut).await? else { return Ok(None) };
    let following = match read_header(tables, head.organization, cut + 1).await? {
        Some((_, header)) => header.anchors.first().map(|anchor| anchor.before),
        None => (cut == head.head.sequence).then_some(head.head.hash),
    };
    let end = block.last();
    if end.sequence != cut || following.is_none_or(|following| following != end.hash) {
        let reason = "the entry after it does not continue from its hash";
        return Err(Damage::new(head.organization, block.range(), reason).into());
    }
    let Some(tree_root) = tree_root_at(tables, head, cut).await? else { return Ok(None) };
    let (Some(first), Some(last)) = (first.first(), last.last()) else { return Ok(None) };
    Ok(Some(Removal {
        first_sequence,
        last: Head { sequence: cut, hash: end.hash },
        first_at: occurred_at(first),
        last_at: occurred_at(last),
        tree_root: Some(tree_root),
        policy: policy.to_owned(),
    }))
}

/// Returns the root of the tree over the entries up to the end of a block.
async fn tree_root_at(tables: &dyn AuditTables, head: &StoredHead, cut: i64) -> Result<Option<Hash>, ChainFailure> {
    let organization = head.organization;
    if segment_at(tables, organization, cut).await?.is_some() {
        return Ok(Some(stored_tree(tables, organization, cut / BLOCK_ENTRIES).await?.root()));
    }
    let mut tree = stored_tree(tables, organization, head.removed.sequence / BLOCK_ENTRIES).await?;
    let roots = block_roots(tables, head, (head.removed.sequence + 1, cut)).await?;
    roots.iter().flatten().for_each(|root| tree.push_subtree(*root, audit::BLOCK_LEVEL));
    Ok(roots.map(|_| tree.root()))
}

/// Reads the block of a sequence and hashes its entries. Returns `None` if it does not exist, or is in the archive.
async fn read_block(
    tables: &dyn AuditTables,
    organization: OrganizationId,
    sequence: i64,
) -> Result<Option<(Vec<RunEntry>, HashedBlock)>, ChainFailure> {
    let Some((run, header)) = read_header(tables, organization, sequence).await? else { return Ok(None) };
    let number = (0..header.blocks()).find(|block| header.sequences(*block).contains(&sequence));
    let damage = |reason: String| Damage::new(organization, (sequence, end_of(sequence, BLOCK_ENTRIES)), reason);
    let number = number.ok_or_else(|| damage("its run is one with other entries".to_owned()))?;
    let Some(body) = body(tables, organization, run, header.block(number).end).await? else { return Ok(None) };
    let part = |range| body.get(range).ok_or_else(|| damage("its end is missing".to_owned()));
    let dictionary = Dictionary::decode(&header, part(header.dictionary())?);
    let dictionary = dictionary.map_err(|fault| damage(fault.to_string()))?;
    Ok(Some(hash_block(organization, &header, &dictionary, number, part(header.block(number))?)?))
}

/// Reads the header of the run that contains a sequence: a segment, or the block, or the run that begins with it.
async fn read_header(
    tables: &dyn AuditTables,
    organization: OrganizationId,
    sequence: i64,
) -> Result<Option<((RunTable, i64), Header)>, ChainFailure> {
    let run = match segment_at(tables, organization, sequence).await? {
        Some(segment) => (RunTable::Segments, segment.first_sequence),
        None => (RunTable::Runs, sequence),
    };
    let found = match body(tables, organization, run, Header::MAX_LENGTH).await? {
        Some(bytes) => Some((run, bytes)),
        None => {
            let run = (RunTable::Runs, end_of(sequence, BLOCK_ENTRIES) - BLOCK_ENTRIES + 1);
            body(tables, organization, run, Header::MAX_LENGTH).await?.map(|bytes| (run, bytes))
        }
    };
    let Some((run, bytes)) = found else { return Ok(None) };
    let header = Header::parse(&bytes);
    let header = header.map_err(|fault| Damage::new(organization, (run.1, run.1), fault.to_string()))?;
    Ok(Some((run, header)))
}

/// The time of an entry; that of its identifier, if its content was removed.
fn occurred_at(entry: &RunEntry) -> Timestamp {
    match entry {
        RunEntry::Entry(entry) => entry.occurred_at,
        RunEntry::Stub { .. } => {
            Timestamp::from_millis(i64::try_from(entry_id(entry).ulid().timestamp_ms()).unwrap_or(i64::MAX))
        }
    }
}
