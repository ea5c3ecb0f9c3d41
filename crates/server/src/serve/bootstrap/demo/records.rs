//! The records of the demo that a bundle can have: files of lines in the form that `novantra import bundle` takes, with
//! two placeholders in texts.
//!
//! | placeholder | value |
//! |---|---|
//! | `${-30d}`, `${+40h}` | the time so many days or hours before or after the start, at the full hour |
//! | `${control/vm-01}` | the identifier of the record with this kind and key, which a file before must have |
//!
//! Other references are by key, as in every bundle. To add a record, add a line. The order of the lines of a file is free.

use std::{collections::HashSet, time::Duration};

use import::{CheckedDraft, bundle::read_line};
use kernel::{Kind, Organization, Stored, Timestamp};

use super::series;
use crate::{
    failure::{Failure, ResultExt as _},
    operations::{DraftFailures, DraftSource, Importer, Operator, PendingDraft},
};

/// A file: its name and its lines.
type File = (&'static str, &'static str);

/// The files of records that findings refer to, and of what belongs to them, those whose records others refer to first.
const REGISTERS: &[File] = &[
    ("frameworks.jsonl", include_str!("records/frameworks.jsonl")),
    ("controls.jsonl", include_str!("records/controls.jsonl")),
    ("coverage.jsonl", include_str!("records/coverage.jsonl")),
    ("assets.jsonl", include_str!("records/assets.jsonl")),
    ("engagements.jsonl", include_str!("records/engagements.jsonl")),
    ("risks.jsonl", include_str!("records/risks.jsonl")),
    ("exceptions.jsonl", include_str!("records/exceptions.jsonl")),
    ("assessments.jsonl", include_str!("records/assessments.jsonl")),
    ("evidence.jsonl", include_str!("records/evidence.jsonl")),
    ("submissions.jsonl", include_str!("records/submissions.jsonl")),
];

/// The files of what is done with them, those whose records others refer to first.
const ACTIVITIES: &[File] = &[
    ("monitoring.jsonl", include_str!("records/monitoring.jsonl")),
    ("changes.jsonl", include_str!("records/changes.jsonl")),
    ("vulnerabilities.jsonl", include_str!("records/vulnerabilities.jsonl")),
];

/// The submission packages, of which each is imported at its own time.
const PACKAGES: File = ("packages.jsonl", include_str!("records/packages.jsonl"));

/// The name of the lines that are computed.
const SERIES: &str = "series.rs";

/// Number of records of a kind, as bundles name it.
pub(super) fn count(kind: &str) -> usize {
    let start = format!("{{\"kind\":\"{kind}\",");
    REGISTERS
        .iter()
        .chain(ACTIVITIES)
        .chain([&PACKAGES])
        .flat_map(|(_, text)| text.lines())
        .filter(|line| line.starts_with(&start))
        .count()
}

/// Imports the registers. Times in them are relative to `now`.
///
/// # Errors
/// If a line is no valid record, or the store fails.
pub(super) async fn add_registers(
    operator: &Operator,
    workspace: &Stored<Organization>,
    now: Timestamp,
) -> Result<(), Failure> {
    add(operator, workspace, REGISTERS, now).await
}

/// Imports the activities, for the registers that are imported already. Times in them are relative to `now`.
///
/// # Errors
/// If a line is no valid record, or the store fails.
pub(super) async fn add_activities(
    operator: &Operator,
    workspace: &Stored<Organization>,
    now: Timestamp,
) -> Result<(), Failure> {
    add(operator, workspace, ACTIVITIES, now).await?;
    add(operator, workspace, &[(SERIES, &series::lines())], now).await
}

/// Imports the submission package with this key. Times in it are relative to `now`.
///
/// # Errors
/// If there is none, it is no valid record, or the store fails.
pub(super) async fn add_package(
    operator: &Operator,
    workspace: &Stored<Organization>,
    key: &str,
    now: Timestamp,
) -> Result<(), Failure> {
    let (name, text) = PACKAGES;
    let line = text.lines().find(|line| line.contains(&format!("\"packageKey\":\"{key}\"")));
    let line = line.ok_or_else(|| Failure::new(format!("the demo has no package {key}")))?;
    add(operator, workspace, &[(name, line)], now).await
}

