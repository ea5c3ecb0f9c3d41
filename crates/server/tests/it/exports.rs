//! Exports with the command line.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{
    bundle_imports::{EVERY_KIND, counts, create_workspaces, import, installation},
    support::Installation,
};

fn export(installation: &Installation, options: &[&str]) -> String {
    let ran = installation.run(&[&["export"][..], options].concat());
    assert!(ran.status.success(), "{options:?}: {}", ran.stderr);
    ran.stdout
}

fn kinds(bundle: &str) -> Vec<String> {
    let lines = bundle.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    lines.map(|line| line["kind"].as_str().expect("a kind").to_owned()).collect()
}

/// Exports what the bundle of every kind made, imports it into an empty workspace, and exports that.
fn check_round_trip(installation: &Installation) {
    create_workspaces(installation, &["one", "two"]);
    let total = EVERY_KIND.lines().count() as u64;
    assert_eq!(counts(&import(installation, "one", EVERY_KIND, &[])), [total, 0, 0, 0]);
    let exported = export(installation, &["--workspace", "one"]);
    assert_eq!(exported.lines().count() as u64, total);
    let kinds: BTreeSet<String> = kinds(&exported).into_iter().collect();
    let all: BTreeSet<String> = import::RecordKind::all().iter().map(import::RecordKind::name).collect();
    assert_eq!(kinds, all, "a record of every kind is exported");
    assert_eq!(counts(&import(installation, "two", &exported, &[])), [total, 0, 0, 0]);
    assert_eq!(export(installation, &["--workspace", "two"]), exported);
    assert_eq!(counts(&import(installation, "one", &exported, &[])), [0, 0, total, 0]);
}

#[test]
fn an_export_is_imported_into_an_empty_workspace_and_exported_again_as_the_same_bytes() {
    check_round_trip(&Installation::new());
}

#[tokio::test]
async fn an_export_from_postgresql_is_imported_and_exported_again_as_the_same_bytes() {
    check_round_trip(&Installation::with_new_postgres().await);
}

#[test]
fn parents_come_before_children_and_records_of_one_kind_in_the_order_of_their_keys() {
    let installation = installation(&["made"]);
    import(&installation, "made", EVERY_KIND, &[]);
    let frameworks = export(&installation, &["--workspace", "made", "--module", "frameworks"]);
    let mut order = kinds(&frameworks);
    order.dedup();
    assert_eq!(order, ["framework", "framework-version", "framework-node", "coverage-link"]);
    let nodes = export(&installation, &["--workspace", "made", "--kind", "framework-node", "--format", "csv"]);
    let keys: Vec<&str> =
        nodes.lines().filter_map(|row| row.split(',').nth(3)).filter(|key| !key.contains(' ')).collect();
    assert_eq!(keys, ["nodeKey", "AC-2", "ac", "AC-2", "AC-2(1)"], "a node after the one above it");
}

#[test]
fn a_table_has_a_header_and_no_cell_that_a_spreadsheet_computes() {
    let installation = installation(&["made", "empty"]);
    import(&installation, "made", EVERY_KIND, &[]);
    let measurements = ["--module", "indicators", "--kind", "measurement", "--format", "csv"];
    assert_eq!(
        export(&installation, &[&["--workspace", "made"][..], &measurements].concat()),
        "indicatorDefinitionKey,measuredValue,measuredAt,sourceReference\r\n\
        KPI-2,0.1,2026-05-01T00:00:00.000Z,\r\n\
        KRI-1,4,2026-05-01T00:00:00.000Z,\r\n\
        KRI-1,-3.50,2026-05-02T00:00:00.000Z,'=cmd\r\n"
    );
    assert_eq!(
        export(&installation, &[&["--workspace", "empty"][..], &measurements].concat()),
        "indicatorDefinitionKey,measuredValue,measuredAt,sourceReference\r\n"
    );
    assert_eq!(export(&installation, &["--workspace", "empty"]), "");
}

#[test]
fn an_export_of_an_unknown_module_or_kind_names_those_that_there_are() {
    let installation = installation(&["made"]);
    let cases: [(&[&str], &str); 4] = [
        (&["--module", "risk"], "--module risk: must be one of: assessments, assets, "),
        (&["--kind", "risks"], "--kind risks: must be one of: control, framework, "),
        (&["--module", "risks", "--kind", "control"], "--kind control: must be one of: risk"),
        (
            &["--module", "monitoring", "--format", "csv"],
            "add --kind with one of: monitor-definition, monitor-run, monitor-run-item",
        ),
    ];
    for (options, message) in cases {
        let ran = installation.run(&[&["export", "--workspace", "made"][..], options].concat());
        assert_eq!(ran.status.code(), Some(2), "{options:?}");
        assert!(ran.stderr.contains(message), "{}", ran.stderr);
    }
    let ran = installation.run(&["export", "--workspace", "gone"]);
    assert_eq!((ran.status.code(), ran.stdout.as_str()), (Some(1), ""));
}
