//! A chain whose runs are stored as the sealer stores them.

use std::{sync::Arc, time::Duration};

use audit::{
    AuditTables, Checkpoint, ENTRIES_REMOVED, ENTRY_REDACTED, HasAuditTables, Hash, Head, Redaction, Removal, Seal,
    Signature, StoredEntry, Tree, hash_entry,
    tables::{HeadChange, NewRun, PrefixRemoval, SealingRound, SignedHead, StoredHead, TileRow},
    tree_root,
};
use audit_runs::{BlockAnchor, Effort, encode_sealed};
use kernel::{Action, Change, Entry, FieldValue, Id, OrganizationId, Subject, Timestamp, Ulid};
use novantra_audit_store::{Compactor, Converter, LeaseOwner, SealerKeys, TreeHeadSigner, head_tag};
use store::{Lease, Maintenance};
use store_contract::{TestClock, TestEntropy, TestLogKey, samples};
use store_memory::MemoryStore;

/// The lease of the tests.
const LEASE: &str = "sealer";

/// The owner of the lease that all stores of the tests know.
pub(crate) fn lease_owner() -> LeaseOwner {
    LeaseOwner { lease: LEASE, owner: "the test".to_owned(), duration: Duration::from_secs(3) }
}

/// The keys of the tests.
pub(crate) fn keys() -> SealerKeys {
    let key = Arc::new(TestLogKey::DEFAULT);
    SealerKeys { checkpoints: key.clone(), rows: key, notes: Some(Arc::new(TestNotes)) }
}

/// Signs the head of a tree with its root.
pub(crate) struct TestNotes;

impl TreeHeadSigner for TestNotes {
    fn sign_tree(&self, _: OrganizationId, size: u64, root: Hash) -> Signature {
        let mut signature = [u8::try_from(size % 256).unwrap(); 64];
        signature[..32].copy_from_slice(&root.0);
        Signature(signature)
    }
}

/// A chain of which each entry is known.
pub(crate) struct TestChain {
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) tables: Arc<dyn AuditTables>,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) organization: OrganizationId,
    pub(crate) head: StoredHead,
    /// The entries with their hashes, from the one after `head.removed` on.
    pub(crate) entries: Vec<(Entry, Hash)>,
    entropy: TestEntropy,
    /// The action, the subject and the changes of the next entry, if it is a record.
    record: Option<(Action, Option<Subject>, Vec<Change>)>,
    /// The first sequences of the runs of the last block, if it is not whole.
    pub(super) small_runs: Vec<i64>,
}

impl TestChain {
    /// A new chain.
    pub(crate) async fn new() -> Self {
        let clock = Arc::new(TestClock::default());
        let store = Arc::new(MemoryStore::new(clock.clone()));
        let held = store.acquire_lease(Lease::Sealer, "the test", TestClock::START, Duration::from_secs(3)).await;
        assert!(held.unwrap());
        Self::in_store(store, clock, 1)
    }

    /// Another chain in the same store.
    pub(crate) fn beside(&self, number: u128) -> Self {
        Self::in_store(Arc::clone(&self.store), Arc::clone(&self.clock), number)
    }

    fn in_store(store: Arc<MemoryStore>, clock: Arc<TestClock>, number: u128) -> Self {
        let organization = Id::new(Ulid(number));
        let head = StoredHead {
            organization,
            head: Head::EMPTY,
            tree: Some(Tree::default()),
            high_id: Ulid::nil(),
            late_ms: 0,
            signed: None,
            removed: Head::EMPTY,
            old_through: 0,
            redacted: 0,
        };
        let tables = store.audit_tables();
        let entropy = TestEntropy::with_offset(u64::try_from(number).unwrap() << 40);
        Self {
            store,
            tables,
            clock,
            organization,
            head,
            entries: Vec::new(),
            entropy,
            record: None,
            small_runs: Vec::new(),
        }
    }

