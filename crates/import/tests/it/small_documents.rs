//! A small document of each format, for tests that change it.

use novantra_import::{
    Document, Unreadable, cyclonedx,
    oscal::{CatalogFile, FrameworkOptions, read_assessment_results, read_catalog, read_plan_of_action, read_profile},
};
use serde_json::json;

use crate::{
    cyclonedx::bom,
    oscal_catalog::{catalog, control},
};

/// Reads a document of a format.
pub(crate) type Reader = fn(&[u8]) -> Result<Document, Unreadable>;

/// The readers of all formats, each with its real file and a small file of our own.
pub(crate) fn readers() -> [(Reader, &'static str, Vec<u8>); 5] {
    let own = |name: &str, value: &str| json!({ "name": name, "ns": "urn:novantra:oscal", "value": value });
    let metadata = json!({ "title": "t", "version": "1", "oscal-version": "1.1.2" });
    let represented = json!({ "uuid": "o", "title": "O", "status": "closed", "deadline": "2026-01-01T00:00:00Z",
        "props": [own("represents", "finding")] });
    let exported = json!({ "uuid": "e", "title": "E", "description": "d", "related-risks": [{ "risk-uuid": "o" }],
        "props": [own("finding-key", "E-1"), own("finding-status", "triaged"), own("source-kind", "audit"),
            own("subject-module-key", "m"), own("subject-resource-type", "t"), own("subject-resource-id", "i")] });
    let exported_risk = json!({ "uuid": "x", "title": "X", "description": "d", "status": "open",
        "props": [own("risk-key", "X-1"), own("risk-status", "draft"), own("subject-version-id", "v")] });
    let assessment = [own("assessment-key", "A-1"), own("assessment-status", "completed")];
    let risk = json!({ "uuid": "r", "title": "R", "description": "d", "statement": "s", "status": "open", "deadline": "2026-01-01T00:00:00Z",
        "characterizations": [{ "facets": [{ "name": "impact", "value": "high" }] }], "remediations": [{ "title": "x", "lifecycle": "planned" }] });
    let finding = json!({ "uuid": "f", "title": "F", "description": "d", "related-risks": [{ "risk-uuid": "r" }],
        "target": { "type": "statement-id", "target-id": "x", "status": { "state": "not-satisfied" } },
        "related-observations": [{ "observation-uuid": "o" }] });
    let item = json!({ "uuid": "i", "title": "I", "description": "d", "related-risks": [{ "risk-uuid": "r" }] });
    let own = |name: &str, value: &str| json!({ "name": name, "ns": "urn:novantra:oscal", "value": value });
    let observation = json!({ "uuid": "o", "description": "d", "methods": ["TEST"], "collected": "2026-01-01T00:00:00Z",
        "expires": "2026-02-01T00:00:00Z", "relevant-evidence": [{ "href": "h", "description": "d" }], "remarks": "r" });
    let claim = json!({ "uuid": "c", "title": "C", "description": "d", "collected": "2026-01-01T00:00:00Z",
        "subjects": [{ "subject-uuid": "q", "type": "resource" }], "remarks": "n",
        "props": [own("claim-key", "C-1"), own("claim-status", "approved"), own("reviewed-at", "2026-01-02T00:00:00Z")] });
    let resource = json!({ "uuid": "q", "title": "Q", "props": [own("requirement-key", "Q-1"), own("requirement-status", "active")] });
    let results = json!({ "assessment-results": { "uuid": "u", "metadata": metadata, "back-matter": { "resources": [resource] },
        "results": [{ "risks": [risk, represented], "findings": [finding, exported], "observations": [observation, claim], "title": "A", "props": assessment }] } });
    let plan = json!({ "plan-of-action-and-milestones": { "uuid": "u", "metadata": metadata, "system-id": { "id": "s" },
        "risks": [risk, represented, exported_risk], "findings": [finding], "poam-items": [item, exported] } });
    let profile = json!({ "profile": { "metadata": metadata, "imports": [{ "href": "#", "include-controls": [
        { "with-ids": ["c1"], "with-child-controls": "yes", "matching": [{ "pattern": "c*" }] }], "exclude-controls": [{ "with-ids": ["c9"] }] }],
        "modify": { "set-parameters": [{ "param-id": "p", "values": ["v"] }], "alters": [{}] } } });
    let vulnerability = json!({ "id": "CVE-1", "source": { "name": "NVD" }, "description": "d. e", "analysis": { "state": "exploitable" },
        "ratings": [{ "source": { "name": "NVD" }, "method": "CVSSv31", "score": 7.5, "severity": "high", "vector": "AV:N" }],
        "affects": [{ "ref": "a", "versions": [{ "version": "1", "status": "affected" }] }, { "ref": "urn:cdx:x/1#pkg:npm/b%401" }] });
    let component =
        json!({ "type": "library", "group": "g", "name": "a", "version": "1", "bom-ref": "a", "purl": "pkg:npm/a@1" });
    let nested = json!({ "type": "file", "name": "b", "components": [component] });
    [
        (
            |bytes| read_catalog(bytes, &FrameworkOptions { with_controls: true, ..FrameworkOptions::default() }),
            "oscal-nist-sp800-53-rev5-catalog.json",
            small_catalog(),
        ),
        (
            |bytes| {
                let catalog = CatalogFile { name: "catalog.json", bytes: &small_catalog() };
                read_profile(bytes, &[catalog], &FrameworkOptions::default())
            },
            "oscal-nist-sp800-53-rev5-moderate-profile.json",
            profile.to_string().into_bytes(),
        ),
        (read_assessment_results, "oscal-assessment-results-example.json", results.to_string().into_bytes()),
        (read_plan_of_action, "oscal-poam-example.json", plan.to_string().into_bytes()),
        (
            |bytes| cyclonedx::read(&[bytes], None).remove(0),
            "cyclonedx-vulnerabilities-1.4.json",
            bom(
                json!({ "serialNumber": "urn:uuid:x", "metadata": { "component": nested }, "components": [component, nested],
                "services": [{ "name": "s" }], "vulnerabilities": [vulnerability] }),
            ),
        ),
    ]
}

fn small_catalog() -> Vec<u8> {
    let mut first = control("c1", "C-1", "Do {{ insert: param, p }} [x](#c2).");
    first["params"] = json!([{ "id": "p", "label": "l" }, { "id": "q", "select": { "how-many": "one", "choice": ["{{ insert: param, p }}"] } }]);
    first["parts"][0]["parts"] = json!([{ "id": "c1_a", "name": "item", "prose": "{{ insert: param, q }}", "props": [{ "name": "label", "value": "a." }] }]);
    first["controls"] = json!([control("c1.1", "C-1(1)", "s")]);
    first["controls"][0]["props"] =
        json!([{ "name": "node-kind", "ns": "urn:novantra:oscal", "value": "requirement" }]);
    let withdrawn = json!({ "id": "c9", "title": "W", "props": [{ "name": "status", "value": "withdrawn" }],
        "links": [{ "rel": "incorporated-into", "href": "#c1_a" }] });
    catalog(
        json!({ "groups": [{ "id": "c", "title": "C", "parts": [{ "name": "overview", "prose": "o" }], "controls": [first, withdrawn] }] }),
    )
}
