//! The result of an import.

use std::collections::BTreeMap;

use evidence::EvidenceClaimStatus;
use import::sarif::Repair;
use registers::AssetStatus;
use serde_json::{Value, json};

use super::{input::Input, table_summary::TableSummary};
use crate::operations::{DraftFailures, ImportCounts, MAX_LISTED_FAILURES};

/// The maximum number of repairs that are listed; the others are counted.
const MAX_LISTED_REPAIRS: usize = 100;

/// A record that could not be imported.
#[derive(Debug)]
pub(super) struct FailedLine {
    file: Option<String>,
    line: usize,
    key: Option<String>,
    message: String,
}

impl FailedLine {
    pub(super) fn new(input: &Input, failure: import::ImportFailure) -> Self {
        let import::ImportFailure { position, key, message } = failure;
        Self { file: input.distinguishing_name(), line: position.line, key, message }
    }
}

/// A part of a file that was left out or replaced.
#[derive(Debug)]
pub(super) struct RepairLine {
    file: Option<String>,
    repair: Repair,
}

impl RepairLine {
    pub(super) fn new(input: &Input, repair: Repair) -> Self {
        Self { file: input.distinguishing_name(), repair }
    }
}

/// The number of findings that these files have in common.
#[derive(Debug)]
pub(super) struct SharedFindings {
    pub(super) files: Vec<String>,
    pub(super) findings: usize,
}

/// The outcomes of a scan beside those of its records.
#[derive(Debug, Default)]
pub(super) struct ScanSummary {
    /// Findings that are no longer reported.
    pub(super) closed: usize,
    /// Findings that an import had closed, are reported again, and were reopened.
    pub(super) reopened: usize,
    /// Findings that are reported as suppressed and were accepted.
    pub(super) accepted: usize,
    pub(super) suppressed: usize,
    /// Reported findings that somebody has settled, by their status.
    pub(super) still_reported: BTreeMap<&'static str, usize>,
    pub(super) passed: usize,
    pub(super) absent: usize,
    pub(super) repaired: usize,
    pub(super) repairs: Vec<RepairLine>,
    pub(super) warnings: Vec<String>,
    pub(super) shared: Vec<SharedFindings>,
}

/// The faults of documents that kept no record from being imported.
#[derive(Debug, Default)]
pub(super) struct DocumentSummary {
    /// Assets that their products no longer have; `None` if the import did not look for them.
    pub(super) retired: Option<usize>,
    /// Records that keep the status that people gave them although a document states another, by their status.
    pub(super) still_reported: BTreeMap<&'static str, usize>,
    pub(super) repaired: usize,
    pub(super) repairs: Vec<RepairLine>,
    pub(super) warnings: Vec<String>,
}

/// The outcomes of all records.
#[derive(Debug)]
pub(super) struct Summary {
    pub(super) counts: ImportCounts,
    pub(super) failures: Vec<FailedLine>,
    /// The number of further records that could not be imported.
    pub(super) unlisted_failures: usize,
    /// The outcomes that only scans have.
    pub(super) scan: Option<ScanSummary>,
    /// The outcomes that only documents have.
    pub(super) document: Option<DocumentSummary>,
    /// The outcomes that only tables have.
    pub(super) table: Option<TableSummary>,
}

impl Summary {
    /// The outcomes of an import of drafts from these files.
    pub(super) fn of_drafts(counts: ImportCounts, failures: DraftFailures, inputs: &[Input]) -> Self {
        let failed = failures.count();
        let line = |(file, failure): (usize, _)| Some(FailedLine::new(inputs.get(file)?, failure));
        let listed = failures.into_listed().into_iter().take(MAX_LISTED_FAILURES);
        let failures: Vec<FailedLine> = listed.filter_map(line).collect();
        let unlisted_failures = failed - failures.len();
        Self { counts, failures, unlisted_failures, scan: None, document: None, table: None }
    }

    /// The outcome of an import of files that are refused as a whole.
    pub(super) fn of_refused() -> Self {
        Self::of_drafts(ImportCounts::default(), DraftFailures::default(), &[])
    }

    pub(super) fn total(&self) -> usize {
        let ImportCounts { created, updated, unchanged } = self.counts;
        created + updated + unchanged + self.failed()
    }

