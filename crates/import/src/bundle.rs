//! Bundles: the project's own JSON Lines format (contract: operating), `{"kind":"control","record":{…}}`, with the
//! field names of the API.
//!
//! | member | rule |
//! |---|---|
//! | `kind` | one of [`Record::kind_names`] |
//! | `record` | the fields of the API; `null` means the same as a missing field |
//! | the server's own fields (`id`, `createdAt`, `updatedAt`, …) | allowed, and ignored |
//! | any other field | rejected; the error lists the expected fields |
//! | a key that an earlier line has | rejected: the two lines would overwrite each other on every import |
//!
//! Lines may be in any order; blank lines are ignored. All errors of a line are reported, and the other lines are
//! imported.

mod fields;
mod finding;

use std::collections::{HashMap, hash_map::Entry};

use findings::{Finding, NewFinding};
use heck::ToKebabCase as _;
use kernel::{Column, Kind};
use serde_json::{Map, Value};

use self::fields::{RecordFields, field_name};
use crate::position::{ImportFailure, Located, SourcePosition, Unreadable, message_of};

const FORMAT: &str = "a bundle";

/// The content of a bundle.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bundle {
    /// The records, in the order of the file; keys are unique per kind.
    pub records: Vec<Located<Record>>,
    /// The errors of lines that can't be imported.
    pub failures: Vec<ImportFailure>,
}

macro_rules! records {
    ($($kind:ident => $register:ty,)*) => {
        /// One record of a bundle: a finding, or a record of a register.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Record {
            /// A finding.
            Finding(NewFinding),
            $(#[doc = concat!("A record of the register of kind `", stringify!($kind), "`.")] $kind($register),)*
        }

        impl Record {
            const KINDS: &'static [Kind] = &[$(Kind::$kind,)* Kind::Finding];

            /// The kind of the record.
            #[must_use]
            pub const fn kind(&self) -> Kind {
                match self {
                    Self::Finding(_) => Kind::Finding,
                    $(Self::$kind(_) => Kind::$kind,)*
                }
            }

            /// The key, unique among the records of its kind; empty for a kind without keys.
            #[must_use]
            pub fn key(&self) -> &str {
                match self {
                    Self::Finding(finding) => finding.key.as_str(),
                    $(Self::$kind(record) => kernel::Record::key(record).unwrap_or_default(),)*
                }
            }

            /// Reads a record of this kind; `None` if its fields have errors or a bundle can't hold the kind.
            fn read(kind: Kind, fields: &mut RecordFields) -> Option<Self> {
                match kind {
                    Kind::Finding => finding::read(fields).map(Self::Finding),
                    $(Kind::$kind => fields.record().map(Self::$kind),)*
                    _ => None,
                }
            }

            /// The columns of the kind.
            fn columns(kind: Kind) -> &'static [Column] {
                match kind {
                    $(Kind::$kind => <$register as kernel::Record>::COLUMNS,)*
                    _ => <Finding as kernel::Record>::COLUMNS,
                }
            }
        }
    };
}
registers::for_each_register!(records);

impl Record {
    /// The names that a line's `kind` may have.
    pub fn kind_names() -> impl Iterator<Item = String> {
        Self::KINDS.iter().copied().map(kind_name)
    }
}

/// The name of a kind in a bundle: that of the audit log in kebab case.
fn kind_name(kind: Kind) -> String {
    kind.name().to_kebab_case()
}

/// Parses a bundle.
///
/// # Errors
/// [`Unreadable`] if no line is a JSON object: the file has another format.
pub fn read(bytes: &[u8]) -> Result<Bundle, Unreadable> {
    let mut bundle = Bundle::default();
    let mut seen: HashMap<(Kind, String), usize> = HashMap::new();
    let mut has_object = false;
    for (index, line) in
        bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes).split(|byte| *byte == b'\n').enumerate()
    {
        if line.trim_ascii().is_empty() {
            continue;
        }
        let position = SourcePosition { line: index + 1, column: 1 };
        let read = parse_object(line, position).and_then(|object| {
            has_object = true;
            parse_record(object).map_err(|(key, errors)| ImportFailure { position, key, message: errors.join("; ") })
        });
        match read {
            Ok(record) => match seen.entry((record.kind(), record.key().to_owned())) {
                Entry::Vacant(entry) => {
                    entry.insert(position.line);
                    bundle.records.push(Located { position, record });
                }
                Entry::Occupied(entry) => {
                    let message = format!("line {} already has a {} with this key", entry.get(), record.kind());
                    bundle.failures.push(ImportFailure { position, key: Some(record.key().to_string()), message });
                }
            },
            Err(failure) => bundle.failures.push(failure),
        }
    }
    match bundle.failures.first() {
        Some(first) if !has_object => {
            Err(Unreadable::OtherFormat { format: FORMAT, position: first.position, message: first.message.clone() })
        }
        _ => Ok(bundle),
    }
}

fn parse_object(line: &[u8], position: SourcePosition) -> Result<Map<String, Value>, ImportFailure> {
    serde_json::from_slice(line).map_err(|error| {
        let message =
            if error.is_data() { "not a JSON object".to_owned() } else { format!("not JSON: {}", message_of(&error)) };
        ImportFailure { position: position.offset_by(&error), key: None, message }
    })
}

fn kind_names() -> String {
    Record::kind_names().collect::<Vec<_>>().join(", ")
}

/// Reads the record of a line. Otherwise returns the key, if the line has one, and all errors.
fn parse_record(mut line: Map<String, Value>) -> Result<Record, (Option<String>, Vec<String>)> {
    let mut errors = Vec::new();
    let kind = match line.remove("kind") {
        Some(name) => {
            let kind = Record::KINDS.iter().copied().find(|kind| name == kind_name(*kind).as_str());
            if kind.is_none() {
                errors.push(format!("kind: unknown value {name}; must be one of: {}", kind_names()));
            }
            kind
        }
        None => {
            errors.push(format!("kind: is required; must be one of: {}", kind_names()));
            None
        }
    };
    let fields = match line.remove("record") {
        Some(Value::Object(fields)) => Some(fields),
        Some(_) => {
            errors.push("record: must be an object".to_owned());
            None
        }
        None => {
            errors.push("record: is required".to_owned());
            None
        }
    };
    errors.extend(line.keys().map(|member| format!("{member}: unknown member; a line has only kind and record")));
    let (Some(kind), Some(fields)) = (kind, fields) else { return Err((None, errors)) };
    let key_column = Record::columns(kind).iter().find(|column| column.key.is_some());
    let key = key_column.and_then(|column| fields.get(&field_name(column))?.as_str()).map(str::to_owned);
    let mut fields = RecordFields::new(fields);
    let record = Record::read(kind, &mut fields);
    errors.extend(fields.into_errors());
    match record {
        Some(record) if errors.is_empty() => Ok(record),
        _ => Err((key, errors)),
    }
}
