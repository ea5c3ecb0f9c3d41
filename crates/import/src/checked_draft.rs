//! Drafts whose fields are valid, apart from the records that they refer to.

use findings::NewFinding;
use kernel::{IdText, Kind, Record, Ulid};
use serde_json::{Map, Value};

use crate::{
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
    /// The indexes of the columns whose values a record that exists keeps. Only drafts of documents have some.
    pub kept_columns: Vec<usize>,
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
    pub fn check(mut self) -> Result<CheckedDraft, InvalidDraft> {
        let key = self.key();
        let Some(kind) = RecordKind::of(self.kind) else {
            return Err(InvalidDraft {
                key,
                errors: vec![format!("files can't hold records of the kind {}", self.kind)],
            });
        };
        let mut errors = Vec::new();
        let columns = references(self.kind);
        let taken = columns.iter().map(|column| take_reference(column, &mut self.fields, &mut errors));
        let taken: Vec<Option<Vec<ReferenceValue>>> = taken.collect();
        // A reference with an error is not missing.
        let placeholders: Vec<Vec<Ulid>> =
            taken.iter().map(|values| vec![Ulid::nil(); values.as_ref().map_or(1, Vec::len)]).collect();
        let references = taken.into_iter().map(Option::unwrap_or_default).collect();
        let draft = CheckedDraft { kind: self.kind, key, references, kept_columns: Vec::new(), fields: self.fields };
        let mut fields = draft.clone().resolved_fields(&placeholders);
        let is_complete = (kind.check)(&mut fields);
        errors.extend(fields.into_errors());
        debug_assert!(is_complete || !errors.is_empty(), "a record that can't be created has an error");
        if errors.is_empty() { Ok(draft) } else { Err(InvalidDraft { key: draft.key, errors }) }
    }
}

impl CheckedDraft {
    /// Creates the record of a register with these records in place of its references.
    ///
    /// # Errors
    /// The errors of fields, which a checked draft does not have.
    pub fn into_record<R: Record>(self, ids: &[Vec<Ulid>]) -> Result<R, Vec<String>> {
        let mut fields = self.resolved_fields(ids);
        let record = fields.record();
        record.ok_or_else(|| fields.into_errors().collect())
    }

    /// Creates the finding.
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
        RecordFields::new(self.fields, columns.iter().map(|column| column.key_field.clone()))
    }
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
