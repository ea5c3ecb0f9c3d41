//! Imports of tables that people upload: previews, runs in the background, and exports of lists.
//!
//! Work that blocks, such as reading a workbook, runs on threads for it, few at a time.

mod document;
mod reading;
mod run;
mod sent_file;
mod table_content;
#[cfg(test)]
mod tests;
mod turns;
mod wording;

use std::{
    collections::HashSet,
    fs::File,
    io::{self, BufWriter, Seek as _, Write as _},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use axum::http::StatusCode;
use bytes::Bytes;
use console::{
    ImportState, NewTable, Preview, RecordTables, TableExport, TableExportFormat, TableImport, TableOptions,
    TableRefusal,
};
use import::RecordKind;
use kernel::{Attribution, Id, OrganizationId, OrganizationRef, Reason};
use store::{Lease, MAX_TABLE_IMPORTS, StoredTableImport, TableImportId};
use tokio::{
    runtime::Handle,
    sync::{Semaphore, mpsc, watch},
    task::spawn_blocking,
};

use super::{ExportFormat, ExportSelection, Exporter, Importer, Operator};
use crate::{compose::Installation, failure::Failure};
use document::ImportDocument;
use reading::Reading;
use run::{LEASE_DURATION, Run, outcome};
use sent_file::send;
use table_content::TableContent;
use turns::{MAX_WAIT, Turns};
use wording::for_page;

/// The number of imports that the server runs at a time.
const MAX_RUNS: u32 = 4;

/// The maximum time in which a table is read, and a preview made of it.
const MAX_READING: Duration = Duration::from_secs(120);

/// The number of records that a preview shows.
const SHOWN_RECORDS: usize = 5;

/// Imports and exports of tables, on behalf of people.
#[derive(Clone)]
pub(crate) struct SharedTables {
    installation: Installation,
    /// Whether the server stops.
    stopping: Arc<watch::Sender<bool>>,
    turns: Arc<Turns>,
    runs: Arc<Semaphore>,
    max_reading: Duration,
}

impl SharedTables {
    pub(crate) fn new(installation: Installation) -> Self {
        Self {
            installation,
            stopping: Arc::new(watch::Sender::new(false)),
            turns: Arc::new(Turns::new(MAX_WAIT)),
            runs: Arc::new(Semaphore::new(MAX_RUNS as usize)),
            max_reading: MAX_READING,
        }
    }

    /// Interrupts the imports that are under way, and waits until they have stored that.
    pub(crate) async fn stop(&self) {
        self.stopping.send_replace(true);
        // The semaphore is never closed.
        drop(self.runs.acquire_many(MAX_RUNS).await);
    }

    async fn stored(
        &self,
        organization: OrganizationId,
        id: Id<TableImportId>,
    ) -> Result<(StoredTableImport, ImportDocument), TableRefusal> {
        let stored = self.installation.store.table_import(organization, id).await?.ok_or(TableRefusal::NotFound)?;
        let document = ImportDocument::read(&stored)?;
        Ok((stored, document))
    }

    /// Refuses what can't be done while the import is under way.
    fn check_idle(&self, stored: &StoredTableImport, document: &ImportDocument) -> Result<(), TableRefusal> {
        if document.is_running(stored.updated_at, self.installation.clock.now()) {
            return Err(TableRefusal::Refused("the import is under way".to_owned()));
        }
        Ok(())
    }

    /// Reads the table of an import on a thread for it, and calls `work` with it. Both end with the time for it, and when
    /// the caller does not wait any more.
    async fn with_table<T: Send + 'static>(
        &self,
        stored: &StoredTableImport,
        document: &ImportDocument,
        work: impl AsyncFnOnce(TableContent) -> Result<T, Failure> + Send + 'static,
    ) -> Result<Result<T, Failure>, TableRefusal> {
        let turn = self.turns.wait(stored.organization).await?;
        let (tables, stored, document) = (self.clone(), stored.clone(), document.clone());
        let kind = document.record_kind()?;
        let runtime = Handle::current();
        let (guard, reading) = Reading::begin(self.max_reading);
        let worked = spawn_blocking(move || {
            let _turn = turn;
            runtime.block_on(async {
                let worked = async {
                    let file = reading.limit(tables.file(&stored).await?);
                    work(table_content::read(file, kind, document.format, &document.options)?).await
                };
                let worked = tokio::select! {
                    worked = worked => worked,
                    () = reading.clone().ended() => Err(Failure::new("the table was not read to its end")),
                };
                // The file could not be read any further, which looks like damage.
                worked.map_err(|failure| reading.end().unwrap_or(failure))
            })
        });
        let worked = worked.await.map_err(|error| TableRefusal::Refused(format!("the table can't be read: {error}")));
        drop(guard);
        worked
    }

    /// The bytes of the table in a temporary file without a name.
    async fn file(&self, stored: &StoredTableImport) -> Result<File, Failure> {
        let mut file = tempfile::tempfile()?;
        for part in 0.. {
            match self.installation.store.table_part(stored.organization, stored.id, part).await? {
                Some(bytes) => file.write_all(&bytes)?,
                None => break,
            }
        }
        file.rewind()?;
        Ok(file)
    }

    async fn update(
        &self,
        stored: &StoredTableImport,
        document: &ImportDocument,
    ) -> Result<StoredTableImport, TableRefusal> {
        let next = document.next_version(stored, self.installation.clock.now())?;
        if self.installation.store.update_table_import(&next).await? {
            return Ok(next);
        }
        Err(TableRefusal::Refused("somebody else has changed this import meanwhile: open it again".to_owned()))
    }

    fn id<R: ?Sized>(&self) -> Id<R> {
        Id::new(self.installation.entropy.ulid(self.installation.clock.now()))
    }

    /// Reads the table and imports it without storing anything.
    async fn dry_run(
        &self,
        organization: &OrganizationRef,
        stored: &StoredTableImport,
        document: &ImportDocument,
    ) -> Result<Preview, TableRefusal> {
        let (installation, organization) = (self.installation.clone(), organization.clone());
        let preview = async move |content: TableContent| {
            let TableContent { columns, fields, missing_fields, needed_fields, warnings, problem, rows, .. } = content;
            let problem = problem.map(|problem| for_page(&problem));
            let mut preview =
                Preview { problem, columns, fields, missing_fields, needed_fields, warnings, ..Preview::default() };
            preview.outcome.rows = rows;
            if preview.problem.is_none() {
                let operator = Operator::for_server(installation, Reason::parse("preview of an import")?);
                let importer = Importer::for_organization(&operator, organization, true);
                let mut drafts = content.drafts;
                let (counts, failures) = importer.import_drafts(&mut drafts, content.failures, |_| {}).await?;
                let failed: HashSet<usize> =
                    failures.listed().iter().map(|(_, failure)| failure.position.line).collect();
                let records = content.sample.into_iter().filter(|(row, _)| !failed.contains(row));
                preview.sample = records.take(SHOWN_RECORDS).collect();
                preview.outcome = outcome(counts, failures);
            }
            Ok::<_, Failure>(preview)
        };
        let preview = self.with_table(stored, document, preview).await?;
        Ok(preview.unwrap_or_else(|failure| Preview {
            problem: Some(for_page(&failure.to_string())),
            columns: document.preview.columns.clone(),
            fields: document.preview.fields.clone(),
            ..Preview::default()
        }))
    }
}

