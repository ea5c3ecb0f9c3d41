//! The state of an import as a store keeps it.

use std::time::Duration;

use console::{ImportState, NewTable, Outcome, Preview, TableFormat, TableImport, TableOptions, TableRefusal};
use import::RecordKind;
use kernel::{Id, Timestamp};
use serde::{Deserialize, Serialize};
use store::StoredTableImport;

/// The time from the last change of an import to its deletion.
pub(super) const KEPT_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// The time without a change after which an import that was under way counts as interrupted. While it runs, its state is
/// stored more often.
pub(super) const STALE_AFTER: Duration = Duration::from_secs(60);

/// The state of an import.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct ImportDocument {
    /// The kind of the records, as bundles name it.
    pub(super) kind: String,
    pub(super) format: TableFormat,
    pub(super) file_name: String,
    pub(super) state: ImportState,
    pub(super) options: TableOptions,
    pub(super) preview: Preview,
    pub(super) settled: usize,
    pub(super) outcome: Option<Outcome>,
}

impl ImportDocument {
    pub(super) fn new(table: &NewTable, kind: &RecordKind) -> Self {
        Self {
            kind: kind.name(),
            format: table.format,
            file_name: table.file_name.clone(),
            state: ImportState::Receiving,
            options: TableOptions::default(),
            preview: Preview::default(),
            settled: 0,
            outcome: None,
        }
    }

    /// Reads the state.
    ///
    /// # Errors
    /// If a program of another version has written it in another form.
    pub(super) fn read(stored: &StoredTableImport) -> Result<Self, TableRefusal> {
        serde_json::from_str(&stored.document).map_err(|error| {
            TableRefusal::Refused(format!(
                "another version of the program has stored this import; upload the file again ({error})"
            ))
        })
    }

    /// The kind of the records.
    ///
    /// # Errors
    /// If this version of the program has no such kind.
    pub(super) fn record_kind(&self) -> Result<&'static RecordKind, TableRefusal> {
        let kind = RecordKind::from_name(&self.kind);
        kind.ok_or_else(|| TableRefusal::Refused(format!("there are no records of the kind {}", self.kind)))
    }

    /// Whether the import is under way, by the state that was stored at `updated_at`.
    pub(super) fn is_running(&self, updated_at: Timestamp, now: Timestamp) -> bool {
        self.state == ImportState::Running && now < updated_at + STALE_AFTER
    }

    /// The import as pages show it.
    ///
    /// # Errors
    /// If this version of the program has no such kind.
    pub(super) fn shown(self, stored: &StoredTableImport, now: Timestamp) -> Result<TableImport, TableRefusal> {
        let kind = self.record_kind()?.kind;
        let is_cut_off = self.state == ImportState::Running && !self.is_running(stored.updated_at, now);
        Ok(TableImport {
            id: stored.id,
            user: stored.user,
            kind,
            format: self.format,
            file_name: self.file_name,
            state: if is_cut_off { ImportState::Interrupted } else { self.state },
            options: self.options,
            preview: self.preview,
            settled: self.settled,
            outcome: self.outcome,
            created_at: stored.created_at,
            expires_at: stored.expires_at,
        })
    }

    /// The state as the next version of the stored one.
    ///
    /// # Errors
    /// Never, as long as all parts of the state have a form in JSON.
    pub(super) fn next_version(
        &self,
        stored: &StoredTableImport,
        now: Timestamp,
    ) -> Result<StoredTableImport, TableRefusal> {
        Ok(StoredTableImport {
            version: stored.version + 1,
            document: self.text()?,
            updated_at: now,
            expires_at: now + KEPT_FOR,
            ..stored.clone()
        })
    }

    /// The first version of the state.
    ///
    /// # Errors
    /// As for the next version.
    pub(super) fn first_version(
        &self,
        table: &NewTable,
        id: Id<store::TableImportId>,
        now: Timestamp,
    ) -> Result<StoredTableImport, TableRefusal> {
        Ok(StoredTableImport {
            organization: table.organization,
            id,
            user: table.user,
            version: 1,
            document: self.text()?,
            created_at: now,
            updated_at: now,
            expires_at: now + KEPT_FOR,
        })
    }

    fn text(&self) -> Result<String, TableRefusal> {
        serde_json::to_string(self).map_err(|error| TableRefusal::Refused(error.to_string()))
    }
}
