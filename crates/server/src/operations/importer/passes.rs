//! The import of drafts in any order: a pass over their source for each rank of kinds, parents before children, and
//! further ones while records of the same kind wait for each other.

use std::collections::{BTreeMap, HashMap, HashSet};

use import::{CheckedDraft, rank};
use kernel::{Kind, Reader, Record};
use registers::SyncOutcome;
use store::DynStore;

use super::{
    BATCH, ImportCounts, Importer,
    draft_import::DraftImport,
    drafts::{DraftFailures, DraftSource, PendingDraft},
    identity::Identity,
    record_batch::{Synced, parents_of},
    with_record_type,
};
use crate::failure::Failure;

/// The maximum size of the lines of one batch, in bytes, beyond its last line.
const MAX_BATCH_SIZE: usize = 4 * 1024 * 1024;

/// Drafts of one kind that are written together.
#[derive(Default)]
struct Batch {
    drafts: Vec<PendingDraft>,
    size: usize,
}

impl Importer<'_> {
    /// Imports drafts. Records may refer to others that come later. Adds to the failures; calls `report` with the number of
    /// drafts settled by each batch.
    ///
    /// # Errors
    /// If the source can't be read or the store fails. The batches before are stored already; a second import finds their
    /// records unchanged.
    pub(crate) async fn import_drafts(
        &self,
        source: &mut impl DraftSource,
        failures: DraftFailures,
        report: impl Fn(usize),
    ) -> Result<(ImportCounts, DraftFailures), Failure> {
        let import = self.run_drafts(source, failures, report).await?;
        Ok((import.counts, import.failures))
    }

    /// Imports drafts of documents. Returns also the number of records that keep a status although a document states
    /// another, by their status.
    ///
    /// # Errors
    /// As for other drafts.
    pub(crate) async fn import_document_drafts(
        &self,
        source: &mut impl DraftSource,
        failures: DraftFailures,
        report: impl Fn(usize),
    ) -> Result<(ImportCounts, DraftFailures, BTreeMap<&'static str, usize>), Failure> {
        let import = self.run_drafts(source, failures, report).await?;
        Ok((import.counts, import.failures, import.settled))
    }

    async fn run_drafts(
        &self,
        source: &mut impl DraftSource,
        failures: DraftFailures,
        report: impl Fn(usize),
    ) -> Result<DraftImport<'_, '_>, Failure> {
        let mut import = DraftImport::new(self, failures);
        let mut ranks: BTreeMap<usize, HashSet<Kind>> = BTreeMap::new();
        for kind in source.kinds() {
            ranks.entry(rank(kind)).or_default().insert(kind);
        }
        for kinds in ranks.values() {
            import.seen.clear();
            while import.pass(source, kinds, &report).await? {}
        }
        Ok(import)
    }
}

impl DraftImport<'_, '_> {
    /// Reads the drafts of these kinds that are not settled, and writes them. Returns whether there must be another pass.
    async fn pass(
        &mut self,
        source: &mut impl DraftSource,
        kinds: &HashSet<Kind>,
        report: &impl Fn(usize),
    ) -> Result<bool, Failure> {
        source.rewind()?;
        let mut batches: HashMap<Kind, Batch> = HashMap::new();
        let (mut settled, mut waiting) = (0, 0);
        loop {
            let next = source.next_draft(kinds)?;
            let full = match next {
                Some(pending) => {
                    let kind = pending.draft.kind;
                    let batch = batches.entry(kind).or_default();
                    batch.size += pending.size;
                    batch.drafts.push(pending);
                    let is_full = batch.drafts.len() >= BATCH || batch.size >= MAX_BATCH_SIZE;
                    is_full.then(|| batches.remove_entry(&kind)).flatten()
                }
                None => match batches.keys().next().copied() {
                    Some(kind) => batches.remove_entry(&kind),
                    None => break,
                },
            };
            let Some((kind, batch)) = full else { continue };
            let indexes: Vec<usize> = batch.drafts.iter().map(|pending| pending.index).collect();
            let left = self.write(kind, batch.drafts).await?;
            let left: HashSet<usize> = left.into_iter().collect();
            for index in indexes.iter().filter(|index| !left.contains(index)) {
                source.settle(*index);
            }
            settled += indexes.len() - left.len();
            waiting += left.len();
            report(indexes.len() - left.len());
        }
        Ok(self.waiting.next_pass(settled, waiting))
    }

    /// Writes drafts of one kind. Returns the indexes of those that wait for others.
    async fn write(&mut self, kind: Kind, drafts: Vec<PendingDraft>) -> Result<Vec<usize>, Failure> {
        if kind == Kind::Finding {
            return self.write_findings(drafts).await.map(|()| Vec::new());
        }
        let waiting = with_record_type!(kind, |R| self.write_records::<R>(drafts).await?);
        Ok(waiting.unwrap_or_default())
    }

