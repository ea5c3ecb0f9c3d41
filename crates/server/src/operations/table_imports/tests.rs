//! Imports of uploaded tables over the store in memory.

use std::{io::Read as _, sync::Arc, time::Duration};

use auth::User;
use bytes::Bytes;
use console::{
    ImportState, MAX_TABLE_ROWS, NewTable, RecordTables as _, TableExport, TableExportFormat, TableFormat, TableImport,
    TableOptions, TableRefusal,
};
use import::{RecordKind, xlsx::WorkbookWriter};
use kernel::{
    Actor, ActorKind, Attribution, Id, Kind, OrganizationRef, OwnedScalar, Reader, Reason, Record as _, StreamRequest,
};
use registers::Risk;
use store::{Lease, TableImportId};
use store_contract::samples;
use tokio::sync::mpsc;

use super::{
    SharedTables,
    sent_file::CHUNK_SIZE,
    turns::{MAX_TURNS, Turns},
};
use crate::{
    compose::{Installation, OpenMode, command_origin},
    operations::{Operator, create_workspace},
    settings::{Settings, Sources, collect},
};

struct Tables {
    shared: SharedTables,
    organization: OrganizationRef,
}

impl Tables {
    async fn open() -> Self {
        let environment = vec![("NOVANTRA_DATABASE_URL".to_owned(), "memory:".to_owned())];
        let values = collect(&Sources { environment, ..Sources::default() }).unwrap();
        let installation = Installation::open(&Settings::parse(&values).unwrap(), OpenMode::Serve).await.unwrap();
        let operator = Operator::for_server(installation.clone(), reason());
        let organization = workspace(&operator, "home").await;
        Self { shared: SharedTables::new(installation), organization }
    }

    async fn upload(&self, format: TableFormat, bytes: &[u8]) -> Id<TableImportId> {
        let table = NewTable {
            organization: self.organization.id,
            user: self.shared.id::<User>(),
            kind: Kind::Risk,
            format,
            file_name: "risks.csv".to_owned(),
        };
        let id = self.shared.begin(&table).await.unwrap();
        for (number, part) in (0..).zip(bytes.chunks(1000)) {
            let part = Bytes::copy_from_slice(part);
            self.shared.add_part(self.organization.id, id, number, part).await.unwrap();
        }
        self.check(id, TableOptions::default()).await;
        id
    }

    async fn check(&self, id: Id<TableImportId>, options: TableOptions) {
        self.shared.preview(&self.organization, id, options).await.unwrap();
    }

    async fn find(&self, id: Id<TableImportId>) -> TableImport {
        self.shared.find(self.organization.id, id).await.unwrap()
    }

    async fn problem(&self, format: TableFormat, bytes: &[u8]) -> String {
        let id = self.upload(format, bytes).await;
        let import = self.find(id).await;
        assert_eq!(import.state, ImportState::Ready);
        assert!(self.start(id).await.is_err(), "a table with a problem is not imported");
        import.preview.problem.expect("a problem")
    }

    async fn start(&self, id: Id<TableImportId>) -> Result<(), TableRefusal> {
        let installation = &self.shared.installation;
        let attribution = Attribution {
            actor: Actor { kind: ActorKind::User, id: None, name: "Dana Whitlock".into() },
            origin: command_origin(&*installation.entropy, installation.clock.now(), "test"),
            actor_revision: None,
        };
        self.shared.start(&self.organization, id, attribution, reason()).await
    }

    /// Imports the table, and waits for the end.
    async fn import(&self, id: Id<TableImportId>) -> TableImport {
        self.start(id).await.unwrap();
        drop(self.shared.runs.acquire_many(super::MAX_RUNS).await);
        self.find(id).await
    }

    async fn risk(&self, key: &str) -> Option<Risk> {
        let store = &*self.shared.installation.store;
        let found = Reader::<Risk>::get_by_keys(store, self.organization.id, &[key]).await.unwrap();
        found.into_iter().next().map(|stored| stored.record)
    }

