//! Imports of OSCAL and `CycloneDX` with the command line.

use std::{fs, process::Stdio};

use serde_json::{Value, json};

use crate::{
    bundle_imports::{counts, import as import_bundle, installation},
    support::{Installation, eventually},
};

/// The summary of an import of the files.
pub(crate) fn import(installation: &Installation, format: &str, arguments: &[&str]) -> Value {
    let command = ["import", format, "--workspace", "w", "--json"];
    let ran = installation.run(&[&command[..], arguments].concat());
    serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("no summary: {}", ran.stderr))
}

/// The records of a kind, as lines of a bundle.
pub(crate) fn exported(installation: &Installation, kind: &str) -> Vec<Value> {
    let ran = installation.run(&["export", "--workspace", "w", "--kind", kind]);
    let lines = ran.stdout.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    lines.map(|line| line["record"].clone()).collect()
}

pub(crate) fn write(installation: &Installation, name: &str, content: &Value) {
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
    // The plan has an observation that the results have, too, and with it the requirement for those that no finding names.
    for (format, arguments, records, present) in [
        ("oscal-catalog", vec![catalog.clone()], 1211, 0),
        ("oscal-profile", vec![profile, "--catalog".to_owned(), catalog], 2 + 18 + 287, 0),
        ("oscal-assessment-results", vec![file("oscal-assessment-results-example.json")], 6, 0),
        ("oscal-poam", vec![file("oscal-poam-example.json")], 7, 2),
        ("cyclonedx", vec![file("cyclonedx-juice-shop-bom.json")], 840, 0),
        ("cyclonedx", vec![file("cyclonedx-vulnerabilities-1.4.json"), file("cyclonedx-vex.json")], 3, 0),
    ] {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let dry_run = import(&installation, format, &[&arguments[..], &["--dry-run"]].concat());
        assert_eq!(counts(&dry_run), [records - present, 0, present, 0], "{format}: {dry_run}");
        assert_eq!(counts(&import(&installation, format, &arguments)), [records - present, 0, present, 0], "{format}");
        assert_eq!(counts(&import(&installation, format, &arguments)), [0, 0, records, 0], "{format}");
    }
    let nodes = exported(&installation, "framework-node");
    assert_eq!(nodes.iter().filter(|node| node["frameworkVersionKey"] == "nist-800-53/5.0.1").count(), 1209);
}

/// A bill of materials with these members.
pub(crate) fn bom(members: &Value) -> Value {
    let mut bom = json!({ "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1 });
    bom.as_object_mut().expect("an object").extend(members.as_object().expect("an object").clone());
    bom
}

/// The values of fields of a record.
pub(crate) fn fields<'r, const N: usize>(record: &'r Value, names: [&str; N]) -> [&'r Value; N] {
    names.map(|name| &record[name])
}

/// Imports a record as a bundle, which updates it.
pub(crate) fn update(installation: &Installation, kind: &str, record: &Value) {
    let line = json!({ "kind": kind, "record": record });
    assert_eq!(counts(&import_bundle(installation, "w", &format!("{line}\n"), &[])), [0, 1, 0, 0]);
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
        endless.stderr.contains("/dev/zero: the file has more than 67108864 bytes, which is"),
        "{}",
        endless.stderr
    );
}

#[test]
fn a_second_import_of_a_catalog_keeps_what_people_decided_about_frameworks_and_controls() {
    let installation = installation(&["w"]);
    let catalog = json!({ "catalog": { "metadata": { "title": "House Rules", "version": "1", "oscal-version": "1.1.2" },
        "controls": [{ "id": "a-1", "title": "Of the standard" }] } });
    write(&installation, "catalog.json", &catalog);
    let first = ["catalog.json", "--with-controls", "--source-kind", "internal"];
    assert_eq!(counts(&import(&installation, "oscal-catalog", &first)), [4, 0, 0, 0]);
    let mut framework = exported(&installation, "framework").remove(0);
    framework["status"] = "retired".into();
    framework["description"] = "Ours.".into();
    let mut version = exported(&installation, "framework-version").remove(0);
    version["status"] = "retired".into();
    version["effectiveAt"] = "2026-01-01T00:00:00.000Z".into();
    let mut control = exported(&installation, "control").remove(0);
    for (name, value) in [
        ("status", "active"),
        ("title", "Of us"),
        ("description", "Ours."),
        ("ownerResponsibilityAssignmentId", "team-a"),
    ] {
        control[name] = value.into();
    }
    for (kind, record) in [("framework", &framework), ("framework-version", &version), ("control", &control)] {
        update(&installation, kind, record);
    }
    assert_eq!(counts(&import(&installation, "oscal-catalog", &["catalog.json", "--with-controls"])), [0, 0, 4, 0]);
    for (kind, record) in [("framework", framework), ("framework-version", version), ("control", control)] {
        assert_eq!(exported(&installation, kind), [record]);
    }
}

