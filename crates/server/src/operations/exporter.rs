//! Exports of a workspace's records: parents before children, each kind ordered by key, so that equal records make equal
//! files.

mod workbook;

use std::{
    collections::{BTreeMap, HashMap},
    io::Write,
};

use import::{KeyForm, RecordKind, ReferenceColumn, bundle, identity_columns, rank, references, self_reference};
use kernel::{
    Filter, Id, IdText, Kind, OrganizationId, OwnedScalar, Reader, Record, ScalarValue, Stored, StreamRequest, Ulid,
};
use store::DynStore;

use super::{external_sort::ExternalSort, importer::with_record_type};
use crate::failure::Failure;

/// The maximum number of records whose keys are in memory.
const MAX_CACHED_KEYS: usize = 100_000;

/// The number of records above one beyond which they do not count for its order.
const MAX_DEPTH: u32 = 1000;

/// The form of exported records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExportFormat {
    /// The lines of a bundle.
    JsonLines,
    /// A table of one kind with a header.
    Csv,
    /// A workbook with a sheet for each kind.
    Xlsx,
}

/// The key of a record, for references to it.
#[derive(Clone, Debug)]
struct RecordKey {
    /// The key within its parent.
    rest: String,
    /// The key with that of its parent.
    whole: String,
    /// The record of the same kind above it.
    above: Option<Ulid>,
}

/// Exports records of one workspace.
pub(crate) struct Exporter<'s> {
    store: &'s DynStore,
    organization: OrganizationId,
    format: ExportFormat,
    keys: HashMap<Ulid, Option<RecordKey>>,
    /// Number of written records with files that are not written.
    records_with_files: u64,
    selection: ExportSelection,
}

/// The records of a kind that are exported.
#[derive(Clone, Debug, Default)]
pub(crate) struct ExportSelection {
    /// The values that they must have, by the index of the column.
    pub(crate) filter: Vec<(usize, Vec<OwnedScalar>)>,
    /// The times that they must be within.
    pub(crate) request: StreamRequest,
}

impl<'s> Exporter<'s> {
    pub(crate) fn new(store: &'s DynStore, organization: OrganizationId, format: ExportFormat) -> Self {
        let selection = ExportSelection::default();
        Self { store, organization, format, keys: HashMap::new(), records_with_files: 0, selection }
    }

    /// Exports only these records, of one kind.
    pub(crate) fn with_selection(self, selection: ExportSelection) -> Self {
        Self { selection, ..self }
    }

