//! The project's own JSON lines (contract: operating): `{"kind":"control","record":{…}}`, with the API's field names.
//!
//! | member | rule |
//! |---|---|
//! | `kind` | one of [`Record::KINDS`] |
//! | `record` | the fields of the API; `null` means the same as leaving out |
//! | the server's own fields (`id`, `createdAt`, `updatedAt`, …) | may be there, and are passed over |
//! | any other field | refused, naming those there are |
//! | a key that was there before in the file | refused: the two lines would undo each other on every run |
//!
//! Lines may come in any order; blank ones are passed over. Every fault of a line is named, and the other lines are taken.

mod control;
mod fields;
mod finding;

use std::collections::{HashMap, hash_map::Entry};

use findings::NewFinding;
use kernel::RecordKey;
use registers::Control;
use serde_json::{Map, Value};

use self::fields::Fields;
use crate::place::{Failure, Place, Placed, Unreadable, said};

const FORMAT: &str = "a bundle";

/// What a bundle holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bundle {
    /// The records, in the order of the file; no two of a kind have the same key.
    pub records: Vec<Placed<Record>>,
    /// The lines that can't be taken.
    pub failures: Vec<Failure>,
}

/// Makes [`Record`] and the reading of it from one list: the kind's word, its variant, what it holds, the field its key is
/// in, and how its fields are read.
macro_rules! kinds {
    ($($word:literal => $variant:ident($record:ty), $key_field:literal, $read:path;)*) => {
        /// One record of a bundle.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Record {
            $(#[doc = concat!("A `", $word, "`.")] $variant($record),)*
        }

        impl Record {
            /// The words a line's `kind` may be.
            pub const KINDS: &'static [&'static str] = &[$($word,)*];

            /// The word for its kind.
            #[must_use]
            pub const fn kind(&self) -> &'static str {
                match self { $(Self::$variant(_) => $word,)* }
            }

            /// Its key, unique among the records of its kind.
            #[must_use]
            pub fn key(&self) -> &RecordKey {
                match self { $(Self::$variant(record) => &record.key,)* }
            }

            /// The record with these fields; `None` where a fault was noted in them or there is no such kind.
            fn read(kind: &str, fields: &mut Fields) -> Option<Self> {
                match kind {
                    $($word => $read(fields).map(Self::$variant),)*
                    _ => None,
                }
            }

            fn key_field(kind: &str) -> Option<&'static str> {
                match kind {
                    $($word => Some($key_field),)*
                    _ => None,
                }
            }
        }
    };
}

kinds! {
    "control" => Control(Control), "controlKey", control::read;
    "finding" => Finding(NewFinding), "findingKey", finding::read;
}

/// Reads a bundle.
///
/// # Errors
/// [`Unreadable`] where no line of it is a JSON object: then it is a file of another format.
pub fn read(bytes: &[u8]) -> Result<Bundle, Unreadable> {
    let mut bundle = Bundle::default();
    let mut seen: HashMap<(&'static str, RecordKey), usize> = HashMap::new();
    let mut objects = false;
    for (index, line) in
        bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes).split(|byte| *byte == b'\n').enumerate()
    {
        if line.trim_ascii().is_empty() {
            continue;
        }
        let place = Place { line: index + 1, column: 1 };
        let read = object(line, place).and_then(|object| {
            objects = true;
            record(object).map_err(|(key, faults)| Failure { place, key, message: faults.join("; ") })
        });
        match read {
            Ok(record) => match seen.entry((record.kind(), record.key().clone())) {
                Entry::Vacant(entry) => {
                    entry.insert(place.line);
                    bundle.records.push(Placed { place, record });
                }
                Entry::Occupied(entry) => {
                    let message = format!("the {} of this key is on line {} already", record.kind(), entry.get());
                    bundle.failures.push(Failure { place, key: Some(record.key().to_string()), message });
                }
            },
            Err(failure) => bundle.failures.push(failure),
        }
    }
    match bundle.failures.first() {
        Some(first) if !objects => {
            Err(Unreadable::OtherFormat { format: FORMAT, place: first.place, message: first.message.clone() })
        }
        _ => Ok(bundle),
    }
}

fn object(line: &[u8], place: Place) -> Result<Map<String, Value>, Failure> {
    serde_json::from_slice(line).map_err(|error| {
        let message =
            if error.is_data() { "not a JSON object".to_owned() } else { format!("not JSON: {}", said(&error)) };
        Failure { place: place.within(&error), key: None, message }
    })
}

/// The record of a line; else its key, if it has one, and everything that is wrong with it.
fn record(mut line: Map<String, Value>) -> Result<Record, (Option<String>, Vec<String>)> {
    let mut faults = Vec::new();
    let kind = match line.remove("kind") {
        Some(Value::String(kind)) if Record::KINDS.contains(&kind.as_str()) => Some(kind),
        Some(kind) => {
            faults.push(format!("kind: there is no {kind}; there are {}", Record::KINDS.join(", ")));
            None
        }
        None => {
            faults.push(format!("kind: missing; there are {}", Record::KINDS.join(", ")));
            None
        }
    };
    let fields = match line.remove("record") {
        Some(Value::Object(fields)) => Some(fields),
        Some(_) => {
            faults.push("record: must be an object".to_owned());
            None
        }
        None => {
            faults.push("record: missing".to_owned());
            None
        }
    };
    faults.extend(line.keys().map(|member| format!("{member}: unknown; a line has kind and record")));
    let (Some(kind), Some(fields)) = (kind, fields) else { return Err((None, faults)) };
    let key = Record::key_field(&kind).and_then(|field| fields.get(field)).and_then(Value::as_str).map(str::to_owned);
    let mut fields = Fields::of(fields);
    let record = Record::read(&kind, &mut fields);
    faults.extend(fields.faults());
    match record {
        Some(record) if faults.is_empty() => Ok(record),
        _ => Err((key, faults)),
    }
}
