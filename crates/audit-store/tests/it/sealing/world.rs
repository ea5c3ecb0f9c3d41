//! A store with writers and sealers whose clock stands still until a test moves it.

use std::{sync::Arc, time::Duration};

use audit::{
    AuditTables, HasAuditTables, Hash, Head, Seal, Signature, StoredEntry, Tree, hash_entry,
    tables::{HeadChange, SealingRound, StoredHead, WaitingKey, WaitingRow},
    tree_root,
};
use kernel::{AuditTrail, Clock, Entropy, Entry, Id, OrganizationId, StoreError, Ulid};
use novantra_audit_store::{
    MissingRows, RefusedRow, Round, RowWriter, Sealer, SealerContext, SealerKeys, StoredLog, TreeHeadSigner,
};
use store::{Lease, Maintenance};
use store_contract::{TestClock, TestEntropy, samples};
use store_memory::MemoryStore;

use crate::made_log::{TestKey, lease, round};
use crate::support::stored;

pub(super) const LOG: OrganizationId = OrganizationId::INSTALLATION;
const LEASE: Duration = Duration::from_secs(3);

impl TreeHeadSigner for TestKey {
    fn sign_tree(&self, organization: OrganizationId, size: u64, root: Hash) -> Signature {
        audit::CheckpointSigner::sign(self, format!("{organization} {size} {root}").as_bytes())
    }
}

pub(super) fn organization(number: u128) -> OrganizationId {
    Id::new(Ulid(number))
}

pub(super) struct World {
    pub(super) store: Arc<MemoryStore>,
    pub(super) tables: Arc<dyn AuditTables>,
    pub(super) clock: Arc<TestClock>,
    pub(super) entropy: Arc<TestEntropy>,
}

/// All that the rounds of a run say.
#[derive(Debug, Default)]
pub(super) struct Ran {
    pub(super) sealed: u64,
    pub(super) rounds: usize,
    pub(super) checkpoints: Vec<audit::Checkpoint>,
    pub(super) faults: Vec<(OrganizationId, String)>,
    pub(super) refused: Vec<RefusedRow>,
    pub(super) missing: Vec<MissingRows>,
    pub(super) altered: Vec<Ulid>,
}

impl Ran {
    fn add(&mut self, round: Round) {
        self.rounds += 1;
        self.sealed += round.sealed;
        self.checkpoints.extend(round.checkpoints);
        self.faults.extend(round.faults.into_iter().map(|fault| (fault.organization, fault.error.to_string())));
        self.refused.extend(round.refused);
        self.missing.extend(round.missing);
        self.altered.extend(round.altered_states);
    }

    pub(super) fn is_quiet(&self) -> bool {
        self.faults.is_empty() && self.refused.is_empty() && self.missing.is_empty() && self.altered.is_empty()
    }
}

impl World {
    pub(super) async fn new() -> Self {
        let clock = Arc::new(TestClock::default());
        let store = Arc::new(MemoryStore::new(Arc::clone(&clock) as Arc<dyn Clock>));
        store.authenticate_rows(Arc::new(TestKey));
        // The tests change the tables under a lease of their own.
        let (now, duration) = (lease().now, lease().duration);
        assert!(store.acquire_lease(Lease::Search, "test", now, duration).await.unwrap());
        Self { tables: store.audit_tables(), store, clock, entropy: Arc::new(TestEntropy::default()) }
    }

    pub(super) fn writer(&self, process: u128) -> RowWriter {
        let writer = RowWriter::new(Ulid(self.clock.now().first_ulid().0 | process));
        writer.set_key(Arc::new(TestKey));
        writer
    }

    pub(super) fn entries(&self, organization: OrganizationId, count: usize) -> Vec<Entry> {
        let entry = |_| samples::entry(&*self.entropy, organization, self.clock.now());
        (0..count).map(entry).collect()
    }

    /// Stores entries in a row.
    pub(super) async fn append(&self, writer: &RowWriter, entries: &[Entry]) -> Vec<WaitingRow> {
        let mut rows = Vec::new();
        for prepared in writer.prepare(&entries.iter().collect::<Vec<_>>()).unwrap() {
            self.insert(&prepared.row).await;
            rows.push(prepared.row.clone());
            prepared.stored();
        }
        rows
    }

    /// Stores the empty row of a writer.
    pub(super) async fn settle(&self, writer: &RowWriter, is_last: bool) {
        if let Some(prepared) = writer.prepare_empty(self.clock.now(), is_last).unwrap() {
            self.insert(&prepared.row).await;
            prepared.stored();
        }
    }

    /// Changes the tables by hand.
    pub(super) async fn change(&self, change: SealingRound) {
        let lease = audit::tables::LeaseHold { lease: "search", ..lease() };
        assert!(self.tables.seal(&SealingRound { lease, ..change }).await.unwrap(), "the tables are not as expected");
    }

    /// Replaces a stored head by hand, with a checkpoint that is kept.
    pub(super) async fn replace_head(
        &self,
        before: &StoredHead,
        after: &StoredHead,
        checkpoint: Option<audit::Checkpoint>,
    ) {
        let (replaced_runs, runs) = (Vec::new(), Vec::new());
        let change = HeadChange { before: before.head, after: after.clone(), replaced_runs, runs, checkpoint };
        self.change(SealingRound { heads: vec![change], ..round() }).await;
    }

