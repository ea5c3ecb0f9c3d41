//! Imports of records into a workspace, in batches, each atomic with its audit entries.

use findings::{BatchOutcome, Finding, NewFinding, OnConflict};
use kernel::{Action, Attribution, Organization, OrganizationRef, Reader, Stored};
use registers::{Control, SyncOutcome, sync};

use super::operator::Operator;
use crate::{compose::Installation, failure::Failure};

/// Number of records in one changeset.
const BATCH: usize = 500;

/// Imports records into one workspace.
pub(crate) struct Importer<'a> {
    operator: &'a Operator,
    organization: OrganizationRef,
    attribution: Attribution,
    /// Nothing is stored; outcomes are those that an import would have.
    dry_run: bool,
}

/// Numbers of imported records, by outcome.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ImportCounts {
    pub(crate) created: usize,
    pub(crate) updated: usize,
    pub(crate) unchanged: usize,
}

impl<'a> Importer<'a> {
    pub(crate) fn new(operator: &'a Operator, workspace: &Stored<Organization>, dry_run: bool) -> Self {
        Self { operator, organization: workspace.into(), attribution: operator.attribution(), dry_run }
    }

    /// Imports the controls, then the findings. Calls `report` with the size of each batch after it is stored.
    ///
    /// # Errors
    /// If the store fails. The batches before are stored already; a second import finds their records unchanged.
    pub(crate) async fn import(
        &self,
        controls: &[Control],
        findings: &[NewFinding],
        report: impl Fn(usize),
    ) -> Result<ImportCounts, Failure> {
        let mut counts = ImportCounts::default();
        for batch in controls.chunks(BATCH) {
            for outcome in self.sync_controls(batch).await? {
                match outcome {
                    SyncOutcome::Created => counts.created += 1,
                    SyncOutcome::Updated => counts.updated += 1,
                    SyncOutcome::Unchanged => counts.unchanged += 1,
                }
            }
            report(batch.len());
        }
        for batch in findings.chunks(BATCH) {
            for outcome in self.write_findings(batch).await? {
                match outcome {
                    BatchOutcome::Created(_) => counts.created += 1,
                    BatchOutcome::Updated(_) => counts.updated += 1,
                    BatchOutcome::Unchanged(_) | BatchOutcome::Skipped(_) => counts.unchanged += 1,
                }
            }
            report(batch.len());
        }
        Ok(counts)
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

    async fn write_findings(&self, findings: &[NewFinding]) -> Result<Vec<BatchOutcome>, Failure> {
        let store = &self.operator.installation.store;
        let context = self.operator.write_context(&self.organization, &self.attribution);
        let keys: Vec<&str> = findings.iter().map(|finding| finding.key.as_str()).collect();
        let decide = async || {
            let existing = Reader::<Finding>::get_by_keys(&**store, self.organization.id, &keys).await?;
            Ok(findings::write_batch(
                &context,
                &api::PayloadRenderer,
                store.begin_write(),
                findings.to_vec(),
                existing,
                OnConflict::Update,
            ))
        };
        if self.dry_run { decide().await.map(|(_, outcomes)| outcomes) } else { self.operator.write(decide).await }
    }
}
