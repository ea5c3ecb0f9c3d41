//! Writing of imported records to the store, in batches.

use findings::{BatchOutcome, Finding, NewFinding, OnConflict};
use indicatif::ProgressBar;
use kernel::{Action, Attribution, Organization, OrganizationRef, Reader, Stored};
use registers::{Control, SyncOutcome, sync};

use crate::{
    cli::{
        Operator,
        import::{read::Content, summary::Summary},
    },
    compose::Installation,
    failure::Failure,
};

/// Number of records in one changeset.
const BATCH: usize = 500;

/// Writes imported records to one workspace.
pub(super) struct Importer<'a> {
    operator: &'a Operator,
    organization: OrganizationRef,
    attribution: Attribution,
    dry_run: bool,
    bar: &'a ProgressBar,
}

impl<'a> Importer<'a> {
    pub(super) fn new(
        operator: &'a Operator,
        workspace: &Stored<Organization>,
        dry_run: bool,
        bar: &'a ProgressBar,
    ) -> Self {
        Self { operator, organization: workspace.into(), attribution: operator.attribution(), dry_run, bar }
    }

    /// Writes all records.
    ///
    /// # Errors
    /// If the store fails. The batches before are stored already; a second run finds their records unchanged.
    pub(super) async fn import(&mut self, content: Content) -> Result<Summary, Failure> {
        let mut summary = Summary { failures: content.failures, skipped: content.skipped, ..Summary::default() };
        for batch in content.controls.chunks(BATCH) {
            for outcome in self.sync_controls(batch).await? {
                match outcome {
                    SyncOutcome::Created => summary.created += 1,
                    SyncOutcome::Updated => summary.updated += 1,
                    SyncOutcome::Unchanged => summary.unchanged += 1,
                }
            }
            self.bar.inc(u64::try_from(batch.len()).unwrap_or_default());
        }
        for batch in content.findings.chunks(BATCH) {
            for outcome in self.record_findings(batch).await? {
                match outcome {
                    BatchOutcome::Created(_) => summary.created += 1,
                    BatchOutcome::Updated(_) => summary.updated += 1,
                    BatchOutcome::Unchanged(_) | BatchOutcome::Skipped(_) => summary.unchanged += 1,
                }
            }
            self.bar.inc(u64::try_from(batch.len()).unwrap_or_default());
        }
        Ok(summary)
    }

    async fn sync_controls(&self, controls: &[Control]) -> Result<Vec<SyncOutcome>, Failure> {
        let Installation { store, entropy, .. } = &self.operator.installation;
        let keys: Vec<&str> = controls.iter().map(|control| control.key.as_str()).collect();
        let decide = async || {
            let existing = Reader::<Control>::get_by_keys(&**store, self.organization.id, &keys).await?;
            let mut changeset = self.operator.changeset(&self.organization, Action::new("control.batch_written"), None);
            let outcomes: Vec<SyncOutcome> = controls
                .iter()
                .map(|control| {
                    let current = existing.iter().find(|stored| stored.record.key == control.key);
                    sync(&mut changeset, &**entropy, current, control.clone()).0
                })
                .collect();
            Ok((changeset, outcomes))
        };
        if self.dry_run { decide().await.map(|(_, outcomes)| outcomes) } else { self.operator.write(decide).await }
    }

    async fn record_findings(&self, findings: &[NewFinding]) -> Result<Vec<BatchOutcome>, Failure> {
        let store = &self.operator.installation.store;
        let write_context = self.operator.write_context(&self.organization, &self.attribution);
        let keys: Vec<&str> = findings.iter().map(|finding| finding.key.as_str()).collect();
        let decide = async || {
            let existing = Reader::<Finding>::get_by_keys(&**store, self.organization.id, &keys).await?;
            Ok(findings::write_batch(
                &write_context,
                &api_v1::PayloadRenderer,
                store.begin_write(),
                findings.to_vec(),
                existing,
                OnConflict::Update,
            ))
        };
        if self.dry_run { decide().await.map(|(_, outcomes)| outcomes) } else { self.operator.write(decide).await }
    }
}