    async fn export(&self, format: TableExportFormat, filter: Vec<(usize, Vec<OwnedScalar>)>) -> Vec<u8> {
        let organization = self.organization.id;
        let export = TableExport { organization, kind: Kind::Risk, filter, request: StreamRequest::default(), format };
        let (sender, mut chunks) = mpsc::channel(1);
        let shared = self.shared.clone();
        let exporting = tokio::spawn(async move { shared.export(export, sender).await });
        let mut bytes = Vec::new();
        while let Some(chunk) = chunks.recv().await {
            bytes.extend_from_slice(&chunk);
        }
        exporting.await.unwrap().unwrap();
        bytes
    }
}

async fn workspace(operator: &Operator, slug: &str) -> OrganizationRef {
    (&create_workspace(operator, &samples::organization(slug)).await.unwrap()).into()
}

fn reason() -> Reason {
    Reason::parse("The register of the branch moves here").unwrap()
}

const RISKS: &str =
    "riskKey,Title,Status,Notes\nRSK-1,Flood,identified,a\nRSK-2,\"=cmd|' /C calc'!A0\",Open,b\n,No key,identified,c\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_table_is_checked_corrected_and_imported_on_behalf_of_a_person() {
    let tables = Tables::open().await;
    let id = tables.upload(TableFormat::Csv, RISKS.as_bytes()).await;
    let preview = tables.find(id).await.preview;
    let fields: Vec<Option<&str>> = preview.columns.iter().map(|column| column.field.as_deref()).collect();
    assert_eq!(fields, [Some("riskKey"), Some("title"), Some("status"), None]);
    assert_eq!((preview.outcome.created, preview.outcome.failed), (1, 2), "{preview:?}");
    let fault = &preview.outcome.faults[0];
    assert!(fault.row == 3 && fault.message.contains("column C"), "{fault:?}");
    assert!(tables.risk("RSK-1").await.is_none(), "a preview stores nothing");

    tables.check(id, TableOptions { values: "status:Open=identified".to_owned(), ..TableOptions::default() }).await;
    let preview = tables.find(id).await.preview;
    assert_eq!((preview.outcome.created, preview.outcome.failed), (2, 1), "{preview:?}");
    let rows = tables.shared.failed_rows(&tables.organization, id).await.unwrap();
    let rows = String::from_utf8(rows.to_vec()).unwrap();
    assert!(rows.contains("Import error") && rows.contains("No key") && !rows.contains("RSK-1"), "{rows}");

    let import = tables.import(id).await;
    assert_eq!(import.state, ImportState::Done);
    let outcome = import.outcome.unwrap();
    assert_eq!((outcome.created, outcome.failed, outcome.faults.len()), (2, 1, 1));
    assert_eq!(tables.risk("RSK-2").await.unwrap().title.as_str(), "=cmd|' /C calc'!A0");
    let log = tables.log().await;
    let [.., ended] = &log[..] else { panic!("{log:?}") };
    assert_eq!(
        (ended.0.as_str(), ended.1.as_str(), ended.2.as_deref()),
        ("table_import.ended", "Dana Whitlock", Some(reason().as_str()))
    );
    assert!(log.iter().any(|(action, ..)| action == "risk.created"), "{log:?}");

    // A second import of the same file changes nothing.
    tables.check(id, TableOptions { values: "status:Open=identified".to_owned(), ..TableOptions::default() }).await;
    assert_eq!(tables.find(id).await.preview.outcome.unchanged, 2);
}

