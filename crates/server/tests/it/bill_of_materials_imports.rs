//! Imports of bills of materials with the command line: products, statuses that people decided, and assets that are retired.

use serde_json::{Value, json};

use crate::{
    bundle_imports::{counts, installation},
    document_imports::{bom, exported, fields, import, update, write},
    support::Installation,
};

#[test]
fn a_vex_that_states_only_an_analysis_keeps_severity_and_title_in_either_order() {
    let installation = installation(&["w"]);
    let component = json!({ "type": "library", "name": "a", "version": "1", "purl": "pkg:npm/a@1", "bom-ref": "a" });
    let portal = json!({ "component": { "type": "application", "name": "portal" } });
    let rated = json!({ "id": "CVE-1", "description": "Bad.", "affects": [{ "ref": "a" }],
        "ratings": [{ "method": "CVSSv31", "score": 9.8, "vector": "AV:N" }] });
    let analysed =
        json!({ "id": "CVE-1", "affects": [{ "ref": "pkg:npm/a@1" }], "analysis": { "state": "exploitable" } });
    let sbom = bom(&json!({ "metadata": portal, "components": [component], "vulnerabilities": [rated] }));
    write(&installation, "bom.json", &sbom);
    write(&installation, "vex.json", &bom(&json!({ "metadata": portal, "vulnerabilities": [analysed] })));
    assert_eq!(counts(&import(&installation, "cyclonedx", &["bom.json"])), [2, 0, 0, 0]);
    assert_eq!(counts(&import(&installation, "cyclonedx", &["vex.json"])), [0, 1, 0, 0]);
    for file in ["bom.json", "vex.json", "bom.json"] {
        let [found] = <[Value; 1]>::try_from(exported(&installation, "vulnerability")).expect("one vulnerability");
        assert_eq!(
            fields(&found, ["title", "severity", "cvssScore", "status"]),
            ["CVE-1: Bad.", "critical", "9.8", "requires-patch"]
        );
        assert_eq!(counts(&import(&installation, "cyclonedx", &[file]))[1], 0, "{file} changes nothing");
    }
}

#[test]
fn a_vex_of_one_product_does_not_decide_for_another_and_one_without_its_bill_of_materials_fails() {
    let installation = installation(&["w"]);
    let product = |name: &str, state: &str| {
        bom(
            &json!({ "serialNumber": format!("urn:uuid:{name}"), "metadata": { "component": { "type": "application", "name": name } },
            "components": [{ "type": "library", "name": "l", "bom-ref": "l", "purl": "pkg:npm/l@1" }],
            "vulnerabilities": [{ "id": "CVE-1", "affects": [{ "ref": "l" }], "analysis": { "state": state } }] }),
        )
    };
    write(&installation, "portal.json", &product("portal", "exploitable"));
    write(&installation, "kiosk.json", &product("kiosk", "not_affected"));
    assert_eq!(counts(&import(&installation, "cyclonedx", &["portal.json"])), [2, 0, 0, 0]);
    let source = || exported(&installation, "asset")[0]["sourceKind"].clone();
    assert_eq!(source(), "cyclonedx/portal");
    assert_eq!(counts(&import(&installation, "cyclonedx", &["kiosk.json"])), [1, 1, 0, 0], "the asset is shared");
    for file in ["kiosk.json", "portal.json"] {
        assert_eq!(counts(&import(&installation, "cyclonedx", &[file])), [0, 0, 2, 0], "{file} changes nothing");
    }
    assert_eq!(source(), "cyclonedx");
    let statuses = || {
        let mut found: Vec<String> = exported(&installation, "vulnerability")
            .iter()
            .map(|record| format!("{} {}", record["vulnerabilityKey"], record["status"]).replace('"', ""))
            .collect();
        found.sort();
        found
    };
    let both = ["CVE-1/kiosk/pkg:npm/l@1 false-positive", "CVE-1/portal/pkg:npm/l@1 requires-patch"];
    assert_eq!(statuses(), both);
    let vulnerability =
        json!({ "id": "CVE-1", "affects": [{ "ref": "urn:cdx:portal/1#l" }], "analysis": { "state": "resolved" } });
    write(&installation, "vex.json", &bom(&json!({ "vulnerabilities": [vulnerability] })));
    let alone = import(&installation, "cyclonedx", &["vex.json"]);
    assert_eq!(counts(&alone), [0, 0, 0, 1]);
    assert!(alone["failures"][0]["message"].as_str().expect("a message").contains("give it beside this file"));
    assert_eq!(statuses(), both);
    assert_eq!(counts(&import(&installation, "cyclonedx", &["kiosk.json", "portal.json", "vex.json"]))[1..], [1, 2, 0]);
    assert_eq!(statuses(), ["CVE-1/kiosk/pkg:npm/l@1 false-positive", "CVE-1/portal/pkg:npm/l@1 patched"]);
    assert_eq!(
        counts(&import(&installation, "cyclonedx", &["vex.json", "portal.json", "--scope", "shop"])),
        [1, 0, 1, 0]
    );
}

