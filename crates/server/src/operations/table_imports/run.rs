//! An import while it is under way: its progress is stored, and it holds the lease of the organization's imports.

use std::{cell::Cell, collections::HashMap, pin::pin, sync::Arc, time::Duration};

use console::{Fault, ImportState, MAX_FAULTS, Outcome, TableRefusal};
use kernel::{Action, Change, FieldValue, OrganizationRef, Subject};
use store::{Lease, StoredTableImport};
use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior, interval},
};

use super::{document::ImportDocument, table_content::TableContent, wording::for_page};
use crate::{
    failure::Failure,
    operations::{DraftFailures, ImportCounts, Importer, Operator},
};

/// The interval at which the progress is stored, if there is any.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(1);

/// The interval at which the state is stored in any case, and the lease renewed.
const RENEWAL_INTERVAL: Duration = Duration::from_secs(15);

pub(super) const LEASE_DURATION: Duration = Duration::from_secs(60);

/// An import that is under way.
pub(super) struct Run {
    pub(super) operator: Arc<Operator>,
    pub(super) organization: OrganizationRef,
    /// The state as it was stored last.
    pub(super) stored: StoredTableImport,
    pub(super) document: ImportDocument,
    pub(super) lease_owner: String,
    pub(super) stopping: watch::Receiver<bool>,
}

/// The end of an import.
enum End {
    Imported(Result<(ImportCounts, DraftFailures), Failure>),
    /// The server stops.
    Stopped,
    /// Another import has taken over, or the state can't be stored any more.
    Lost(Failure),
}

impl Run {
    pub(super) fn lease(&self) -> Lease {
        Lease::TableImport(self.organization.id)
    }

    /// Imports the records, stores how it ended, and releases the lease.
    pub(super) async fn run(mut self, content: Result<TableContent, Failure>) {
        let end = match content {
            Ok(content) => self.import(content).await,
            Err(failure) => End::Imported(Err(failure)),
        };
        match end {
            End::Imported(Ok((counts, failures))) => {
                self.document.outcome = Some(outcome(counts, failures));
                self.document.state = ImportState::Done;
            }
            End::Imported(Err(failure)) => self.document.state = ImportState::Failed(for_page(&failure.to_string())),
            End::Stopped => self.document.state = ImportState::Interrupted,
            End::Lost(failure) => {
                tracing::warn!(%failure, import = %self.stored.id, "an import of a table ended early");
                self.document.state = ImportState::Interrupted;
            }
        }
        if let Err(failure) = self.record_end().await {
            tracing::warn!(%failure, import = %self.stored.id, "the end of an import of a table can't be recorded in the audit log");
        }
        if let Err(failure) = self.store_state().await {
            tracing::warn!(%failure, import = %self.stored.id, "the end of an import of a table can't be stored; its page shows it as interrupted");
        }
        let store = &self.operator.installation.store;
        if let Err(error) = store.release_lease(self.lease(), &self.lease_owner).await {
            tracing::warn!(%error, "the lease of an import of a table can't be released; it expires within a minute");
        }
    }