    pub(super) async fn insert(&self, row: &WaitingRow) {
        self.change(SealingRound { waiting: vec![row.clone()], ..round() }).await;
    }

    pub(super) async fn delete(&self, key: WaitingKey) {
        self.change(SealingRound { sealed: vec![key], ..round() }).await;
    }

    pub(super) async fn waiting(&self) -> Vec<WaitingRow> {
        self.tables.waiting(None, usize::MAX, usize::MAX).await.unwrap()
    }

    pub(super) fn sealer(&self, owner: &str) -> Sealer {
        self.sealer_over(owner, Arc::clone(&self.tables))
    }

    pub(super) fn sealer_over(&self, owner: &str, tables: Arc<dyn AuditTables>) -> Sealer {
        let store = Arc::clone(&self.store);
        Sealer::new(SealerContext {
            tables,
            clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
            entropy: Arc::clone(&self.entropy) as Arc<dyn Entropy>,
            begin_entry: Box::new(move || store.begin_entry()),
            keys: SealerKeys {
                checkpoints: Arc::new(TestKey),
                rows: Arc::new(TestKey),
                notes: Some(Arc::new(TestKey)),
            },
            lease: "sealer",
            owner: owner.to_owned(),
            lease_duration: LEASE,
        })
    }

    /// Takes the lease for a sealer, whoever had it.
    pub(super) async fn acquire(&self, owner: &str) {
        if !self.store.acquire_lease(Lease::Sealer, owner, self.clock.now(), LEASE).await.unwrap() {
            self.clock.advance(LEASE * 2);
            assert!(self.store.acquire_lease(Lease::Sealer, owner, self.clock.now(), LEASE).await.unwrap());
        }
    }

    /// Runs rounds until nothing is left to do.
    pub(super) async fn try_run(&self, sealer: &mut Sealer, owner: &str, ran: &mut Ran) -> Result<(), StoreError> {
        while sealer.has_work().await? {
            self.acquire(owner).await;
            ran.add(sealer.run_round().await?);
            assert!(ran.rounds < 1000, "the sealer finds no end");
        }
        Ok(())
    }

    pub(super) async fn run(&self, sealer: &mut Sealer, owner: &str) -> Ran {
        let mut ran = Ran::default();
        self.try_run(sealer, owner, &mut ran).await.unwrap();
        ran
    }

    pub(super) async fn head(&self, organization: OrganizationId) -> Option<StoredHead> {
        self.tables.heads(&[organization]).await.unwrap().into_iter().next()
    }

    /// The sealed entries of a chain, after it was verified against its head.
    pub(super) async fn chain(&self, organization: OrganizationId) -> Vec<Entry> {
        let log = StoredLog::new(Arc::clone(&self.tables));
        log.set_key(Arc::new(TestKey));
        let stored: Vec<StoredEntry> = stored(log.sealed(organization, 0, usize::MAX).await.unwrap());
        let entries: Vec<Entry> = stored.iter().map(|stored| stored.entry.clone()).collect();
        let Some(head) = self.head(organization).await else {
            assert!(entries.is_empty());
            return entries;
        };
        let seals = seals(&entries);
        assert_eq!(last(&seals), head.head, "the chain is not that of the head");
        let root = tree_root(seals.iter().map(|seal| seal.hash));
        assert_eq!(head.tree.as_ref().map(Tree::root), Some(root), "the tree is not that of the head");
        entries
    }

    /// The actions of the sealer's own entries.
    pub(super) async fn reports(&self) -> Vec<Entry> {
        let own = |entry: &Entry| entry.action.as_str().starts_with("audit.");
        self.chain(LOG).await.into_iter().filter(own).collect()
    }
}

/// The value of a change, for people.
pub(super) fn value(entry: &Entry, field: &str) -> String {
    let change = entry.changes.iter().find(|change| change.field == field);
    match change.map(|change| &change.after) {
        Some(kernel::FieldValue::Text(text)) => text.clone(),
        Some(kernel::FieldValue::Texts(texts)) => texts.join(","),
        Some(kernel::FieldValue::Integer(number)) => number.to_string(),
        Some(kernel::FieldValue::Bool(flag)) => flag.to_string(),
        _ => String::new(),
    }
}

/// The seals of a chain of these entries.
pub(super) fn seals(entries: &[Entry]) -> Vec<Seal> {
    let mut previous_hash = Hash::ZERO;
    let seal = |(sequence, entry): (i64, &Entry)| {
        let hash = hash_entry(entry, sequence, previous_hash);
        let seal = Seal { sequence, previous_hash, hash };
        previous_hash = hash;
        seal
    };
    (1..).zip(entries).map(seal).collect()
}

/// The head of a chain with these seals.
pub(super) fn last(seals: &[Seal]) -> Head {
    seals.last().map_or(Head::EMPTY, |seal| Head { sequence: seal.sequence, hash: seal.hash })
}