    /// Writes the records of the kinds. Nothing is written before all of them are read. Returns the number of records of each
    /// kind.
    ///
    /// # Errors
    /// If the store fails, a temporary file or `out` can't be written, or a workbook can't hold the records.
    pub(crate) async fn export(
        mut self,
        kinds: &[&'static RecordKind],
        out: &mut (impl Write + Send),
    ) -> Result<Vec<(String, u64)>, Failure> {
        let mut by_rank: BTreeMap<(usize, usize), &RecordKind> = BTreeMap::new();
        for (index, kind) in kinds.iter().enumerate() {
            by_rank.insert((rank(kind.kind), index), kind);
        }
        // The snapshots of children are taken before those of their parents: a parent that is missing in its snapshot
        // is younger than all children in theirs.
        let mut sorted = Vec::new();
        for kind in by_rank.into_values().rev() {
            let lines = with_record_type!(kind.kind, |R| self.sorted::<R>(kind).await?);
            sorted.extend(lines.map(|lines| (kind, lines)));
        }
        sorted.reverse();
        let counts = sorted.iter().map(|(kind, lines): &(&RecordKind, ExternalSort)| (kind.name(), lines.count()));
        let counts = counts.collect();
        match self.format {
            ExportFormat::Xlsx => workbook::write(sorted, out)?,
            ExportFormat::JsonLines | ExportFormat::Csv => self.write_lines(sorted, out)?,
        }
        if self.records_with_files > 0 {
            tracing::warn!(
                claims = self.records_with_files,
                "an export has no files: the attachments of these evidence claims are left out; `novantra backup` has them"
            );
        }
        Ok(counts)
    }

    fn write_lines(&self, sorted: Vec<(&RecordKind, ExternalSort)>, out: &mut impl Write) -> Result<(), Failure> {
        for (kind, lines) in sorted {
            if self.format == ExportFormat::Csv {
                out.write_all(bundle::csv_header(kind).as_bytes())?;
            }
            lines.for_each(|line| out.write_all(line))?;
        }
        Ok(())
    }

    async fn sorted<R: Record>(&mut self, kind: &RecordKind) -> Result<ExternalSort, Failure>
    where
        DynStore: Reader<R>,
    {
        let mut lines = ExternalSort::new();
        let mut filter = Filter::<R>::default();
        for (column, values) in &self.selection.filter {
            filter.set(*column, values.iter().cloned());
        }
        let request = self.selection.request;
        let mut stream = Reader::<R>::stream(self.store, self.organization, &filter, &request).await?;
        while let Some(batch) = stream.batches.next().await? {
            for stored in batch {
                let (key, line) = self.line(kind, &stored).await?;
                lines.add(key, line)?;
            }
        }
        lines.finish()?;
        Ok(lines)
    }

    /// The sort key and the line of a record.
    async fn line<R: Record>(&mut self, kind: &RecordKind, stored: &Stored<R>) -> Result<(Vec<u8>, Vec<u8>), Failure>
    where
        DynStore: Reader<R>,
    {
        let values = stored.record.values();
        let has_files =
            |value: &ScalarValue<'_>| matches!(value, ScalarValue::Groups(groups) if !groups.rows().is_empty());
        self.records_with_files += u64::from(values.iter().any(has_files));
        let mut keys: HashMap<(usize, Ulid), String> = HashMap::new();
        for reference in references(R::KIND) {
            let ids = match values.get(reference.column) {
                Some(ScalarValue::Id(_, id)) => vec![*id],
                Some(ScalarValue::Ids(_, ids)) => ids.to_vec(),
                _ => Vec::new(),
            };
            for id in ids {
                let key = self.key_of(reference.target, id).await?;
                let text = |key: RecordKey| if reference.scope.is_some() { key.rest } else { key.whole };
                keys.extend(key.map(|key| ((reference.column, id), text(key))));
            }
        }
        let mut sort_key = Vec::new();
        let mut add = |part: &[u8]| {
            sort_key.extend_from_slice(part);
            sort_key.push(0);
        };
        let above = self_reference(R::KIND).and_then(|reference| id_in(&values, reference.column));
        let depth = self.depth(R::KIND, above).await?.to_be_bytes();
        let columns = identity_columns(R::COLUMNS);
        for (position, column) in columns.iter().enumerate() {
            if position + 1 == columns.len() {
                add(&depth);
            }
            let value = values.get(*column).copied().unwrap_or(ScalarValue::Null);
            match value.as_id().and_then(|id| keys.get(&(*column, id))) {
                Some(key) => add(key.as_bytes()),
                None => add(text_of(value).as_bytes()),
            }
        }
        let key = |reference: &ReferenceColumn, id: Ulid| keys.get(&(reference.column, id)).cloned();
        let cells = bundle::cells(&stored.record, key);
        let line = match self.format {
            ExportFormat::JsonLines => bundle::json_line(kind, &cells),
            ExportFormat::Csv => bundle::csv_line(&cells),
            ExportFormat::Xlsx => workbook::line(kind, &cells)?,
        };
        Ok((sort_key, line.into_bytes()))
    }

    /// The number of records of the kind above one whose parent is `above`.
    async fn depth(&mut self, kind: Kind, above: Option<Ulid>) -> Result<u32, Failure> {
        let (mut depth, mut current) = (0, above);
        while let Some(id) = current.filter(|_| depth < MAX_DEPTH) {
            depth += 1;
            current = self.key_of(kind, id).await?.and_then(|key| key.above);
        }
        Ok(depth)
    }

    /// The key of a record; `None` if the workspace does not have it, or files can't refer to it by a key.
    async fn key_of(&mut self, kind: Kind, id: Ulid) -> Result<Option<RecordKey>, Failure> {
        if let Some(key) = self.keys.get(&id) {
            return Ok(key.clone());
        }
        let key = match KeyForm::of(kind) {
            Some(form) => self.read_key(kind, form, id).await?,
            None => None,
        };
        if self.keys.len() >= MAX_CACHED_KEYS {
            self.keys.clear();
        }
        self.keys.insert(id, key.clone());
        Ok(key)
    }

    async fn read_key(&mut self, kind: Kind, form: KeyForm, id: Ulid) -> Result<Option<RecordKey>, Failure> {
        let (rest_column, parent_column) = match form {
            KeyForm::Whole(column) => (column, None),
            KeyForm::Within(parts) => (parts.rest_column, Some((parts.parent, parts.parent_column))),
        };
        let found = with_record_type!(kind, |R| {
            let stored = Reader::<R>::get(self.store, self.organization, Id::new(id)).await?;
            stored.map(|stored| {
                let values = stored.record.values();
                let rest = values.get(rest_column).map_or_else(String::new, |value| text_of(*value));
                let parent = parent_column.and_then(|(kind, column)| Some((kind, id_in(&values, column)?)));
                let above = self_reference(kind).and_then(|reference| id_in(&values, reference.column));
                (rest, parent, above)
            })
        });
        let Some((rest, parent, above)) = found.flatten() else { return Ok(None) };
        let whole = match parent {
            Some((kind, parent)) => {
                let Some(parent) = Box::pin(self.key_of(kind, parent)).await? else { return Ok(None) };
                format!("{}/{rest}", parent.whole)
            }
            None => rest.clone(),
        };
        Ok(Some(RecordKey { rest, whole, above }))
    }
}

fn id_in(values: &[ScalarValue<'_>], column: usize) -> Option<Ulid> {
    values.get(column)?.as_id()
}

fn text_of(value: ScalarValue<'_>) -> String {
    match value {
        ScalarValue::Null | ScalarValue::Ids(..) | ScalarValue::Groups(..) => String::new(),
        ScalarValue::Text(text) => text.to_owned(),
        ScalarValue::Name(name) => name.to_owned(),
        ScalarValue::Integer(number) => number.to_string(),
        ScalarValue::Timestamp(time) => time.to_string(),
        ScalarValue::Id(prefix, id) => IdText(prefix, id).to_string(),
    }
}
