//! Bundles: the project's own JSON Lines format (contract: operating), `{"kind":"control","record":{…}}`, with the
//! field names of the API.
//!
//! | member | rule |
//! |---|---|
//! | `kind` | one of [`Record::KINDS`] |
//! | `record` | the fields of the API; `null` means the same as a missing field |
//! | the server's own fields (`id`, `createdAt`, `updatedAt`, …) | allowed, and ignored |
//! | any other field | rejected; the error lists the expected fields |
//! | a key that an earlier line has | rejected: the two lines would overwrite each other on every import |
//!
//! Lines may be in any order; blank lines are ignored. All errors of a line are reported, and the other lines are
//! imported.

mod control;
mod fields;
mod finding;

use std::collections::{HashMap, hash_map::Entry};

use findings::NewFinding;
use kernel::RecordKey;
use registers::Control;
use serde_json::{Map, Value};

use self::fields::RecordFields;
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

/// Generates [`Record`] and its parsing from one list: the name of the kind, its variant with the record type, the
/// field of the key, and the function that reads the fields.
macro_rules! record_kinds {
    ($($name:literal => $variant:ident($record:ty), $key_field:literal, $read:path;)*) => {
        /// One record of a bundle.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Record {
            $(#[doc = concat!("A `", $name, "`.")] $variant($record),)*
        }

        impl Record {
            /// The names that `kind` may have.
            pub const KINDS: &'static [&'static str] = &[$($name,)*];

            /// The name of its kind.
            #[must_use]
            pub const fn kind(&self) -> &'static str {
                match self { $(Self::$variant(_) => $name,)* }
            }

            /// The key, unique among the records of its kind.
            #[must_use]
            pub fn key(&self) -> &RecordKey {
                match self { $(Self::$variant(record) => &record.key,)* }
            }

            /// Reads a record of this kind; `None` if its fields have errors or the kind is unknown.
            fn read(kind: &str, fields: &mut RecordFields) -> Option<Self> {
                match kind {
                    $($name => $read(fields).map(Self::$variant),)*
                    _ => None,
                }
            }

            fn key_field(kind: &str) -> Option<&'static str> {
                match kind {
                    $($name => Some($key_field),)*
                    _ => None,
                }
            }
        }
    };
}

record_kinds! {
    "control" => Control(Control), "controlKey", control::read;
    "finding" => Finding(NewFinding), "findingKey", finding::read;
}

/// Parses a bundle.
///
/// # Errors
/// [`Unreadable`] if no line is a JSON object: the file has another format.
pub fn read(bytes: &[u8]) -> Result<Bundle, Unreadable> {
    let mut bundle = Bundle::default();
    let mut seen: HashMap<(&'static str, RecordKey), usize> = HashMap::new();
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
            Ok(record) => match seen.entry((record.kind(), record.key().clone())) {
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

/// Reads the record of a line. Otherwise returns the key, if the line has one, and all errors.
fn parse_record(mut line: Map<String, Value>) -> Result<Record, (Option<String>, Vec<String>)> {
    let mut errors = Vec::new();
    let kind = match line.remove("kind") {
        Some(Value::String(kind)) if Record::KINDS.contains(&kind.as_str()) => Some(kind),
        Some(kind) => {
            errors.push(format!("kind: unknown value {kind}; must be one of {}", Record::KINDS.join(", ")));
            None
        }
        None => {
            errors.push(format!("kind: missing; must be one of {}", Record::KINDS.join(", ")));
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
            errors.push("record: missing".to_owned());
            None
        }
    };
    errors.extend(line.keys().map(|member| format!("{member}: unknown member; a line has only kind and record")));
    let (Some(kind), Some(fields)) = (kind, fields) else { return Err((None, errors)) };
    let key = Record::key_field(&kind).and_then(|field| fields.get(field)).and_then(Value::as_str).map(str::to_owned);
    let mut fields = RecordFields::new(fields);
    let record = Record::read(&kind, &mut fields);
    errors.extend(fields.into_errors());
    match record {
        Some(record) if errors.is_empty() => Ok(record),
        _ => Err((key, errors)),
    }
}