    async fn write_findings(&mut self, drafts: Vec<PendingDraft>) -> Result<(), Failure> {
        let (mut findings, mut written) = (Vec::new(), Vec::new());
        for pending in drafts {
            match pending.draft.clone().into_finding() {
                Ok(finding) => {
                    let key = [kernel::ScalarValue::Text(finding.key.as_str())];
                    if self.is_first(&pending, Identity::from_values(Kind::Finding, key)) {
                        findings.push(finding);
                        written.push(pending);
                    }
                }
                Err(errors) => self.fail(&pending, &errors),
            }
        }
        if findings.is_empty() {
            return Ok(());
        }
        let drafts: Vec<CheckedDraft> = written.iter().map(|pending| pending.draft.clone()).collect();
        let outcomes = self.importer.write_findings(&findings, &drafts).await?;
        for (pending, outcome) in written.iter().zip(outcomes) {
            match outcome {
                Some(outcome) => self.counts.count_finding(outcome),
                None => self.fail_incomplete(pending),
            }
        }
        Ok(())
    }

    async fn write_records<R: Record>(&mut self, drafts: Vec<PendingDraft>) -> Result<Vec<usize>, Failure>
    where
        DynStore: Reader<R>,
    {
        let mut pending = drafts;
        loop {
            let (ready, waiting) = self.ready_records::<R>(pending).await?;
            if ready.is_empty() {
                return Ok(waiting.into_iter().map(|waiting| waiting.index).collect());
            }
            self.store::<R>(ready).await?;
            pending = waiting;
        }
    }

    /// Resolves the references of the drafts. Returns the records that can be written now, and the drafts that wait.
    async fn ready_records<R: Record>(
        &mut self,
        pending: Vec<PendingDraft>,
    ) -> Result<(Vec<(PendingDraft, R)>, Vec<PendingDraft>), Failure>
    where
        DynStore: Reader<R>,
    {
        let resolved = self.resolve(R::KIND, &pending).await?;
        let (mut ready, mut waiting) = (Vec::new(), Vec::new());
        for (pending, resolved) in pending.into_iter().zip(resolved) {
            if !resolved.errors.is_empty() {
                self.fail(&pending, &resolved.errors);
                continue;
            }
            match pending.draft.clone().into_record::<R>(&resolved.ids) {
                Err(errors) => self.fail(&pending, &errors),
                Ok(record) => match resolved.awaited {
                    None => ready.push((pending, record)),
                    Some(awaited) => match self.waiting.add(&pending.draft, Identity::of(&record), awaited) {
                        Some(error) => self.fail(&pending, &[error]),
                        None => waiting.push(pending),
                    },
                },
            }
        }
        let mut first = Vec::with_capacity(ready.len());
        for (pending, record) in self.without_cycles(ready, &mut waiting).await? {
            if self.is_first(&pending, Identity::of(&record)) {
                first.push((pending, record));
            }
        }
        Ok((first, waiting))
    }

    async fn store<R: Record>(&mut self, ready: Vec<(PendingDraft, R)>) -> Result<(), Failure>
    where
        DynStore: Reader<R>,
    {
        let (pending, records): (Vec<PendingDraft>, Vec<R>) = ready.into_iter().unzip();
        let drafts: Vec<&CheckedDraft> = pending.iter().map(|pending| &pending.draft).collect();
        let has_key = R::COLUMNS.iter().any(|column| column.key.is_some());
        if !has_key {
            self.load_identities(R::KIND, parents_of(&records)).await?;
        }
        let index = self.identities.entry(R::KIND).or_default();
        let outcomes = self.importer.sync_batch(&records, &drafts, index).await?;
        let mut refused = Vec::new();
        for ((record, pending), synced) in records.iter().zip(&pending).zip(outcomes) {
            let Synced { outcome, id, settled } = match synced {
                Ok(synced) => synced,
                Err(errors) => {
                    refused.push((pending, errors));
                    continue;
                }
            };
            self.counts.count(outcome);
            if let Some(status) = settled {
                *self.settled.entry(status).or_default() += 1;
            }
            if outcome == SyncOutcome::Created && !has_key {
                self.identities.entry(R::KIND).or_default().insert(Identity::of(record), id);
            }
            if self.importer.dry_run {
                self.planned.entry(Identity::of(record)).or_insert(id);
                self.waiting.plan(record, id, &pending.draft.kept_columns);
            }
        }
        for (pending, errors) in refused {
            self.fail(pending, &errors);
        }
        Ok(())
    }
}