#[async_trait]
impl RecordTables for SharedTables {
    async fn begin(&self, table: &NewTable) -> Result<Id<TableImportId>, TableRefusal> {
        let kind = RecordKind::of(table.kind);
        let kind = kind.ok_or_else(|| TableRefusal::Refused("no table can have records of this kind".to_owned()))?;
        let now = self.installation.clock.now();
        let first = ImportDocument::new(table, kind).first_version(table, self.id(), now)?;
        if self.installation.store.add_table_import(&first).await? {
            return Ok(first.id);
        }
        Err(TableRefusal::Refused(format!(
            "the workspace has {MAX_TABLE_IMPORTS} imports already: discard one that nobody needs, or wait until the oldest is \
             a day old"
        )))
    }

    async fn add_part(
        &self,
        organization: OrganizationId,
        id: Id<TableImportId>,
        part: i64,
        bytes: Bytes,
    ) -> Result<(), TableRefusal> {
        Ok(self.installation.store.add_table_part(organization, id, part, bytes.into()).await?)
    }

    async fn preview(
        &self,
        organization: &OrganizationRef,
        id: Id<TableImportId>,
        options: TableOptions,
    ) -> Result<(), TableRefusal> {
        let (stored, mut document) = self.stored(organization.id, id).await?;
        self.check_idle(&stored, &document)?;
        document.options = options;
        document.preview = match self.dry_run(organization, &stored, &document).await {
            Err(TableRefusal::Busy(message)) => {
                let Preview { columns, fields, .. } = document.preview;
                Preview { problem: Some(message), columns, fields, ..Preview::default() }
            }
            preview => preview?,
        };
        document.state = ImportState::Ready;
        document.outcome = None;
        self.update(&stored, &document).await.map(drop)
    }

