//! Imports of records into a workspace, in batches, each atomic with its audit entries.

mod completion;
mod cycles;
mod derived;
mod draft_import;
mod drafts;
mod identity;
mod kept_rows;
mod lookup;
mod messages;
mod passes;
mod published;
mod record_batch;
mod refusal;
mod retirement;
mod table_drafts;
mod waiting;

use findings::{BatchOutcome, Finding, NewFinding, OnConflict};
use import::CheckedDraft;
use kernel::{Attribution, Organization, OrganizationRef, Reader, Stored};
use registers::SyncOutcome;

use self::completion::completed_findings;
use super::operator::Operator;
use crate::failure::Failure;

pub(crate) use drafts::{DraftFailures, DraftSource, MAX_LISTED_FAILURES, PendingDraft};
pub(crate) use kept_rows::{KeptRows, MAX_FAILED_ROWS};
pub(crate) use table_drafts::{TableDraftWriter, TableDrafts};

/// Number of records in one changeset.
pub(super) const BATCH: usize = 500;

/// Calls `$body` with the record type of the kind as `$record`; `None` if files can't hold the kind.
macro_rules! with_record_type {
    ($kind:expr, |$record:ident| $body:expr) => {
        ::registers::for_each_register! {
            with_record_type, @match { $kind, $record, $body } Finding => ::findings::Finding,
        }
    };
    (@match { $kind:expr, $record:ident, $body:expr } $($variant:ident => $type:ty,)*) => {
        match $kind {
            $(::kernel::Kind::$variant => {
                type $record = $type;
                Some($body)
            })*
            _ => None,
        }
    };
}
pub(super) use with_record_type;

/// Imports records into one workspace.
pub(crate) struct Importer<'a> {
    pub(super) operator: &'a Operator,
    pub(super) organization: OrganizationRef,
    pub(super) attribution: Attribution,
    /// Nothing is stored; outcomes are those that an import would have.
    pub(super) dry_run: bool,
}

/// Numbers of imported records, by outcome.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ImportCounts {
    pub(crate) created: usize,
    pub(crate) updated: usize,
    pub(crate) unchanged: usize,
}

impl ImportCounts {
    fn count(&mut self, outcome: SyncOutcome) {
        match outcome {
            SyncOutcome::Created => self.created += 1,
            SyncOutcome::Updated => self.updated += 1,
            SyncOutcome::Unchanged => self.unchanged += 1,
        }
    }

    fn count_finding(&mut self, outcome: BatchOutcome) {
        self.count(match outcome {
            BatchOutcome::Created(_) => SyncOutcome::Created,
            BatchOutcome::Updated(_) => SyncOutcome::Updated,
            BatchOutcome::Unchanged(_) | BatchOutcome::Skipped(_) => SyncOutcome::Unchanged,
        });
    }
}

impl<'a> Importer<'a> {
    pub(crate) fn new(operator: &'a Operator, workspace: &Stored<Organization>, dry_run: bool) -> Self {
        Self::for_organization(operator, workspace.into(), dry_run)
    }

    pub(crate) fn for_organization(operator: &'a Operator, organization: OrganizationRef, dry_run: bool) -> Self {
        Self { operator, organization, attribution: operator.attribution(), dry_run }
    }

    /// Imports findings. Calls `report` with the size of each batch after it is stored.
    ///
    /// # Errors
    /// If the store fails. The batches before are stored already; a second import finds their findings unchanged.
    pub(crate) async fn import_findings(
        &self,
        findings: impl IntoIterator<Item = NewFinding>,
        report: impl Fn(usize),
    ) -> Result<ImportCounts, Failure> {
        let mut counts = ImportCounts::default();
        let mut findings = findings.into_iter();
        loop {
            let batch: Vec<NewFinding> = findings.by_ref().take(BATCH).collect();
            if batch.is_empty() {
                return Ok(counts);
            }
            for outcome in self.write_findings(&batch, &[]).await?.into_iter().flatten() {
                counts.count_finding(outcome);
            }
            report(batch.len());
        }
    }

    /// Writes one batch of findings, those of drafts with the drafts. A draft that can only update a finding has no outcome if
    /// there is none.
    async fn write_findings(
        &self,
        findings: &[NewFinding],
        drafts: &[CheckedDraft],
    ) -> Result<Vec<Option<BatchOutcome>>, Failure> {
        let store = &self.operator.installation.store;
        let context = self.operator.write_context(&self.organization, &self.attribution);
        let keys: Vec<&str> = findings.iter().map(|finding| finding.key.as_str()).collect();
        let decide = async || {
            let existing = Reader::<Finding>::get_by_keys(&**store, self.organization.id, &keys).await?;
            let completed = completed_findings(findings, drafts, &existing)?;
            let is_written: Vec<bool> = completed.iter().map(Option::is_some).collect();
            let (changeset, outcomes) = findings::write_batch(
                &context,
                &api_v1::PayloadRenderer,
                store.begin_write(),
                completed.into_iter().flatten().collect(),
                existing,
                OnConflict::Update,
            );
            let mut outcomes = outcomes.into_iter();
            let outcome_of = |is_written: bool| if is_written { outcomes.next() } else { None };
            Ok((changeset, is_written.into_iter().map(outcome_of).collect()))
        };
        if self.dry_run { decide().await.map(|(_, outcomes)| outcomes) } else { self.operator.write(decide).await }
    }
}
