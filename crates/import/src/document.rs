//! Documents: JSON files of other systems that are read whole and become drafts.

use kernel::Kind;
use serde_json::{Map, Value, value::RawValue};

use crate::{
    draft::Draft,
    object::Object,
    position::{ImportFailure, LineIndex, Located, SourcePosition, Unreadable},
    repairs::{Repair, Repairs},
    shorten, text_encoding,
};

/// The maximum length of a document in bytes. Reading it takes several times that in memory.
pub const MAX_DOCUMENT_LENGTH: usize = 64 << 20;

/// The maximum number of records that are made of one document.
pub const MAX_DOCUMENT_RECORDS: usize = 200_000;

/// The maximum number of failures of a document that are described; a warning has the number of the others.
const MAX_FAILURES: usize = 10_000;

/// The content of a document.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Document {
    /// The records. Parents come first, and keys are unique per kind and parent.
    pub records: Vec<Located<Draft>>,
    /// The parts that can't be imported.
    pub failures: Vec<ImportFailure>,
    /// The number of repairs.
    pub repair_count: usize,
    /// The first [`crate::MAX_DESCRIBED_REPAIRS`] repairs.
    pub repairs: Vec<Repair>,
    /// Conditions that concern the document as a whole, such as parts that no record holds.
    pub warnings: Vec<String>,
    /// The number of failures beyond those that are described.
    omitted_failures: usize,
}

impl Document {
    /// Adds a record. A field without a value is left out.
    pub(crate) fn add<const N: usize>(
        &mut self,
        position: SourcePosition,
        kind: Kind,
        fields: [(&str, Option<Value>); N],
    ) {
        let fields = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
        self.records.push(Located { position, record: Draft { kind, fields } });
    }

    /// The fields of the record that was added last.
    pub(crate) fn last_fields(&mut self) -> Option<&mut Map<String, Value>> {
        self.records.last_mut().map(|located| &mut located.record.fields)
    }

    /// Adds a part that can't be imported. The message begins with its path.
    pub(crate) fn fail(&mut self, position: SourcePosition, key: Option<&str>, message: &str) {
        if self.failures.len() < MAX_FAILURES {
            let failure =
                ImportFailure { position, key: key.map(shorten::message), message: shorten::message(message) };
            self.failures.push(failure);
        } else {
            self.omitted_failures += 1;
        }
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
            Err(kind) => document.fail(position, None, &format!("{path} is {kind}, not an object")),
        }
    }
    elements
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
        let message = format!("the file has more than {MAX_DOCUMENT_LENGTH} bytes: divide it");
        return Err(other_format(format, message));
    }
    let repairs = Repairs::with_max_elements(MAX_DOCUMENT_RECORDS);
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
    let result = read(&root, &LineIndex::new(&text), &mut document)?;
    drop(root);
    if document.omitted_failures > 0 {
        document.warn(&format!("{} more parts can't be imported", document.omitted_failures));
    }
    document.repair_count = repairs.count();
    document.repairs = repairs.into_described();
    Ok((result, document))
}
