//! Drafts whose fields are valid, apart from the records that they refer to.

use findings::NewFinding;
use kernel::{IdText, Kind, Record, Ulid};
use serde_json::{Map, Value};

use crate::{
    columns::{file_field, finding_columns, has_value, placeholder, required_columns},
    draft::Draft,
    field_name::field_name,
    fields::{RecordFields, finding},
    kinds::RecordKind,
    references::{KeyForm, ReferenceColumn, references},
};

/// The most characters of a key by which a file refers to a record: those of two keys and the slash between them, and
/// some for further parents.
const MAX_KEY_LENGTH: usize = 1000;

/// The most records that one field can refer to.
const MAX_REFERENCES: usize = 1000;

/// A reference as a file has it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ReferenceValue {
    /// An identifier.
    Id(Ulid),
    /// A key.
    Key(String),
}

/// A draft whose fields are valid, apart from the records that it refers to.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckedDraft {
    /// The kind of the record.
    pub kind: Kind,
    /// The key of the record, if it has one.
    pub key: Option<String>,
    /// The values of each of [`references()`].
    pub references: Vec<Vec<ReferenceValue>>,
    /// The indexes of the columns whose values a record that exists keeps.
    pub kept_columns: Vec<usize>,
    /// Whether a record that exists keeps a status that people decided. Only drafts of documents let it.
    pub keeps_decisions: bool,
    /// The indexes of those kept columns without which no record can be created.
    pub(crate) missing: Vec<usize>,
    pub(crate) fields: Map<String, Value>,
}

/// The errors of a draft.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidDraft {
    /// The key of the record, if it has one.
    pub key: Option<String>,
    /// The errors, each with the name of its field.
    pub errors: Vec<String>,
}

impl Draft {
    /// The key of the record, if it has one.
    #[must_use]
    pub fn key(&self) -> Option<String> {
        let kind = RecordKind::of(self.kind)?;
        let column = kind.columns.get(kind.key_column()?)?;
        self.fields.get(&field_name(column))?.as_str().map(str::to_owned)
    }

    /// Checks all fields.
    ///
    /// # Errors
    /// [`InvalidDraft`] with all errors.
    pub fn check(self) -> Result<CheckedDraft, InvalidDraft> {
        self.check_keeping(Vec::new())
    }

    /// Checks all fields of a draft that may update a record. A record that exists keeps the values of these columns, so
    /// that those may be missing without which none can be created.
    ///
    /// # Errors
    /// [`InvalidDraft`] with all errors.
    pub fn check_keeping(mut self, kept_columns: Vec<usize>) -> Result<CheckedDraft, InvalidDraft> {
        let key = self.key();
        let Some(kind) = RecordKind::of(self.kind) else {
            return Err(InvalidDraft {
                key,
                errors: vec![format!("files can't hold records of the kind {}", self.kind)],
            });
        };
        let mut errors = Vec::new();
        let missing = self.missing(kind, &kept_columns);
        let columns = references(self.kind);
        let taken = columns.iter().map(|column| take_reference(column, &mut self.fields, &mut errors));
        let taken: Vec<Option<Vec<ReferenceValue>>> = taken.collect();
        // A reference with an error is not missing.
        let placeholders: Vec<Vec<Ulid>> =
            taken.iter().map(|values| vec![Ulid::nil(); values.as_ref().map_or(1, Vec::len)]).collect();
        let references = taken.into_iter().map(Option::unwrap_or_default).collect();
        let fields = self.fields;
        let draft =
            CheckedDraft { kind: self.kind, key, references, kept_columns, keeps_decisions: false, missing, fields };
        let mut fields = draft.clone().resolved_fields(&placeholders);
        let is_complete = (kind.check)(&mut fields);
        errors.extend(fields.into_errors().map(|error| with_key_field(columns, error)));
        debug_assert!(is_complete || !errors.is_empty(), "a record that can't be created has an error");
        if errors.is_empty() { Ok(draft) } else { Err(InvalidDraft { key: draft.key, errors }) }
    }

    /// The kept columns without a value that a new record must have.
    fn missing(&self, kind: &RecordKind, kept_columns: &[usize]) -> Vec<usize> {
        if kept_columns.is_empty() {
            return Vec::new();
        }
        let mut needed = finding_columns(kind);
        let references = references(self.kind);
        let present = references.iter().filter(|reference| has_value(kind, &self.fields, reference.column));
        needed.extend(present.filter_map(|reference| Some(references.get(reference.scope?)?.column)));
        let may_be_missing = |index: &&usize| {
            kept_columns.contains(index) && !needed.contains(index) && !has_value(kind, &self.fields, **index)
        };
        required_columns(self.kind).iter().filter(may_be_missing).copied().collect()
    }
}

impl CheckedDraft {
    /// Whether the finding needs the values of the one that exists.
    #[must_use]
    pub fn needs_completion(&self) -> bool {
        self.keeps_decisions || !self.missing.is_empty()
    }

    /// The fields without which the draft can't create a record, by their names in files. It can only update one.
    #[must_use]
    pub fn missing_fields(&self) -> Vec<String> {
        let Some(kind) = RecordKind::of(self.kind) else { return Vec::new() };
        self.missing.iter().map(|index| file_field(kind, *index)).collect()
    }

