//! The last steps of the conversion of a chain: the entries of the old form that are less than a segment, and the tree over
//! them and over all runs that were sealed since.

use audit::{
    AuditTables, BLOCK_ENTRIES, BLOCK_LEVEL, Hash, Tree,
    tables::{
        BodyRange, Conversion, HeadChange, LeaseHold, NewRun, RunKey, RunTable, SegmentQuery, SegmentStart, StoredHead,
    },
};
use audit_runs::Effort;
use kernel::{OrganizationId, StoreError, Ulid};

use super::{
    old_entries::{OldEntries, read_old_entries},
    removed_roots,
};
use crate::{
    blocks::{HashedBlock, hash_run, new_run, removed_leaves},
    damage::{ChainFailure, Damage},
    tiles::{append_roots, stored_tree},
};

/// The maximum number of runs that one step adds to the tree. The runs of one block are at most 255, so the last step may
/// have more.
const RUNS_PER_STEP: usize = 16;

/// The number of keys of segments that are read at a time.
const SEGMENTS_PER_READ: usize = 1000;

/// The tree over the first part of a chain.
#[derive(Clone, Debug)]
pub(super) struct Finish {
    /// The head when this began.
    head: StoredHead,
    /// The sequence of the last entry in the tree.
    last: i64,
    /// The hash of that entry; `None` if the next run has to state it.
    hash: Option<Hash>,
    tree: Tree,
    high_id: Ulid,
    late_ms: i64,
    /// The runs made of entries of the old form.
    old_runs: Vec<NewRun>,
    /// The runs that the sealer has stored with a greatest identifier that leaves out entries of the old form.
    raised_runs: Vec<NewRun>,
    has_old_entries: bool,
    removed_roots: Vec<Hash>,
}

impl Finish {
    /// Begins with the segments that exist.
    pub(super) async fn begin(
        tables: &dyn AuditTables,
        head: &StoredHead,
        last: Option<&RunKey>,
    ) -> Result<Self, ChainFailure> {
        let organization = head.organization;
        let (mut tree, removed_roots) = match last {
            Some(last) => (stored_tree(tables, organization, last.last_sequence / BLOCK_ENTRIES).await?, Vec::new()),
            None => (Tree::default(), removed_roots(head)),
        };
        removed_roots.iter().for_each(|root| tree.push_subtree(*root, BLOCK_LEVEL));
        let size = i64::try_from(tree.size()).unwrap_or(i64::MAX);
        removed_leaves(head.removed.sequence - size, head.removed.hash).for_each(|hash| tree.push(hash));
        let (high_id, late_ms) = lateness(tables, organization).await?;
        Ok(Self {
            head: head.clone(),
            last: last.map_or(head.removed.sequence, |last| last.last_sequence),
            hash: last.is_none().then_some(head.removed.hash),
            tree,
            high_id,
            late_ms,
            old_runs: Vec::new(),
            raised_runs: Vec::new(),
            has_old_entries: false,
            removed_roots,
        })
    }

    /// Whether this is still about the chain with this head.
    pub(super) fn is_about(&self, head: &StoredHead) -> bool {
        let of = |head: &StoredHead| (head.organization, head.old_through, head.removed);
        of(&self.head) == of(head)
    }

    /// The sequence of the last entry in the tree.
    pub(super) fn last_sequence(&self) -> i64 {
        self.last
    }

    /// Does a step. Returns the change that ends the conversion if it was the last one.
    pub(super) async fn step(
        &mut self,
        tables: &dyn AuditTables,
        lease: LeaseHold,
    ) -> Result<Option<Conversion>, ChainFailure> {
        if !self.has_old_entries {
            self.add_old_entries(tables).await?;
            self.has_old_entries = true;
            return Ok(None);
        }
        let organization = self.head.organization;
        let runs = tables.runs(organization).await?;
        let head = tables.heads(&[organization]).await?.pop();
        let Some(head) = head.filter(|head| self.is_about(head)) else { return Ok(None) };
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
        if whole.hash.is_some_and(|hash| hash != head.head.hash) {
            let range = (whole.last, whole.last);
            return Err(Damage::new(self.head.organization, range, "it does not have the hash of the head").into());
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
            tiles: append_roots(tables, organization, 0, &self.removed_roots).await?,
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
        self.hash = Some(before);
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
            let (_, blocks) = hash_run(organization, range, &body)?;
            for block in &blocks {
                if self.hash.is_some_and(|hash| hash != block.before) {
                    return Err(damage(range, "it does not begin with the hash that the entry before it has").into());
                }
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
        (self.last, self.hash) = (block.last().sequence, Some(block.last().hash));
        self.late_ms = self.late_ms.max(late_ms(self.high_id, first_id));
        self.high_id = self.high_id.max(high_id);
    }
}

/// Returns the greatest identifier in the segments of a chain, and how far the first identifier of one lies behind the
/// segments before it.
async fn lateness(tables: &dyn AuditTables, organization: OrganizationId) -> Result<(Ulid, i64), StoreError> {
    let (mut high_id, mut late) = (Ulid::nil(), 0);
    let mut query = SegmentQuery { start: SegmentStart::End, downwards: false, limit: SEGMENTS_PER_READ };
    loop {
        let segments = tables.segments(organization, &query).await?;
        for segment in &segments {
            late = late.max(late_ms(high_id, segment.first_id));
            high_id = high_id.max(segment.high_id);
        }
        let Some(last) = segments.last().filter(|_| segments.len() == query.limit) else { return Ok((high_id, late)) };
        query.start = SegmentStart::Sequence(last.last_sequence + 1);
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
