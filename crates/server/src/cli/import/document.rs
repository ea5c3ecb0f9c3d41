//! The files of imports that are read whole: OSCAL and `CycloneDX`.

use std::collections::{HashMap, HashSet};

use import::{
    CheckedDraft, Document, DocumentDraft, ImportFailure, Inventory, Located, MAX_DOCUMENT_LENGTH, Unreadable,
};
use kernel::Kind;

use super::{
    input::Input,
    summary::{DocumentSummary, RepairLine, Summary},
};
use crate::{
    failure::{Failure, ResultExt as _},
    operations::{DraftFailures, DraftSource, Importer, PendingDraft},
};

/// The kinds of records that several documents may have. Such a record is the union of what they state; where several
/// state a field, the last counts.
const SHARED_KINDS: &[Kind] = &[
    Kind::Framework,
    Kind::FrameworkVersion,
    Kind::Asset,
    Kind::Vulnerability,
    Kind::Control,
    Kind::Risk,
    Kind::Assessment,
    Kind::Finding,
    Kind::EvidenceRequirement,
    Kind::EvidenceClaim,
];

/// The documents of an import.
#[derive(Debug)]
pub(super) struct Documents {
    inputs: Vec<Input>,
    records: Vec<(usize, Located<DocumentDraft>)>,
    failures: Vec<(usize, ImportFailure)>,
    /// The number of further failures.
    undescribed_failures: usize,
    /// The assets of the products that the files are about, each with the index of its file.
    inventories: Vec<(usize, Inventory)>,
    summary: DocumentSummary,
}

/// Reads the whole file. Of one that is too long for a document, one byte more than a document may have.
pub(super) fn bytes(input: &Input) -> Result<Vec<u8>, Failure> {
    input.bytes_up_to(u64::try_from(MAX_DOCUMENT_LENGTH).unwrap_or(u64::MAX).saturating_add(1))
}

impl Documents {
    /// Reads the files with `read`, which returns the document of each.
    ///
    /// # Errors
    /// The first file that can't be read or has another format.
    pub(super) fn read(
        inputs: Vec<Input>,
        read: impl FnOnce(&[Vec<u8>]) -> Vec<Result<Document, Unreadable>>,
    ) -> Result<Self, Failure> {
        let contents = inputs.iter().map(bytes).collect::<Result<Vec<_>, Failure>>()?;
        let read = read(&contents);
        drop(contents);
        let mut documents = Self {
            inputs,
            records: Vec::new(),
            failures: Vec::new(),
            undescribed_failures: 0,
            inventories: Vec::new(),
            summary: DocumentSummary::default(),
        };
        let mut indexes: HashMap<SharedKey, usize> = HashMap::new();
        for (file, document) in read.into_iter().enumerate() {
            let Some(input) = documents.inputs.get(file) else { continue };
            let document = document.context(|| input.name())?;
            documents.summary.repaired += document.repair_count;
            documents.summary.repairs.extend(document.repairs.into_iter().map(|repair| RepairLine::new(input, repair)));
            documents.summary.warnings.extend(document.warnings.iter().map(|warning| input.prefixed(warning)));
            documents.undescribed_failures += document.undescribed_failures;
            documents.inventories.extend(document.inventory.map(|inventory| (file, inventory)));
            documents.failures.extend(document.failures.into_iter().map(|failure| (file, failure)));
            for located in document.records {
                let earlier = shared_key(&located.record).and_then(|key| {
                    let index = documents.records.len();
                    Some(*indexes.entry(key).or_insert(index)).filter(|earlier| *earlier < index)
                });
                match earlier.and_then(|index| documents.records.get_mut(index)) {
                    Some((_, earlier)) => earlier.record = earlier.record.clone().merged_with(located.record),
                    None => documents.records.push((file, located)),
                }
            }
        }
        Ok(documents)
    }

    /// The number of records.
    pub(super) const fn len(&self) -> usize {
        self.records.len()
    }

