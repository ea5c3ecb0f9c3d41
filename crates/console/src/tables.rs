//! Imports and exports of tables, as the pages see them. The server implements them with the use cases that its commands
//! have.

use std::time::Duration;

use async_trait::async_trait;
use auth::UserId;
use bytes::Bytes;
use http_api::response::Problem;
use kernel::{
    Attribution, Id, Kind, OrganizationId, OrganizationRef, OwnedScalar, Reason, StoreError, StreamRequest, Timestamp,
};
use serde::{Deserialize, Serialize};
use store::TableImportId;
use tokio::sync::mpsc;

/// The maximum size of an uploaded table, in bytes.
pub const MAX_TABLE_BYTES: u64 = 10 * 1024 * 1024;

/// The maximum number of rows of an uploaded table.
pub const MAX_TABLE_ROWS: usize = 50_000;

/// The maximum number of faults that an import keeps; the others are counted.
pub const MAX_FAULTS: usize = 100;

/// The time after which an export that had to wait too long can be tried again.
const RETRY_AFTER: Duration = Duration::from_secs(60);

/// The format of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TableFormat {
    /// Values separated by commas, or by another character.
    Csv,
    /// An Excel workbook.
    Xlsx,
}

/// The choices of a person about a table. A text that is empty leaves the choice to the file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TableOptions {
    /// The field of each column by its index; `None` before anybody has chosen.
    pub columns: Option<Vec<Option<String>>>,
    /// The settings of another import from which the rows come, if nobody has chosen columns.
    pub taken_over: Option<TakenOver>,
    /// The time zone of dates without an offset; UTC if it is empty.
    pub zone: String,
    /// The order of dates: `dmy`, `mdy` or `ymd`.
    pub date_order: String,
    /// The decimal mark: `point` or `comma`.
    pub decimal_mark: String,
    /// The meaning of percentages: `as-shown` or `as-fraction`.
    pub percent: String,
    /// The delimiter of CSV.
    pub delimiter: String,
    /// The encoding of CSV.
    pub encoding: String,
    /// The sheet of a workbook.
    pub sheet: String,
    /// The row of the header.
    pub header_row: String,
    /// Values that stand for others, one on each line: `status:Open=identified`.
    pub values: String,
}

/// The settings of an import that are taken over for the rows of it that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakenOver {
    /// The name of the file that the other import has.
    pub file_name: String,
    /// The headers of its columns, with their fields.
    pub columns: Vec<(String, Option<String>)>,
}

/// A column of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnChoice {
    /// The letters of the column.
    pub letters: String,
    /// The header; empty if there is none.
    pub header: String,
    /// The field of the column, unless it is left out.
    pub field: Option<String>,
    /// Some of its values, each once; none if all are empty.
    #[serde(default)]
    pub values: Vec<String>,
}

/// A row that can't be imported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// The row in the file, from 1.
    pub row: usize,
    /// The key of its record, if it could be read.
    pub key: Option<String>,
    /// The fault, with its column and the remedy.
    pub message: String,
}

/// The outcome of an import for the rows of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Outcome {
    /// The number of rows.
    pub rows: usize,
    /// Records that are new.
    pub created: usize,
    /// Records that change.
    pub updated: usize,
    /// Records that are as the table says.
    pub unchanged: usize,
    /// Rows that fail.
    pub failed: usize,
    /// Rows that fail: those with a fault that few have come first.
    pub faults: Vec<Fault>,
}

/// The content of a table, and the outcome that its import would have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Preview {
    /// The reason why no row of the table can be imported.
    pub problem: Option<String>,
    /// The columns.
    pub columns: Vec<ColumnChoice>,
    /// The fields that columns can have.
    pub fields: Vec<String>,
    /// The fields that no column has.
    pub missing_fields: Vec<String>,
    /// Those of them without which a row can create no record.
    pub needed_fields: Vec<String>,
    /// The first records: the row, and the value of each field.
    pub sample: Vec<(usize, Vec<(String, String)>)>,
    /// Conditions that concern the table as a whole.
    pub warnings: Vec<String>,
    /// The outcome of an import.
    pub outcome: Outcome,
}

/// The state of an import.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImportState {
    /// The file is being received.
    #[default]
    Receiving,
    /// Nothing is imported yet.
    Ready,
    /// It is under way.
    Running,
    /// It has ended, and rows may have failed.
    Done,
    /// It ended before all rows were read, because of this.
    Failed(String),
    /// The server stopped before the end.
    Interrupted,
}

/// An import of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableImport {
    /// The identifier.
    pub id: Id<TableImportId>,
    /// The person who has uploaded the file.
    pub user: UserId,
    /// The kind of the records.
    pub kind: Kind,
    /// The format of the file.
    pub format: TableFormat,
    /// The name of the file.
    pub file_name: String,
    /// The state.
    pub state: ImportState,
    /// The choices about the table.
    pub options: TableOptions,
    /// The content of the table.
    pub preview: Preview,
    /// The rows that are dealt with, while it is under way.
    pub settled: usize,
    /// The outcome, once it is done.
    pub outcome: Option<Outcome>,
    /// The time of the upload.
    pub created_at: Timestamp,
    /// The time at which it is deleted.
    pub expires_at: Timestamp,
}