    /// A chain of which the entries up to this sequence, the end of a block, were removed. They had invented hashes.
    pub(crate) async fn starting_after(sequence: i64) -> Self {
        let mut chain = Self::new().await;
        let block = Hash([7; 32]);
        chain.head.tree = Some(Tree::default());
        let tree = chain.head.tree.as_mut().unwrap();
        let mut tiles: Vec<(i64, Vec<Hash>)> = Vec::new();
        for _ in 0..sequence / 256 {
            tree.push_subtree(block, 8);
            push_hash(&mut tiles, 1, block);
        }
        let tiles = tiles.into_iter().map(|(key, hashes)| TileRow {
            level: key / 1_000_000,
            tile: key % 1_000_000,
            hashes: hashes.iter().flat_map(|hash| hash.0).collect(),
        });
        chain.head.head = Head { sequence, hash: Hash([8; 32]) };
        let invented = NewRun {
            first_sequence: 1,
            last_sequence: sequence,
            first_id: Ulid::nil(),
            high_id: Ulid::nil(),
            body: Vec::new(),
        };
        chain.store_change(Head::EMPTY, Vec::new(), vec![invented]).await;
        let removal = PrefixRemoval {
            organization: chain.organization,
            before: Head::EMPTY,
            last: chain.head.head,
            terms_before: 0,
            merged_terms_before: 0,
            tiles: tiles.collect(),
        };
        assert!(chain.tables.remove_prefix(&removal).await.unwrap());
        chain.head.removed = chain.head.head;
        chain
    }

    /// A chain of this many entries of the old form, as it is after the migration of the schema.
    pub(crate) async fn of_old_entries(count: usize) -> Self {
        let mut chain = Self::new().await;
        chain.insert_old_entries(count);
        chain
    }

    /// Appends entries of the old form.
    pub(crate) fn insert_old_entries(&mut self, count: usize) {
        let after = self.entries.len();
        (0..count).for_each(|_| self.append());
        let checkpoint = self.checkpoint(self.clock.tick());
        self.store.insert_old_entries(&self.stored_entries()[after..], &[checkpoint]).unwrap();
        self.head.tree = None;
        self.head.old_through = self.head.head.sequence;
        self.head.high_id = Ulid::nil();
    }

    /// Removes the first entries of the old form, as a program of before the migration did, at any entry.
    pub(crate) async fn remove_old_entries(&mut self, count: usize) {
        let last = self.entries[count - 1].1;
        let sequence = i64::try_from(count).unwrap();
        let before = self.head.head;
        let invented = NewRun {
            first_sequence: 1,
            last_sequence: sequence,
            first_id: Ulid::nil(),
            high_id: Ulid::nil(),
            body: Vec::new(),
        };
        self.store_change(before, Vec::new(), vec![invented]).await;
        let last = Head { sequence, hash: last };
        let removal = PrefixRemoval {
            organization: self.organization,
            before: Head::EMPTY,
            last,
            terms_before: 0,
            merged_terms_before: 0,
            tiles: Vec::new(),
        };
        assert!(self.tables.remove_prefix(&removal).await.unwrap());
        self.head.removed = last;
        self.entries.drain(..count);
    }

    /// The entries as the log returns them.
    pub(crate) fn stored_entries(&self) -> Vec<StoredEntry> {
        let mut previous_hash = self.head.removed.hash;
        let first = self.first_sequence();
        let stored = (first..).zip(&self.entries).map(|(sequence, (entry, hash))| {
            let seal = Some(Seal { sequence, previous_hash, hash: *hash });
            previous_hash = *hash;
            StoredEntry { entry: entry.clone(), seal }
        });
        stored.collect()
    }

    /// The sequence of the first entry.
    pub(crate) fn first_sequence(&self) -> i64 {
        self.head.removed.sequence + 1
    }

