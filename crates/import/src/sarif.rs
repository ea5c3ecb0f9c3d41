//! SARIF 2.1.0: imports the results of static analyzers as findings (contract: operating).
//!
//! | field of the finding | source |
//! |---|---|
//! | key | the result's `partialFingerprints` (`primaryLocationLineHash`, otherwise the first by name), otherwise the available parts of `ruleId:uri:startLine`; repetitions in the file get the suffix `:2`, `:3`, … |
//! | severity | `security-severity` of the result, otherwise of its rule (from 9 critical, from 7 high, from 4 medium, otherwise low), otherwise the `level` of the result, otherwise of its rule (error, warning, note, none: high, medium, low, info) |
//! | title | the rule's name, otherwise its id, otherwise the first line of the message |
//! | description | the message |
//! | source | `module_signal`, the tool's name, `rule`, the rule's id |
//! | subject | `code`, `location`, `uri:startLine` |
//!
//! Results that passed, that are suppressed, or that a baseline marks as absent are not imported, but counted. They
//! also count for the suffixes `:2`, so that keys don't change when another result is suppressed.

mod finding;
mod format;
mod key;
mod message;
mod rules;
mod severity;

use findings::NewFinding;
use kernel::TextError;
use serde::Deserialize;
use serde_json::value::RawValue;

use self::{
    finding::ResultConverter,
    format::{Header, Log, ScanResult},
    key::KeyGenerator,
    rules::Rules,
};
use crate::position::{ImportFailure, LineIndex, Located, SourcePosition, Unreadable, decode_utf8, message_of};

const FORMAT: &str = "SARIF 2.1.0";
const VERSION: &str = "2.1.0";

/// The content of a SARIF file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scan {
    /// The findings, in the order of the file; their keys are unique.
    pub findings: Vec<Located<NewFinding>>,
    /// The numbers of results that are not findings.
    pub skipped: Skipped,
    /// The errors of results that can't be imported.
    pub failures: Vec<ImportFailure>,
}

/// Numbers of results that are not findings, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Skipped {
    /// Results that passed, or whose rule does not apply.
    pub passed: usize,
    /// Results that were suppressed.
    pub suppressed: usize,
    /// Results of the baseline that are absent now.
    pub gone: usize,
}

/// Parses a SARIF file.
///
/// # Errors
/// [`Unreadable`] if the file is not UTF-8, not JSON, truncated, or not SARIF 2.1.0.
pub fn read(bytes: &[u8]) -> Result<Scan, Unreadable> {
    let text = decode_utf8(bytes)?;
    let header: Header = parse_file(text)?;
    let other = |message: String| Unreadable::OtherFormat {
        format: FORMAT,
        position: SourcePosition { line: 1, column: 1 },
        message,
    };
    match header.version {
        Some(version) if version == VERSION => {}
        Some(version) => return Err(other(format!("the version is {version}"))),
        None => return Err(other("the version is missing".to_owned())),
    }
    let log: Log<'_> = parse_file(text)?;
    let mut line_index = LineIndex::new(text);
    let mut keys = KeyGenerator::default();
    let mut scan = Scan::default();
    for (number, run) in log.runs.iter().enumerate() {
        let converter =
            ResultConverter { rules: Rules::new(&run.tool), artifacts: run.artifacts.as_deref().unwrap_or_default() };
        for (index, raw) in run.results.iter().flatten().enumerate() {
            let position = line_index.position_of(raw.get());
            let path = format!("runs[{number}].results[{index}]");
            scan.add_result(&converter, &mut keys, raw, position, &path);
        }
    }
    Ok(scan)
}

impl Scan {
    fn add_result(
        &mut self,
        converter: &ResultConverter<'_>,
        keys: &mut KeyGenerator,
        raw: &RawValue,
        position: SourcePosition,
        path: &str,
    ) {
        let result: ScanResult = match parse_part(raw.get()) {
            Ok(result) => result,
            Err(error) => {
                let message = format!("{path}.{}: {}", error.path(), message_of(error.inner()));
                return self.failures.push(ImportFailure {
                    position: position.offset_by(error.inner()),
                    key: None,
                    message,
                });
            }
        };
        let key = match keys.next_key(&converter.base_key(&result)) {
            Ok(key) => key,
            Err(error) => {
                let message = format!("{path}: the key {error}");
                return self.failures.push(ImportFailure { position, key: None, message });
            }
        };
        match (result.is_passed(), result.is_suppressed(), result.is_absent()) {
            (true, _, _) => self.skipped.passed += 1,
            (_, true, _) => self.skipped.suppressed += 1,
            (_, _, true) => self.skipped.gone += 1,
            _ => match converter.finding(key.clone(), &result) {
                Ok(record) => self.findings.push(Located { position, record }),
                Err(fault) => {
                    let message = format!("{path}.{fault}");
                    self.failures.push(ImportFailure { position, key: Some(key.to_string()), message });
                }
            },
        }
    }
}

/// The reason why a result can't be imported.
#[derive(Debug, thiserror::Error)]
#[error("{member}: {message}")]
struct ResultError {
    /// The path of the invalid member within the result.
    member: &'static str,
    message: String,
}

impl From<TextError> for ResultError {
    fn from(error: TextError) -> Self {
        Self { member: "message", message: error.to_string() }
    }
}

fn parse_part<'a, T: Deserialize<'a>>(json: &'a str) -> Result<T, serde_path_to_error::Error<serde_json::Error>> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let part = serde_path_to_error::deserialize(&mut deserializer)?;
    Ok(part)
}

fn parse_file<'a, T: Deserialize<'a>>(json: &'a str) -> Result<T, Unreadable> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let value = serde_path_to_error::deserialize(&mut deserializer)
        .map_err(|error| Unreadable::from_json_error(FORMAT, &error.path().to_string(), error.inner()))?;
    deserializer.end().map_err(|error| Unreadable::from_json_error(FORMAT, "", &error))?;
    Ok(value)
}
