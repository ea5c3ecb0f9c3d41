//! Tests of what a bill of materials states, and of which product.

use kernel::Kind;
use serde_json::{Value, json};

use crate::{
    cyclonedx::{bom, read, read_scoped},
    drafts::{field, of_kind, stated},
};

#[test]
fn a_vulnerability_belongs_to_the_product_that_the_file_is_about() {
    let product = |component: Value, state: &str| {
        bom(
            json!({ "metadata": { "component": component }, "components": [{ "type": "library", "name": "l", "purl": "pkg:npm/l@1" }],
            "vulnerabilities": [{ "id": "CVE-1", "affects": [{ "ref": "pkg:npm/l@1" }], "analysis": { "state": state } }] }),
        )
    };
    let portal = product(json!({ "type": "application", "name": "portal", "version": "1" }), "exploitable");
    let kiosk =
        product(json!({ "type": "application", "group": "g", "name": "kiosk", "version": "1" }), "not_affected");
    let packaged = product(json!({ "type": "application", "name": "x", "purl": "pkg:oci/till@7?arch=a" }), "resolved");
    let keys = |files: &[&[u8]], scope: Option<&str>| {
        let documents = read_scoped(files, scope);
        let all = documents.iter().flat_map(|document| of_kind(document, Kind::Vulnerability));
        all.map(|found| format!("{} {}", field(found, "vulnerabilityKey"), field(found, "status"))).collect::<Vec<_>>()
    };
    assert_eq!(
        keys(&[&portal, &kiosk, &packaged], None),
        [
            "CVE-1/portal/pkg:npm/l@1 requires-patch",
            "CVE-1/g%2Fkiosk/pkg:npm/l@1 false-positive",
            "CVE-1/pkg:oci%2Ftill/pkg:npm/l@1 patched",
        ]
    );
    let next = product(json!({ "type": "application", "name": "portal", "version": "2" }), "in_triage");
    assert_eq!(keys(&[&portal, &next], None), ["CVE-1/portal/pkg:npm/l@1 under-assessment"], "a later version");
    assert_eq!(keys(&[&portal], Some("shop 1")), ["CVE-1/shop%201/pkg:npm/l@1 requires-patch"]);
    let vex = bom(
        json!({ "vulnerabilities": [{ "id": "CVE-1", "affects": [{ "ref": "pkg:npm/l@1" }], "analysis": { "state": "resolved" } }] }),
    );
    assert_eq!(
        keys(&[&portal, &vex], None),
        ["CVE-1/portal/pkg:npm/l@1 patched"],
        "the only product that has the package"
    );
    assert_eq!(
        keys(&[&portal, &kiosk, &vex], None),
        [
            "CVE-1/portal/pkg:npm/l@1 requires-patch",
            "CVE-1/g%2Fkiosk/pkg:npm/l@1 false-positive",
            "CVE-1/pkg:npm/l@1 patched"
        ],
        "which product is meant is not known"
    );
}

#[test]
fn a_vulnerability_and_an_asset_state_only_what_the_file_has() {
    let document = read(json!({
        "components": [{ "name": "a" }],
        "vulnerabilities": [
            { "id": "CVE-1", "affects": [{ "ref": "pkg:npm/a@1" }], "analysis": { "state": "exploitable" } },
            { "id": "V-2", "description": "Bad.", "ratings": [{ "severity": "low" }] },
        ],
    }));
    let asset = of_kind(&document, Kind::Asset)[0];
    assert_eq!(stated(asset), ["assetKey", "displayName"]);
    assert_eq!(["assetKind", "sourceKind"].map(|name| field(asset, name)), ["component", "cyclonedx"]);
    let [vex, rated] = <[_; 2]>::try_from(of_kind(&document, Kind::Vulnerability)).unwrap();
    assert_eq!(
        stated(vex),
        ["status", "subjectModuleKey", "subjectResourceId", "subjectResourceType", "vulnerabilityKey"]
    );
    assert_eq!(
        ["title", "severity", "vulnerabilityKind"].map(|name| field(vex, name)),
        ["CVE-1 in pkg:npm/a@1", "medium", "cve"]
    );
    // A rating without a vector and a score takes those of an earlier one away: they would contradict it.
    assert_eq!(stated(rated), ["cvssScore", "cvssVector", "severity", "title", "vulnerabilityKey"]);
}
