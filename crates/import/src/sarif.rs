//! SARIF 2.1.0: imports the results of static analyzers as findings. `docs/guides/pushing-a-scan.md` describes the
//! mapping for HTTP clients, with a program that does the same.
//!
//! [`read`] reads a file, leniently: what can't be used is left out, and is a [`Repair`]. [`Scan`] puts the results of
//! several files together and gives each its key, which depends on the findings that exist already.

mod alignment;
mod content;
mod identity;
mod location;
mod mark;
mod matching;
mod message;
mod present;
mod related;
mod result;
mod rules;
mod run;
mod scan;
mod severity;

use serde_json::value::RawValue;

use crate::{
    links, object,
    object::Object,
    position::{LineIndex, SourcePosition, Unreadable},
    repairs::Repairs,
    text_encoding,
};

pub(crate) use self::content::first_sentence;
pub use self::{
    present::PresentFinding,
    result::{ScanResult, Suppression},
    run::Run,
    scan::{Scan, ScanFinding},
};
pub use crate::repairs::{MAX_DESCRIBED_REPAIRS, Repair};

const FORMAT: &str = "SARIF 2.1.0";
const VERSION: &str = "2.1.0";

/// The content of a SARIF file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct File {
    /// The runs, in the order of the file.
    pub runs: Vec<Run>,
    /// The number of repairs.
    pub repair_count: usize,
    /// The first [`MAX_DESCRIBED_REPAIRS`] repairs.
    pub repairs: Vec<Repair>,
    /// Conditions that concern the file as a whole.
    pub warnings: Vec<String>,
    /// The number of runs that can't be read. Each may be that of any tool.
    pub unreadable_runs: usize,
}

/// Reads a SARIF file. `scope` says what the tool was run on; without it, the file does.
///
/// # Errors
/// [`Unreadable`] if the file is no JSON object with a member `runs`.
pub fn read(bytes: &[u8], scope: Option<&str>) -> Result<File, Unreadable> {
    let repairs = Repairs::default();
    let text = text_encoding::decode(bytes, &repairs);
    let mut file = read_text(&text, scope, &repairs)?;
    file.repair_count = repairs.count();
    file.repairs = repairs.into_described();
    Ok(file)
}

fn read_text(text: &str, scope: Option<&str>, repairs: &Repairs) -> Result<File, Unreadable> {
    if text.trim().is_empty() {
        return Err(Unreadable::Empty);
    }
    let other = |message: String| Unreadable::OtherFormat {
        format: FORMAT,
        position: SourcePosition { line: 1, column: 1 },
        message,
    };
    let json: &RawValue =
        serde_json::from_str(text).map_err(|error| Unreadable::from_json_error(FORMAT, "", &error))?;
    let log = Object::parse(json, String::new(), repairs)
        .map_err(|kind| other(format!("the file is {kind}, not an object with the member `runs`")))?;
    if !log.has("runs") {
        return Err(other("the object has no member `runs`".to_owned()));
    }
    let mut file = File::default();
    match log.text("version") {
        Some(version) if version == VERSION => {}
        Some(version) => file.warnings.push(format!("the version is {version:?}; the file is read as {VERSION}")),
        None => file.warnings.push(format!("the version is missing; the file is read as {VERSION}")),
    }
    let lines = LineIndex::new(text);
    for (index, run) in log.objects("runs").iter().enumerate() {
        let Some(run) = run else {
            file.unreadable_runs += 1;
            continue;
        };
        file.runs.push(Run::read(run, &format!("runs[{index}]"), scope, &lines));
    }
    if file.runs.is_empty() && file.unreadable_runs == 0 {
        file.warnings.push("the file has no runs, so it is an empty scan".to_owned());
    }
    Ok(file)
}
