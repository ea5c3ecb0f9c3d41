//! Logs made step by step, with all that is known of them: the reference of the tests of reading.

mod old_form;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use audit::{
    AuditTables, Checkpoint, HasAuditTables, Hash, Head, Seal, StoredEntry, Tree, hash_entry, leaf_hash, subtree_root,
    tables::{
        Compaction, Conversion, HeadChange, LeaseHold, NewRun, NewSegment, PrefixRemoval, SealingRound, SignedHead,
        StoredHead, TermMerge, TermRow, TileRow, WaitingKey, WaitingRow,
    },
};
use audit_runs::{BlockAnchor, Effort, SegmentTerms, encode_sealed, merge_terms};
use kernel::{Entry, OrganizationId, Timestamp, Ulid};
use novantra_audit_store::{PreparedRow, RowWriter, StoredLog, head_tag};
use store::{Lease, Maintenance};
use store_contract::TestClock;
use store_memory::MemoryStore;

pub(crate) use crate::{
    sample_entries::entry,
    test_keys::{OtherKey, TestKey},
};

pub(crate) const BLOCK: i64 = 256;
pub(crate) const SEGMENT: i64 = 4_096;

/// A change of the tables.
#[allow(clippy::large_enum_variant, reason = "a test makes few of them")]
#[derive(Clone)]
pub(crate) enum Move {
    Seal(SealingRound),
    Compact(Compaction),
    Merge(TermMerge),
    Remove(PrefixRemoval),
    Convert(Conversion),
}

impl Move {
    pub(crate) async fn apply(&self, tables: &dyn AuditTables) {
        let done = match self {
            Self::Seal(round) => tables.seal(round).await,
            Self::Compact(compaction) => tables.compact(compaction).await,
            Self::Merge(merge) => tables.merge_terms(merge).await,
            Self::Remove(removal) => tables.remove_prefix(removal).await,
            Self::Convert(conversion) => tables.convert(conversion).await,
        };
        assert!(done.unwrap(), "the tables are not as expected");
    }
}

/// The log of one organization.
pub(crate) struct MadeLog {
    pub(crate) organization: OrganizationId,
    pub(crate) tables: Arc<dyn AuditTables>,
    writer: RowWriter,
    /// The entries of each row that waits.
    waiting: BTreeMap<WaitingKey, Vec<Entry>>,
    /// All entries that were ever sealed.
    pub(crate) sealed: Vec<StoredEntry>,
    head: Option<StoredHead>,
    runs: Vec<NewRun>,
    segments: Vec<(i64, SegmentTerms)>,
    merged: usize,
    removed: Head,
}

impl MadeLog {
    pub(crate) async fn new(organization: OrganizationId) -> Self {
        let store = MemoryStore::new(Arc::new(TestClock::default()));
        let (now, duration) = (lease().now, lease().duration);
        assert!(store.acquire_lease(Lease::Sealer, "test", now, duration).await.unwrap());
        let writer = RowWriter::new(Ulid(1));
        writer.set_key(Arc::new(TestKey));
        Self {
            organization,
            tables: store.audit_tables(),
            writer,
            waiting: BTreeMap::new(),
            sealed: Vec::new(),
            head: None,
            runs: Vec::new(),
            segments: Vec::new(),
            merged: 0,
            removed: Head::EMPTY,
        }
    }

    /// A new reader of the tables.
    pub(crate) fn log(&self) -> StoredLog {
        let log = StoredLog::new(Arc::clone(&self.tables));
        log.set_key(Arc::new(TestKey));
        log
    }

    /// All entries that are there, by their identifiers.
    pub(crate) fn entries(&self) -> BTreeMap<Ulid, StoredEntry> {
        let waiting = self.waiting.values().flatten().filter(|entry| entry.organization == self.organization);
        let waiting = waiting.map(|entry| StoredEntry { entry: entry.clone(), seal: None });
        let sealed = self.sealed[self.removed.sequence as usize..].iter().cloned();
        waiting.chain(sealed).map(|stored| (stored.entry.id.ulid(), stored)).collect()
    }

    /// The number of the organization's entries that wait.
    pub(crate) fn waiting(&self) -> Vec<&Entry> {
        self.waiting.values().flatten().filter(|entry| entry.organization == self.organization).collect()
    }

    /// Stores a row of entries that wait.
    pub(crate) async fn append(&mut self, entries: &[Entry]) {
        let prepared = self.writer.prepare(&entries.iter().collect::<Vec<_>>()).unwrap();
        assert_eq!(prepared.len(), 1);
        for row in prepared {
            let round = SealingRound { waiting: vec![row.row.clone()], ..round() };
            Move::Seal(round).apply(&*self.tables).await;
            self.waiting.insert(row.row.key, entries.to_vec());
            row.stored();
        }
    }

    /// Stores a row that has another installation's tag.
    pub(crate) async fn append_under(&self, secret: &'static [u8], entries: &[Entry]) {
        let writer = RowWriter::new(Ulid(2));
        writer.set_key(Arc::new(OtherKey(secret)));
        self.append_row(&writer, entries, |prepared| prepared.row.clone()).await;
    }