    async fn find(&self, organization: OrganizationId, id: Id<TableImportId>) -> Result<TableImport, TableRefusal> {
        let (stored, document) = self.stored(organization, id).await?;
        document.shown(&stored, self.installation.clock.now())
    }

    async fn list(&self, organization: OrganizationId) -> Result<Vec<TableImport>, TableRefusal> {
        let (stored, now) = (self.installation.store.table_imports(organization).await?, self.installation.clock.now());
        // Those that another version of the program has stored are left out.
        let shown = stored.iter().filter_map(|stored| ImportDocument::read(stored).ok()?.shown(stored, now).ok());
        Ok(shown.collect())
    }

    async fn start(
        &self,
        organization: &OrganizationRef,
        id: Id<TableImportId>,
        attribution: Attribution,
        reason: Reason,
    ) -> Result<(), TableRefusal> {
        let (stored, mut document) = self.stored(organization.id, id).await?;
        self.check_idle(&stored, &document)?;
        let kind = document.record_kind()?;
        if document.preview.problem.is_some() || document.state == ImportState::Receiving {
            return Err(TableRefusal::Refused("no row of the table can be imported yet".to_owned()));
        }
        let busy = || TableRefusal::Refused("the server runs other imports: try again in a minute".to_owned());
        let permit = Arc::clone(&self.runs).try_acquire_owned().map_err(|_| busy())?;
        let (store, now) = (&self.installation.store, self.installation.clock.now());
        let (lease, lease_owner) =
            (Lease::TableImport(organization.id), format!("{id}:{}", self.id::<TableImportId>()));
        if !store.acquire_lease(lease, &lease_owner, now, LEASE_DURATION).await? {
            return Err(TableRefusal::Refused(
                "another import of this workspace is under way: wait until it has ended. If its server was killed, it counts as \
                 under way for a minute"
                    .to_owned(),
            ));
        }
        document.state = ImportState::Running;
        document.settled = 0;
        document.outcome = None;
        let operator = Operator::for_person(self.installation.clone(), attribution, reason);
        let started = self.update(&stored, &document).await;
        let stored = match started {
            Ok(stored) => stored,
            Err(refusal) => {
                store.release_lease(lease, &lease_owner).await?;
                return Err(refusal);
            }
        };
        let (organization, stopping) = (organization.clone(), self.stopping.subscribe());
        let operator = Arc::new(operator);
        let mut run = Run { operator, organization, stored, document, lease_owner, stopping };
        if let Err(failure) = run.record_start(StatusCode::SEE_OTHER.as_u16()).await {
            run.document.state = ImportState::Ready;
            if let Err(failure) = run.store_state().await {
                tracing::warn!(%failure, import = %id, "an import that can't begin can't be stored as ready");
            }
            store.release_lease(lease, &run.lease_owner).await?;
            return Err(TableRefusal::Refused(format!("the import can't begin: {failure}")));
        }
        let (tables, runtime) = (self.clone(), Handle::current());
        spawn_blocking(move || {
            let _permit = permit;
            runtime.block_on(async {
                let (_guard, reading) = Reading::begin(tables.max_reading);
                let content = match tables.file(&run.stored).await {
                    Ok(file) => {
                        let (format, options) = (run.document.format, &run.document.options);
                        let content = table_content::read(reading.limit(file), kind, format, options);
                        content.map_err(|failure| reading.end().unwrap_or(failure))
                    }
                    Err(failure) => Err(failure),
                };
                run.run(content).await;
            });
        });
        Ok(())
    }