#[test]
fn a_second_import_of_a_plan_keeps_what_people_decided_about_risks_and_findings() {
    let installation = installation(&["w"]);
    let plan = json!({ "plan-of-action-and-milestones": { "uuid": "p",
        "metadata": { "title": "Plan", "version": "1", "oscal-version": "1.1.2" },
        "risks": [{ "uuid": "r", "title": "R", "description": "d", "status": "open" }],
        "poam-items": [{ "uuid": "i", "title": "I", "description": "d" }] } });
    write(&installation, "plan.json", &plan);
    assert_eq!(counts(&import(&installation, "oscal-poam", &["plan.json"])), [2, 0, 0, 0]);
    let mut risk = exported(&installation, "risk").remove(0);
    for (name, value) in [
        ("status", "accepted"),
        ("ownerResponsibilityAssignmentId", "team-a"),
        ("subjectModuleKey", "party-engagements"),
        ("subjectResourceType", "engagement"),
        ("subjectResourceId", "core"),
    ] {
        risk[name] = value.into();
    }
    let mut finding = exported(&installation, "finding").remove(0);
    assert_eq!(finding["severity"], "medium");
    for (name, value) in
        [("severity", "critical"), ("dueAt", "2026-12-24T00:00:00.000Z"), ("ownerResponsibilityId", "team-a")]
    {
        finding[name] = value.into();
    }
    update(&installation, "risk", &risk);
    update(&installation, "finding", &finding);
    assert_eq!(counts(&import(&installation, "oscal-poam", &["plan.json"])), [0, 0, 2, 0]);
    assert_eq!((exported(&installation, "risk"), exported(&installation, "finding")), (vec![risk], vec![finding]));
}

#[test]
fn a_record_of_two_files_is_the_union_of_what_they_state() {
    let installation = installation(&["w"]);
    let component = |description: Value| json!({ "type": "library", "name": "a", "version": "1", "purl": "pkg:npm/a@1", "description": description });
    for (name, description) in [("one.json", json!("one")), ("two.json", json!("two")), ("none.json", json!(null))] {
        write(&installation, name, &bom(&json!({ "components": [component(description)] })));
    }
    assert_eq!(counts(&import(&installation, "cyclonedx", &["one.json", "two.json", "none.json"])), [1, 0, 0, 0]);
    assert_eq!(exported(&installation, "asset")[0]["description"], "two");
    for file in ["two.json", "none.json"] {
        assert_eq!(counts(&import(&installation, "cyclonedx", &[file])), [0, 0, 1, 0], "{file}");
    }
    let catalog = |id: &str| {
        json!({ "catalog": { "metadata": { "title": "Rules", "version": "1", "oscal-version": "1.1.2" },
            "controls": [{ "id": id, "title": id }] } })
    };
    write(&installation, "first.json", &catalog("a"));
    write(&installation, "second.json", &catalog("b"));
    assert_eq!(
        counts(&import(&installation, "oscal-catalog", &["first.json", "second.json"])),
        [4, 0, 0, 0],
        "a catalog may be divided"
    );
}