    /// The number of records that could not be imported.
    pub(super) fn failed(&self) -> usize {
        self.failures.len() + self.unlisted_failures
    }

    pub(super) fn document(&self) -> Value {
        let failures: Vec<Value> = self
            .failures
            .iter()
            .map(|FailedLine { file, line, key, message }| {
                with_file(file.as_deref(), json!({ "line": line, "key": key, "message": message }))
            })
            .collect();
        let mut document = json!({
            "created": self.counts.created,
            "updated": self.counts.updated,
            "unchanged": self.counts.unchanged,
            "failed": self.failed(),
            "failures": failures,
        });
        if self.unlisted_failures > 0 {
            document["unlistedFailures"] = self.unlisted_failures.into();
        }
        if let (Some(scan), Some(members)) = (&self.scan, document.as_object_mut()) {
            members.extend(scan.document());
        }
        if let (Some(summary), Some(members)) = (&self.document, document.as_object_mut()) {
            members.extend(summary.document());
        }
        if let (Some(table), Some(members)) = (&self.table, document.as_object_mut()) {
            members.extend(table.document());
        }
        document
    }

    pub(super) fn text(&self, dry_run: bool) -> String {
        let mut lines = self.scan.as_ref().map(ScanSummary::lines).unwrap_or_default();
        lines.extend(self.document.iter().flat_map(DocumentSummary::lines));
        lines.extend(self.table.iter().flat_map(|table| table.lines(dry_run)));
        lines.extend(self.failures.iter().map(|FailedLine { file, line, key, message }| {
            let file = file.as_ref().map_or_else(String::new, |file| format!("{file} "));
            let key = key.as_ref().map_or_else(String::new, |key| format!(" ({key})"));
            format!("failed: {file}line {line}{key}: {message}")
        }));
        if self.unlisted_failures > 0 {
            lines.push(format!("failed: and {} more lines", self.unlisted_failures));
        }
        let ImportCounts { created, updated, unchanged } = self.counts;
        let failed = self.failed();
        let head = if dry_run { "would be: " } else { "" };
        let of_scan = self.scan.as_ref().map(ScanSummary::counts).unwrap_or_default();
        let of_document = self.document.as_ref().map(DocumentSummary::counts).unwrap_or_default();
        lines.push(format!(
            "{head}created {created}, updated {updated}, unchanged {unchanged}, {of_scan}{of_document}failed {failed}"
        ));
        lines.join("\n")
    }
}

impl ScanSummary {
    fn document(&self) -> serde_json::Map<String, Value> {
        let shared: Vec<Value> = self
            .shared
            .iter()
            .map(|SharedFindings { files, findings }| json!({ "files": files, "findings": findings }))
            .collect();
        let members = [
            ("closed", json!(self.closed)),
            ("reopened", json!(self.reopened)),
            ("accepted", json!(self.accepted)),
            ("suppressed", json!(self.suppressed)),
            ("stillReported", json!(self.still_reported)),
            ("passed", json!(self.passed)),
            ("absent", json!(self.absent)),
            ("repaired", json!(self.repaired)),
            ("repairs", repairs_document(&self.repairs)),
            ("warnings", json!(self.all_warnings())),
            ("shared", json!(shared)),
        ];
        members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    fn counts(&self) -> String {
        let Self { closed, reopened, accepted, suppressed, passed, absent, .. } = self;
        let mut counts = format!("closed {closed}, suppressed {suppressed}, passed {passed}, ");
        for (name, count) in [("reopened", reopened), ("accepted", accepted), ("absent", absent)] {
            if *count > 0 {
                counts.push_str(&format!("{name} {count}, "));
            }
        }
        counts
    }

    /// The warnings, with that of findings which are reported although somebody has settled them.
    fn all_warnings(&self) -> Vec<String> {
        let settled = statuses(&self.still_reported).map(|counts| {
            format!(
                "the scan reports findings that are settled ({counts}); no import resets a status, so reopen those whose \
                 problem is back (--reopen does it for those that an import with --close-missing has closed)"
            )
        });
        self.warnings.iter().cloned().chain(settled).collect()
    }

    fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.all_warnings().iter().map(|warning| format!("warning: {warning}")).collect();
        lines.extend(self.shared.iter().map(|SharedFindings { files, findings }| {
            format!("findings that {} share: {findings}", files.join(" and "))
        }));
        lines.extend(repair_lines(&self.repairs, self.repaired, "scan"));
        lines
    }
}