#[test]
fn a_status_that_people_decided_stays_and_is_counted() {
    let installation = installation(&["w"]);
    let vex = |state: &str| {
        bom(&json!({ "metadata": { "component": { "type": "application", "name": "portal" } },
            "vulnerabilities": [{ "id": "CVE-1", "affects": [{ "ref": "pkg:npm/l@1" }], "analysis": { "state": state } }] }))
    };
    write(&installation, "triage.json", &vex("in_triage"));
    write(&installation, "vex.json", &vex("exploitable"));
    assert_eq!(counts(&import(&installation, "cyclonedx", &["triage.json"])), [1, 0, 0, 0]);
    assert_eq!(counts(&import(&installation, "cyclonedx", &["vex.json"])), [0, 1, 0, 0]);
    let mut decided = exported(&installation, "vulnerability").remove(0);
    decided["status"] = "risk-accepted".into();
    update(&installation, "vulnerability", &decided);
    let summary = import(&installation, "cyclonedx", &["vex.json"]);
    assert_eq!(counts(&summary), [0, 0, 1, 0]);
    assert_eq!(summary["stillReported"], json!({ "risk-accepted": 1 }));
    assert!(
        summary["warnings"]
            .to_string()
            .contains("vulnerabilities that are settled (risk-accepted 1); no import resets"),
        "{summary}"
    );
    assert_eq!(exported(&installation, "vulnerability")[0]["status"], "risk-accepted");
    let triage = import(&installation, "cyclonedx", &["triage.json", "--dry-run"]);
    assert_eq!(triage["stillReported"], json!({ "risk-accepted": 1 }));
}

/// A bill of materials of a product with libraries of these names.
fn inventory(product: Option<&str>, libraries: &[&str]) -> Value {
    let library = |name: &&str| json!({ "type": "library", "name": name, "purl": format!("pkg:npm/{name}@1") });
    let metadata = product.map(|name| json!({ "component": { "type": "application", "name": name } }));
    bom(&json!({ "metadata": metadata, "components": libraries.iter().map(library).collect::<Vec<_>>() }))
}

/// The status of each asset, by the name of its library.
fn asset_statuses(installation: &Installation) -> Vec<String> {
    let assets = exported(installation, "asset");
    let name = |asset: &Value| asset["assetKey"].as_str().expect("a key").replace("pkg:npm/", "").replace("@1", "");
    assets.iter().map(|asset| format!("{} {}", name(asset), asset["status"].as_str().expect("a status"))).collect()
}