#[tokio::test]
async fn a_change_during_an_import_of_a_document_is_not_lost() {
    const COMPONENTS: usize = 5_000;
    let installation = installation(&["w"]);
    let inventory = |description: &str| {
        let component =
            |number: usize| json!({ "type": "library", "name": format!("c{number:05}"), "description": description });
        bom(&json!({ "components": (0..COMPONENTS).map(component).collect::<Vec<_>>() }))
    };
    write(&installation, "before.json", &inventory("before"));
    write(&installation, "after.json", &inventory("after"));
    assert_eq!(counts(&import(&installation, "cyclonedx", &["before.json"])), [COMPONENTS as u64, 0, 0, 0]);
    let last = format!("library:c{:05}", COMPONENTS - 1);
    let asset = json!({ "assetKey": last, "assetKind": "library", "displayName": format!("c{:05}", COMPONENTS - 1),
        "description": "before", "sourceKind": "cyclonedx", "status": "retired", "custodianResponsibilityId": "team-a" });
    let command = ["import", "cyclonedx", "after.json", "--workspace", "w", "--json"];
    let running = installation.program().args(command).stdout(Stdio::piped()).spawn().expect("the program starts");
    let database = installation.database().await;
    eventually("the first batch is written", async || {
        let written = database.cell("SELECT count(*) FROM assets WHERE description = 'after'").await;
        (written != "0").then_some(())
    })
    .await;
    let line = json!({ "kind": "asset", "record": asset });
    assert_eq!(counts(&import_bundle(&installation, "w", &format!("{line}\n"), &[])), [0, 1, 0, 0]);
    let ran = running.wait_with_output().expect("the program exits");
    let summary: Value = serde_json::from_slice(&ran.stdout).expect("a summary");
    assert_eq!(counts(&summary)[3], 0, "{summary}");
    let assets = exported(&installation, "asset");
    let changed = assets.iter().find(|asset| asset["assetKey"] == last).expect("the asset");
    assert_eq!(fields(changed, ["status", "custodianResponsibilityId"]), ["retired", "team-a"]);
}

#[test]
fn a_list_beyond_the_limit_is_a_failure_and_not_a_repair() {
    let installation = installation(&["w"]);
    let components = vec!["{\"type\":\"library\",\"name\":\"a\"}"; 200_001].join(",");
    let file = format!("{{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"1.5\",\"components\":[{components}]}}");
    fs::write(installation.folder().join("many.json"), file).expect("a file");
    let ran = installation.run(&["import", "cyclonedx", "many.json", "--workspace", "w", "--dry-run"]);
    assert_eq!(ran.status.code(), Some(1));
    let message = "components has 200001 elements, of which only the first 200000 are read: divide the file";
    assert!(ran.stdout.contains(&format!("failed: line 1: {message}")), "{}", ran.stdout);
    assert!(!ran.stdout.contains("repaired"), "{}", ran.stdout);
}

#[test]
fn an_observation_changes_its_claim_only_while_nobody_has_decided_about_it() {
    let installation = installation(&["w"]);
    let results = |description: &str| {
        let observation = |uuid: &str| {
            json!({ "uuid": uuid, "title": uuid, "description": description, "methods": ["TEST"],
                "collected": "2026-05-01T00:00:00Z", "expires": "2036-05-01T00:00:00Z" })
        };
        json!({ "assessment-results": { "uuid": "a", "metadata": { "title": "A", "version": "1", "oscal-version": "1.1.2" },
            "results": [{ "start": "2026-05-01T00:00:00Z", "observations": [observation("o1"), observation("o2"), observation("o3")] }] } })
    };
    write(&installation, "results.json", &results("As it was."));
    let import_results = || import(&installation, "oscal-assessment-results", &["results.json"]);
    assert_eq!(counts(&import_results()), [4, 0, 0, 0]);
    for (command, claim) in [("approve", "o1"), ("reject", "o2")] {
        let ran = installation.run(&["evidence", command, claim, "--workspace", "w", "--note", "Seen."]);
        assert!(ran.status.success(), "{}", ran.stderr);
    }
    let mut requirement = exported(&installation, "evidence-requirement").remove(0);
    requirement["title"] = "Ours".into();
    requirement["status"] = "retired".into();
    update(&installation, "evidence-requirement", &requirement);
    let decided = exported(&installation, "evidence-claim");
    assert_eq!(counts(&import_results()), [0, 0, 4, 0]);
    write(&installation, "results.json", &results("As it is."));
    let summary = import_results();
    assert_eq!(counts(&summary), [0, 1, 3, 0]);
    assert_eq!(summary["stillReported"], json!({ "approved": 1, "rejected": 1 }));
    assert_eq!(
        summary["warnings"],
        json!([
            "the files have other evidence for claims that are no longer pending (approved 1, rejected 1); these stay as \
                they were: new evidence is a new claim"
        ])
    );
    let claims = exported(&installation, "evidence-claim");
    assert_eq!(claims[..2], decided[..2]);
    assert_eq!(fields(&claims[2], ["status", "description"]), ["pending", "As it is.\n\nMethods: TEST"]);
    assert_eq!(exported(&installation, "evidence-requirement"), [requirement]);
}
