//! Imports of OSCAL and `CycloneDX` with the command line.

use std::fs;

use serde_json::{Value, json};

use crate::{
    bundle_imports::{counts, import as import_bundle, installation},
    support::Installation,
};

/// The summary of an import of the files.
fn import(installation: &Installation, format: &str, arguments: &[&str]) -> Value {
    let command = ["import", format, "--workspace", "w", "--json"];
    let ran = installation.run(&[&command[..], arguments].concat());
    serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("no summary: {}", ran.stderr))
}

/// The records of a kind, as lines of a bundle.
fn exported(installation: &Installation, kind: &str) -> Vec<Value> {
    let ran = installation.run(&["export", "--workspace", "w", "--kind", kind]);
    let lines = ran.stdout.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    lines.map(|line| line["record"].clone()).collect()
}

fn write(installation: &Installation, name: &str, content: &Value) {
    fs::write(installation.folder().join(name), content.to_string()).expect("a file");
}

#[test]
fn the_real_files_are_imported_with_their_counts_and_a_second_import_changes_nothing() {
    let Some(folder) = std::env::var_os("NOVANTRA_TEST_DATA") else {
        eprintln!("NOVANTRA_TEST_DATA is not set: the real files are left out");
        return;
    };
    let file = |name: &str| std::path::Path::new(&folder).join(name).display().to_string();
    let catalog = file("oscal-nist-sp800-53-rev5-catalog.json");
    let profile = file("oscal-nist-sp800-53-rev5-moderate-profile.json");
    let installation = installation(&["w"]);
    for (format, arguments, records) in [
        ("oscal-catalog", vec![catalog.clone()], 1211),
        ("oscal-profile", vec![profile, "--catalog".to_owned(), catalog], 2 + 18 + 287),
        ("oscal-assessment-results", vec![file("oscal-assessment-results-example.json")], 2),
        ("oscal-poam", vec![file("oscal-poam-example.json")], 4),
        ("cyclonedx", vec![file("cyclonedx-juice-shop-bom.json")], 840),
        ("cyclonedx", vec![file("cyclonedx-vulnerabilities-1.4.json"), file("cyclonedx-vex.json")], 3),
    ] {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let dry_run = import(&installation, format, &[&arguments[..], &["--dry-run"]].concat());
        assert_eq!(counts(&dry_run), [records, 0, 0, 0], "{format}: {dry_run}");
        assert_eq!(counts(&import(&installation, format, &arguments)), [records, 0, 0, 0], "{format}");
        assert_eq!(counts(&import(&installation, format, &arguments)), [0, 0, records, 0], "{format}");
    }
    let nodes = exported(&installation, "framework-node");
    assert_eq!(nodes.iter().filter(|node| node["frameworkVersionKey"] == "nist-800-53/5.0.1").count(), 1209);
}

#[test]
fn a_bill_of_materials_changes_only_what_it_states() {
    let installation = installation(&["w"]);
    let component = json!({ "type": "library", "name": "a", "version": "1", "purl": "pkg:npm/a@1", "bom-ref": "a" });
    let vulnerability = json!({ "id": "CVE-1", "ratings": [{ "severity": "low" }], "affects": [{ "ref": "a" }] });
    let head = json!({ "bomFormat": "CycloneDX", "specVersion": "1.5", "serialNumber": "urn:uuid:s", "version": 1 });
    let bom = |members: Value| {
        let mut bom = head.clone();
        bom.as_object_mut().expect("an object").extend(members.as_object().expect("an object").clone());
        bom
    };
    write(&installation, "bom.json", &bom(json!({ "components": [component], "vulnerabilities": [vulnerability] })));
    write(&installation, "other.json", &bom(json!({ "serialNumber": "urn:uuid:o", "components": [component] })));
    let vex = json!({ "id": "CVE-1", "analysis": { "state": "exploitable" }, "affects": [{ "ref": "urn:cdx:s/1#a" }] });
    write(&installation, "vex.json", &bom(json!({ "serialNumber": "urn:uuid:v", "vulnerabilities": [vex] })));
    let both = ["bom.json", "other.json", "vex.json"];
    assert_eq!(
        counts(&import(&installation, "cyclonedx", &both)),
        [2, 0, 0, 0],
        "a component of two files is one asset"
    );
    let status = || exported(&installation, "vulnerability")[0]["status"].clone();
    assert_eq!(status(), "requires-patch");
    let owned = json!({ "kind": "asset", "record": { "assetKey": "pkg:npm/a@1", "assetKind": "library", "displayName": "a 1",
        "sourceKind": "cyclonedx", "status": "retired", "custodianResponsibilityId": "team-a" } });
    assert_eq!(counts(&import_bundle(&installation, "w", &format!("{owned}\n"), &[])), [0, 1, 0, 0]);
    assert_eq!(counts(&import(&installation, "cyclonedx", &["bom.json"])), [0, 0, 2, 0]);
    assert_eq!(status(), "requires-patch");
    let asset = &exported(&installation, "asset")[0];
    assert_eq!([&asset["status"], &asset["custodianResponsibilityId"]], ["retired", "team-a"]);
}

#[test]
fn what_cannot_be_imported_is_named_with_its_file_and_line() {
    let installation = installation(&["w"]);
    let catalog = "{\"catalog\":{\"metadata\":{\"title\":\"Rules\",\"version\":\"1\",\"oscal-version\":\"1.1.2\"},\"controls\":[\n\
        {\"id\":\"a\",\"title\":\"A\"},\n{\"title\":\"B\"},\n{\"id\":\"c\"}]}}";
    fs::write(installation.folder().join("one.json"), catalog).expect("a file");
    fs::write(installation.folder().join("two.json"), catalog.replace("Rules", "Others")).expect("a file");
    let summary = import(&installation, "oscal-catalog", &["one.json", "two.json"]);
    assert_eq!(counts(&summary), [8, 0, 0, 2]);
    assert_eq!(
        summary["failures"][1],
        json!({ "file": "two.json", "key": null, "line": 3, "message":
            "catalog.controls[1] has neither an id nor a label, so it has no key; it and what is in it are left out" })
    );
    assert_eq!(
        summary["repairs"][0],
        json!({ "file": "one.json", "path": "catalog.controls[2]", "message": "has no title; its key is used" })
    );
    let refused =
        installation.run(&["import", "oscal-profile", "one.json", "--catalog", "two.json", "--workspace", "w"]);
    assert!(
        refused.stderr.contains("one.json: not an OSCAL profile at line 1, column 1: the file is an OSCAL catalog"),
        "{}",
        refused.stderr
    );
    let endless = installation.run(&["import", "cyclonedx", "/dev/zero", "--workspace", "w"]);
    assert!(
        endless.stderr.contains("/dev/zero: not CycloneDX at line 1, column 1: the file has more than 67108864 bytes"),
        "{}",
        endless.stderr
    );
}