async fn add(
    operator: &Operator,
    workspace: &Stored<Organization>,
    files: &[(&str, &str)],
    now: Timestamp,
) -> Result<(), Failure> {
    let importer = Importer::new(operator, workspace, false);
    for (name, text) in files {
        let mut drafts = Drafts::default();
        for (index, line) in text.lines().enumerate() {
            let position = || format!("the demo's {name}, line {}", index + 1);
            let line = expand(&importer, line, now).await.context(position)?;
            let draft = read_line(line.as_bytes(), index + 1).map_err(|invalid| invalid.failure.message);
            drafts.add(index, draft.context(position)?);
        }
        let (_, failures) = importer.import_drafts(&mut drafts, DraftFailures::default(), |_| {}).await?;
        if let Some((_, failure)) = failures.into_listed().into_iter().next() {
            let line = failure.position.line;
            return Err(Failure::new(format!("the demo's {name}, line {line}: {}", failure.message)));
        }
    }
    Ok(())
}

/// Replaces the placeholders in a line.
async fn expand(importer: &Importer<'_>, line: &str, now: Timestamp) -> Result<String, Failure> {
    let mut parts = line.split("${");
    let mut expanded = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (placeholder, rest) = part.split_once('}').ok_or_else(|| Failure::new("a placeholder does not end"))?;
        let value = match placeholder.split_once('/') {
            Some((kind, key)) => importer.id_of(kind, key).await?,
            None => time(placeholder, now).map(|time| time.to_string()),
        };
        let value = value.ok_or_else(|| Failure::new(format!("there is no value for ${{{placeholder}}}")))?;
        expanded.push_str(&value);
        expanded.push_str(rest);
    }
    Ok(expanded)
}

/// The time of a placeholder such as `-30d`.
fn time(placeholder: &str, now: Timestamp) -> Option<Timestamp> {
    const HOUR: Duration = Duration::from_secs(60 * 60);
    let hour = i64::try_from(HOUR.as_millis()).ok()?;
    let now = Timestamp::from_millis(now.millis() - now.millis().rem_euclid(hour));
    let digits = placeholder.trim_end_matches(['d', 'h']);
    let hours = match &placeholder[digits.len()..] {
        "d" => 24,
        "h" => 1,
        _ => return None,
    };
    let number = digits.strip_prefix(['+', '-'])?.parse::<u32>().ok()?;
    let span = HOUR * (number * hours);
    Some(if digits.starts_with('-') { now - span } else { now + span })
}

/// The drafts of one file.
#[derive(Default)]
struct Drafts {
    pending: Vec<Option<PendingDraft>>,
    next: usize,
}

impl Drafts {
    fn add(&mut self, index: usize, draft: CheckedDraft) {
        self.pending.push(Some(PendingDraft { index, file: 0, line: index + 1, size: 0, draft }));
    }
}

impl DraftSource for Drafts {
    fn kinds(&self) -> HashSet<Kind> {
        self.pending.iter().flatten().map(|pending| pending.draft.kind).collect()
    }

    fn rewind(&mut self) -> Result<(), Failure> {
        self.next = 0;
        Ok(())
    }

    fn next_draft(&mut self, kinds: &HashSet<Kind>) -> Result<Option<PendingDraft>, Failure> {
        while let Some(pending) = self.pending.get(self.next) {
            self.next += 1;
            if let Some(pending) = pending.as_ref().filter(|pending| kinds.contains(&pending.draft.kind)) {
                return Ok(Some(pending.clone()));
            }
        }
        Ok(None)
    }

    fn settle(&mut self, index: usize) {
        if let Some(pending) = self.pending.get_mut(index) {
            *pending = None;
        }
    }
}

