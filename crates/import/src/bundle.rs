//! Bundles: the project's own JSON Lines format (contract: operating), `{"kind":"control","record":{…}}`, with the
//! field names of the API.
//!
//! | member | rule |
//! |---|---|
//! | `kind` | the name of a [`RecordKind`] |
//! | `record` | the fields of the API; `null` means the same as a missing field |
//! | a reference | an identifier, or the key of the record in the same field with `Key` for `Id` |
//! | the server's own fields (`id`, `createdAt`, `updatedAt`, …) | allowed, and ignored |
//! | any other field, and one that occurs twice | rejected; the error lists the expected fields |
//!
//! Lines may be in any order; blank lines are ignored. All errors of a line are reported, and the other lines are
//! imported. A line may have [`MAX_LINE_LENGTH`] bytes.

mod exported;
mod lines;
mod strict_json;

use serde_json::{Map, Value};

use crate::{
    checked_draft::{CheckedDraft, InvalidDraft},
    columns::omitted_defaults,
    draft::Draft,
    kinds::RecordKind,
    position::{ImportFailure, SourcePosition, message_of},
    shorten::excerpt,
};

pub use exported::{Cell, cells, csv_header, csv_line, json_line, table_header};
pub use lines::{Line, Lines, LinesError, MAX_LINE_LENGTH};

/// The most characters of an error and of a key in it.
const MAX_MESSAGE_LENGTH: usize = 2500;
const MAX_KEY_LENGTH: usize = 200;

/// The error of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidLine {
    /// Whether the line is a JSON object.
    pub is_object: bool,
    /// The error.
    pub failure: ImportFailure,
}

/// Reads the record of a line.
///
/// # Errors
/// [`InvalidLine`] with all errors of the line.
pub fn read_line(line: &[u8], number: usize) -> Result<CheckedDraft, InvalidLine> {
    let position = SourcePosition { line: number, column: 1 };
    let object =
        parse_object(line, position).map_err(|(position, message)| invalid(false, position, None, &message))?;
    read_record(object).map_err(|InvalidDraft { key, errors }| invalid(true, position, key, &errors.join("; ")))
}

/// The error of a line that is longer than [`MAX_LINE_LENGTH`].
#[must_use]
pub fn too_long(number: usize) -> InvalidLine {
    let message = format!("the line is longer than {MAX_LINE_LENGTH} bytes, which no record needs; shorten its texts");
    invalid(false, SourcePosition { line: number, column: 1 }, None, &message)
}

fn invalid(is_object: bool, position: SourcePosition, key: Option<String>, message: &str) -> InvalidLine {
    let message = excerpt(message, MAX_MESSAGE_LENGTH);
    let key = key.map(|key| excerpt(&key, MAX_KEY_LENGTH));
    InvalidLine { is_object, failure: ImportFailure { position, key, message } }
}

fn parse_object(line: &[u8], position: SourcePosition) -> Result<Map<String, Value>, (SourcePosition, String)> {
    if let Err(error) = str::from_utf8(line) {
        let column = error.valid_up_to() + 1;
        let message =
            format!("not UTF-8: byte {column} of the line is not part of a character; save the file as UTF-8");
        return Err((SourcePosition { column, ..position }, message));
    }
    match strict_json::parse(line) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err((position, "not a JSON object".to_owned())),
        Err(error) => {
            let message = message_of(&error);
            let message = match error.classify() {
                serde_json::error::Category::Eof => {
                    format!("not JSON: {message}; the line is cut off, or the record continues on the next line")
                }
                serde_json::error::Category::Data => message,
                _ => format!("not JSON: {message}"),
            };
            Err((position.offset_by(&error), message))
        }
    }
}

fn kind_names() -> String {
    RecordKind::all().iter().map(RecordKind::name).collect::<Vec<_>>().join(", ")
}

fn read_record(mut line: Map<String, Value>) -> Result<CheckedDraft, InvalidDraft> {
    let mut errors = Vec::new();
    let kind = match line.remove("kind") {
        Some(name) => {
            let kind = name.as_str().and_then(RecordKind::from_name);
            if kind.is_none() {
                let name = excerpt(&name.to_string(), MAX_KEY_LENGTH);
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
    let (Some(kind), Some(fields)) = (kind, fields) else { return Err(InvalidDraft { key: None, errors }) };
    let kept = omitted_defaults(kind, &fields);
    match (Draft { kind: kind.kind, fields }).check_keeping(kept) {
        Ok(draft) if errors.is_empty() => Ok(draft),
        Ok(draft) => Err(InvalidDraft { key: draft.key, errors }),
        Err(invalid) => {
            errors.extend(invalid.errors);
            Err(InvalidDraft { key: invalid.key, errors })
        }
    }
}
