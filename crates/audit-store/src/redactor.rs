//! The redaction of entries: the body that has the content of an entry is replaced by one that has only its identifier and
//! its hash, after an entry of the same log has recorded it.

use std::sync::Arc;

use audit::{
    AuditTables, Redaction, RowKey, is_redactable, recorded_redaction,
    tables::{BodyRange, BodyRedaction, RunTable},
};
use audit_runs::{BlockAnchor, Effort, RunEntry, encode_sealed_with_stubs};
use kernel::{Clock, Entry, Id, OrganizationId, StoreError};

use crate::{
    blocks::{HashedBlock, hash_run, segment_terms},
    inclusion::is_in_tree,
    lease_owner::LeaseOwner,
    log::{StoredLog, is_replaced},
};

/// Removes the content of entries whose redaction is recorded.
pub struct Redactor {
    log: StoredLog,
    tables: Arc<dyn AuditTables>,
    clock: Arc<dyn Clock>,
    lease: LeaseOwner,
}

/// The result of a redaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Redacted {
    /// The content of the entry was removed.
    Done,
    /// It had been removed before.
    Already,
    /// The record is not sealed, or not part of the tree that this installation has signed.
    Unrecorded,
    /// The log has no such entry, or another one at its sequence.
    NoEntry,
    /// The entry is one that the log has about itself.
    Protected,
    /// The entry is still stored in the form of an earlier version.
    Unconverted,
    /// The entry is in the archive, whose objects do not change.
    Archived,
    /// Another process holds the lease, or has changed the chain at the same time.
    Refused,
}

/// The run with an entry that is to be redacted.
struct Run {
    table: RunTable,
    /// The first and last sequences.
    range: (i64, i64),
    /// The index of the entry.
    index: usize,
    entries: Vec<RunEntry>,
    blocks: Vec<HashedBlock>,
}

enum Found {
    Run(Box<Run>),
    Nothing(Redacted),
}

impl Redactor {
    /// Creates a redactor of the logs of an installation with this key of rows.
    #[must_use]
    pub fn new(tables: Arc<dyn AuditTables>, clock: Arc<dyn Clock>, lease: LeaseOwner, key: Arc<dyn RowKey>) -> Self {
        let log = StoredLog::new(Arc::clone(&tables));
        log.set_key(key);
        Self { log, tables, clock, lease }
    }

    /// Redacts the entry that the entry `record` of a log names.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails; [`StoreError::Corrupt`] if the head of the log, or the run with the entry, is not
    /// as it was stored.
    pub async fn run(&self, organization: OrganizationId, record: Id<Entry>) -> Result<Redacted, StoreError> {
        let Some(head) = self.tables.heads(&[organization]).await?.pop() else { return Ok(Redacted::Unrecorded) };
        self.log.verify_head_tag(&head)?;
        let Some(stored) = self.log.entry(organization, record).await? else { return Ok(Redacted::Unrecorded) };
        let Some(redaction) = recorded_redaction(&stored.entry) else { return Ok(Redacted::Unrecorded) };
        if !is_in_tree(&self.log, &head, &stored).await? {
            return Ok(Redacted::Unrecorded);
        }
        match self.find(organization, &redaction).await? {
            Found::Run(run) => self.store(organization, &redaction, *run).await,
            Found::Nothing(reason) => Ok(reason),
        }
    }

    /// Returns whether an entry can be redacted: [`Redacted::Done`] if so, else the reason that it can't.
    ///
    /// # Errors
    /// As of [`Self::run`].
    pub async fn examine(&self, organization: OrganizationId, redaction: &Redaction) -> Result<Redacted, StoreError> {
        Ok(match self.find(organization, redaction).await? {
            Found::Run(_) => Redacted::Done,
            Found::Nothing(reason) => reason,
        })
    }

    async fn find(&self, organization: OrganizationId, redaction: &Redaction) -> Result<Found, StoreError> {
        let (id, entry) = (redaction.id, redaction.entry);
        let view = self.log.reader.chain_view(organization).await?;
        if entry.sequence <= view.old_through() {
            return Ok(Found::Nothing(Redacted::Unconverted));
        }
        let unit = view.unit_at(entry.sequence);
        let key = (unit < view.len()).then(|| view.key(unit)).filter(|key| key.first_sequence <= entry.sequence);
        let Some(key) = key else { return Ok(Found::Nothing(Redacted::NoEntry)) };
        let (first, last) = (key.first_sequence, key.last_sequence);
        if self.is_archived(organization, first, key.table).await? {
            return Ok(Found::Nothing(Redacted::Archived));
        }
        let range = BodyRange { table: key.table, first_sequence: first, offset: 0, length: usize::MAX };
        let body = self.tables.bodies(organization, &[range]).await?.pop().flatten();
        // A longer run may have replaced it.
        let Some(body) = body.filter(|body| !is_replaced(key, body)) else {
            return Ok(Found::Nothing(Redacted::Refused));
        };
        let (entries, blocks) =
            hash_run(organization, (first, last), &body).map_err(|damage| StoreError::Corrupt(Box::new(damage)))?;
        let index = usize::try_from(entry.sequence - first).unwrap_or(usize::MAX);
        let hash = blocks.iter().flat_map(|block| &block.hashes).nth(index);
        Ok(match entries.get(index) {
            _ if hash != Some(&entry.hash) => Found::Nothing(Redacted::NoEntry),
            Some(RunEntry::Stub { id: found, .. }) if *found == id => Found::Nothing(Redacted::Already),
            Some(RunEntry::Entry(found)) if found.id == id && !is_redactable(found) => {
                Found::Nothing(Redacted::Protected)
            }
            Some(RunEntry::Entry(found)) if found.id == id => {
                Found::Run(Box::new(Run { table: key.table, range: (first, last), index, entries, blocks }))
            }
            _ => Found::Nothing(Redacted::NoEntry),
        })
    }

    async fn store(
        &self,
        organization: OrganizationId,
        redaction: &Redaction,
        run: Run,
    ) -> Result<Redacted, StoreError> {
        let Run { table, range: (first, last), index, mut entries, blocks } = run;
        entries[index] = RunEntry::Stub { id: redaction.id, hash: redaction.entry.hash };
        let anchors: Vec<BlockAnchor> = blocks.iter().map(HashedBlock::anchor).collect();
        let (effort, terms) = match table {
            RunTable::Segments => (Effort::Thorough, Some(segment_terms(first, &entries))),
            RunTable::Runs => (Effort::Quick, None),
        };
        let change = BodyRedaction {
            lease: self.lease.hold(self.clock.now()),
            organization,
            table,
            first_sequence: first,
            last_sequence: last,
            body: encode_sealed_with_stubs(organization, first, &entries, &anchors, effort),
            terms,
        };
        Ok(if self.tables.redact(&change).await? { Redacted::Done } else { Redacted::Refused })
    }

    /// Whether a segment is in the archive. The keys in the memory of the process may be from before that.
    async fn is_archived(
        &self,
        organization: OrganizationId,
        first_sequence: i64,
        table: RunTable,
    ) -> Result<bool, StoreError> {
        if table == RunTable::Runs {
            return Ok(false);
        }
        let start = audit::tables::SegmentStart::Sequence(first_sequence);
        let query = audit::tables::SegmentQuery { start, downwards: false, limit: 1 };
        let segment = self.tables.segments(organization, &query).await?.pop();
        Ok(segment.is_some_and(|segment| segment.archived.is_some()))
    }
}
