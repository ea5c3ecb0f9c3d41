//! A chain as the sealer continues it: its head, and the runs of its last block, which is not full.

use audit::{
    AuditTables, BLOCK_ENTRIES, Hash, Head, Tree, hash_entry,
    tables::{BodyRange, RunTable, SegmentQuery, SegmentStart, StoredHead},
};
use audit_runs::RunEntry;
use kernel::{OrganizationId, StoreError, Ulid};

use crate::{keys::SealerKeys, stored_head::verify_head};

/// A chain.
#[derive(Clone)]
pub(super) struct Chain {
    pub(super) head: StoredHead,
    /// The sequences of the first entries of the stored runs of the open block, in order.
    pub(super) open_runs: Vec<i64>,
    /// The entries of the open block, if they were loaded.
    pub(super) open: Option<OpenBlock>,
}

/// The entries of the last block, which is not full.
#[derive(Clone)]
pub(super) struct OpenBlock {
    pub(super) first_sequence: i64,
    /// The hash of the entry before the first one.
    pub(super) before: Hash,
    pub(super) entries: Vec<RunEntry>,
    pub(super) hashes: Vec<Hash>,
}

impl OpenBlock {
    pub(super) fn new(before: Head) -> Self {
        Self { first_sequence: before.sequence + 1, before: before.hash, entries: Vec::new(), hashes: Vec::new() }
    }

    /// The last entry; the one before the block if it is empty.
    fn head(&self) -> Head {
        let count = i64::try_from(self.hashes.len()).unwrap_or(i64::MAX);
        Head { sequence: self.first_sequence - 1 + count, hash: self.hashes.last().copied().unwrap_or(self.before) }
    }

    /// Adds an entry to the chain, or what remains of one.
    pub(super) fn push(&mut self, entry: RunEntry) -> Hash {
        let before = self.head();
        let hash = match &entry {
            RunEntry::Entry(entry) => hash_entry(entry, before.sequence + 1, before.hash),
            RunEntry::Stub { hash, .. } => *hash,
        };
        self.entries.push(entry);
        self.hashes.push(hash);
        hash
    }
}

/// The sequence of the last entry of the whole blocks up to this sequence.
fn block_end(sequence: i64) -> i64 {
    sequence - sequence % BLOCK_ENTRIES
}

fn fault(text: impl Into<String>) -> StoreError {
    StoreError::Corrupt(text.into().into())
}

impl Chain {
    /// Loads a chain that this sealer did not seal last, and verifies that its stored head was signed by this installation
    /// and is the hash of the runs before it.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if they were changed.
    pub(super) async fn load(
        tables: &dyn AuditTables,
        keys: &SealerKeys,
        organization: OrganizationId,
        stored: Option<StoredHead>,
    ) -> Result<Self, StoreError> {
        let Some(head) = stored else { return Self::start(tables, organization).await };
        verify_head(tables, keys, &head).await?;
        let end = head.head.sequence;
        if head.tree.as_ref().is_some_and(|tree| i64::try_from(tree.size()) != Ok(end)) {
            return Err(fault("the size of the stored tree is not the length of the chain"));
        }
        if head.old_through == end {
            return Self::load_old(tables, head).await;
        }
        let mut open_runs = Vec::new();
        for run in tables.runs(organization).await? {
            if run.last_sequence > end {
                return Err(fault("there are sealed entries after the stored head"));
            }
            if run.first_sequence > block_end(end) {
                open_runs.push(run.first_sequence);
            }
        }
        let mut chain = Self { head, open_runs, open: None };
        chain.load_open(tables).await?;
        Ok(chain)
    }

    /// Begins a chain, of which nothing may exist.
    async fn start(tables: &dyn AuditTables, organization: OrganizationId) -> Result<Self, StoreError> {
        let query = SegmentQuery { start: SegmentStart::End, downwards: false, limit: 1 };
        let is_new = tables.runs(organization).await?.is_empty()
            && tables.segments(organization, &query).await?.is_empty()
            && tables.checkpoints(organization, 0, 1).await?.is_empty();
        if !is_new {
            return Err(fault("the stored head is missing, although there are sealed entries"));
        }
        let head = StoredHead {
            organization,
            head: Head::EMPTY,
            tree: Some(Tree::default()),
            high_id: Ulid(0),
            late_ms: 0,
            signed: None,
            removed: Head::EMPTY,
            old_through: 0,
            redacted: 0,
        };
        Ok(Self { head, open_runs: Vec::new(), open: None })
    }