    async fn import(&mut self, mut content: TableContent) -> End {
        let settled = Cell::new(content.failures.count());
        let operator = Arc::clone(&self.operator);
        let importer = Importer::for_organization(&operator, self.organization.clone(), false);
        let report = |count: usize| settled.set(settled.get() + count);
        let mut importing = pin!(importer.import_drafts(&mut content.drafts, content.failures, report));
        let mut stopping = self.stopping.clone();
        let mut ticks = interval(PROGRESS_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut renewed = Instant::now();
        loop {
            tokio::select! {
                biased;
                _ = stopping.wait_for(|stops| *stops) => return End::Stopped,
                imported = &mut importing => return End::Imported(imported),
                _ = ticks.tick() => {}
            }
            let is_due = renewed.elapsed() >= RENEWAL_INTERVAL;
            if self.document.settled == settled.get() && !is_due {
                continue;
            }
            self.document.settled = settled.get();
            if is_due {
                renewed = Instant::now();
                if let Err(failure) = self.renew_lease().await {
                    return End::Lost(failure);
                }
            }
            if let Err(failure) = self.store_state().await {
                return End::Lost(failure);
            }
        }
    }

    async fn renew_lease(&self) -> Result<(), Failure> {
        let installation = &self.operator.installation;
        let now = installation.clock.now();
        if installation.store.acquire_lease(self.lease(), &self.lease_owner, now, LEASE_DURATION).await? {
            return Ok(());
        }
        Err(Failure::new("another import of the workspace has begun"))
    }

    /// Stores the state.
    pub(super) async fn store_state(&mut self) -> Result<(), Failure> {
        let installation = &self.operator.installation;
        let next = self.document.next_version(&self.stored, installation.clock.now());
        let next = next.map_err(|refusal: TableRefusal| Failure::new(refusal.to_string()))?;
        if !installation.store.update_table_import(&next).await? {
            return Err(Failure::new("its state was changed by another process, or deleted"));
        }
        self.stored = next;
        Ok(())
    }

    /// Adds the beginning of the import to the audit log.
    pub(super) async fn record_start(&self, status: u16) -> Result<(), Failure> {
        let changes = vec![
            added("file_name", FieldValue::Text(self.document.file_name.clone())),
            added("kind", FieldValue::Text(self.document.kind.clone())),
            added("rows", number(self.document.preview.outcome.rows)),
        ];
        self.record(Action::new("table_import.started"), changes, Some(status)).await
    }

    async fn record_end(&self) -> Result<(), Failure> {
        let state = match &self.document.state {
            ImportState::Failed(_) => "failed",
            ImportState::Interrupted => "interrupted",
            _ => "done",
        };
        let mut changes = vec![added("state", FieldValue::Text(state.to_owned()))];
        if let Some(outcome) = &self.document.outcome {
            changes.extend([
                added("created", number(outcome.created)),
                added("updated", number(outcome.updated)),
                added("unchanged", number(outcome.unchanged)),
                added("failed", number(outcome.failed)),
            ]);
        }
        self.record(Action::new("table_import.ended"), changes, None).await
    }

    async fn record(&self, action: Action, changes: Vec<Change>, status: Option<u16>) -> Result<(), Failure> {
        let subject = Some(Subject { kind: "table_import".into(), id: self.stored.id.to_string() });
        let mut changeset = self.operator.changeset(&self.organization, action, subject);
        changeset.set_changes(changes);
        if let Some(status) = status {
            changeset.set_status(status);
        }
        Ok(self.operator.installation.store.commit(changeset).await?)
    }
}

fn added(field: &'static str, after: FieldValue) -> Change {
    Change { field: field.into(), before: FieldValue::Null, after }
}

fn number(number: usize) -> FieldValue {
    FieldValue::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}

/// The outcome of an import, or of a dry run.
pub(super) fn outcome(counts: ImportCounts, failures: DraftFailures) -> Outcome {
    let ImportCounts { created, updated, unchanged } = counts;
    let failed = failures.count();
    let listed = failures.into_listed();
    let mut counts_of_messages: HashMap<&str, usize> = HashMap::new();
    for (_, failure) in &listed {
        *counts_of_messages.entry(&failure.message).or_default() += 1;
    }
    let rarity =
        |failure: &import::ImportFailure| counts_of_messages.get(&*failure.message).copied().unwrap_or_default();
    let rarities: Vec<usize> = listed.iter().map(|(_, failure)| rarity(failure)).collect();
    let mut listed: Vec<_> = rarities.into_iter().zip(listed).collect();
    // What few rows have is not lost among what many have.
    listed.sort_by_key(|(rarity, _)| *rarity);
    let faults = listed.into_iter().take(MAX_FAULTS).map(|(_, (_, failure))| {
        let import::ImportFailure { position, key, message } = failure;
        Fault { row: position.line, key, message: for_page(&message) }
    });
    let faults = faults.collect();
    Outcome { rows: created + updated + unchanged + failed, created, updated, unchanged, failed, faults }
}