/// A table that is to be uploaded.
#[derive(Clone, Debug)]
pub struct NewTable {
    /// The organization.
    pub organization: OrganizationId,
    /// The person who uploads it.
    pub user: UserId,
    /// The kind of the records.
    pub kind: Kind,
    /// The format.
    pub format: TableFormat,
    /// The name of the file.
    pub file_name: String,
}

/// The form of exported records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableExportFormat {
    /// A table with a header.
    Csv,
    /// A workbook.
    Xlsx,
    /// One JSON object on each line.
    NdJson,
}

/// The records to export.
#[derive(Clone, Debug)]
pub struct TableExport {
    /// The organization.
    pub organization: OrganizationId,
    /// The kind of the records.
    pub kind: Kind,
    /// The values that the records must have, by the index of the column.
    pub filter: Vec<(usize, Vec<OwnedScalar>)>,
    /// The times that the records must be within.
    pub request: StreamRequest,
    /// The form of the file.
    pub format: TableExportFormat,
}

/// The reason why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum TableRefusal {
    /// There is no such import.
    #[error("there is no such import")]
    NotFound,
    /// The state of the import or of the workspace does not allow it.
    #[error("{0}")]
    Refused(String),
    /// The server does as much of this as it may at a time.
    #[error("{0}")]
    Busy(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<TableRefusal> for Problem {
    fn from(refusal: TableRefusal) -> Self {
        match refusal {
            TableRefusal::NotFound => Self::not_found(),
            TableRefusal::Refused(message) => Self::conflict(message),
            TableRefusal::Busy(message) => Self::busy(message, RETRY_AFTER),
            TableRefusal::Store(error) => error.into(),
        }
    }
}

/// Imports and exports of tables.
#[async_trait]
pub trait RecordTables: Send + Sync {
    /// Begins an upload. Returns its identifier.
    ///
    /// # Errors
    /// [`TableRefusal`] if the organization has too many.
    async fn begin(&self, table: &NewTable) -> Result<Id<TableImportId>, TableRefusal>;

    /// Stores a part of the file, from part 0 on.
    ///
    /// # Errors
    /// [`TableRefusal`] if it can't be stored.
    async fn add_part(
        &self,
        organization: OrganizationId,
        id: Id<TableImportId>,
        part: i64,
        bytes: Bytes,
    ) -> Result<(), TableRefusal>;

    /// Reads the table with these choices, and finds out what importing it would do. This ends an upload. If the server is
    /// busy, that is the problem of the preview, so that the file and the choices are kept.
    ///
    /// # Errors
    /// [`TableRefusal`] if there is no such import, or it is under way.
    async fn preview(
        &self,
        organization: &OrganizationRef,
        id: Id<TableImportId>,
        options: TableOptions,
    ) -> Result<(), TableRefusal>;

    /// Returns an import.
    ///
    /// # Errors
    /// [`TableRefusal`] if there is no such import.
    async fn find(&self, organization: OrganizationId, id: Id<TableImportId>) -> Result<TableImport, TableRefusal>;

    /// Returns the imports of the organization, the newest first.
    ///
    /// # Errors
    /// [`TableRefusal`] if the store fails.
    async fn list(&self, organization: OrganizationId) -> Result<Vec<TableImport>, TableRefusal>;

    /// Begins to import the records in the background.
    ///
    /// # Errors
    /// [`TableRefusal`] if it can't be imported, or another import is under way.
    async fn start(
        &self,
        organization: &OrganizationRef,
        id: Id<TableImportId>,
        attribution: Attribution,
        reason: Reason,
    ) -> Result<(), TableRefusal>;

    /// Deletes an import that is not under way, with its file.
    ///
    /// # Errors
    /// [`TableRefusal`] if there is no such import, or it is under way.
    async fn discard(&self, organization: OrganizationId, id: Id<TableImportId>) -> Result<(), TableRefusal>;

    /// Returns the rows that fail as a CSV file to correct and import.
    ///
    /// # Errors
    /// [`TableRefusal`] if there is no such import, or the server is busy.
    async fn failed_rows(&self, organization: &OrganizationRef, id: Id<TableImportId>) -> Result<Bytes, TableRefusal>;

    /// Sends the records to export as the bytes of a file. It ends early if the receiver is dropped.
    ///
    /// # Errors
    /// [`TableRefusal`] if the records can't be read, or the format can't hold them.
    async fn export(&self, export: TableExport, out: mpsc::Sender<Bytes>) -> Result<(), TableRefusal>;
}
