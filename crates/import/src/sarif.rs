//! SARIF 2.1.0: what a static analyzer found, as findings (contract: operating).
//!
//! | of a finding | comes from |
//! |---|---|
//! | key | the result's `partialFingerprints` (`primaryLocationLineHash`, else the first by name), else `ruleId:uri:startLine`, as far as it has them; what comes again in the file gets `:2`, `:3`, … |
//! | severity | `security-severity` of the result, else of its rule (9, 7, 4 and up: critical, high, medium; else low), else the `level` of the result, else of its rule (error, warning, note, none: high, medium, low, info) |
//! | title | the rule's name, else its id, else the first line of the message |
//! | description | the message |
//! | source | `module_signal`, the tool's name, `rule`, the rule's id |
//! | subject | `code`, `location`, `uri:startLine` |
//!
//! Not taken, but counted: results that say that all is well, that are suppressed, or that a baseline shows to be gone.
//! They count for the `:2`, so that keys stay when somebody suppresses a neighbour.

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
    finding::Mapping,
    format::{Heading, Log, ScanResult},
    key::Keys,
    rules::Rules,
};
use crate::place::{Failure, Place, Placed, Places, Unreadable, said, text};

const FORMAT: &str = "SARIF 2.1.0";
const VERSION: &str = "2.1.0";

/// What a SARIF file holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scan {
    /// The findings, in the order of the file; no two have the same key.
    pub findings: Vec<Placed<NewFinding>>,
    /// What is no finding.
    pub skipped: Skipped,
    /// The results that can't be taken.
    pub failures: Vec<Failure>,
}

/// How many results are no findings, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Skipped {
    /// They say that a rule holds or does not apply.
    pub passed: usize,
    /// Somebody decided not to hear of them.
    pub suppressed: usize,
    /// They were in the baseline and are no more.
    pub gone: usize,
}

/// Reads a SARIF file.
///
/// # Errors
/// [`Unreadable`] where it is not text, not JSON, cut off, or not SARIF 2.1.0.
pub fn read(bytes: &[u8]) -> Result<Scan, Unreadable> {
    let text = text(bytes)?;
    let heading: Heading = read_whole(text)?;
    let other =
        |message: String| Unreadable::OtherFormat { format: FORMAT, place: Place { line: 1, column: 1 }, message };
    match heading.version {
        Some(version) if version == VERSION => {}
        Some(version) => return Err(other(format!("its version is {version}"))),
        None => return Err(other("it names no version".to_owned())),
    }
    let log: Log<'_> = read_whole(text)?;
    let mut places = Places::of(text);
    let mut keys = Keys::default();
    let mut scan = Scan::default();
    for (number, run) in log.runs.iter().enumerate() {
        let mapping = Mapping { rules: Rules::of(&run.tool), artifacts: run.artifacts.as_deref().unwrap_or_default() };
        for (index, raw) in run.results.iter().flatten().enumerate() {
            let place = places.of_part(raw.get());
            let path = format!("runs[{number}].results[{index}]");
            scan.take(&mapping, &mut keys, raw, place, &path);
        }
    }
    Ok(scan)
}

impl Scan {
    fn take(&mut self, mapping: &Mapping<'_>, keys: &mut Keys, raw: &RawValue, place: Place, path: &str) {
        let result: ScanResult = match read_part(raw.get()) {
            Ok(result) => result,
            Err(error) => {
                let message = format!("{path}.{}: {}", error.path(), said(error.inner()));
                return self.failures.push(Failure { place: place.within(error.inner()), key: None, message });
            }
        };
        let key = match keys.next(&mapping.key_base(&result)) {
            Ok(key) => key,
            Err(error) => {
                let message = format!("{path}: its key {error}");
                return self.failures.push(Failure { place, key: None, message });
            }
        };
        match (result.says_nothing_is_wrong(), result.is_suppressed(), result.is_gone()) {
            (true, _, _) => self.skipped.passed += 1,
            (_, true, _) => self.skipped.suppressed += 1,
            (_, _, true) => self.skipped.gone += 1,
            _ => match mapping.finding(key.clone(), &result) {
                Ok(record) => self.findings.push(Placed { place, record }),
                Err(fault) => {
                    let message = format!("{path}.{fault}");
                    self.failures.push(Failure { place, key: Some(key.to_string()), message });
                }
            },
        }
    }
}

/// Why a result can't be taken.
#[derive(Debug, thiserror::Error)]
#[error("{member}: {message}")]
struct Fault {
    /// The member of the result.
    member: &'static str,
    message: String,
}

impl From<TextError> for Fault {
    fn from(error: TextError) -> Self {
        Self { member: "message", message: error.to_string() }
    }
}

fn read_part<'a, T: Deserialize<'a>>(json: &'a str) -> Result<T, serde_path_to_error::Error<serde_json::Error>> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let part = serde_path_to_error::deserialize(&mut deserializer)?;
    Ok(part)
}

fn read_whole<'a, T: Deserialize<'a>>(json: &'a str) -> Result<T, Unreadable> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let whole = serde_path_to_error::deserialize(&mut deserializer)
        .map_err(|error| Unreadable::of(FORMAT, &error.path().to_string(), error.inner()))?;
    deserializer.end().map_err(|error| Unreadable::of(FORMAT, "", &error))?;
    Ok(whole)
}