impl DocumentSummary {
    pub(super) fn of_warnings(warnings: &[String]) -> Self {
        Self { warnings: warnings.to_vec(), ..Self::default() }
    }

    fn document(&self) -> serde_json::Map<String, Value> {
        let members = [
            ("repaired", json!(self.repaired)),
            ("repairs", repairs_document(&self.repairs)),
            ("stillReported", json!(self.still_reported)),
            ("warnings", json!(self.all_warnings())),
        ];
        let retired = self.retired.map(|retired| ("retired", json!(retired)));
        members.into_iter().chain(retired).map(|(name, value)| (name.to_owned(), value)).collect()
    }

    fn counts(&self) -> String {
        self.retired.map(|retired| format!("retired {retired}, ")).unwrap_or_default()
    }

    /// The warnings, with those of records about which people have decided.
    fn all_warnings(&self) -> Vec<String> {
        let is_of_claim = |status: &str| EvidenceClaimStatus::ALL.iter().any(|of_claim| of_claim.name() == status);
        let is_of_asset = |status: &str| status == AssetStatus::Retired.name();
        let counted = |is_counted: &dyn Fn(&str) -> bool| {
            let counts = self.still_reported.iter().filter(|(status, _)| is_counted(status));
            statuses(&counts.map(|(status, count)| (*status, *count)).collect())
        };
        let assets = counted(&is_of_asset).map(|counts| {
            format!(
                "the files have components whose assets are retired ({counts}); no import resets a status, so change those \
                 that are in use again"
            )
        });
        let vulnerabilities = counted(&|status| !is_of_claim(status) && !is_of_asset(status)).map(|counts| {
            format!(
                "the files state another status of vulnerabilities that are settled ({counts}); no import resets a status, \
                 so change those that are to follow the files"
            )
        });
        let claims = counted(&is_of_claim).map(|counts| {
            format!(
                "the files have other evidence for claims that are no longer pending ({counts}); these stay as they were: \
                 new evidence is a new claim"
            )
        });
        self.warnings.iter().cloned().chain(assets).chain(vulnerabilities).chain(claims).collect()
    }

    fn lines(&self) -> Vec<String> {
        let warnings = self.all_warnings().into_iter().map(|warning| format!("warning: {warning}"));
        warnings.chain(repair_lines(&self.repairs, self.repaired, "file")).collect()
    }
}

/// The numbers of records by status in words; `None` without one.
fn statuses(counts: &BTreeMap<&'static str, usize>) -> Option<String> {
    let counts: Vec<String> = counts.iter().map(|(status, count)| format!("{status} {count}")).collect();
    (!counts.is_empty()).then(|| counts.join(", "))
}

fn repairs_document(repairs: &[RepairLine]) -> Value {
    let listed = repairs.iter().take(MAX_LISTED_REPAIRS);
    let repairs = listed.map(|RepairLine { file, repair }| {
        with_file(file.as_deref(), json!({ "path": repair.path, "message": repair.message }))
    });
    Value::Array(repairs.collect())
}

/// A line for each repair that is listed, and one for the others of the `whole`.
fn repair_lines(repairs: &[RepairLine], repaired: usize, whole: &str) -> Vec<String> {
    let listed = repairs.iter().take(MAX_LISTED_REPAIRS).map(|RepairLine { file, repair }| {
        let Repair { path, message } = repair;
        let position = [file.as_deref().unwrap_or_default(), path].join(" ");
        format!("repaired: {}", [position.trim(), message].join(" ").trim())
    });
    let omitted = repaired.saturating_sub(repairs.len().min(MAX_LISTED_REPAIRS));
    let others = (omitted > 0).then(|| format!("repaired: and {omitted} more parts of the {whole}"));
    listed.chain(others).collect()
}

/// The object with the name of the file, if there are several.
fn with_file(file: Option<&str>, mut object: Value) -> Value {
    if let Some(file) = file {
        object["file"] = json!(file);
    }
    object
}
