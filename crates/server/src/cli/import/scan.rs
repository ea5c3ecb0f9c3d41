//! The import of scans: all files of one command are one scan.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use findings::{BulkTransition, FindingSource};
use import::sarif::{self, ScanFinding};
use kernel::{RecordKey, Reference};

use super::{
    input::Input,
    summary::{FailedLine, RepairLine, ScanSummary, SharedFindings, Summary},
};
use crate::{
    failure::{Failure, ResultExt as _},
    operations::{Importer, ScanLeases, ScanSeries},
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
    has_unreadable_runs: bool,
}

/// The changes of status that an import makes.
#[derive(Clone, Copy, Debug)]
pub(super) struct StatusOptions {
    /// Close the findings that the scan no longer reports, and accept those that it reports as suppressed.
    pub(super) close_missing: bool,
    /// Reopen the findings that an import has closed and the scan reports again.
    pub(super) reopen: bool,
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
        if file.unreadable_runs > 0 {
            let warning = format!(
                "{} of its runs can't be read and may be those of any tool; no finding is closed or accepted",
                file.unreadable_runs
            );
            summary.warnings.push(input.prefixed(&warning));
            self.has_unreadable_runs = true;
        }
        for run in file.runs {
            let series = self.series.entry(ScanSeries::of_run(&run)).or_default();
            series.names.insert(format!("run {}, {}", run.name, input.origin()));
            if let Some(reason) = &run.incomplete {
                let warning =
                    format!("run {} is incomplete: {reason}; no finding is closed or accepted for it", run.name);
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

    /// Writes the findings, and changes the status of others as the options say. No other import of the same tools and
    /// scopes runs meanwhile.
    pub(super) async fn import(
        self,
        importer: &Importer<'_>,
        options: StatusOptions,
        report: impl Fn(usize),
    ) -> Result<Summary, Failure> {
        let leases = importer.lease(self.series.keys()).await?;
        let summary = self.import_leased(importer, options, report, leases.as_ref()).await;
        if let Some(leases) = leases {
            leases.release().await;
        }
        summary
    }

    async fn import_leased(
        self,
        importer: &Importer<'_>,
        options: StatusOptions,
        report: impl Fn(usize),
        leases: Option<&ScanLeases>,
    ) -> Result<Summary, Failure> {
        let complete = self.complete_series();
        let Self { names, scan, series, failures, mut summary, .. } = self;
        let results = scan.assign_keys(async |ranges| importer.present_findings(ranges).await).await?;
        summary.shared = shared_findings(&results, &names);
        let reported: HashSet<RecordKey> = results.iter().map(|result| result.key.clone()).collect();
        let written = results.iter().filter(|result| result.is_written()).map(ScanFinding::finding);
        let counts = importer.import_findings(written, &report).await?;
        let (suppressed, problems): (Vec<ScanFinding>, Vec<ScanFinding>) =
            results.into_iter().partition(|result| result.suppression.is_some());
        summary.suppressed = suppressed.len();
        leases.map_or(Ok(()), ScanLeases::check)?;
        let mut still_reported: Vec<RecordKey> = problems.iter().map(|result| result.key.clone()).collect();
        if options.reopen {
            let reopened = reopen(importer, &series, &problems).await?;
            summary.reopened = reopened.len();
            still_reported.retain(|key| !reopened.contains(key));
        }
        drop(problems);
        summary.still_reported = importer.settled(&still_reported).await?;
        if options.close_missing {
            summary.warnings.extend(series.keys().filter(|series| series.scope.is_none()).map(without_scope));
            summary.closed = close_unreported(importer, &series, &complete, &reported).await?;
            summary.accepted = accept_suppressed(importer, &series, &complete, suppressed).await?;
        }
        Ok(Summary { counts, failures, unlisted_failures: 0, scan: Some(summary), document: None, table: None })
    }

    /// The series of which the scan says which findings exist.
    fn complete_series(&self) -> BTreeSet<ScanSeries> {
        let complete = self.series.iter().filter(|(_, runs)| !runs.is_incomplete && !self.has_unreadable_runs);
        complete.map(|(series, _)| series.clone()).collect()
    }
}

fn without_scope(series: &ScanSeries) -> String {
    format!(
        "the runs of {tool} have no scope, so --close-missing also closes what {tool} has reported elsewhere without one: \
         name what it was run on with --scope",
        tool = series.tool()
    )
}

/// Closes the findings of each complete series that are not reported. Returns their number.
async fn close_unreported(
    importer: &Importer<'_>,
    series: &BTreeMap<ScanSeries, SeriesRuns>,
    complete: &BTreeSet<ScanSeries>,
    reported: &HashSet<RecordKey>,
) -> Result<usize, Failure> {
    let unreported = importer.unreported(&complete.iter().collect(), reported).await?;
    let mut closed = 0;
    for (series, runs) in series {
        let Some(keys) = unreported.get(series) else { continue };
        let reason = importer.reason_with(&format!("{} no longer reports it: {}", series.tool(), runs.description()));
        closed += importer.transition(keys, BulkTransition::Close, &reason).await?.len();
    }
    Ok(closed)
}

/// Reopens the reported findings that an import has closed. Returns their keys.
async fn reopen(
    importer: &Importer<'_>,
    series: &BTreeMap<ScanSeries, SeriesRuns>,
    problems: &[ScanFinding],
) -> Result<HashSet<RecordKey>, Failure> {
    let mut reopened = HashSet::new();
    for (of_finding, keys) in keys_by(problems, |problem| ScanSeries::of_source(problem.source())) {
        let runs = series.get(&of_finding).map(SeriesRuns::description).unwrap_or_default();
        let reason = importer.reason_with(&format!("{} reports it again: {runs}", of_finding.tool()));
        reopened.extend(importer.transition(&keys, BulkTransition::Reopen, &reason).await?);
    }
    Ok(reopened)
}

/// Accepts the suppressed findings of complete series that exist, with their justifications. Returns their number.
async fn accept_suppressed(
    importer: &Importer<'_>,
    series: &BTreeMap<ScanSeries, SeriesRuns>,
    complete: &BTreeSet<ScanSeries>,
    mut suppressed: Vec<ScanFinding>,
) -> Result<usize, Failure> {
    suppressed.retain(|result| complete.contains(&ScanSeries::of_source(result.source())));
    let reason_of = |result: &ScanFinding| {
        let of_finding = ScanSeries::of_source(result.source());
        let runs = series.get(&of_finding).map(SeriesRuns::description).unwrap_or_default();
        let reason = format!("{} reports it as suppressed: {runs}", of_finding.tool());
        let justification = result.suppression.as_ref().and_then(|suppression| suppression.justification.as_ref());
        justification.map_or_else(|| reason.clone(), |text| format!("{reason}; justification: {text}"))
    };
    let mut accepted = 0;
    for (reason, keys) in keys_by(&suppressed, reason_of) {
        let reason = importer.reason_with(&reason);
        accepted += importer.transition(&keys, BulkTransition::Accept, &reason).await?.len();
    }
    Ok(accepted)
}

/// The keys of results, by what `property` says of them.
fn keys_by<P: Ord>(results: &[ScanFinding], property: impl Fn(&ScanFinding) -> P) -> BTreeMap<P, Vec<RecordKey>> {
    let mut keys: BTreeMap<P, Vec<RecordKey>> = BTreeMap::new();
    for result in results {
        keys.entry(property(result)).or_default().push(result.key.clone());
    }
    keys
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

    fn of_source(source: &FindingSource) -> Self {
        Self { tool: source.module_key.clone(), scope: source.scope.clone() }
    }
}