#[test]
fn assets_that_only_their_product_had_are_retired_when_its_bill_of_materials_lacks_them() {
    let installation = installation(&["w"]);
    write(&installation, "portal.json", &inventory(Some("portal"), &["a", "b", "c", "d", "e"]));
    write(&installation, "kiosk.json", &inventory(Some("kiosk"), &["c", "k"]));
    write(&installation, "newer.json", &inventory(Some("portal"), &["a", "f"]));
    assert_eq!(counts(&import(&installation, "cyclonedx", &["portal.json"])), [5, 0, 0, 0]);
    assert_eq!(counts(&import(&installation, "cyclonedx", &["kiosk.json"])), [1, 1, 0, 0]);
    let mut recorded = exported(&installation, "asset").remove(3);
    assert_eq!(recorded["assetKey"], "pkg:npm/d@1");
    recorded["sourceKind"] = "cmdb".into();
    update(&installation, "asset", &recorded);
    let mut disposed = exported(&installation, "asset").remove(4);
    disposed["status"] = "disposed".into();
    update(&installation, "asset", &disposed);
    let before = asset_statuses(&installation);
    let dry_run = import(&installation, "cyclonedx", &["newer.json", "--retire-missing", "--dry-run"]);
    assert_eq!((counts(&dry_run), &dry_run["retired"]), ([1, 0, 1, 0], &json!(1)));
    assert_eq!(asset_statuses(&installation), before);
    let ran = installation.run(&["import", "cyclonedx", "newer.json", "--workspace", "w", "--retire-missing"]);
    assert!(ran.stdout.contains("created 1, updated 0, unchanged 1, retired 1, failed 0"), "{}", ran.stdout);
    let expected = ["a active", "b retired", "c active", "d active", "e disposed", "f active", "k active"];
    assert_eq!(asset_statuses(&installation), expected);
    let again = import(&installation, "cyclonedx", &["newer.json", "--retire-missing"]);
    assert_eq!((counts(&again), &again["retired"]), ([0, 0, 2, 0], &json!(0)));
    // Both products in one command, of which the second has what the first no longer has.
    write(&installation, "newest.json", &inventory(Some("portal"), &["a"]));
    write(&installation, "newer-kiosk.json", &inventory(Some("kiosk"), &["f"]));
    let files = ["newest.json", "newer-kiosk.json", "--retire-missing"];
    let dry_run = import(&installation, "cyclonedx", &[&files[..], &["--dry-run"]].concat());
    let both = import(&installation, "cyclonedx", &files);
    assert_eq!((counts(&both), &both["retired"]), ([0, 1, 1, 0], &json!(1)));
    assert_eq!((counts(&dry_run), &dry_run["retired"]), (counts(&both), &both["retired"]));
    let expected = ["a active", "b retired", "c active", "d active", "e disposed", "f active", "k retired"];
    assert_eq!(asset_statuses(&installation), expected);
    // A component that is back stays retired, and is counted.
    write(&installation, "back.json", &inventory(Some("portal"), &["a", "b"]));
    let back = import(&installation, "cyclonedx", &["back.json"]);
    assert_eq!((counts(&back), &back["stillReported"]), ([0, 0, 2, 0], &json!({ "retired": 1 })));
    assert_eq!(asset_statuses(&installation), expected);
}

#[test]
fn nothing_is_retired_by_files_that_are_incomplete_without_a_product_or_without_components() {
    let installation = installation(&["w"]);
    write(&installation, "portal.json", &inventory(Some("portal"), &["a", "b"]));
    assert_eq!(counts(&import(&installation, "cyclonedx", &["portal.json"])), [2, 0, 0, 0]);
    let mut incomplete = inventory(Some("portal"), &["a"]);
    incomplete["components"].as_array_mut().expect("a list").push(json!({ "type": "library" }));
    write(&installation, "incomplete.json", &incomplete);
    write(&installation, "nameless.json", &inventory(None, &["x"]));
    write(&installation, "empty.json", &inventory(Some("portal"), &[]));
    for (file, warning) in [
        ("incomplete.json", "1 records could not be imported, so the inventory is incomplete"),
        ("nameless.json", "the file does not name its product (metadata.component); name it with --scope"),
        ("empty.json", "none of the files has components"),
    ] {
        let summary = import(&installation, "cyclonedx", &[file, "--retire-missing"]);
        assert_eq!(summary["retired"], 0, "{file}");
        let warnings = summary["warnings"].to_string();
        assert!(warnings.contains(&format!("no asset is retired: {warning}")), "{warnings}");
    }
    assert_eq!(asset_statuses(&installation), ["a active", "b active", "x active"]);
    let named = import(&installation, "cyclonedx", &["nameless.json", "--retire-missing", "--scope", "portal"]);
    assert_eq!(named["retired"], 2, "the scope is the product");
}
