//! Exports as OSCAL with the command line, their imports, and what they report as lost.

mod catalog;
mod findings;

use std::{fs, path::PathBuf, process::Command};

use serde_json::{Value, json};

use crate::{
    bundle_imports::{EVERY_KIND, counts, create_workspaces, import as import_bundle, installation},
    support::{CommandOutput, Installation},
};

/// Validates files by the models of OSCAL that are generated from NIST's schemas.
const VALIDATE: &str = "
import json, sys
from trestle.oscal.assessment_results import AssessmentResults
from trestle.oscal.catalog import Catalog
from trestle.oscal.poam import PlanOfActionAndMilestones
models = {'catalog': Catalog, 'plan-of-action-and-milestones': PlanOfActionAndMilestones, 'assessment-results': AssessmentResults}
for name in sys.argv[1:]:
    [(model, document)] = json.load(open(name)).items()
    models[model].model_validate(document)
";

const CATALOG: &[&str] = &["oscal-catalog", "--framework-version", "f/1"];
const PLAN: &[&str] = &["oscal-poam"];
const RESULTS: &[&str] = &["oscal-assessment-results"];

/// Asserts that the files of the installation are valid OSCAL.
fn assert_valid(installation: &Installation, files: &[&str]) {
    let Some(models) = std::env::var_os("NOVANTRA_TEST_OSCAL_MODELS") else {
        eprintln!(
            "NOVANTRA_TEST_OSCAL_MODELS is not set: the files are not validated; `cargo xtask test tests` sets it"
        );
        return;
    };
    let mut python = Command::new("python3");
    python.args(["-c", VALIDATE]).args(files).env("PYTHONPATH", models).current_dir(installation.folder());
    let ran = python.output().expect("python3 runs");
    assert!(ran.status.success(), "{files:?}: {}", String::from_utf8_lossy(&ran.stderr));
}

/// Exports from a workspace in a format, which is followed by its arguments.
fn run(installation: &Installation, workspace: &str, format: &[&str]) -> CommandOutput {
    installation.run(&[&["export", "--workspace", workspace, "--format"], format].concat())
}

/// Exports to a file, which is valid, and returns its content.
fn export(installation: &Installation, workspace: &str, format: &[&str], file: &str) -> Value {
    let ran = run(installation, workspace, format);
    assert!(ran.status.success(), "{format:?}: {}", ran.stderr);
    assert_eq!(run(installation, workspace, format).stdout, ran.stdout, "a second export has the same bytes");
    fs::write(installation.folder().join(file), &ran.stdout).expect("a file");
    assert_valid(installation, &[file]);
    serde_json::from_str(&ran.stdout).expect("JSON")
}

/// Imports a file that an export made, without any repair.
fn import(installation: &Installation, workspace: &str, file: &str, format: &str) -> [u64; 4] {
    let ran = installation.run(&["import", format, file, "--workspace", workspace, "--json"]);
    let summary: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("no summary: {}", ran.stderr));
    assert_eq!(summary["repairs"], json!([]), "{file}");
    counts(&summary)
}

/// The records of these kinds, as lines of a bundle.
fn records(installation: &Installation, workspace: &str, kinds: &[&str]) -> String {
    kinds.iter().map(|kind| installation.run(&["export", "--workspace", workspace, "--kind", kind]).stdout).collect()
}

fn report(installation: &Installation, workspace: &str, format: &[&str]) -> Value {
    let ran = run(installation, workspace, &[format, &["--json"]].concat());
    serde_json::from_str(&ran.stderr).unwrap_or_else(|_| panic!("no report: {}", ran.stderr))
}

fn line(kind: &str, record: &Value) -> String {
    format!("{}\n", json!({ "kind": kind, "record": record }))
}

/// The folder of real files, if there is one.
fn real_files() -> Option<PathBuf> {
    let folder = std::env::var_os("NOVANTRA_TEST_DATA").map(PathBuf::from);
    if folder.is_none() {
        eprintln!("NOVANTRA_TEST_DATA is not set: the real files are left out");
    }
    folder
}

#[test]
fn an_export_as_oscal_without_its_records_or_with_arguments_of_another_format_is_refused() {
    let installation = installation(&["one"]);
    import_bundle(&installation, "one", &EVERY_KIND.replace("\"assessment\"", "\"other\""), &[]);
    create_workspaces(&installation, &["empty"]);
    let cases: [(&str, &[&str], i32, &str); 9] = [
        ("one", &["oscal-catalog"], 2, "a catalog is one version of a framework; add --framework-version KEY"),
        ("one", &["jsonl", "--framework-version", "f/1"], 2, "--framework-version is only for --format oscal-catalog"),
        ("one", &["oscal-poam", "--assessment", "A"], 2, "--assessment is only for --format oscal-assessment-results"),
        ("one", &["oscal-poam", "--kind", "risk"], 2, "--module and --kind are not for --format oscal-poam"),
        ("one", CATALOG, 1, "there is no framework version \"f/1\"; the workspace one has "),
        ("one", &["oscal-catalog", "--framework-version", "a/b"], 1, "a/b/2022"),
        ("one", &["oscal-assessment-results", "--assessment", "X"], 1, "there is no assessment \"X\""),
        ("empty", PLAN, 1, "the workspace empty has no findings, and a plan of action has at least one item"),
        ("empty", RESULTS, 1, "the workspace empty has no assessments"),
    ];
    for (workspace, format, code, message) in cases {
        let ran = run(&installation, workspace, format);
        assert_eq!((ran.status.code(), ran.stdout.as_str()), (Some(code), ""), "{format:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(message), "{format:?}: {}", ran.stderr);
    }
    let catalog = ["oscal-catalog", "--framework-version", "a/b/2022"];
    export(&installation, "one", &catalog, "catalog.json");
}