/// Returns the first month or year that the text names. The year 2038 is that of a limit, not one of the demo's.
#[cfg(test)]
pub(super) fn date_in(text: &str) -> Option<&str> {
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let words = text.split(|c: char| c.is_whitespace() || matches!(c, '"' | ',' | '.' | ';' | ':'));
    let is_year = |word: &str| word.parse::<u32>().is_ok_and(|number| (1900..2100).contains(&number));
    let has_year = |word: &str| word.split('-').any(|part| is_year(part) && part != "2038");
    words.into_iter().find(|word| MONTHS.contains(word) || has_year(word) && !word.starts_with("CVE-"))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use import::RecordKind;
    use serde_json::Value;

    use super::*;

    /// The records of a kind.
    fn records(kind: &str) -> Vec<Value> {
        let lines = REGISTERS.iter().chain(ACTIVITIES).flat_map(|(_, text)| text.lines());
        let lines = lines.map(|line| serde_json::from_str::<Value>(line).expect("a line of JSON"));
        lines.filter(|line| line["kind"] == kind).map(|line| line["record"].clone()).collect()
    }

    #[test]
    fn no_text_of_the_records_names_a_month_or_a_year() {
        assert_eq!(
            ["in June", "audit-2026-01", "2019."].map(date_in),
            [Some("June"), Some("audit-2026-01"), Some("2019")]
        );
        let lines = REGISTERS.iter().chain(ACTIVITIES).flat_map(|(_, text)| text.lines());
        let dated: Vec<_> = lines.filter_map(|line| Some((date_in(line)?, line))).collect();
        assert_eq!(dated, []);
    }

    #[test]
    fn the_score_of_a_vulnerability_agrees_with_its_severity() {
        let vulnerabilities = records("vulnerability");
        for record in &vulnerabilities {
            let Some(score) = record["cvssScore"].as_str() else { continue };
            let severity = match score.parse::<f32>().expect("a score") {
                9.0.. => "critical",
                7.0.. => "high",
                4.0.. => "medium",
                _ => "low",
            };
            assert_eq!(record["severity"], severity, "{record}");
        }
        let is_cve = |record: &&Value| record["vulnerabilityKind"] == "cve" && record["cvssVector"].is_string();
        assert_eq!(vulnerabilities.iter().filter(is_cve).count(), 2);
    }

    #[test]
    fn the_positions_of_nodes_count_from_0_under_each_parent_as_those_of_imports_do() {
        let mut next: HashMap<String, u64> = HashMap::new();
        for record in records("framework-node") {
            let parent = next.entry(format!("{} {}", record["frameworkVersionKey"], record["parentNodeKey"]));
            let position = parent.or_default();
            assert_eq!(record["position"].as_u64(), Some(*position), "{record}");
            *position += 1;
        }
    }

    #[test]
    fn subjects_name_their_module_as_exports_do() {
        let registers = RecordKind::all();
        let modules: Vec<_> = registers.iter().filter_map(|kind| api_v1::module(kind.kind)).collect();
        let lines = REGISTERS.iter().chain(ACTIVITIES).flat_map(|(_, text)| text.lines()).map(str::to_owned);
        for line in lines.chain(series::lines().lines().map(str::to_owned)) {
            let record = &serde_json::from_str::<Value>(&line).expect("a line of JSON")["record"];
            for name in ["subjectModuleKey", "targetModuleKey"] {
                // Teams are not records of the workspace.
                let Some(module) = record[name].as_str().filter(|module| *module != "organization") else { continue };
                assert!(modules.contains(&module), "{line}");
            }
        }
    }

    const NOW: Timestamp = Timestamp::from_millis(1_779_718_113_000);

    #[test]
    fn a_placeholder_of_a_time_is_relative_to_the_full_hour_of_the_start() {
        let at = |placeholder| time(placeholder, NOW).map(|time| time.to_string());
        assert_eq!(NOW.to_string(), "2026-05-25T14:08:33.000Z");
        assert_eq!(at("-30d").as_deref(), Some("2026-04-25T14:00:00.000Z"));
        assert_eq!(at("+40h").as_deref(), Some("2026-05-27T06:00:00.000Z"));
        for wrong in ["30d", "-d", "-30", "+1w", ""] {
            assert_eq!(at(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn every_kind_of_register_has_records_in_the_files_or_in_the_series() {
        let series = series::lines();
        let by_command = [Kind::Finding, Kind::EvidenceClaim];
        for kind in RecordKind::all().iter().filter(|kind| !by_command.contains(&kind.kind)) {
            let in_series = || series.contains(&format!("{{\"kind\":\"{}\",", kind.name()));
            assert!(count(&kind.name()) > 0 || in_series(), "the demo has no {}", kind.name());
        }
        assert_eq!(count("control"), 40);
    }
}
