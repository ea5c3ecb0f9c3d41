//! Documents: JSON files of other systems that are read whole and become drafts.

use std::collections::HashSet;

use serde_json::{Value, value::RawValue};

use crate::{
    document_draft::DocumentDraft,
    object::Object,
    position::{ImportFailure, LineIndex, Located, SourcePosition, Unreadable},
    repairs::{Cut, Repair, Repairs},
    shorten, text_encoding,
};

/// The maximum length of a document in bytes. Reading it takes several times that in memory.
pub const MAX_DOCUMENT_LENGTH: usize = 64 << 20;

/// The maximum number of records that are made of one document.
pub const MAX_DOCUMENT_RECORDS: usize = 200_000;

/// The maximum number of failures of a document that are described; the others are counted.
const MAX_FAILURES: usize = 10_000;

/// The content of a document.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Document {
    /// The records. Parents come first, and keys are unique per kind and parent.
    pub records: Vec<Located<DocumentDraft>>,
    /// The parts that can't be imported.
    pub failures: Vec<ImportFailure>,
    /// The number of repairs.
    pub repair_count: usize,
    /// The first [`crate::MAX_DESCRIBED_REPAIRS`] repairs.
    pub repairs: Vec<Repair>,
    /// Conditions that concern the document as a whole, such as parts that no record holds.
    pub warnings: Vec<String>,
    /// The number of failures beyond those that are described.
    pub undescribed_failures: usize,
    /// The assets of a product, if the document lists all of them.
    pub inventory: Option<Inventory>,
}

/// The assets of a product.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inventory {
    /// The source of assets that only this product has; `None` if the product has no name.
    pub source: Option<String>,
    /// The keys of the assets.
    pub asset_keys: HashSet<String>,
}

impl Document {
    /// Adds a record.
    pub(crate) fn add(&mut self, position: SourcePosition, record: DocumentDraft) {
        self.records.push(Located { position, record });
    }

    /// Adds a part that can't be imported. The message begins with its path.
    pub(crate) fn fail(&mut self, position: SourcePosition, key: Option<&str>, message: &str) {
        if self.failures.len() < MAX_FAILURES {
            let failure =
                ImportFailure { position, key: key.map(shorten::message), message: shorten::message(message) };
            self.failures.push(failure);
        } else {
            self.undescribed_failures += 1;
        }
    }

    /// Adds a failure that is described in any case.
    fn fail_first(&mut self, position: SourcePosition, message: &str) {
        self.failures.insert(0, ImportFailure { position, key: None, message: shorten::message(message) });
    }

    pub(crate) fn warn(&mut self, message: &str) {
        self.warnings.push(shorten::message(message));
    }

    /// Whether the document may have one more record. Fails the first part beyond the limit.
    pub(crate) fn has_room(&mut self, position: SourcePosition) -> bool {
        self.has_room_beside(self.records.len(), position)
    }

    /// Whether the document may have one more record beside `count` others.
    pub(crate) fn has_room_beside(&mut self, count: usize, position: SourcePosition) -> bool {
        let message = format!(
            "the file has more than {MAX_DOCUMENT_RECORDS} records; this one and those after it are left out: divide the file"
        );
        if count < MAX_DOCUMENT_RECORDS {
            return true;
        }
        if self.failures.last().is_none_or(|failure| failure.message != message) {
            self.fail(position, None, &message);
        }
        false
    }
}

/// An object in a list of a document.
pub(crate) struct Element<'n, 'a> {
    /// The name of the list.
    pub(crate) list: &'n str,
    pub(crate) object: Object<'a>,
    pub(crate) position: SourcePosition,
}

/// Returns the objects of the lists in the order of the file. What is no object is a failure.
pub(crate) fn elements<'n, 'a>(
    parent: &Object<'a>,
    lists: &[&'n str],
    lines: &LineIndex<'_>,
    document: &mut Document,
) -> Vec<Element<'n, 'a>> {
    let mut elements = Vec::new();
    for (list, json, path) in parent.elements_of(lists) {
        let position = lines.position_of(json.get());
        match parent.parse_element(json, path.clone()) {
            Ok(object) => elements.push(Element { list, object, position }),
            Err(kind) => document.fail(position, None, &no_object(&path, kind)),
        }
    }
    elements
}

/// The message about a value that is no object, in a list or in place of one.
pub(crate) fn no_object(path: &str, kind: &str) -> String {
    let expected = if path.ends_with(']') { "an object" } else { "a list" };
    format!("{path} is {kind}, not {expected}")
}

/// A value as a string, for a field of a draft.
pub(crate) fn text(value: impl AsRef<str>) -> Option<Value> {
    Some(Value::String(value.as_ref().to_owned()))
}

/// Returns the error of a document that is JSON, but not of this format.
pub(crate) fn other_format(format: &'static str, message: impl Into<String>) -> Unreadable {
    let message = shorten::message(&message.into());
    Unreadable::OtherFormat { format, position: SourcePosition { line: 1, column: 1 }, message }
}

/// Reads a document, of which `read` gets the outermost object.
///
/// # Errors
/// [`Unreadable`] if it is too long or no JSON object, or if `read` finds that it has another format.
pub(crate) fn read<T>(
    format: &'static str,
    bytes: &[u8],
    read: impl FnOnce(&Object<'_>, &LineIndex<'_>, &mut Document) -> Result<T, Unreadable>,
) -> Result<(T, Document), Unreadable> {
    if bytes.len() > MAX_DOCUMENT_LENGTH {
        return Err(Unreadable::TooLong { limit: MAX_DOCUMENT_LENGTH });
    }
    let repairs = Repairs::with_max_elements(MAX_DOCUMENT_RECORDS);
    if text_encoding::is_utf16_without_mark(bytes) {
        return Err(Unreadable::OtherEncoding);
    }
    let text = text_encoding::decode(bytes, &repairs);
    let start = text.trim_start();
    if start.is_empty() {
        return Err(Unreadable::Empty);
    }
    if start.starts_with('<') {
        return Err(other_format(format, "the file is XML: convert it to JSON, which is the form that is read"));
    }
    let json: &RawValue =
        serde_json::from_str(&text).map_err(|error| Unreadable::from_json_error(format, "", &error))?;
    let root = Object::parse(json, String::new(), &repairs)
        .map_err(|kind| other_format(format, format!("the file is {kind}, not an object")))?;
    let mut document = Document::default();
    let lines = LineIndex::new(&text);
    let result = read(&root, &lines, &mut document)?;
    drop(root);
    for cut in repairs.take_cut_lists() {
        let Cut { path, address, count, read } = cut;
        let message = format!("{path} has {count} elements, of which only the first {read} are read: divide the file");
        document.fail_first(lines.position_at(address), &message);
    }
    document.repair_count = repairs.count();
    document.repairs = repairs.into_described();
    Ok((result, document))
}
