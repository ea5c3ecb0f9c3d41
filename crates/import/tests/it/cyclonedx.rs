//! Tests of `CycloneDX`.

use std::fs;

use kernel::Kind;
use novantra_import::{Document, cyclonedx};
use serde_json::{Value, json};

use crate::{
    drafts::{assert_whole, failures, field, of_kind, repairs, with_members},
    support::test_data,
};

pub(crate) fn bom(members: Value) -> Vec<u8> {
    let bom = with_members(json!({ "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1 }), members);
    bom.to_string().into_bytes()
}

fn read_all(files: &[&[u8]]) -> Vec<Document> {
    read_scoped(files, None)
}

pub(crate) fn read_scoped(files: &[&[u8]], scope: Option<&str>) -> Vec<Document> {
    let documents: Vec<Document> =
        cyclonedx::read(files, scope).into_iter().map(|document| document.expect("a bill of materials")).collect();
    documents.iter().for_each(assert_whole);
    documents
}

pub(crate) fn read(members: Value) -> Document {
    read_all(&[&bom(members)]).remove(0)
}

fn real(name: &str) -> Option<Vec<u8>> {
    Some(fs::read(test_data()?.join(name)).unwrap_or_else(|_| panic!("there is no {name}")))
}

/// The fields of the only vulnerability.
fn vulnerability(document: &Document) -> [String; 8] {
    let [only] = <[_; 1]>::try_from(of_kind(document, Kind::Vulnerability)).expect("one vulnerability");
    [
        "vulnerabilityKey",
        "vulnerabilityKind",
        "severity",
        "status",
        "cvssVector",
        "cvssScore",
        "subjectModuleKey",
        "subjectResourceId",
    ]
    .map(|name| field(only, name).to_owned())
}

#[test]
fn the_840_components_of_juice_shop_become_assets() {
    let Some(bytes) = real("cyclonedx-juice-shop-bom.json") else { return };
    let document = read_all(&[&bytes]).remove(0);
    assert_eq!((failures(&document), document.repair_count, &document.warnings), (vec![], 0, &vec![]));
    assert_eq!(of_kind(&document, Kind::Asset).len(), 840);
    assert_eq!(document.records.len(), 840);
    let first = &document.records[0].record;
    assert_eq!(
        ["assetKey", "assetKind", "displayName", "description", "sourceKind", "status"].map(|name| field(first, name)),
        [
            "pkg:npm/body-parser@1.19.0",
            "library",
            "body-parser 1.19.0",
            "Node.js body parsing middleware",
            "cyclonedx/pkg:npm/juice-shop",
            "",
        ]
    );
}

const NO_PRODUCT: &str = "1 vulnerabilities belong to no product, since the file has no metadata.component: a file about \
    another product decides for this one too, unless you name the product (--scope)";

#[test]
fn the_vulnerability_of_a_component_names_its_asset_and_has_the_analysis_as_its_status() {
    let Some(bytes) = real("cyclonedx-vulnerabilities-1.4.json") else { return };
    let document = read_all(&[&bytes]).remove(0);
    assert_eq!((failures(&document), document.repair_count), (vec![], 0));
    assert_eq!(document.warnings, [NO_PRODUCT]);
    let asset = "pkg:maven/com.fasterxml.jackson.core/jackson-databind@2.9.4";
    assert_eq!(of_kind(&document, Kind::Asset).len(), 1);
    assert_eq!(
        vulnerability(&document),
        [
            &format!("SNYK-JAVA-COMFASTERXMLJACKSONCORE-32111/{asset}"),
            "disclosed-bug",
            "critical",
            "false-positive",
            "CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
            "9.8",
            "assets",
            asset,
        ]
    );
}

#[test]
fn a_vex_alone_names_the_package_that_it_links_to_if_it_has_a_product() {
    let Some(bytes) = real("cyclonedx-vex.json") else { return };
    let without_product = read_all(&[&bytes]).remove(0);
    assert_eq!(without_product.records, []);
    assert!(without_product.failures[0].message.contains("a bill of materials that is none of the files"));
    let document = read_scoped(&[&bytes], Some("portal")).remove(0);
    assert!(document.failures.is_empty() && document.repair_count == 0);
    assert_eq!(document.warnings.len(), 1);
    let asset = "pkg:maven/com.fasterxml.jackson.core/jackson-databind@2.10.0?type=jar";
    assert_eq!(
        vulnerability(&document),
        [
            &format!("CVE-2020-25649/portal/{asset}"),
            "cve",
            "high",
            "false-positive",
            "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:H/A:N",
            "7.5",
            "assets",
            asset,
        ]
    );
}

#[test]
fn a_vex_beside_its_sbom_completes_the_vulnerabilities_of_the_sbom() {
    let sbom = bom(json!({
        "serialNumber": "urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79",
        "components": [{ "type": "library", "name": "a", "version": "1", "bom-ref": "c 1" }],
        "vulnerabilities": [{ "id": "CVE-1", "description": "Bad. Very.", "affects": [{ "ref": "c 1" }],
            "ratings": [{ "severity": "low" }] }],
    }));
    let vex = bom(json!({ "vulnerabilities": [{ "id": "CVE-1", "analysis": { "state": "exploitable" },
        "affects": [{ "ref": "urn:cdx:3e671687-395b-41f5-a30f-a58921a69b79/1#c%201" }] }] }));
    for files in [[&sbom[..], &vex], [&vex, &sbom]] {
        let documents = read_all(&files);
        let [asset] = documents.iter().flat_map(|document| of_kind(document, Kind::Asset)).collect::<Vec<_>>()[..]
        else {
            panic!("there is one asset")
        };
        assert_eq!(field(asset, "assetKey"), "library:a@1");
        let [found] =
            documents.iter().flat_map(|document| of_kind(document, Kind::Vulnerability)).collect::<Vec<_>>()[..]
        else {
            panic!("there is one vulnerability")
        };
        assert_eq!(
            ["title", "severity", "status", "subjectResourceId"].map(|name| field(found, name)),
            ["CVE-1: Bad.", "low", "requires-patch", "library:a@1"]
        );
    }
}

#[test]
fn the_gravest_analysis_of_a_file_counts_and_then_that_of_the_last_file() {
    let vex = |states: &[&str]| {
        let vulnerability = |state: &&str| json!({ "id": "CVE-1", "affects": [{ "ref": "pkg:npm/a@1" }], "analysis": { "state": state } });
        bom(json!({ "vulnerabilities": states.iter().map(vulnerability).collect::<Vec<_>>() }))
    };
    let status = |files: &[&[u8]]| vulnerability(&read_all(files)[0])[3].clone();
    // As in case 7 of CISA: some versions of a product are affected, and others are not.
    for states in [["exploitable", "not_affected"], ["not_affected", "exploitable"]] {
        assert_eq!(status(&[&vex(&states)]), "requires-patch");
    }
    assert_eq!(status(&[&vex(&["in_triage", "resolved", "false_positive"])]), "under-assessment");
    assert_eq!(status(&[&vex(&["exploitable"]), &vex(&["resolved"])]), "patched");
}

#[test]
fn a_reference_leads_only_to_a_component_of_the_file_that_it_names() {
    let sbom = |serial: &str, version: u64, name: &str| {
        let subject = json!({ "component": { "type": "application", "name": name, "bom-ref": "product" } });
        bom(json!({ "serialNumber": format!("urn:uuid:{serial}"), "version": version, "metadata": subject,
            "components": [{ "type": "library", "name": format!("{name}-lib"), "bom-ref": "lib" }, { "type": "library", "name": name, "bom-ref": name }] }))
    };
    let boms = [sbom("1", 1, "a"), sbom("1", 2, "b"), sbom("2", 1, "c")];
    let subject = |reference: &str, own: Value| {
        let vex =
            bom(json!({ "components": own, "vulnerabilities": [{ "id": "V", "affects": [{ "ref": reference }] }] }));
        let documents = read_all(&[&boms[0], &boms[1], &boms[2], &vex]);
        if let Some(failure) = documents[3].failures.first() {
            assert_eq!(documents[3].records.iter().filter(|record| record.record.draft.kind != Kind::Asset).count(), 0);
            return failure.message.clone();
        }
        let [key, .., module, id] = vulnerability(&documents[3]);
        let product = key.strip_prefix("V/").and_then(|key| key.strip_suffix(&id)).expect("the key has the subject");
        format!("{product} {module} {id}")
    };
    let no_bom = |link: &str| {
        format!(
            "vulnerabilities[0].affects[0].ref links to a bill of materials that is none of the files, so its product and its \
             component are not known: give it beside this file ({link})"
        )
    };
    let no_component = |link: &str| {
        format!(
            "vulnerabilities[0].affects[0].ref links to a component that the bill of materials does not have, so its product \
             and its component are not known: give the one that this file was written for ({link})"
        )
    };
    let none = json!([]);
    for (reference, expected) in [
        ("urn:cdx:1/1#lib", "a/ assets library:a-lib"),
        ("urn:cdx:1/2#lib", "b/ assets library:b-lib"),
        ("urn:cdx:2/7#lib", "c/ assets library:c-lib"),
        ("urn:cdx:2/1", "c/ assets application:c"),
        ("urn:cdx:2/1#pkg:npm/%40x/a@1", "c/ assets pkg:npm/@x/a@1"),
        ("urn:cdx:2/1#none", &no_component("urn:cdx:2/1#none")),
        ("urn:cdx:1/3#lib", &no_bom("urn:cdx:1/3#lib")),
        ("urn:cdx:3/1#lib", &no_bom("urn:cdx:3/1#lib")),
        ("urn:cdx:3/1#pkg:npm/%40x/a@1", &no_bom("urn:cdx:3/1#pkg:npm/%40x/a@1")),
        ("lib", " cyclonedx lib"),
        ("c", "c/ assets library:c"),
    ] {
        assert_eq!(subject(reference, none.clone()), expected, "{reference}");
    }
    let own = json!([{ "type": "library", "name": "own", "bom-ref": "own" }]);
    assert_eq!(subject("c", own), " cyclonedx c", "a file with components of its own means those");
}

#[test]
fn components_in_components_and_services_become_assets_once_each() {
    let document = read(json!({
        "components": [
            { "type": "library", "group": "@x", "name": "a", "version": "1", "bom-ref": "1",
              "components": [{ "type": "file", "name": "b c", "bom-ref": "2" }] },
            { "type": "library", "group": "@x", "name": "a", "version": "1", "bom-ref": "3" },
            { "name": "untyped" },
        ],
        "services": [{ "name": "billing", "services": [{ "name": "ledger" }] }],
        "vulnerabilities": [{ "id": "V", "affects": [{ "ref": "3" }] }],
    }));
    let assets: Vec<_> = of_kind(&document, Kind::Asset)
        .into_iter()
        .map(|asset| ["assetKey", "assetKind"].map(|name| field(asset, name)))
        .collect();
    assert_eq!(assets[0], ["library:@x/a@1", "library"]);
    assert!(assets[1][0].starts_with("file:b_c~"));
    assert_eq!(
        assets[2..],
        [["component:untyped", "component"], ["service:billing", "service"], ["service:ledger", "service"]]
    );
    assert_eq!(document.warnings, ["1 components repeat others of the file; each is one asset", NO_PRODUCT]);
    assert_eq!(repairs(&document), ["components[2].type is missing; the kind is component"]);
    assert_eq!(vulnerability(&document)[7], "library:@x/a@1");
}

#[test]
fn the_subject_of_a_file_becomes_an_asset_only_if_a_vulnerability_affects_it() {
    let subject = json!({ "component": { "type": "application", "name": "portal", "bom-ref": "portal" } });
    let assets = |vulnerabilities: Value| {
        let document = read(json!({ "metadata": subject, "vulnerabilities": vulnerabilities,
            "components": [{ "type": "library", "name": "a" }] }));
        of_kind(&document, Kind::Asset).iter().map(|asset| field(asset, "assetKey").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(assets(json!([])), ["library:a"]);
    assert_eq!(assets(json!([{ "id": "V", "affects": [{ "ref": "portal" }] }])), ["application:portal", "library:a"]);
}

#[test]
fn the_rating_is_that_of_the_source_by_the_newest_method() {
    let rated = |source: Value, ratings: Value| {
        let document = read(json!({ "vulnerabilities": [{ "id": "V", "source": source, "ratings": ratings }] }));
        let [_, _, severity, _, vector, score, ..] = vulnerability(&document);
        ([severity, vector, score], repairs(&document).len())
    };
    let expected = |severity: &str, vector: &str, score: &str| [severity, vector, score].map(str::to_owned);
    let rating = |source: &str, method: &str, score: f64, vector: &str| json!({ "source": { "name": source }, "method": method, "score": score, "vector": vector });
    let nvd = json!({ "name": "NVD" });
    let several = json!([
        rating("other", "CVSSv31", 9.9, "AV:N"),
        rating("NVD", "CVSSv2", 10.0, "AV:L"),
        rating("NVD", "CVSSv31", 4.5, "CVSS:3.1/AV:P"),
        rating("NVD", "CVSSv31", 4.4, "AV:A"),
    ]);
    assert_eq!(rated(nvd, several.clone()), (expected("medium", "CVSS:3.1/AV:P", "4.5"), 0));
    assert_eq!(rated(json!(null), several), (expected("critical", "CVSS:3.1/AV:N", "9.9"), 0));
    assert_eq!(rated(json!({}), json!([{ "severity": "none" }])), (expected("info", "", ""), 0));
    assert_eq!(
        rated(json!({}), json!([{ "severity": "high", "method": "OWASP", "score": 40, "vector": "SL:1" }])),
        (expected("high", "", ""), 0)
    );
    assert_eq!(
        rated(json!({}), json!([{ "vector": "CVSS:4.0/AV:N", "score": 1e-1 }])),
        (expected("low", "CVSS:4.0/AV:N", "0.1"), 0)
    );
    assert_eq!(
        rated(json!({}), json!([{ "method": "CVSSv3", "severity": "low", "score": 11 }])),
        (expected("low", "", ""), 1)
    );
    assert_eq!(
        rated(json!({}), json!([{ "severity": "unknown" }, { "severity": "dire" }])),
        (expected("medium", "", ""), 1)
    );
}

#[test]
fn the_status_follows_from_the_analysis_the_rejection_or_the_versions() {
    let status = |members: Value| {
        let affected = json!({ "id": "V", "affects": [{ "ref": "pkg:npm/a@1" }] });
        vulnerability(&read(json!({ "vulnerabilities": [with_members(affected, members)] })))[3].clone()
    };
    for (state, expected) in [
        ("resolved", "patched"),
        ("resolved_with_pedigree", "patched"),
        ("exploitable", "requires-patch"),
        ("in_triage", "under-assessment"),
        ("false_positive", "false-positive"),
        ("not_affected", "false-positive"),
        ("other", ""),
    ] {
        assert_eq!(status(json!({ "analysis": { "state": state } })), expected, "{state}");
    }
    assert_eq!(status(json!({})), "");
    assert_eq!(status(json!({ "rejected": "2026-01-01T00:00:00Z" })), "false-positive");
    let versions = |statuses: [&str; 2]| {
        let versions = statuses.map(|status| json!({ "version": "1", "status": status }));
        status(json!({ "affects": [{ "ref": "pkg:npm/a@1", "versions": versions }] }))
    };
    assert_eq!(versions(["unaffected", "unaffected"]), "false-positive");
    assert_eq!(versions(["affected", "unaffected"]), "");
}

#[test]
fn a_file_of_another_format_or_version_is_refused_with_the_reason() {
    let error = |bytes: &[u8]| cyclonedx::read(&[bytes], None).remove(0).unwrap_err().to_string();
    let beginning = "not CycloneDX at line 1, column 1: ";
    for (file, message) in [
        (json!({ "spdxVersion": "SPDX-2.3" }), "the file is an SPDX document, which has no importer"),
        (json!({}), "the object has neither `bomFormat` nor `specVersion`"),
        (
            json!({ "bomFormat": "CycloneDX", "specVersion": "1.7" }),
            "the version is \"1.7\"; 1.2, 1.3, 1.4, 1.5, 1.6 are read",
        ),
        (json!({ "bomFormat": "Other", "specVersion": "1.4" }), "bomFormat is \"Other\""),
    ] {
        assert_eq!(error(file.to_string().as_bytes()), format!("{beginning}{message}"));
    }
    assert_eq!(
        error(b"<bom xmlns=\"http://cyclonedx.org/schema/bom/1.4\"/>"),
        format!("{beginning}the file is XML: convert it to JSON, which is the form that is read")
    );
    assert_eq!(error(b"[]"), format!("{beginning}the file is a list, not an object"));
}
