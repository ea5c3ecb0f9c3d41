//! Imports of records into a workspace, in batches, each atomic with its audit entries.

use std::collections::HashMap;

use findings::{BatchOutcome, Finding, NewFinding, OnConflict};
use kernel::{Action, Attribution, Organization, OrganizationRef, Reader, Record, Stored};
use registers::{SyncOutcome, sync};
use store::DynStore;

use super::operator::Operator;
use crate::{compose::Installation, failure::Failure};

/// Number of records in one changeset.
pub(super) const BATCH: usize = 500;

/// Imports records into one workspace.
pub(crate) struct Importer<'a> {
    pub(super) operator: &'a Operator,
    pub(super) organization: OrganizationRef,
    pub(super) attribution: Attribution,
    /// Nothing is stored; outcomes are those that an import would have.
    pub(super) dry_run: bool,
}

macro_rules! registers {
    ($($kind:ident => $register:ty,)*) => {
        /// The records of registers to import, by kind.
        #[derive(Debug, Default)]
        pub(crate) struct Registers {
            $(pub(crate) $kind: Vec<$register>,)*
        }

        impl Registers {
            /// The number of records.
            pub(crate) fn len(&self) -> usize {
                0 $(+ self.$kind.len())*
            }

            /// Adds a record of a bundle; gives a finding back.
            pub(crate) fn add(&mut self, record: import::bundle::Record) -> Option<NewFinding> {
                match record {
                    import::bundle::Record::Finding(finding) => return Some(finding),
                    $(import::bundle::Record::$kind(record) => self.$kind.push(record),)*
                }
                None
            }
        }
    };
}
registers::for_each_register!(registers);

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

    /// Imports the records of registers, then the findings. Calls `report` with the size of each batch after it is stored.
    ///
    /// # Errors
    /// If the store fails. The batches before are stored already; a second import finds their records unchanged.
    pub(crate) async fn import(
        &self,
        registers: &Registers,
        findings: impl IntoIterator<Item = NewFinding>,
        report: impl Fn(usize),
    ) -> Result<ImportCounts, Failure> {
        let mut counts = ImportCounts::default();
        macro_rules! each {
            ($($kind:ident => $register:ty,)*) => {
                $(self.sync_register::<$register>(&registers.$kind, &mut counts, &report).await?;)*
            };
        }
        registers::for_each_register!(each);
        let mut findings = findings.into_iter();
        loop {
            let batch: Vec<NewFinding> = findings.by_ref().take(BATCH).collect();
            if batch.is_empty() {
                return Ok(counts);
            }
            for outcome in self.write_findings(&batch).await? {
                match outcome {
                    BatchOutcome::Created(_) => counts.created += 1,
                    BatchOutcome::Updated(_) => counts.updated += 1,
                    BatchOutcome::Unchanged(_) | BatchOutcome::Skipped(_) => counts.unchanged += 1,
                }
            }
            report(batch.len());
        }
    }

    async fn sync_register<R: Record>(
        &self,
        records: &[R],
        counts: &mut ImportCounts,
        report: &impl Fn(usize),
    ) -> Result<(), Failure>
    where
        DynStore: Reader<R>,
    {
        for batch in records.chunks(BATCH) {
            for outcome in self.sync_batch(batch).await? {
                match outcome {
                    SyncOutcome::Created => counts.created += 1,
                    SyncOutcome::Updated => counts.updated += 1,
                    SyncOutcome::Unchanged => counts.unchanged += 1,
                }
            }
            report(batch.len());
        }
        Ok(())
    }

    async fn sync_batch<R: Record>(&self, records: &[R]) -> Result<Vec<SyncOutcome>, Failure>
    where
        DynStore: Reader<R>,
    {
        let Installation { store, entropy, .. } = &self.operator.installation;
        let keys: Vec<&str> = records.iter().filter_map(R::key).collect();
        let decide = async || {
            let existing = Reader::<R>::get_by_keys(&**store, self.organization.id, &keys).await?;
            // A key that is unique only within a parent is shared by several records.
            let existing: HashMap<_, &Stored<R>> =
                existing.iter().map(|stored| ((stored.record.key(), stored.record.key_parent()), stored)).collect();
            let action = Action::on_record(R::KIND, "batch_written");
            let mut changeset = self.operator.changeset(&self.organization, action, None);
            let outcomes: Vec<SyncOutcome> = records
                .iter()
                .map(|record| {
                    let current = existing.get(&(record.key(), record.key_parent())).copied();
                    sync(&mut changeset, &**entropy, current, record.clone()).0
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