    /// Stores a row once more, after an attempt with an unknown outcome.
    pub(crate) async fn append_repeated(&mut self, entries: &[Entry]) {
        self.append_row(&self.writer, entries, PreparedRow::repeated).await;
    }

    async fn append_row(&self, writer: &RowWriter, entries: &[Entry], row: impl Fn(&PreparedRow) -> WaitingRow) {
        let row = row(&writer.prepare(&entries.iter().collect::<Vec<_>>()).unwrap()[0]);
        Move::Seal(SealingRound { waiting: vec![row], ..round() }).apply(&*self.tables).await;
    }

    /// The signatures of the head at this sequence.
    pub(crate) fn sign(&self, sequence: i64) -> SignedHead {
        let hash = self.sealed[sequence as usize - 1].seal.unwrap().hash;
        let checkpoint = Checkpoint::sign(&TestKey, self.organization, sequence, hash, lease().now);
        SignedHead { signed_at: lease().now, checkpoint: checkpoint.signature, note: None, tag: [0; 32] }
    }

    /// The body of a run with the anchors of its entries, of which somebody has changed some.
    pub(crate) fn encode(&self, first: i64, last: i64, change: impl Fn(&mut [Entry])) -> Vec<u8> {
        let stored = &self.sealed[first as usize - 1..last as usize];
        let mut entries: Vec<Entry> = stored.iter().map(|stored| stored.entry.clone()).collect();
        change(&mut entries);
        encode_sealed(self.organization, first, &entries, &anchors(stored), Effort::Quick)
    }

    /// Plans to seal the first rows that wait.
    pub(crate) fn plan_seal(&mut self, rows: usize) -> Option<Move> {
        let keys: Vec<WaitingKey> = self.waiting.keys().take(rows).copied().collect();
        let mut entries: Vec<Entry> = keys.iter().filter_map(|key| self.waiting.remove(key)).flatten().collect();
        entries.retain(|entry| entry.organization == self.organization);
        entries.sort_by_key(|entry| entry.id);
        if entries.is_empty() {
            return None;
        }
        let before = self.head.clone();
        let mut head = before.clone().unwrap_or(StoredHead {
            organization: self.organization,
            head: Head::EMPTY,
            tree: Some(Tree::default()),
            high_id: Ulid::nil(),
            late_ms: 0,
            signed: None,
            removed: Head::EMPTY,
            old_through: 0,
            redacted: 0,
        });
        let late = head.high_id.timestamp_ms().saturating_sub(entries[0].id.ulid().timestamp_ms()) as i64;
        head.late_ms = head.late_ms.max(late);
        let first = head.head.sequence + 1;
        for entry in entries {
            let sequence = head.head.sequence + 1;
            let hash = hash_entry(&entry, sequence, head.head.hash);
            let seal = Seal { sequence, previous_hash: head.head.hash, hash };
            head.head = Head { sequence, hash };
            head.high_id = head.high_id.max(entry.id.ulid());
            if let Some(tree) = &mut head.tree {
                tree.push(hash);
            }
            self.sealed.push(StoredEntry { entry, seal: Some(seal) });
        }
        let checkpoint = Checkpoint::sign(&TestKey, self.organization, head.head.sequence, head.head.hash, lease().now);
        let (signed_at, tag) = (lease().now, head_tag(&TestKey, &head, None));
        head.signed = Some(SignedHead { signed_at, checkpoint: checkpoint.signature, note: None, tag });
        let kept = (first - 1) / SEGMENT != (head.head.sequence) / SEGMENT;
        let (replaced_runs, runs) = self.new_runs(first, head.head.sequence);
        self.head = Some(head.clone());
        let change = HeadChange {
            before: before.map_or(Head::EMPTY, |before| before.head),
            after: head,
            replaced_runs,
            runs,
            checkpoint: kept.then_some(checkpoint),
        };
        Some(Move::Seal(SealingRound { heads: vec![change], sealed: keys, ..round() }))
    }

    /// The runs of new entries, and those that they replace.
    fn new_runs(&mut self, first: i64, last: i64) -> (Vec<i64>, Vec<NewRun>) {
        let (mut replaced, mut runs) = (Vec::new(), Vec::new());
        let mut start = first;
        while start <= last {
            let block = (start - 1) / BLOCK * BLOCK + 1;
            let end = last.min(block + BLOCK - 1);
            // A block that becomes full replaces its smaller runs.
            let is_full = end == block + BLOCK - 1;
            if is_full {
                let is_smaller = |run: &NewRun| run.first_sequence >= block;
                replaced.extend(self.runs.iter().filter(|run| is_smaller(run)).map(|run| run.first_sequence));
                self.runs.retain(|run| !is_smaller(run));
            }
            runs.push(self.run(if is_full { block } else { start }, end, Effort::Quick));
            start = end + 1;
        }
        self.runs.extend(runs.iter().cloned());
        replaced.retain(|first_sequence| *first_sequence < first);
        (replaced, runs)
    }