    async fn discard(&self, organization: OrganizationId, id: Id<TableImportId>) -> Result<(), TableRefusal> {
        let (stored, document) = self.stored(organization, id).await?;
        self.check_idle(&stored, &document)?;
        self.installation.store.delete_table_import(organization, id).await?;
        Ok(())
    }

    async fn failed_rows(&self, organization: &OrganizationRef, id: Id<TableImportId>) -> Result<Bytes, TableRefusal> {
        let (stored, document) = self.stored(organization.id, id).await?;
        self.check_idle(&stored, &document)?;
        let (installation, organization) = (self.installation.clone(), organization.clone());
        let rows = async move |content: TableContent| {
            let operator = Operator::for_server(installation, Reason::parse("preview of an import")?);
            let importer = Importer::for_organization(&operator, organization, true);
            let TableContent { mut drafts, failures, kept, .. } = content;
            let (_, failures) = importer.import_drafts(&mut drafts, failures, |_| {}).await?;
            let mut file = Vec::new();
            kept.write_failed(&failures, &mut file)?;
            Ok::<_, Failure>(Bytes::from(file))
        };
        let rows = self.with_table(&stored, &document, rows).await?;
        rows.map_err(|failure| TableRefusal::Refused(for_page(&failure.to_string())))
    }

    async fn export(&self, export: TableExport, out: mpsc::Sender<Bytes>) -> Result<(), TableRefusal> {
        let TableExport { organization, kind, filter, request, format } = export;
        let kind = RecordKind::of(kind);
        let kind = kind.ok_or_else(|| TableRefusal::Refused("no file can have records of this kind".to_owned()))?;
        let format = match format {
            TableExportFormat::Csv => ExportFormat::Csv,
            TableExportFormat::Xlsx => ExportFormat::Xlsx,
            TableExportFormat::NdJson => ExportFormat::JsonLines,
        };
        let turn = self.turns.wait(organization).await?;
        let (installation, runtime) = (self.installation.clone(), Handle::current());
        let receiver = out.clone();
        let written = spawn_blocking(move || {
            // The turn ends with the file, so that a slow receiver keeps nobody else waiting.
            let _turn = turn;
            runtime.block_on(async {
                let exporter = Exporter::new(&*installation.store, organization, format);
                let exporter = exporter.with_selection(ExportSelection { filter, request });
                let mut file = BufWriter::new(tempfile::tempfile()?);
                let kinds = [kind];
                let export = exporter.export(&kinds, &mut file);
                tokio::select! {
                    exported = export => drop(exported?),
                    // The receiver has gone, and with it the need for the records.
                    () = receiver.closed() => return Ok(None),
                }
                Ok::<_, Failure>(Some(file.into_inner().map_err(io::IntoInnerError::into_error)?))
            })
        });
        let sent = match written.await {
            Ok(Ok(Some(file))) => send(file, &out).await,
            Ok(Ok(None)) => Ok(()),
            Ok(Err(failure)) => Err(failure),
            Err(error) => return Err(TableRefusal::Refused(format!("the export ended early: {error}"))),
        };
        sent.map_err(|failure| TableRefusal::Refused(failure.to_string()))
    }
}
