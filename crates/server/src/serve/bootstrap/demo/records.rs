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

/// The name and the lines of each file, those whose records others refer to first.
const FILES: &[(&str, &str)] = &[
    ("frameworks.jsonl", include_str!("records/frameworks.jsonl")),
    ("controls.jsonl", include_str!("records/controls.jsonl")),
    ("coverage.jsonl", include_str!("records/coverage.jsonl")),
    ("assets.jsonl", include_str!("records/assets.jsonl")),
    ("engagements.jsonl", include_str!("records/engagements.jsonl")),
    ("risks.jsonl", include_str!("records/risks.jsonl")),
    ("exceptions.jsonl", include_str!("records/exceptions.jsonl")),
    ("assessments.jsonl", include_str!("records/assessments.jsonl")),
    ("monitoring.jsonl", include_str!("records/monitoring.jsonl")),
    ("changes.jsonl", include_str!("records/changes.jsonl")),
    ("vulnerabilities.jsonl", include_str!("records/vulnerabilities.jsonl")),
    ("evidence.jsonl", include_str!("records/evidence.jsonl")),
    ("submissions.jsonl", include_str!("records/submissions.jsonl")),
];

/// The name of the lines that are computed.
const SERIES: &str = "series.rs";

/// Number of records of a kind, as bundles name it.
pub(super) fn count(kind: &str) -> usize {
    let start = format!("{{\"kind\":\"{kind}\",");
    FILES.iter().flat_map(|(_, text)| text.lines()).filter(|line| line.starts_with(&start)).count()
}

/// Imports the records.
///
/// # Errors
/// If a line is no valid record, or the store fails.
pub(super) async fn add(operator: &Operator, workspace: &Stored<Organization>) -> Result<(), Failure> {
    let (importer, now) = (Importer::new(operator, workspace, false), operator.installation.clock.now());
    let series = series::lines();
    for (name, text) in FILES.iter().copied().chain([(SERIES, series.as_str())]) {
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

#[cfg(test)]
mod tests {
    use import::RecordKind;

    use super::*;

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