    fn run(&self, first: i64, last: i64, effort: Effort) -> NewRun {
        let stored = &self.sealed[first as usize - 1..last as usize];
        let entries: Vec<Entry> = stored.iter().map(|stored| stored.entry.clone()).collect();
        NewRun {
            first_sequence: first,
            last_sequence: last,
            first_id: entries.iter().map(|entry| entry.id.ulid()).min().unwrap(),
            high_id: self.sealed[..last as usize].iter().map(|stored| stored.entry.id.ulid()).max().unwrap(),
            body: encode_sealed(self.organization, first, &entries, &anchors(stored), effort),
        }
    }

    /// Plans to make a segment of the first blocks.
    pub(crate) fn plan_compact(&mut self) -> Option<Move> {
        let blocks: Vec<i64> = self.runs.iter().take(16).map(|run| run.first_sequence).collect();
        let first = *blocks.first()?;
        let is_complete = blocks.len() == 16 && self.runs[15].last_sequence == first + SEGMENT - 1;
        if !is_complete {
            return None;
        }
        let run = self.run(first, first + SEGMENT - 1, Effort::Thorough);
        let entries = &self.sealed[first as usize - 1..(first + SEGMENT - 1) as usize];
        let entries: Vec<Entry> = entries.iter().map(|stored| stored.entry.clone()).collect();
        let terms = SegmentTerms::of(&entries);
        self.runs.drain(..16);
        self.segments.push((first, terms.clone()));
        Some(Move::Compact(Compaction {
            lease: lease(),
            organization: self.organization,
            replaced_runs: blocks,
            segment: NewSegment { digest: Hash::digest(&run.body), run },
            terms: TermRow { bucket: -1, first_sequence: first, body: terms.encode() },
            tiles: self.tiles((first + SEGMENT - 1) / BLOCK),
        }))
    }

    /// The tiles of level 1 with the roots of the first blocks.
    fn tiles(&self, blocks: i64) -> Vec<TileRow> {
        let roots: Vec<Hash> = self.sealed[..(blocks * BLOCK) as usize]
            .chunks(BLOCK as usize)
            .map(|block| {
                let leaves: Vec<Hash> = block.iter().map(|stored| leaf_hash(stored.seal.unwrap().hash)).collect();
                subtree_root(&leaves)
            })
            .collect();
        let rows = roots.chunks(256).enumerate();
        rows.map(|(tile, hashes)| TileRow { level: 1, tile: tile as i64, hashes: audit::hash_tile(hashes) }).collect()
    }

    /// Plans to merge the rows of the index of all segments that have one.
    pub(crate) fn plan_merge(&mut self) -> Option<Move> {
        // A group is merged once: what a real compactor merges is always complete.
        let segments = &self.segments;
        if self.merged > 0 || segments.is_empty() || segments[0].0 != 1 {
            return None;
        }
        self.merged = segments.len();
        let terms: Vec<SegmentTerms> = segments.iter().map(|(_, terms)| terms.clone()).collect();
        let rows = merge_terms(&terms).into_iter();
        Some(Move::Merge(TermMerge {
            lease: lease(),
            organization: self.organization,
            replaced: segments.iter().map(|(first, _)| *first).collect(),
            rows: rows.map(|(bucket, body)| TermRow { bucket, first_sequence: 1, body }).collect(),
        }))
    }

    /// Plans to remove the first segment.
    pub(crate) fn plan_remove(&mut self) -> Option<Move> {
        let last = self.removed.sequence + SEGMENT;
        let position = self.segments.iter().position(|(first, _)| *first == self.removed.sequence + 1)?;
        self.segments.remove(position);
        let before = self.removed;
        self.removed = Head { sequence: last, hash: self.sealed[last as usize - 1].seal.unwrap().hash };
        Some(Move::Remove(PrefixRemoval {
            organization: self.organization,
            before,
            last: self.removed,
            terms_before: last,
            merged_terms_before: 1,
            tiles: Vec::new(),
        }))
    }

    pub(crate) async fn apply(&self, planned: Option<Move>) {
        if let Some(planned) = planned {
            planned.apply(&*self.tables).await;
        }
    }
}

/// The anchors of the blocks of a run, which begins with a block or lies within one.
fn anchors(stored: &[StoredEntry]) -> Vec<BlockAnchor> {
    let blocks = stored.chunks(BLOCK as usize);
    let anchor = |block: &[StoredEntry]| BlockAnchor {
        before: block[0].seal.unwrap().previous_hash,
        root: audit::tree_root(block.iter().map(|stored| stored.seal.unwrap().hash)),
    };
    blocks.map(anchor).collect()
}

/// An empty round.
pub(crate) fn round() -> SealingRound {
    SealingRound {
        lease: lease(),
        heads: Vec::new(),
        sealed: Vec::new(),
        waiting: Vec::new(),
        old_waiting: Vec::new(),
        writers: Vec::new(),
        ended_writers: Vec::new(),
    }
}

pub(crate) fn lease() -> LeaseHold {
    LeaseHold {
        lease: "sealer",
        owner: "test".into(),
        now: Timestamp::from_millis(0),
        duration: Duration::from_secs(1_000),
    }
}