    /// Writes the records. Retires the assets that their products no longer have, if `retires_missing`.
    pub(super) async fn import(
        self,
        importer: &Importer<'_>,
        retires_missing: bool,
        report: impl Fn(usize),
    ) -> Result<Summary, Failure> {
        let Self { inputs, records, failures: failed, undescribed_failures, inventories, mut summary } = self;
        let mut failures = DraftFailures::default();
        for (file, failure) in failed {
            failures.add(file, failure);
        }
        failures.add_undescribed(undescribed_failures);
        let mut drafts = CheckedDocuments::default();
        for (file, Located { position, record }) in records {
            match record.check() {
                Ok(draft) => drafts.add(file, position.line, draft),
                Err(invalid) => {
                    let message = invalid.errors.join("; ");
                    failures.add(file, ImportFailure { position, key: invalid.key, message });
                }
            }
        }
        let (counts, failures, settled) = importer.import_document_drafts(&mut drafts, failures, report).await?;
        summary.still_reported = settled;
        if retires_missing {
            let retired =
                retire_missing(importer, &inputs, inventories, failures.count(), &mut summary.warnings).await?;
            summary.retired = Some(retired);
        }
        Ok(Summary { document: Some(summary), ..Summary::of_drafts(counts, failures, &inputs) })
    }
}

/// Retires the assets that the inventories of their products lack. Returns their number. Warns of files of which nothing can
/// be retired.
async fn retire_missing(
    importer: &Importer<'_>,
    inputs: &[Input],
    inventories: Vec<(usize, Inventory)>,
    failed: usize,
    warnings: &mut Vec<String>,
) -> Result<usize, Failure> {
    if inventories.is_empty() {
        warnings.push("no asset is retired: none of the files has components".to_owned());
    } else if failed > 0 {
        warnings.push(format!(
            "no asset is retired: {failed} records could not be imported, so the inventory is incomplete"
        ));
        return Ok(0);
    }
    let (mut sources, mut asset_keys) = (HashSet::new(), HashSet::new());
    for (file, Inventory { source, asset_keys: keys }) in inventories {
        match (source, inputs.get(file)) {
            (Some(source), _) => drop(sources.insert(source)),
            (None, Some(input)) => warnings.push(input.prefixed(
                "no asset is retired: the file does not name its product (metadata.component); name it with --scope",
            )),
            (None, None) => {}
        }
        asset_keys.extend(keys);
    }
    if sources.is_empty() { Ok(0) } else { importer.retire_missing(&sources, &asset_keys).await }
}

/// The kind and the key of a record, within the framework of a version.
type SharedKey = (Kind, Option<String>, String);

/// The key by which several documents share a record.
fn shared_key(record: &DocumentDraft) -> Option<SharedKey> {
    let draft = &record.draft;
    let is_version = draft.kind == Kind::FrameworkVersion;
    let framework = draft.fields.get("frameworkKey").and_then(|key| key.as_str()).filter(|_| is_version);
    let key = draft.key().filter(|_| SHARED_KINDS.contains(&draft.kind))?;
    Some((draft.kind, framework.map(str::to_owned), key))
}

/// The valid drafts of documents, in memory.
#[derive(Default)]
struct CheckedDocuments {
    /// Those that are not settled.
    drafts: Vec<Option<PendingDraft>>,
    next: usize,
}

/// The size of a draft as the importer counts it for its batches. Most texts are shorter.
const DRAFT_SIZE: usize = 4096;

impl CheckedDocuments {
    fn add(&mut self, file: usize, line: usize, draft: CheckedDraft) {
        let index = self.drafts.len();
        self.drafts.push(Some(PendingDraft { index, file, line, size: DRAFT_SIZE, draft }));
    }
}

impl DraftSource for CheckedDocuments {
    fn kinds(&self) -> HashSet<Kind> {
        self.drafts.iter().flatten().map(|pending| pending.draft.kind).collect()
    }

    fn rewind(&mut self) -> Result<(), Failure> {
        self.next = 0;
        Ok(())
    }

    fn next_draft(&mut self, kinds: &HashSet<Kind>) -> Result<Option<PendingDraft>, Failure> {
        while let Some(pending) = self.drafts.get(self.next) {
            self.next += 1;
            if let Some(pending) = pending.as_ref().filter(|pending| kinds.contains(&pending.draft.kind)) {
                return Ok(Some(pending.clone()));
            }
        }
        Ok(None)
    }

    fn settle(&mut self, index: usize) {
        if let Some(draft) = self.drafts.get_mut(index) {
            *draft = None;
        }
    }
}
