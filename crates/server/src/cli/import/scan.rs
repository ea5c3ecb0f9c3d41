//! The import of scans: all files of one command are one scan.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use findings::Resolution;
use import::sarif::{self, ScanFinding};
use kernel::{RecordKey, Reference};

use super::{
    input::Input,
    summary::{FailedLine, RepairLine, ScanSummary, SharedFindings, Summary},
};
use crate::{
    failure::{Failure, ResultExt as _},
    operations::{Importer, ScanSeries},
};

/// The maximum number of runs that a reason names.
const MAX_NAMED_RUNS: usize = 5;

/// The results of all files.
#[derive(Debug, Default)]
pub(super) struct Scans {
    names: Vec<String>,
    scan: sarif::Scan,
    series: BTreeMap<ScanSeries, SeriesRuns>,
    failures: Vec<FailedLine>,
    summary: ScanSummary,
}

/// The runs of one series.
#[derive(Debug, Default)]
struct SeriesRuns {
    /// Each run with its file, for the reasons of changes.
    names: BTreeSet<String>,
    /// Whether one of them is incomplete.
    is_incomplete: bool,
}

impl Scans {
    /// Reads the files. The scope, if there is one, counts instead of those of the files.
    ///
    /// # Errors
    /// The first file that can't be read or is not SARIF.
    pub(super) fn read(inputs: &[Input], scope: Option<&Reference>) -> Result<Self, Failure> {
        let mut scans = Self { names: inputs.iter().map(Input::name).collect(), ..Self::default() };
        for (number, input) in inputs.iter().enumerate() {
            let file = sarif::read(&input.bytes()?, scope.map(Reference::as_str)).context(|| input.name())?;
            scans.add_file(number, input, file);
        }
        Ok(scans)
    }

    fn add_file(&mut self, number: usize, input: &Input, file: sarif::File) {
        let summary = &mut self.summary;
        summary.repaired += file.repair_count;
        summary.repairs.extend(file.repairs.into_iter().map(|repair| RepairLine::new(input, repair)));
        summary.warnings.extend(file.warnings.into_iter().map(|warning| input.prefixed(&warning)));
        for run in file.runs {
            let series = self.series.entry(ScanSeries::of_run(&run)).or_default();
            series.names.insert(format!("run {}, {}", run.name, input.origin()));
            if let Some(reason) = &run.incomplete {
                let warning = format!("run {} is incomplete: {reason}; no finding is closed for it", run.name);
                summary.warnings.push(input.prefixed(&warning));
                series.is_incomplete = true;
            }
            summary.passed += run.passed;
            summary.absent += run.absent;
            self.failures.extend(run.failures.into_iter().map(|failure| FailedLine::new(input, failure)));
            self.scan.add_run(number, run.results.into_iter().map(|located| located.record));
        }
    }

    /// The number of distinct results.
    pub(super) fn len(&self) -> usize {
        self.scan.len()
    }

    /// Writes the findings, and resolves others if `close_missing` says so.
    pub(super) async fn import(
        self,
        importer: &Importer<'_>,
        close_missing: bool,
        report: impl Fn(usize),
    ) -> Result<Summary, Failure> {
        let Self { names, scan, series, failures, mut summary } = self;
        let mut present = HashMap::new();
        loop {
            let found = importer.present_findings(&scan.keys_to_look_up(&present)).await?;
            if found.is_empty() {
                break;
            }
            present.extend(found);
        }
        let results = scan.assign_keys(&present);
        drop(present);
        summary.shared = shared_findings(&results, &names);
        let reported: HashSet<RecordKey> = results.iter().map(|result| result.finding.key.clone()).collect();
        let (suppressed, problems): (Vec<ScanFinding>, Vec<ScanFinding>) =
            results.into_iter().partition(|result| result.suppression.is_some());
        summary.suppressed = suppressed.len();
        let problems: Vec<_> = problems.into_iter().map(|result| result.finding).collect();
        let counts = importer.import_findings(&problems, &report).await?;
        summary.still_reported = importer.settled(&problems).await?;
        if close_missing {
            summary.closed = close_unreported(importer, &series, &reported).await?;
            summary.accepted = accept_suppressed(importer, &series, suppressed).await?;
        }
        Ok(Summary { counts, failures, unlisted_failures: 0, scan: Some(summary), document: None })
    }
}

/// Closes the findings of each complete series that are not reported. Returns their number.
async fn close_unreported(
    importer: &Importer<'_>,
    series: &BTreeMap<ScanSeries, SeriesRuns>,
    reported: &HashSet<RecordKey>,
) -> Result<usize, Failure> {
    let complete = || series.iter().filter(|(_, runs)| !runs.is_incomplete);
    let unreported = importer.unreported(&complete().map(|(series, _)| series).collect(), reported).await?;
    let mut closed = 0;
    for (series, runs) in complete() {
        let Some(keys) = unreported.get(series) else { continue };
        let reason = importer.reason_with(&format!("{} no longer reports it: {}", series.tool(), runs.description()));
        closed += importer.resolve(keys, Resolution::Closed, &reason).await?;
    }
    Ok(closed)
}

/// Accepts the suppressed findings that exist, with their justifications. Returns their number.
async fn accept_suppressed(
    importer: &Importer<'_>,
    series: &BTreeMap<ScanSeries, SeriesRuns>,
    suppressed: Vec<ScanFinding>,
) -> Result<usize, Failure> {
    let mut keys_by_reason: BTreeMap<String, Vec<RecordKey>> = BTreeMap::new();
    for ScanFinding { finding, suppression, .. } in suppressed {
        let of_finding = ScanSeries { tool: finding.source.module_key, scope: finding.source.scope };
        let runs = series.get(&of_finding).map(SeriesRuns::description).unwrap_or_default();
        let mut reason = format!("{} reports it as suppressed: {runs}", of_finding.tool());
        if let Some(justification) = suppression.and_then(|suppression| suppression.justification) {
            reason.push_str("; justification: ");
            reason.push_str(&justification);
        }
        keys_by_reason.entry(reason).or_default().push(finding.key);
    }
    let mut accepted = 0;
    for (reason, keys) in keys_by_reason {
        accepted += importer.resolve(&keys, Resolution::Accepted, &importer.reason_with(&reason)).await?;
    }
    Ok(accepted)
}

/// The findings that several files report, by the names of those files.
fn shared_findings(results: &[ScanFinding], names: &[String]) -> Vec<SharedFindings> {
    let mut counts: BTreeMap<&BTreeSet<usize>, usize> = BTreeMap::new();
    for result in results.iter().filter(|result| result.files.len() > 1) {
        *counts.entry(&result.files).or_default() += 1;
    }
    let shared = counts.into_iter().map(|(files, findings)| {
        let files = files.iter().filter_map(|file| names.get(*file).cloned()).collect();
        SharedFindings { files, findings }
    });
    shared.collect()
}

impl SeriesRuns {
    /// The runs with their files; of many, the first.
    fn description(&self) -> String {
        let named: Vec<&str> = self.names.iter().take(MAX_NAMED_RUNS).map(String::as_str).collect();
        let others = self.names.len().saturating_sub(MAX_NAMED_RUNS);
        let more = if others == 0 { String::new() } else { format!("; and {others} more") };
        format!("{}{more}", named.join("; "))
    }
}

impl ScanSeries {
    fn of_run(run: &sarif::Run) -> Self {
        Self { tool: run.tool.clone(), scope: run.scope.clone() }
    }

    fn tool(&self) -> &str {
        self.tool.as_ref().map_or("the tool", Reference::as_str)
    }
}