    /// Seals further entries in one batch, as the sealer does.
    pub(crate) async fn grow(&mut self, count: usize) {
        let before = self.head.head;
        if self.head.old_through == before.sequence && before.sequence > 0 {
            // The sealer takes the old entries of the last block along.
            self.head.old_through -= before.sequence % 256;
        }
        let first_kept = before.sequence - before.sequence % 256;
        let is_taken = self.small_runs.is_empty();
        let first = if is_taken { first_kept.max(self.head.removed.sequence) + 1 } else { before.sequence + 1 };
        (0..count).for_each(|_| self.append());
        self.store_from(before, first).await;
    }

    /// Seals an entry that records a removal.
    pub(crate) async fn record_removal(&mut self, last: Head) {
        let removal = Removal {
            first_sequence: 1,
            last,
            first_at: TestClock::START,
            last_at: TestClock::START,
            tree_root: None,
            policy: "a test".to_owned(),
        };
        self.record = Some((ENTRIES_REMOVED, None, removal.changes()));
        self.grow(1).await;
    }

    /// Seals an entry that records the redaction of the one with this sequence.
    pub(crate) async fn record_redaction(&mut self, sequence: i64) -> Id<Entry> {
        let (entry, hash) = &self.range(sequence, sequence)[0];
        let redaction = Redaction { id: entry.id, entry: Head { sequence, hash: *hash } };
        self.record = Some((ENTRY_REDACTED, Some(redaction.subject()), redaction.changes()));
        self.grow(1).await;
        self.entries.last().unwrap().0.id
    }

    async fn store_from(&mut self, before: Head, first: i64) {
        let (mut first, last) = (first, self.head.head.sequence);
        let (mut runs, mut replaced) = (Vec::new(), Vec::new());
        while first <= last {
            let block_end = (first - 1) / 256 * 256 + 256;
            if last >= block_end {
                // The whole block replaces the runs that it had.
                let block_first = self.small_runs.first().copied().unwrap_or(first);
                replaced.append(&mut self.small_runs);
                runs.push(self.run(block_first, block_end));
            } else {
                self.small_runs.push(first);
                runs.push(self.run(first, last));
            }
            first = block_end + 1;
        }
        replaced.retain(|first| *first <= before.sequence);
        self.store_change(before, replaced, runs).await;
    }

    async fn store_change(&mut self, before: Head, replaced_runs: Vec<i64>, runs: Vec<NewRun>) {
        let signed_at = self.clock.tick();
        let checkpoint = self.checkpoint(signed_at).signature;
        let note = self.head.tree.as_ref().map(|tree| TestNotes.sign_tree(self.organization, tree.size(), tree.root()));
        let tag = head_tag(&*keys().rows, &self.head, note.as_ref());
        self.head.signed = Some(SignedHead { signed_at, checkpoint, note, tag });
        let change = HeadChange { before, after: self.head.clone(), replaced_runs, runs, checkpoint: None };
        let round = SealingRound {
            lease: lease_owner().hold(self.clock.tick()),
            heads: vec![change],
            sealed: Vec::new(),
            waiting: Vec::new(),
            old_waiting: Vec::new(),
            writers: Vec::new(),
            ended_writers: Vec::new(),
        };
        assert!(self.tables.seal(&round).await.unwrap());
    }

    fn checkpoint(&self, signed_at: Timestamp) -> Checkpoint {
        let Head { sequence, hash } = self.head.head;
        Checkpoint::sign(&TestLogKey::DEFAULT, self.organization, sequence, hash, signed_at)
    }

    /// Stores another body for a run.
    pub(crate) async fn replace_run(&mut self, run: NewRun) {
        self.store_change(self.head.head, vec![run.first_sequence], vec![run]).await;
    }

    /// Reads the head and the runs again, as the sealer does after a conversion.
    pub(crate) async fn reload(&mut self) {
        let recent = self.tables.recent(self.organization).await.unwrap();
        self.head = recent.head.unwrap();
        let whole = self.head.head.sequence / 256 * 256;
        let small = recent.runs.iter().map(|run| run.first_sequence).filter(|first| *first > whole);
        self.small_runs = small.collect();
    }

