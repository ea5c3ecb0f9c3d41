//! Imports and exports of tables without a server: they keep what the pages send, and answer as they are set.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use bytes::Bytes;
use console::{
    ColumnChoice, ImportState, NewTable, Preview, RecordTables, TableExport, TableImport, TableOptions, TableRefusal,
};
use kernel::{Attribution, Entropy, Id, OrganizationId, OrganizationRef, Reason, Timestamp};
use store::TableImportId;
use store_contract::TestEntropy;
use tokio::sync::mpsc;

/// An import of an organization, with the bytes of its file.
type Uploaded = (OrganizationId, TableImport, Vec<u8>);

/// The imports, and what was asked for.
pub(crate) struct Tables {
    entropy: Arc<TestEntropy>,
    pub(crate) imports: Mutex<BTreeMap<Id<TableImportId>, Uploaded>>,
    pub(crate) exports: Mutex<Vec<TableExport>>,
    /// The preview of each table.
    pub(crate) preview: Mutex<Preview>,
    /// The actors and the reasons of the imports that were begun.
    pub(crate) started: Mutex<Vec<(String, String)>>,
    /// Whether others have all turns.
    pub(crate) is_busy: Mutex<bool>,
}

impl Tables {
    pub(crate) fn new(entropy: Arc<TestEntropy>) -> Self {
        Self {
            entropy,
            imports: Mutex::default(),
            exports: Mutex::default(),
            preview: Mutex::default(),
            started: Mutex::default(),
            is_busy: Mutex::default(),
        }
    }

    /// The number of tables, and the bytes of the only one.
    pub(crate) fn stored(&self) -> Vec<Vec<u8>> {
        self.imports.lock().unwrap().values().map(|(.., bytes)| bytes.clone()).collect()
    }

    fn change<T>(
        &self,
        organization: OrganizationId,
        id: Id<TableImportId>,
        change: impl FnOnce(&mut TableImport, &mut Vec<u8>) -> T,
    ) -> Result<T, TableRefusal> {
        match self.imports.lock().unwrap().get_mut(&id) {
            Some((of, import, bytes)) if *of == organization => Ok(change(import, bytes)),
            _ => Err(TableRefusal::NotFound),
        }
    }

    /// Sets the state of an import.
    pub(crate) fn set_state(&self, organization: OrganizationId, id: &str, state: ImportState) {
        self.change(organization, id.parse().unwrap(), |import, _| import.state = state).unwrap();
    }
}

#[async_trait]
impl RecordTables for Tables {
    async fn begin(&self, table: &NewTable) -> Result<Id<TableImportId>, TableRefusal> {
        let (id, now) = (Id::new(self.entropy.ulid(Timestamp::from_millis(0))), Timestamp::from_millis(0));
        let NewTable { organization, user, kind, format, file_name } = table.clone();
        let import = TableImport {
            id,
            user,
            kind,
            format,
            file_name,
            state: ImportState::Receiving,
            options: TableOptions::default(),
            preview: Preview::default(),
            settled: 0,
            outcome: None,
            created_at: now,
            expires_at: now,
        };
        self.imports.lock().unwrap().insert(id, (organization, import, Vec::new()));
        Ok(id)
    }

    async fn add_part(
        &self,
        organization: OrganizationId,
        id: Id<TableImportId>,
        _: i64,
        part: Bytes,
    ) -> Result<(), TableRefusal> {
        self.change(organization, id, |_, bytes| bytes.extend_from_slice(&part))
    }

    async fn preview(
        &self,
        organization: &OrganizationRef,
        id: Id<TableImportId>,
        options: TableOptions,
    ) -> Result<(), TableRefusal> {
        let preview = self.preview.lock().unwrap().clone();
        self.change(organization.id, id, |import, _| {
            import.preview = preview;
            import.options = options;
            import.state = ImportState::Ready;
        })
    }

    async fn find(&self, organization: OrganizationId, id: Id<TableImportId>) -> Result<TableImport, TableRefusal> {
        self.change(organization, id, |import, _| import.clone())
    }

    async fn list(&self, organization: OrganizationId) -> Result<Vec<TableImport>, TableRefusal> {
        let imports = self.imports.lock().unwrap();
        Ok(imports.values().filter(|(of, ..)| *of == organization).map(|(_, import, _)| import.clone()).collect())
    }

    async fn start(
        &self,
        organization: &OrganizationRef,
        id: Id<TableImportId>,
        attribution: Attribution,
        reason: Reason,
    ) -> Result<(), TableRefusal> {
        self.change(organization.id, id, |import, _| import.state = ImportState::Running)?;
        self.started.lock().unwrap().push((attribution.actor.name.to_string(), reason.to_string()));
        Ok(())
    }

    async fn discard(&self, organization: OrganizationId, id: Id<TableImportId>) -> Result<(), TableRefusal> {
        self.change(organization, id, |_, _| ())?;
        self.imports.lock().unwrap().remove(&id);
        Ok(())
    }

    async fn failed_rows(&self, organization: &OrganizationRef, id: Id<TableImportId>) -> Result<Bytes, TableRefusal> {
        self.change(organization.id, id, |_, _| Bytes::from_static(b"riskKey,Import error\r\n"))
    }

    async fn export(&self, export: TableExport, out: mpsc::Sender<Bytes>) -> Result<(), TableRefusal> {
        if *self.is_busy.lock().unwrap() {
            return Err(TableRefusal::Busy("the server reads other tables: try again in a minute".to_owned()));
        }
        self.exports.lock().unwrap().push(export);
        for part in ["riskKey,title\r\n", "RSK-1,Flood\r\n"] {
            drop(out.send(Bytes::from_static(part.as_bytes())).await);
        }
        Ok(())
    }
}

/// The choice of a column.
pub(crate) fn column(letters: &str, header: &str, field: Option<&str>) -> ColumnChoice {
    let (letters, header) = (letters.to_owned(), header.to_owned());
    ColumnChoice { letters, header, field: field.map(str::to_owned), values: Vec::new() }
}