    /// Creates the record of a register with these records in place of its references. In place of values that are
    /// missing, it has others, which must be replaced by those of the record that exists.
    ///
    /// # Errors
    /// The errors of fields, which a checked draft does not have.
    pub fn into_record<R: Record>(self, ids: &[Vec<Ulid>]) -> Result<R, Vec<String>> {
        let mut fields = self.resolved_fields(ids);
        let record = fields.record();
        record.ok_or_else(|| fields.into_errors().collect())
    }

    /// Creates the finding. In place of values that are missing, it has others, as a record has.
    ///
    /// # Errors
    /// The errors of fields, which a checked draft does not have.
    pub fn into_finding(self) -> Result<NewFinding, Vec<String>> {
        let mut fields = self.resolved_fields(&[]);
        let finding = finding::read(&mut fields);
        finding.ok_or_else(|| fields.into_errors().collect())
    }

    fn resolved_fields(mut self, ids: &[Vec<Ulid>]) -> RecordFields {
        let columns = references(self.kind);
        for (column, ids) in columns.iter().zip(ids) {
            let prefix = RecordKind::of(column.target).map_or("", |kind| kind.prefix);
            let texts: Vec<Value> = ids.iter().map(|ulid| IdText(prefix, *ulid).to_string().into()).collect();
            let value = if column.is_list { Some(Value::Array(texts)) } else { texts.into_iter().next() };
            self.fields.extend(value.map(|value| (column.id_field.clone(), value)));
        }
        let kept = RecordKind::of(self.kind).map_or(&[][..], |kind| kind.columns);
        let missing = self.missing.iter().filter_map(|index| kept.get(*index));
        self.fields.extend(missing.map(|column| (field_name(column), placeholder(column))));
        RecordFields::new(self.fields, columns.iter().map(|column| column.key_field.clone()))
    }
}

/// The error; of a reference that is missing, with the name of the field that files usually have.
fn with_key_field(columns: &[ReferenceColumn], error: String) -> String {
    let is_missing = |column: &&ReferenceColumn| error.strip_prefix(&*column.id_field) == Some(": is required");
    let column = columns.iter().find(is_missing).filter(|column| KeyForm::of(column.target).is_some());
    column.map_or_else(|| error.clone(), |column| format!("{}: is required, or {}", column.key_field, column.id_field))
}

/// Takes the values of a reference from the fields; `None` if they have errors.
fn take_reference(
    column: &ReferenceColumn,
    fields: &mut Map<String, Value>,
    errors: &mut Vec<String>,
) -> Option<Vec<ReferenceValue>> {
    let mut take = |name: &str| fields.remove(name).filter(|value| !value.is_null());
    let (ids, keys) = (take(&column.id_field), take(&column.key_field));
    let parse: fn(&ReferenceColumn, &str) -> Result<ReferenceValue, String>;
    let (name, value) = match (ids, keys) {
        (None, None) => return Some(Vec::new()),
        (Some(ids), None) => {
            parse = parse_id;
            (&column.id_field, ids)
        }
        (None, Some(keys)) => {
            parse = parse_key;
            (&column.key_field, keys)
        }
        (Some(_), Some(_)) => {
            errors.push(format!("{}: give either {0} or {}, not both", column.key_field, column.id_field));
            return None;
        }
    };
    let values = match value {
        Value::String(text) if !column.is_list => vec![text],
        Value::Array(values) if column.is_list && values.iter().all(Value::is_string) => {
            values.into_iter().filter_map(|value| value.as_str().map(str::to_owned)).collect()
        }
        _ => {
            errors.push(format!("{name}: must be a {}", if column.is_list { "list of strings" } else { "string" }));
            return None;
        }
    };
    if values.len() > MAX_REFERENCES {
        errors.push(format!("{name}: must have at most {MAX_REFERENCES} elements"));
        return None;
    }
    let parsed: Result<Vec<_>, String> = values.iter().map(|text| parse(column, text)).collect();
    parsed.map_err(|error| errors.push(format!("{name}: {error}"))).ok()
}

fn parse_id(column: &ReferenceColumn, text: &str) -> Result<ReferenceValue, String> {
    let prefix = RecordKind::of(column.target).map_or("", |target| target.prefix);
    IdText::parse(prefix, text).map(|id| ReferenceValue::Id(id.1)).map_err(|error| error.to_string())
}

fn parse_key(column: &ReferenceColumn, text: &str) -> Result<ReferenceValue, String> {
    let title = |kind| RecordKind::of(kind).map_or_else(String::new, RecordKind::title);
    let target = title(column.target);
    match KeyForm::of(column.target) {
        None => Err(format!("a {target} has no key: use {} with an identifier", column.id_field)),
        Some(_) if text.is_empty() || text.chars().count() > MAX_KEY_LENGTH => {
            Err(format!("must be the key of a {target}, of 1 to {MAX_KEY_LENGTH} characters"))
        }
        Some(KeyForm::Within(parts)) if column.scope.is_none() && !text.contains('/') => {
            let rest = RecordKind::of(column.target)
                .and_then(|kind| kind.columns.get(parts.rest_column))
                .map_or_else(String::new, field_name);
            let parent = title(parts.parent);
            Err(format!("must be the key of the {parent}, a slash, and the {rest} of the {target}"))
        }
        Some(_) => Ok(ReferenceValue::Key(text.to_owned())),
    }
}
