//! The last steps of the conversion of a chain: the entries of the old form that are less than a segment, and the tree over
//! them and over all runs that were sealed since.

use audit::{
    AuditTables, BLOCK_ENTRIES, BLOCK_LEVEL, Hash, RowKey, Tree, recorded_removal,
    tables::{
        BodyRange, Conversion, HeadChange, LeaseHold, NewRun, RunKey, RunTable, SegmentQuery, SegmentStart, StoredHead,
    },
};
use audit_runs::{Effort, RunEntry};
use kernel::Ulid;

use super::{
    old_entries::{OldEntries, read_old_entries},
    removed_roots,
};
use crate::{
    blocks::{HashedBlock, entry_id, hash_run, new_run, removed_leaves},
    damage::{ChainFailure, Damage},
    stored_head::verify_tag,
    tiles::append_roots,
};

/// The maximum number of runs that one step adds to the tree. The runs of one block are at most 255, so the last step may
/// have more.
const RUNS_PER_STEP: usize = 16;

/// The tree over the first part of a chain.
#[derive(Clone, Debug)]
pub(super) struct Finish {
    /// The head when this began.
    head: StoredHead,
    /// The sequence of the last entry of the segments.
    segments_through: i64,
    /// The sequence of the last entry in the tree.
    last: i64,
    /// The hash of that entry.
    hash: Hash,
    tree: Tree,
    high_id: Ulid,
    late_ms: i64,
    /// The runs made of entries of the old form.
    old_runs: Vec<NewRun>,
    /// The runs that the sealer has stored with a greatest identifier that leaves out entries of the old form.
    raised_runs: Vec<NewRun>,
    has_old_entries: bool,
    /// Whether one of the entries records what was removed. The head that says so is not authenticated in that.
    is_removal_recorded: bool,
    /// The roots of the blocks that were removed and of those of the segments.
    roots: Vec<Hash>,
}

impl Finish {
    /// Begins with the segments that exist. Their entries are hashed once more, since the tree that is signed must be that of
    /// the chain, whatever somebody has made of stored tiles.
    pub(super) fn new(head: &StoredHead, last: Option<&RunKey>) -> Self {
        let (mut tree, roots) = (Tree::default(), removed_roots(head));
        roots.iter().for_each(|root| tree.push_subtree(*root, BLOCK_LEVEL));
        let size = i64::try_from(tree.size()).unwrap_or(i64::MAX);
        removed_leaves(head.removed.sequence - size, head.removed.hash).for_each(|hash| tree.push(hash));
        Self {
            head: head.clone(),
            segments_through: last.map_or(0, |last| last.last_sequence),
            last: head.removed.sequence,
            hash: head.removed.hash,
            tree,
            high_id: Ulid::nil(),
            late_ms: 0,
            old_runs: Vec::new(),
            raised_runs: Vec::new(),
            has_old_entries: false,
            is_removal_recorded: head.removed.sequence == 0,
            roots,
        }
    }

    /// Whether this is still about the chain with this head.
    pub(super) fn is_about(&self, head: &StoredHead) -> bool {
        let of = |head: &StoredHead| (head.organization, head.old_through, head.removed);
        of(&self.head) == of(head)
    }

    /// The sequence of the last entry that is converted.
    pub(super) fn last_sequence(&self) -> i64 {
        self.last.max(self.segments_through)
    }

    /// Does a step. Returns the change that ends the conversion if it was the last one.
    pub(super) async fn step(
        &mut self,
        tables: &dyn AuditTables,
        key: &dyn RowKey,
        lease: LeaseHold,
    ) -> Result<Option<Conversion>, ChainFailure> {
        if self.last < self.segments_through {
            self.add_segment(tables).await?;
            return Ok(None);
        }
        if !self.has_old_entries {
            self.add_old_entries(tables).await?;
            self.has_old_entries = true;
            return Ok(None);
        }
        let organization = self.head.organization;
        let runs = tables.runs(organization).await?;
        let head = tables.heads(&[organization]).await?.pop();
        let Some(head) = head.filter(|head| self.is_about(head)) else { return Ok(None) };
        verify_tag(key, &head)?;
        let following: Vec<RunKey> = runs.into_iter().filter(|run| run.first_sequence > self.last).collect();
        // Only whole blocks stay as they are until the next step: smaller runs are replaced when the chain moves on.
        let is_block = |run: &RunKey| run.last_sequence % BLOCK_ENTRIES == 0;
        if let Some((blocks, _)) = following.split_at_checked(RUNS_PER_STEP)
            && blocks.iter().all(is_block)
        {
            self.add_runs(tables, blocks).await?;
            return Ok(None);
        }
        let mut whole = self.clone();
        whole.add_runs(tables, &following).await?;
        if whole.last < self.head.head.sequence {
            let range = (whole.last + 1, self.head.head.sequence);
            return Err(Damage::new(self.head.organization, range, "the runs are missing").into());
        }
        // The head was read after the runs, and may be further.
        if whole.last != head.head.sequence {
            return Ok(None);
        }
        if whole.hash != head.head.hash {
            let range = (whole.last, whole.last);
            return Err(Damage::new(self.head.organization, range, "it does not have the hash of the head").into());
        }
        if !whole.is_removal_recorded {
            let reason = "they are said to be removed, which the log does not record";
            return Err(Damage::new(self.head.organization, (1, head.removed.sequence), reason).into());
        }
        whole.conversion(tables, lease, head).await.map(Some)
    }

