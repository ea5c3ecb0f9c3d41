//! Records into the store, batch by batch.

use findings::{BatchOutcome, Desk, Finding, NewFinding, OnConflict, Tenant};
use indicatif::ProgressBar;
use kernel::{Action, Attribution, Organization, Reader, Stored};
use registers::{Control, Kept, keep};

use crate::{
    cli::{
        Operator,
        import::{read::Content, summary::Summary},
    },
    compose::Installation,
    failure::Failure,
};

/// How many records one changeset holds.
const BATCH: usize = 500;

/// Writes what files hold into one workspace.
pub(super) struct Importer<'a> {
    operator: &'a Operator,
    tenant: Tenant,
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
        let organization = workspace.meta.id;
        let tenant = Tenant { organization, slug: workspace.record.slug.as_str().to_owned() };
        Self { operator, tenant, attribution: operator.attribution(organization), dry_run, bar }
    }

    /// Writes it all.
    ///
    /// # Errors
    /// When the store fails. Batches before that one are stored; a second run finds them unchanged.
    pub(super) async fn import(&mut self, content: Content) -> Result<Summary, Failure> {
        let mut summary =
            Summary { failures: content.failures, passed_over: content.passed_over, ..Summary::default() };
        for batch in content.controls.chunks(BATCH) {
            for kept in self.keep_controls(batch).await? {
                match kept {
                    Kept::Created => summary.created += 1,
                    Kept::Updated => summary.updated += 1,
                    Kept::Unchanged => summary.unchanged += 1,
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

    async fn keep_controls(&self, controls: &[Control]) -> Result<Vec<Kept>, Failure> {
        let Installation { store, entropy, .. } = &self.operator.installation;
        let organization = self.tenant.organization;
        let keys: Vec<&str> = controls.iter().map(|control| control.key.as_str()).collect();
        let decide = async || {
            let present = Reader::<Control>::with_keys(&**store, organization, &keys).await?;
            let mut changeset = self.operator.changeset(organization, Action::new("control.batch_written"), None);
            let kept: Vec<Kept> = controls
                .iter()
                .map(|control| {
                    let there = present.iter().find(|there| there.record.key == control.key);
                    keep(&mut changeset, &**entropy, there, control.clone()).0
                })
                .collect();
            Ok((changeset, kept))
        };
        if self.dry_run { decide().await.map(|(_, kept)| kept) } else { self.operator.write(decide).await }
    }

    async fn record_findings(&self, findings: &[NewFinding]) -> Result<Vec<BatchOutcome>, Failure> {
        let Installation { store, entropy, .. } = &self.operator.installation;
        let desk = Desk {
            entropy: &**entropy,
            renderer: &api::Notices,
            tenant: &self.tenant,
            attribution: &self.attribution,
            reason: self.operator.reason(),
        };
        let keys: Vec<&str> = findings.iter().map(|finding| finding.key.as_str()).collect();
        let decide = async || {
            let present = Reader::<Finding>::with_keys(&**store, self.tenant.organization, &keys).await?;
            Ok(findings::batch(&desk, store.begin(), findings.to_vec(), present, OnConflict::Update))
        };
        if self.dry_run { decide().await.map(|(_, outcomes)| outcomes) } else { self.operator.write(decide).await }
    }
}