    /// Loads a chain whose entries are all in the old form. Those of its last block are taken along by the next run.
    async fn load_old(tables: &dyn AuditTables, mut head: StoredHead) -> Result<Self, StoreError> {
        let (end, organization) = (head.head.sequence, head.organization);
        // The last of a full block are read as well: they have the greatest identifiers.
        let after = block_end(end - 1).max(head.removed.sequence);
        let limit = usize::try_from(end - after).unwrap_or(0);
        let stored = tables.old_sealed(organization, after, limit).await?;
        let first =
            stored.first().and_then(|stored| stored.seal).ok_or_else(|| fault("the last entries are missing"))?;
        let mut open = OpenBlock::new(Head { sequence: first.sequence - 1, hash: first.previous_hash });
        head.high_id = stored.iter().map(|stored| stored.entry.id.ulid()).fold(head.high_id, Ord::max);
        for stored in stored {
            open.push(RunEntry::Entry(stored.entry));
        }
        if open.head() != head.head {
            return Err(fault("the last entries do not have the hash of the stored head"));
        }
        let mut chain = Self { head, open_runs: Vec::new(), open: None };
        if end % BLOCK_ENTRIES > 0 {
            chain.head.old_through = block_end(end);
            if open.first_sequence == 1 {
                let mut tree = Tree::default();
                open.hashes.iter().for_each(|hash| tree.push(*hash));
                chain.head.tree = Some(tree);
            }
            chain.open = Some(open);
        }
        Ok(chain)
    }

    /// Whether the entries of the open block are needed to add this number of entries.
    pub(super) fn needs_open(&self, entries: usize) -> bool {
        let room = BLOCK_ENTRIES - self.head.head.sequence % BLOCK_ENTRIES;
        self.open.is_none() && !self.open_runs.is_empty() && i64::try_from(entries).is_ok_and(|count| count >= room)
    }

    /// Loads the entries of the open block, and verifies that they have the hash of the head.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if they don't.
    pub(super) async fn load_open(&mut self, tables: &dyn AuditTables) -> Result<(), StoreError> {
        let head = &self.head;
        let range =
            |first: &i64| BodyRange { table: RunTable::Runs, first_sequence: *first, offset: 0, length: usize::MAX };
        let ranges: Vec<_> = self.open_runs.iter().map(range).collect();
        let bodies = if ranges.is_empty() { Vec::new() } else { tables.bodies(head.organization, &ranges).await? };
        let mut open: Option<OpenBlock> = None;
        for body in bodies {
            let body = body.ok_or_else(|| fault("a run of the last block is missing"))?;
            let (header, entries) = audit_runs::decode_with_stubs(&body).map_err(|error| fault(error.to_string()))?;
            let anchor = header.anchors.first().ok_or_else(|| fault("a run of the last block is not sealed"))?;
            let before = Head { sequence: header.first_sequence - 1, hash: anchor.before };
            let block = open.get_or_insert_with(|| OpenBlock::new(before));
            if header.organization != head.organization || block.head() != before {
                return Err(fault("the runs of the last block do not follow one another"));
            }
            for entry in entries {
                block.push(entry);
            }
        }
        let begins_open = head.head.sequence % BLOCK_ENTRIES > 0;
        match &open {
            Some(block) if block.head() != head.head || !has_edge(head.tree.as_ref(), block) => {
                Err(fault("the entries of the last block do not have the hash of the stored head"))
            }
            // A chain may have been cut at its end.
            None if begins_open && head.removed != head.head => Err(fault("the runs of the last block are missing")),
            _ => {
                self.open = open;
                Ok(())
            }
        }
    }
}

/// Whether the roots in the edge of the tree that are below a block are those of its entries.
fn has_edge(tree: Option<&Tree>, block: &OpenBlock) -> bool {
    let Some(tree) = tree.filter(|_| (block.first_sequence - 1) % BLOCK_ENTRIES == 0) else { return true };
    let mut below = Tree::default();
    block.hashes.iter().for_each(|hash| below.push(*hash));
    tree.edge().ends_with(below.edge())
}
