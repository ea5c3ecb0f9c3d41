//! Tables of every kind that are exported and imported again.

use std::fs;

use serde_json::Value;

use crate::{
    bundle_imports::{EVERY_KIND, counts, create_workspaces, import, installation},
    support::Installation,
};

fn export(installation: &Installation, workspace: &str, options: &[&str]) -> String {
    let ran = installation.run(&[&["export", "--workspace", workspace][..], options].concat());
    assert!(ran.status.success(), "{options:?}: {}", ran.stderr);
    ran.stdout
}

/// The counts of an import of the records of a kind.
fn import_table(installation: &Installation, workspace: &str, format: &str, file: &str, kind: &str) -> [u64; 4] {
    let ran = installation.run(&["import", format, file, "--workspace", workspace, "--kind", kind, "--json"]);
    let summary: Value =
        serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{kind}: no summary: {}", ran.stderr));
    assert_eq!(summary["failed"], 0, "{kind}: {summary}");
    counts(&summary)
}

/// The names of all kinds, parents before children.
fn kinds() -> Vec<String> {
    let mut kinds: Vec<&import::RecordKind> = import::RecordKind::all().iter().collect();
    kinds.sort_by_key(|kind| import::rank(kind.kind));
    kinds.into_iter().map(import::RecordKind::name).collect()
}

fn records_of(kind: &str) -> u64 {
    EVERY_KIND.lines().filter(|line| line.contains(&format!("\"kind\":\"{kind}\""))).count() as u64
}

/// Imports the table of each kind into the workspace that it is from, and into an empty one, and compares these.
fn check_round_trip(installation: &Installation, format: &str, mut file_of: impl FnMut(&str) -> String) {
    create_workspaces(installation, &["two"]);
    for kind in kinds() {
        let (file, count) = (file_of(&kind), records_of(&kind));
        assert!(count > 0, "there is no {kind}");
        assert_eq!(import_table(installation, "one", format, &file, &kind), [0, 0, count, 0], "{kind}");
        assert_eq!(import_table(installation, "two", format, &file, &kind), [count, 0, 0, 0], "{kind}");
    }
    assert_eq!(export(installation, "two", &[]), export(installation, "one", &[]));
}

#[test]
fn csv_of_every_kind_is_imported_without_a_change_and_into_an_empty_workspace_as_the_same_records() {
    let installation = installation(&["one"]);
    import(&installation, "one", EVERY_KIND, &[]);
    check_round_trip(&installation, "csv", |kind| {
        let table = export(&installation, "one", &["--kind", kind, "--format", "csv"]);
        fs::write(installation.folder().join("table.csv"), table).unwrap();
        "table.csv".to_owned()
    });
}

#[test]
fn a_workbook_of_every_kind_is_imported_without_a_change_and_into_an_empty_workspace_as_the_same_records() {
    let installation = installation(&["one"]);
    import(&installation, "one", EVERY_KIND, &[]);
    export(&installation, "one", &["--format", "xlsx", "--output", "all.xlsx"]);
    check_round_trip(&installation, "xlsx", |_| "all.xlsx".to_owned());
}

#[test]
fn an_export_replaces_no_file_and_leaves_none_behind_when_it_fails() {
    let installation = installation(&["one"]);
    let long = "🔓".repeat(17_000);
    let line = format!(
        "{{\"kind\":\"control\",\"record\":{{\"controlKey\":\"CTL-1\",\"title\":\"Locks\",\"description\":\"{long}\"}}}}\n"
    );
    assert_eq!(counts(&import(&installation, "one", &line, &[])), [1, 0, 0, 0]);
    let failure = |options: &[&str]| {
        let ran = installation.run(&[&["export", "--workspace", "one"][..], options].concat());
        assert_eq!(ran.status.code(), Some(1), "{options:?}");
        ran.stderr
    };
    let stderr = failure(&["--format", "xlsx", "--output", "out.xlsx"]);
    let expected = "the description of the control CTL-1 has 34000 UTF-16 units, and a cell of a workbook at most 32767: use \
                    --format csv or jsonl";
    assert!(stderr.contains(expected), "{stderr}");
    let names: Vec<String> = fs::read_dir(installation.folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(names.iter().all(|name| name == "data" || name == "bundle.jsonl"), "{names:?}");
    export(&installation, "one", &["--output", "out.jsonl"]);
    assert!(fs::read_to_string(installation.folder().join("out.jsonl")).unwrap().contains("CTL-1"));
    let stderr = failure(&["--format", "csv", "--kind", "control", "--output", "out.jsonl"]);
    assert!(stderr.contains("out.jsonl exists already: remove it, or name another file"), "{stderr}");
}