    async fn conversion(
        self,
        tables: &dyn AuditTables,
        lease: LeaseHold,
        head: StoredHead,
    ) -> Result<Conversion, ChainFailure> {
        let organization = head.organization;
        let change = HeadChange {
            before: head.head,
            after: StoredHead {
                tree: Some(self.tree),
                high_id: head.high_id.max(self.high_id),
                late_ms: head.late_ms.max(self.late_ms),
                old_through: 0,
                ..head
            },
            replaced_runs: self.raised_runs.iter().map(|run| run.first_sequence).collect(),
            runs: self.raised_runs,
            checkpoint: None,
        };
        Ok(Conversion {
            lease,
            organization,
            segments: Vec::new(),
            runs: self.old_runs,
            terms: Vec::new(),
            tiles: append_roots(tables, organization, 0, &self.roots).await?,
            head: Some(change),
        })
    }

    /// Adds the entries of the old form after the last segment.
    async fn add_old_entries(&mut self, tables: &dyn AuditTables) -> Result<(), ChainFailure> {
        let through = self.head.old_through;
        if through < self.last || through <= self.head.removed.sequence {
            return Ok(());
        }
        let OldEntries { entries, blocks, before } =
            read_old_entries(tables, &self.head, (self.last + 1, through)).await?;
        self.verify_follows((self.last + 1, through), before)?;
        self.find_removal(&entries);
        let mut rest = entries.as_slice();
        for block in &blocks {
            let (entries, others) = rest.split_at(block.hashes.len());
            rest = others;
            // The chain may rest for long at a head that is in the last of them.
            let run =
                new_run(self.head.organization, entries, std::slice::from_ref(block), self.high_id, Effort::Thorough);
            self.add_run((run.first_id, run.high_id), block);
            self.old_runs.push(run);
        }
        Ok(())
    }

    /// Adds the next segment.
    async fn add_segment(&mut self, tables: &dyn AuditTables) -> Result<(), ChainFailure> {
        let organization = self.head.organization;
        let query = SegmentQuery { start: SegmentStart::Sequence(self.last + 1), downwards: false, limit: 1 };
        let segment = tables.segments(organization, &query).await?.into_iter().next();
        let segment = segment.filter(|segment| segment.first_sequence == self.last + 1);
        let missing = |last| Damage::new(organization, (self.last + 1, last), "the segment is missing");
        let segment = segment.ok_or_else(|| missing(self.last + 1))?;
        let range = (segment.first_sequence, segment.last_sequence);
        let body = BodyRange { table: RunTable::Segments, ..whole_body(range.0) };
        let body = tables.bodies(organization, &[body]).await?.into_iter().next().flatten();
        let (entries, blocks) = hash_run(organization, range, &body.ok_or_else(|| missing(range.1))?)?;
        self.find_removal(&entries);
        let ids = || entries.iter().map(|entry| entry_id(entry).ulid());
        let ids = (ids().min().unwrap_or_default(), ids().max().unwrap_or_default());
        for block in &blocks {
            self.verify_follows(range, block.before)?;
            self.roots.push(block.root());
            self.add_run(ids, block);
        }
        Ok(())
    }

    /// Looks for the record of what was removed among entries whose hashes lead to the head.
    fn find_removal(&mut self, entries: &[RunEntry]) {
        let mut recorded = entries.iter().filter_map(RunEntry::content).filter_map(recorded_removal);
        self.is_removal_recorded = self.is_removal_recorded || recorded.any(|last| last == self.head.removed);
    }

    fn verify_follows(&self, range: (i64, i64), before: Hash) -> Result<(), Damage> {
        let reason = "it does not begin with the hash that the entry before it has";
        (self.hash == before).then_some(()).ok_or_else(|| Damage::new(self.head.organization, range, reason))
    }

    async fn add_runs(&mut self, tables: &dyn AuditTables, runs: &[RunKey]) -> Result<(), ChainFailure> {
        let organization = self.head.organization;
        let ranges: Vec<BodyRange> = runs.iter().map(|run| whole_body(run.first_sequence)).collect();
        let bodies = tables.bodies(organization, &ranges).await?;
        for (run, body) in runs.iter().zip(bodies) {
            let damage = |range, reason: &str| Damage::new(organization, range, reason);
            if run.first_sequence != self.last + 1 {
                return Err(damage((self.last + 1, run.first_sequence - 1), "the runs are missing").into());
            }
            let range = (run.first_sequence, run.last_sequence);
            // It was replaced in the meantime, and the next run reads anew.
            let Some(body) = body else { return Ok(()) };
            let (entries, blocks) = hash_run(organization, range, &body)?;
            self.find_removal(&entries);
            for block in &blocks {
                self.verify_follows(range, block.before)?;
                self.add_run((run.first_id, run.high_id), block);
            }
            if run.high_id < self.high_id {
                let (first_id, high_id) = (run.first_id, self.high_id);
                let (first_sequence, last_sequence) = range;
                self.raised_runs.push(NewRun { first_sequence, last_sequence, first_id, high_id, body });
            }
        }
        Ok(())
    }

    fn add_run(&mut self, (first_id, high_id): (Ulid, Ulid), block: &HashedBlock) {
        block.hashes.iter().for_each(|hash| self.tree.push(*hash));
        (self.last, self.hash) = (block.last().sequence, block.last().hash);
        self.late_ms = self.late_ms.max(late_ms(self.high_id, first_id));
        self.high_id = self.high_id.max(high_id);
    }
}

/// The milliseconds by which an identifier lies behind the greatest one before it.
fn late_ms(high_id: Ulid, first_id: Ulid) -> i64 {
    let late = high_id.timestamp_ms().saturating_sub(first_id.timestamp_ms());
    i64::try_from(late).unwrap_or(i64::MAX)
}

fn whole_body(first_sequence: i64) -> BodyRange {
    BodyRange { table: RunTable::Runs, first_sequence, offset: 0, length: usize::MAX }
}
