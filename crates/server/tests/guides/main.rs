//! Every guide is run as written, against the real server: its `sh` blocks in order, as one bash script. A `text
//! expect` block after a script is what the script prints; `…` matches any text, and as a line of its own any lines.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod document;
mod expectation;
mod guide_server;
mod references;
mod shell;
mod worked_example;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use document::Guide;
use guide_server::GuideServer;

const FOLDER: &str = "docs/guides";

/// The integrator's guides and other documents with commands to run.
macro_rules! guides {
    ($(fn $name:ident: $path:literal $(, $section:literal)?;)*) => {
        $(
            #[test]
            fn $name() {
                run($path, [$($section)?].first().copied(), GuideServer::demo);
            }
        )*

        const GUIDES: &[&str] = &[$($path,)*];
    };
}

guides! {
    fn the_first_thirty_minutes_of_the_readme_work_as_written: "README.md", "The first thirty minutes";
    fn getting_started_works_as_written: "docs/guides/getting-started.md";
    fn authentication_works_as_written: "docs/guides/authentication.md";
    fn errors_and_retries_work_as_written: "docs/guides/errors-and-retries.md";
    fn pagination_and_catch_up_work_as_written: "docs/guides/pagination-and-catch-up.md";
    fn generating_a_client_works_as_written: "docs/guides/generating-a-client.md";
    fn rate_limits_work_as_written: "docs/guides/rate-limits.md";
    fn importing_catalogues_works_as_written: "docs/guides/importing-catalogues.md";
    fn importing_records_works_as_written: "docs/guides/importing-records.md";
    fn importing_spreadsheets_works_as_written: "docs/guides/importing-spreadsheets.md";
    fn pushing_a_scan_works_as_written: "docs/guides/pushing-a-scan.md";
    fn mirroring_findings_works_as_written: "docs/guides/mirroring-findings.md";
    fn mirroring_to_servicenow_works_as_written: "docs/guides/mirroring-to-servicenow.md";
    fn covering_a_framework_works_as_written: "docs/guides/covering-a-framework.md";
    fn risks_and_exceptions_work_as_written: "docs/guides/risks-and-exceptions.md";
    fn monitoring_and_indicators_work_as_written: "docs/guides/monitoring-and-indicators.md";
    fn assets_and_vulnerabilities_work_as_written: "docs/guides/assets-and-vulnerabilities.md";
    fn suppliers_and_changes_work_as_written: "docs/guides/suppliers-and-changes.md";
    fn completing_assessments_works_as_written: "docs/guides/completing-assessments.md";
    fn pushing_evidence_works_as_written: "docs/guides/pushing-evidence.md";
    fn recording_submissions_works_as_written: "docs/guides/recording-submissions.md";
    fn webhooks_work_as_written: "docs/webhooks.md";
    fn verifying_the_audit_log_works_as_written: "docs/guides/verifying-the-audit-log.md";
    fn operating_works_as_written: "docs/operating.md";
}

#[test]
fn every_guide_is_run() {
    let written: BTreeSet<String> = fs::read_dir(root().join(FOLDER))
        .unwrap()
        .map(|entry| format!("{FOLDER}/{}", entry.unwrap().file_name().to_string_lossy()))
        .collect();
    let run = GUIDES.iter().filter(|path| path.starts_with(FOLDER)).map(|path| (*path).to_owned()).collect();
    assert_eq!(written, run, "the guides in the folder differ from those that are run");
}

#[test]
fn running_a_server_for_good_works_as_the_readme_says() {
    run("README.md", Some("Run it for good"), GuideServer::installed);
}

/// Runs a guide, or one section of it, against a new server.
fn run(path: &'static str, section: Option<&str>, start: fn(&Path) -> GuideServer) {
    let text = fs::read_to_string(root().join(path)).unwrap();
    match Guide::parse(path, &text, section) {
        Ok(guide) => run_against(&guide, &start(Path::new(env!("CARGO_BIN_EXE_novantra")))),
        Err(error) => panic!("{error}"),
    }
}

/// Runs a guide against this server, and compares its output with the expected output.
fn run_against(guide: &Guide, server: &GuideServer) {
    if let Err(error) = shell::run(guide, server).and_then(|printed| expectation::compare(guide, &printed)) {
        panic!("{error}");
    }
}

fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).canonicalize().unwrap()
}