impl Tables {
    /// The actions of the audit log, oldest first, each with its actor and its reason.
    async fn log(&self) -> Vec<(String, String, Option<String>)> {
        let store = &*self.shared.installation.store;
        let filter = audit::AuditFilter::default();
        let page = kernel::PageRequest::default();
        let entries = audit::AuditLog::entries(store, self.organization.id, &filter, &page).await.unwrap().items;
        let shown = entries.into_iter().rev().map(|stored| {
            let entry = stored.entry;
            (
                entry.action.as_str().to_owned(),
                entry.actor.name.to_string(),
                entry.reason.map(|reason| reason.to_string()),
            )
        });
        shown.collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_table_says_what_to_do_and_is_not_imported() {
    let tables = Tables::open().await;
    let wide: String = (0..1100).map(|column| format!("c{column},")).collect();
    let long = format!("riskKey,title\nRSK-1,{}\n", "x".repeat(2 * 1024 * 1024));
    let many = format!("riskKey,title\n{}", "RSK-1,x\n".repeat(MAX_TABLE_ROWS + 1));
    for (bytes, expected) in [
        (&b"\n\n"[..], "the file is empty"),
        (b"riskKey,title\n", "a header and no other row"),
        (b"riskKey,title\nRSK-1,M\xfcnster\n", "\u{201c}Encoding\u{201d}: Windows-1252"),
        (b"name,title\nx,y\n", "by which a row finds its record: choose its column"),
        (wide.as_bytes(), "more than 1024 cells"),
        (long.as_bytes(), "more than 1048576 bytes"),
        (many.as_bytes(), "more than 50000 rows"),
        (b"riskKey,title\n\"RSK-1,x\n", "quote"),
    ] {
        let problem = tables.problem(TableFormat::Csv, bytes).await;
        assert!(problem.contains(expected), "{expected}: {problem}");
        assert!(!problem.contains("--"), "an option of the command: {problem}");
    }
    for (bytes, expected) in
        [(&b"PK\x03\x04 no archive"[..], ""), (&[0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1, 0, 0][..], "xlsx")]
    {
        let problem = tables.problem(TableFormat::Xlsx, bytes).await;
        assert!(problem.contains(expected), "{expected}: {problem}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_with_the_same_key_and_huge_cells_fail_and_others_do_not() {
    let tables = Tables::open().await;
    let table = format!("riskKey,title\nRSK-1,One\nRSK-1,Two\nRSK-2,{}\nRSK-3,Three\n", "x".repeat(100_000));
    let id = tables.upload(TableFormat::Csv, table.as_bytes()).await;
    let outcome = tables.find(id).await.preview.outcome;
    assert_eq!((outcome.created, outcome.failed), (2, 2), "{outcome:?}");
    let rows: Vec<usize> = outcome.faults.iter().map(|fault| fault.row).collect();
    assert_eq!(rows, [3, 4]);
    assert!(outcome.faults[0].message.contains("line 2 already has the risk with this key"), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workbook_is_imported_by_chosen_columns_and_exported_again() {
    let tables = Tables::open().await;
    let mut workbook = WorkbookWriter::default();
    let kind = RecordKind::of(Kind::Risk).unwrap();
    let sheet = workbook.add_sheet(kind).unwrap();
    let header = import::table::settable_fields(kind);
    assert!(!header.is_empty());
    sheet.finish().unwrap();
    let mut empty = Vec::new();
    workbook.save(&mut empty).unwrap();
    assert!(tables.problem(TableFormat::Xlsx, &empty).await.contains("a header and no other row"));

    let id = tables.upload(TableFormat::Csv, b"ID;Name\nRSK-7;-2+3\nRSK-8;Fire\n").await;
    assert!(tables.find(id).await.preview.problem.is_some());
    let columns = Some(vec![Some("riskKey".to_owned()), Some("title".to_owned())]);
    tables.check(id, TableOptions { columns, ..TableOptions::default() }).await;
    assert_eq!(tables.import(id).await.outcome.unwrap().created, 2);

    let csv = String::from_utf8(tables.export(TableExportFormat::Csv, Vec::new()).await).unwrap();
    assert!(csv.contains("RSK-8") && csv.contains("'-2+3"), "formulas are disarmed: {csv}");
    let status = Risk::COLUMNS.iter().position(|column| column.name == "status").unwrap();
    let none = vec![(status, vec![OwnedScalar::Name("closed")])];
    let filtered = String::from_utf8(tables.export(TableExportFormat::NdJson, none).await).unwrap();
    assert_eq!(filtered, "");
    let lines = String::from_utf8(tables.export(TableExportFormat::NdJson, Vec::new()).await).unwrap();
    assert_eq!(lines.lines().count(), 2);
    assert!(tables.export(TableExportFormat::Xlsx, Vec::new()).await.starts_with(b"PK"));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_import_of_a_workspace_runs_at_a_time_and_is_found_by_no_other_workspace() {
    let tables = Tables::open().await;
    let id = tables.upload(TableFormat::Csv, RISKS.as_bytes()).await;
    let installation = &tables.shared.installation;
    let lease = Lease::TableImport(tables.organization.id);
    let now = installation.clock.now();
    assert!(installation.store.acquire_lease(lease, "another", now, Duration::from_secs(60)).await.unwrap());
    let refused = tables.start(id).await.unwrap_err().to_string();
    assert!(refused.contains("another import of this workspace is under way"), "{refused}");
    assert_eq!(tables.find(id).await.state, ImportState::Ready);

    let operator = Operator::for_server(installation.clone(), reason());
    let away = workspace(&operator, "away").await;
    let elsewhere = tables.shared.find(away.id, id).await;
    assert!(matches!(elsewhere, Err(TableRefusal::NotFound)), "{elsewhere:?}");
    assert!(matches!(tables.shared.discard(away.id, id).await, Err(TableRefusal::NotFound)));
    assert!(matches!(tables.shared.failed_rows(&away, id).await, Err(TableRefusal::NotFound)));

    installation.store.release_lease(lease, "another").await.unwrap();
    assert_eq!(tables.import(id).await.state, ImportState::Done);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_interrupts_its_imports() {
    let tables = Tables::open().await;
    let table = format!("riskKey,title\n{}", (0..5000).map(|row| format!("RSK-{row},x\n")).collect::<String>());
    let id = tables.upload(TableFormat::Csv, table.as_bytes()).await;
    tables.shared.stopping.send_replace(true);
    tables.start(id).await.unwrap();
    tables.shared.stop().await;
    assert_eq!(tables.find(id).await.state, ImportState::Interrupted);
    // It can be checked and imported again by the next server.
    let next = Tables { shared: SharedTables::new(tables.shared.installation.clone()), ..tables };
    next.check(id, TableOptions::default()).await;
    assert_eq!(next.import(id).await.state, ImportState::Done);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_receiver_of_an_export_keeps_nobody_else_waiting() {
    let tables = Tables::open().await;
    let table = format!("riskKey,title\n{}", (0..2000).map(|row| format!("RSK-{row},x\n")).collect::<String>());
    let id = tables.upload(TableFormat::Csv, table.as_bytes()).await;
    assert_eq!(tables.import(id).await.state, ImportState::Done);
    let export = || TableExport {
        organization: tables.organization.id,
        kind: Kind::Risk,
        filter: Vec::new(),
        request: StreamRequest::default(),
        format: TableExportFormat::NdJson,
    };
    let mut slow = Vec::new();
    for _ in 0..=MAX_TURNS {
        let (sender, mut chunks) = mpsc::channel(1);
        let (shared, export) = (tables.shared.clone(), export());
        tokio::spawn(async move { shared.export(export, sender).await });
        assert_eq!(chunks.recv().await.expect("a chunk").len(), CHUNK_SIZE);
        slow.push(chunks);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_that_takes_too_long_ends_and_keeps_the_file() {
    let mut tables = Tables::open().await;
    tables.shared.max_reading = Duration::ZERO;
    let mut workbook = WorkbookWriter::default();
    workbook.add_sheet(RecordKind::of(Kind::Risk).unwrap()).unwrap().finish().unwrap();
    let mut bytes = Vec::new();
    workbook.save(&mut bytes).unwrap();
    for (format, bytes) in [(TableFormat::Csv, RISKS.as_bytes()), (TableFormat::Xlsx, &bytes)] {
        let problem = tables.problem(format, bytes).await;
        assert!(problem.contains("reading the table takes longer than 0 s"), "{problem}");
    }
    let import = tables.shared.list(tables.organization.id).await.unwrap().pop().unwrap();
    tables.shared.max_reading = super::MAX_READING;
    tables.check(import.id, TableOptions::default()).await;
    assert!(!tables.find(import.id).await.preview.problem.unwrap_or_default().contains("longer than"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_is_read_no_further_once_nobody_waits_for_it() {
    let (reader, reading) = super::Reading::begin(Duration::from_secs(600));
    let mut file = reading.limit(tempfile::tempfile().unwrap());
    assert_eq!(file.read(&mut [0; 8]).unwrap(), 0);
    drop(reader);
    assert!(file.read(&mut [0; 8]).unwrap_err().to_string().contains("nobody waits"));
    reading.ended().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_that_reads_a_table_waits_for_its_turn_and_keeps_the_choices() {
    let mut tables = Tables::open().await;
    tables.shared.turns = Arc::new(Turns::new(Duration::ZERO));
    let id = tables.upload(TableFormat::Csv, RISKS.as_bytes()).await;
    let turn = tables.shared.turns.wait(tables.organization.id).await.unwrap();
    let options = TableOptions { values: "status:Open=identified".to_owned(), ..TableOptions::default() };
    tables.check(id, options.clone()).await;
    let import = tables.find(id).await;
    assert!(import.preview.problem.unwrap().contains("one at a time") && !import.preview.columns.is_empty());
    assert_eq!((import.state, &import.options), (ImportState::Ready, &options));
    let rows = tables.shared.failed_rows(&tables.organization, id).await;
    assert!(matches!(rows, Err(TableRefusal::Busy(_))), "{rows:?}");
    drop(turn);
    tables.check(id, options).await;
    assert_eq!(tables.find(id).await.preview.outcome.created, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_shows_values_of_columns_and_only_records_that_do_not_fail() {
    let tables = Tables::open().await;
    let same: String = (10..200).map(|row| format!("RSK-{row},,identified,\n")).collect();
    let table = format!("riskKey,Title,Status,Notes\n{same}RSK-1,Flood,identified,\"a\nb\"\nRSK-2,Fire,Worrying,b\n");
    let id = tables.upload(TableFormat::Csv, table.as_bytes()).await;
    let preview = tables.find(id).await.preview;
    let values: Vec<&[String]> = preview.columns.iter().map(|column| &column.values[..]).collect();
    assert_eq!(
        values,
        [&["RSK-10", "RSK-11", "RSK-12"][..], &["Flood", "Fire"], &["identified", "Worrying"], &["a\nb", "b"]]
    );
    let shown: Vec<&str> = preview.sample.iter().map(|(_, fields)| &*fields[0].1).collect();
    assert_eq!(shown, ["RSK-1"], "rows without a title create no record");
    let fault = &preview.outcome.faults[0];
    assert!(
        fault.key.as_deref() == Some("RSK-2") && fault.message.contains("Worrying"),
        "a rare fault is first: {fault:?}"
    );
    let id = tables.upload(TableFormat::Csv, b"riskKey\nRSK-1\n").await;
    assert_eq!(tables.find(id).await.preview.needed_fields, ["title"]);
    let id = tables.upload(TableFormat::Csv, b"Risks of 2026,,\nRef,Name,\nRSK-1,Flood,\n").await;
    let preview = tables.find(id).await.preview;
    assert!(preview.problem.is_some() && preview.warnings[0].contains("Row of the header"), "{preview:?}");
    assert_eq!(preview.columns[0].values, ["Ref", "RSK-1"]);
}
