//! The end of the next removal of a chain, found with a few reads however long the chain is; what would be removed is read
//! then.

use audit::{
    AuditTables, BLOCK_ENTRIES, BLOCK_LEVEL, Head, Removal, Tree,
    tables::{RunKey, RunTable, SegmentQuery, SegmentStart, StoredHead},
};
use audit_runs::{Header, RunEntry};
use kernel::{OrganizationId, StoreError, Timestamp};

use super::{body, last_segment, removable, segment_at, store_error};
use crate::{
    blocks::{GROUP_ENTRIES, HashedBlock, SEGMENT_ENTRIES, end_of, entry_id, hash_run},
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
/// `None` if there is nothing to remove, if the old entries of the chain are not converted yet, or if entries that would be
/// removed no longer exist.
///
/// # Errors
/// [`StoreError`] if the store or the archive fails; [`StoreError::Corrupt`] if what would be removed is not as it was
/// sealed, or an entry is not as old as the rule says.
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
    let before = match rule {
        CutRule::Before(time) => Some(time),
        CutRule::Keep(_) => None,
    };
    removal(tables, &head, (cut, before), policy).await.map_err(store_error)
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
    (cut, before): (i64, Option<Timestamp>),
    policy: &str,
) -> Result<Option<Removal>, ChainFailure> {
    let Some(removed) = RemovedEntries::read(tables, head, cut, before).await? else { return Ok(None) };
    let following = match read_header(tables, head.organization, cut + 1).await? {
        Some(header) => header.anchors.first().map(|anchor| anchor.before),
        None => (cut == head.head.sequence).then_some(head.head.hash),
    };
    if following.is_none_or(|following| following != removed.last.hash) {
        let range = (end_of(cut, BLOCK_ENTRIES) - BLOCK_ENTRIES + 1, cut);
        let reason = "the entry after it does not continue from its hash";
        return Err(Damage::new(head.organization, range, reason).into());
    }
    let Some((first_at, last_at)) = removed.times else { return Ok(None) };
    Ok(Some(Removal {
        first_sequence: head.removed.sequence + 1,
        last: removed.last,
        first_at,
        last_at,
        tree_root: Some(removed.tree.root()),
        policy: policy.to_owned(),
    }))
}

/// The entries that a removal would remove. All of them are read, a run at a time: keys and tiles are not authenticated, so by them alone
/// somebody with the database could have recent entries removed, or a wrong root recorded.
struct RemovedEntries {
    last: Head,
    /// The tree over all entries up to the last one.
    tree: Tree,
    /// The times of the first and the last entry.
    times: Option<(Timestamp, Timestamp)>,
}

impl RemovedEntries {
    /// Reads the entries up to the end of a block, all of which must be from before this time. Returns `None` if some of them
    /// no longer exist.
    ///
    /// # Errors
    /// [`Damage`] if they are not as they were sealed, or if one of them is not from before the time.
    async fn read(
        tables: &dyn AuditTables,
        head: &StoredHead,
        cut: i64,
        before: Option<Timestamp>,
    ) -> Result<Option<Self>, ChainFailure> {
        let organization = head.organization;
        let tree = stored_tree(tables, organization, head.removed.sequence / BLOCK_ENTRIES).await?;
        let mut removed = Self { last: head.removed, tree, times: None };
        while removed.last.sequence < cut {
            let next = removed.last.sequence + 1;
            let run = match segment_at(tables, organization, next).await? {
                Some(segment) => (RunTable::Segments, segment.first_sequence, segment.last_sequence),
                None => (RunTable::Runs, next, end_of(next, BLOCK_ENTRIES)),
            };
            let (table, first, last) = run;
            let Some(body) = body(tables, organization, (table, first), usize::MAX).await? else { return Ok(None) };
            let (entries, blocks) = hash_run(organization, (first, last), &body)?;
            let damage = |reason: &str| Damage::new(organization, (first, last), reason);
            if first != next || last > cut || blocks.first().is_some_and(|block| block.before != removed.last.hash) {
                return Err(damage("it does not begin with the hash that the entry before it has").into());
            }
            let is_recent =
                |entry: &RunEntry| before.is_some_and(|before| entry_id(entry).ulid() >= before.first_ulid());
            if entries.iter().any(is_recent) {
                return Err(damage("it has entries that are not as old as its key says").into());
            }
            removed.add(&entries, &blocks);
        }
        Ok(Some(removed))
    }

    fn add(&mut self, entries: &[RunEntry], blocks: &[HashedBlock]) {
        for block in blocks {
            self.tree.push_subtree(block.root(), BLOCK_LEVEL);
            self.last = block.last();
        }
        if let (Some(first), Some(last)) = (entries.first(), entries.last()) {
            let first_at = self.times.map_or_else(|| occurred_at(first), |(first_at, _)| first_at);
            self.times = Some((first_at, occurred_at(last)));
        }
    }
}

/// Reads the header of the run that begins with this sequence.
async fn read_header(
    tables: &dyn AuditTables,
    organization: OrganizationId,
    sequence: i64,
) -> Result<Option<Header>, ChainFailure> {
    let table = match segment_at(tables, organization, sequence).await? {
        Some(_) => RunTable::Segments,
        None => RunTable::Runs,
    };
    let Some(bytes) = body(tables, organization, (table, sequence), Header::MAX_LENGTH).await? else { return Ok(None) };
    let header = Header::parse(&bytes);
    let header = header.map_err(|fault| Damage::new(organization, (sequence, sequence), fault.to_string()))?;
    Ok(Some(header))
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