    fn append(&mut self) {
        let at = self.clock.tick();
        let sequence = self.head.head.sequence + 1;
        let entry = self.entry(sequence, at);
        let hash = hash_entry(&entry, sequence, self.head.head.hash);
        self.head.head = Head { sequence, hash };
        if let Some(tree) = self.head.tree.as_mut() {
            tree.push(hash);
        }
        self.head.high_id = self.head.high_id.max(entry.id.ulid());
        self.entries.push((entry, hash));
    }

    fn entry(&mut self, sequence: i64, at: Timestamp) -> Entry {
        let mut entry = samples::entry(&self.entropy, self.organization, at);
        entry.actor.id = Some(format!("svc_01JZSCANNER00000000000000{}", sequence % 7).into());
        if let Some(record) = self.record.take() {
            (entry.action, entry.subject, entry.changes) = record;
            return entry;
        }
        if sequence % 10 == 0 {
            entry.action = Action::new("finding.updated");
            entry.subject = Some(Subject { kind: "finding".into(), id: format!("find_01JZ{sequence:022}") });
            let (before, after) = (FieldValue::Null, FieldValue::Integer(sequence));
            entry.changes = vec![Change { field: "due_at".into(), before, after }];
        }
        entry
    }

    /// The entries with these first and last sequences.
    pub(super) fn range(&self, first: i64, last: i64) -> &[(Entry, Hash)] {
        let index = |sequence: i64| usize::try_from(sequence - self.first_sequence()).unwrap();
        &self.entries[index(first)..=index(last)]
    }

    pub(crate) fn run(&self, first: i64, last: i64) -> NewRun {
        let before =
            if first == self.first_sequence() { self.head.removed.hash } else { self.range(first - 1, first - 1)[0].1 };
        let range = self.range(first, last);
        let entries: Vec<Entry> = range.iter().map(|(entry, _)| entry.clone()).collect();
        let anchor = BlockAnchor { before, root: tree_root(range.iter().map(|(_, hash)| *hash)) };
        let earlier = self.range(self.first_sequence().max(self.head.old_through + 1), last);
        let high_id = earlier.iter().map(|(entry, _)| entry.id.ulid()).max().unwrap();
        NewRun {
            first_sequence: first,
            last_sequence: last,
            first_id: entries.iter().map(|entry| entry.id.ulid()).min().unwrap(),
            high_id,
            body: encode_sealed(self.organization, first, &entries, &[anchor], Effort::Quick),
        }
    }

    /// A compactor of the chain's store.
    pub(crate) fn compactor(&self) -> Compactor {
        Compactor::new(Arc::clone(&self.tables), self.clock.clone(), lease_owner())
    }

    /// A converter of the chain's store.
    pub(crate) fn converter(&self) -> Converter {
        Converter::new(Arc::clone(&self.tables), self.clock.clone(), lease_owner(), keys())
    }
}

/// Appends a hash to a level of tiles, and the root of a full tile to the next. A tile's key is its level and number.
fn push_hash(tiles: &mut Vec<(i64, Vec<Hash>)>, level: i64, hash: Hash) {
    let is_open = |(key, hashes): &(i64, Vec<Hash>)| key / 1_000_000 == level && hashes.len() < 256;
    let number = tiles.iter().filter(|(key, _)| key / 1_000_000 == level).count();
    let position = tiles.iter().position(is_open).unwrap_or_else(|| {
        tiles.push((level * 1_000_000 + i64::try_from(number).unwrap(), Vec::new()));
        tiles.len() - 1
    });
    tiles[position].1.push(hash);
    if tiles[position].1.len() == 256 {
        let mut tree = Tree::default();
        tiles[position].1.iter().for_each(|hash| tree.push_subtree(*hash, 0));
        push_hash(tiles, level + 1, tree.root());
    }
}
