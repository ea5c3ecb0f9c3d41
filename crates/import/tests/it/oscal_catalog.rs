//! Tests of OSCAL catalogs.

use std::fs;

use kernel::Kind;
use novantra_import::{
    Document,
    oscal::{FrameworkOptions, read_catalog},
};
use registers::FrameworkSource;
use serde_json::{Value, json};

use crate::{
    drafts::{assert_whole, failures, field, of_kind, repairs, with_field, with_members},
    support::test_data,
};

/// The catalog of NIST, if there is one.
pub(crate) fn nist_catalog() -> Option<Vec<u8>> {
    Some(fs::read(test_data()?.join("oscal-nist-sp800-53-rev5-catalog.json")).expect("the catalog of NIST"))
}

/// A catalog with these members beside its metadata.
pub(crate) fn catalog(members: Value) -> Vec<u8> {
    let catalog = with_members(
        json!({
            "metadata": { "title": "House Rules: how we work", "version": "2.1", "oscal-version": "1.1.2" },
        }),
        members,
    );
    json!({ "catalog": catalog }).to_string().into_bytes()
}

pub(crate) fn control(id: &str, label: &str, statement: &str) -> Value {
    json!({
        "id": id, "title": format!("Title of {label}"), "props": [{ "name": "label", "value": label }],
        "parts": [{ "name": "statement", "prose": statement }],
    })
}

pub(crate) fn read(bytes: &[u8]) -> Document {
    let document = read_catalog(bytes, &FrameworkOptions::default()).expect("a catalog");
    assert_whole(&document);
    document
}

fn text_of<'d>(document: &'d Document, key: &str) -> &'d str {
    field(with_field(document, Kind::FrameworkNode, "nodeKey", key), "text")
}

/// The text of the only control, with these members.
fn only_text(control: Value) -> (String, Vec<String>) {
    let document = read(&catalog(json!({ "controls": [control] })));
    (field(of_kind(&document, Kind::FrameworkNode)[0], "text").to_owned(), repairs(&document))
}

#[test]
fn the_catalog_of_nist_becomes_a_framework_of_1209_nodes() {
    let Some(bytes) = nist_catalog() else { return };
    let document = read(&bytes);
    assert_eq!((failures(&document), document.repair_count, &document.warnings), (vec![], 0, &vec![]));
    let nodes = of_kind(&document, Kind::FrameworkNode);
    let count = |kind: &str| nodes.iter().filter(|node| field(node, "nodeKind") == kind).count();
    assert_eq!([nodes.len(), count("group"), count("requirement"), count("enhancement")], [1209, 20, 322, 867]);
    let withdrawn = nodes.iter().filter(|node| field(node, "text").starts_with("[Withdrawn")).count();
    assert_eq!(withdrawn, 182);
    let framework = of_kind(&document, Kind::Framework)[0];
    assert_eq!(field(framework, "frameworkKey"), "nist-800-53");
    assert_eq!(field(framework, "sourceKind"), "standard");
    let version = of_kind(&document, Kind::FrameworkVersion)[0];
    assert_eq!(field(version, "versionKey"), "5.0.1");
    assert_eq!(field(version, "versionLabel"), "NIST Special Publication 800-53 Revision 5, 5.0.1");
    assert_eq!(document.records.len(), 1211);
    let unresolved = |text: &&str| ["{{", "](#", "](http"].iter().any(|mark| text.contains(mark));
    assert_eq!(nodes.iter().map(|node| field(node, "text")).find(unresolved), None);
}

#[test]
fn the_texts_of_nist_are_as_they_are_printed() {
    let Some(bytes) = nist_catalog() else { return };
    let document = read(&bytes);
    assert_eq!(
        text_of(&document, "AC-1").lines().take(3).collect::<Vec<_>>(),
        [
            "a. Develop, document, and disseminate to [Assignment: organization-defined personnel or roles]:",
            "  1. [Selection (one or more): Organization-level; Mission/business process-level; System-level] access control \
             policy that:",
            "    (a) Addresses purpose, scope, roles, responsibilities, management commitment, coordination among \
             organizational entities, and compliance; and",
        ]
    );
    assert_eq!(
        text_of(&document, "AC-2(2)"),
        "Automatically [Selection: remove; disable] temporary and emergency accounts after [Assignment: \
         organization-defined time period for each type of account]."
    );
    assert_eq!(text_of(&document, "AC-2(10)"), "[Withdrawn: Incorporated into AC-2k.]");
    assert_eq!(text_of(&document, "AC-3(6)"), "[Withdrawn: Incorporated into MP-4, SC-28.]");
    assert_eq!(text_of(&document, "SA-12"), "[Withdrawn: Incorporated into SR.]");
    assert_eq!(text_of(&document, "CP-10(3)"), "[Withdrawn: Addressed through tailoring.]");
    assert_eq!(text_of(&document, "AC"), "");
    assert!(text_of(&document, "PM").contains("FISMA"));
    let enhancement = with_field(&document, Kind::FrameworkNode, "nodeKey", "AC-2(1)");
    assert_eq!(field(enhancement, "parentNodeKey"), "AC-2");
    assert_eq!(enhancement.draft.fields["position"], json!(0));
    let family = with_field(&document, Kind::FrameworkNode, "nodeKey", "AC");
    assert_eq!([field(family, "parentNodeKey"), field(family, "title")], ["", "Access Control"]);
}

#[test]
fn groups_and_controls_at_any_level_become_nodes_in_the_order_of_the_file() {
    let bytes = catalog(json!({
        "groups": [{ "id": "g", "title": "Group", "groups": [{ "id": "gg", "title": "Inner", "controls": [control("c2", "C-2", "s")] }] }],
        "controls": [control("c1", "C-1", "s")],
    }));
    let document = read(&bytes);
    let nodes: Vec<_> = of_kind(&document, Kind::FrameworkNode)
        .into_iter()
        .map(|node| {
            let [key, parent, kind] = ["nodeKey", "parentNodeKey", "nodeKind"].map(|name| field(node, name));
            format!("{parent}>{key} {kind} {}", node.draft.fields["position"])
        })
        .collect();
    // `serde_json` sorts members, so the list `controls` is first in the file.
    assert_eq!(nodes, [">C-1 requirement 0", ">g group 1", "g>gg group 0", "gg>C-2 requirement 0"]);
}

#[test]
fn a_key_is_the_label_unless_another_node_has_it_too() {
    let keys = |groups: Value| -> Vec<String> {
        let document = read(&catalog(json!({ "groups": groups })));
        of_kind(&document, Kind::FrameworkNode).iter().map(|node| field(node, "nodeKey").to_owned()).collect()
    };
    let group = |id: &str, controls: Value| json!({ "id": id, "title": "G", "controls": controls });
    assert_eq!(keys(json!([group("ac", json!([control("ac-1", "AC-1", "s")]))])), ["AC", "AC-1"]);
    assert_eq!(keys(json!([group("x", json!([control("x1", "Logs (X.1)", "s")]))])), ["x", "X.1"]);
    assert_eq!(keys(json!([group("x", json!([control("art-5", "Article 5", "s")]))])), ["x", "art-5"]);
    let shared = json!([group("a", json!([control("a1", "1", "s")])), group("b", json!([control("b1", "1", "s")]))]);
    assert_eq!(keys(shared), ["a", "a1", "b", "b1"]);
    let crossed = json!([group("g", json!([control("b", "a", "s"), control("a", "c", "s")]))]);
    assert_eq!(keys(crossed), ["g", "b", "c"], "a label that is the id of another gives way to the id");
}

#[test]
fn parameters_are_resolved_as_nist_prints_them() {
    let text = |params: Value, prose: &str| {
        let mut control = control("c1", "C-1", prose);
        control["params"] = params;
        only_text(control)
    };
    let insert = "Do it {{ insert: param, p }} .";
    let resolved = |params: Value| text(params, insert).0;
    assert_eq!(resolved(json!([{ "id": "p", "label": "time period" }])), "Do it [Assignment: time period].");
    assert_eq!(resolved(json!([{ "id": "p", "label": "as in [C-2](#c2)" }])), "Do it [Assignment: as in C-2].");
    assert_eq!(resolved(json!([{ "id": "p" }])), "Do it [Assignment: p].");
    assert_eq!(resolved(json!([{ "id": "p", "label": "l", "values": ["daily"] }])), "Do it daily.");
    assert_eq!(
        resolved(json!([{ "id": "p", "label": "official", "props": [{ "name": "label", "value": "AC-01_ODP[04]" }] }])),
        "Do it [Assignment: organization-defined official]."
    );
    assert_eq!(
        resolved(json!([{ "id": "p", "label": "events", "usage": "organization-defined events" }])),
        "Do it [Assignment: organization-defined events]."
    );
    assert_eq!(
        resolved(json!([
            { "id": "p", "select": { "how-many": "one-or-more", "choice": ["now", "after {{ insert: param, q }}"] } },
            { "id": "q", "label": "delay" }
        ])),
        "Do it [Selection (one or more): now; after [Assignment: delay]]."
    );
    let (older, _) = text(json!([{ "id": "p", "label": "l" }]), "{{ p }} {{p}} {{insert:param,p}} {{ other }} {{");
    assert_eq!(older, "[Assignment: l] [Assignment: l] [Assignment: l] {{ other }} {{");
    let path = "catalog.controls[0]";
    assert_eq!(
        text(json!([]), insert),
        (
            "Do it [Assignment: p].".to_owned(),
            vec![format!("{path} names the parameter \"p\", which the file has not; its id is used")]
        )
    );
    let cycle =
        json!([{ "id": "p", "label": "{{ insert: param, q }}" }, { "id": "q", "label": "{{ insert: param, p }}" }]);
    assert_eq!(
        text(cycle, insert),
        (
            "Do it [Assignment: [Assignment: [Assignment: p]]].".to_owned(),
            vec![format!("{path} names the parameter \"p\", which is inserted into itself; its id is used")]
        )
    );
}

#[test]
fn parameters_that_multiply_are_cut_at_the_length_of_a_text() {
    let doubled = |id: usize| format!("{{{{ insert: param, p{id} }}}}").repeat(10);
    let mut params: Vec<Value> =
        (0..7).map(|id| json!({ "id": format!("p{id}"), "values": [doubled(id + 1)] })).collect();
    params.push(json!({ "id": "p7", "values": ["x".repeat(100)] }));
    let controls: Vec<Value> =
        (0..50).map(|index| control(&format!("c{index}"), &format!("C-{index}"), &doubled(0))).collect();
    let document = read(&catalog(json!({ "params": params, "controls": controls })));
    assert_eq!(text_of(&document, "C-49").chars().count(), 20_000);
    assert_eq!(document.repair_count, 50);
    assert_eq!(repairs(&document)[0], "catalog.controls[0] has a text that is too long; its end is left out");
}

#[test]
fn a_statement_has_its_items_and_neither_guidance_nor_links() {
    let mut control = control("c1", "C-1", "See [AC-2](#ac-2), [the site](https://example.org) and a[1](x):");
    control["parts"][0]["parts"] = json!([
        { "name": "item", "props": [{ "name": "label", "value": "a." }], "prose": "one\r\ntwo",
          "parts": [{ "name": "item", "prose": "deeper" }, { "name": "assessment-objective", "prose": "no" }] },
        { "name": "item", "title": "Titled", "prose": "three" },
    ]);
    control["parts"].as_array_mut().unwrap().push(json!({ "name": "guidance", "prose": "not this" }));
    assert_eq!(only_text(control).0, "See AC-2, the site and a[1](x):\na. one\ntwo\n  deeper\nTitled: three");
}

#[test]
fn the_key_the_origin_and_the_version_can_be_stated() {
    let options = FrameworkOptions {
        framework_key: Some(kernel::RecordKey::parse("rules").unwrap()),
        version_key: Some(kernel::VersionKey::parse("second").unwrap()),
        source_kind: Some(FrameworkSource::Internal),
        with_controls: false,
    };
    let bytes = catalog(json!({ "controls": [control("c1", "C-1", "s")] }));
    let document = read_catalog(&bytes, &options).unwrap();
    assert_whole(&document);
    assert_eq!(field(&document.records[2].record, "frameworkVersionKey"), "rules/second");
    assert_eq!(field(&document.records[0].record, "sourceKind"), "internal");
    let document = read(&bytes);
    assert_eq!(field(&document.records[2].record, "frameworkVersionKey"), "house-rules/2.1");
    assert_eq!(field(&document.records[1].record, "versionLabel"), "House Rules, 2.1");
}

#[test]
fn the_identifier_that_a_catalog_states_is_its_key() {
    let mut file: Value = serde_json::from_slice(&catalog(json!({ "controls": [control("c", "C", "s")] }))).unwrap();
    file["catalog"]["metadata"]["props"] =
        json!([{ "name": "framework-identifier", "ns": "https://csrc.nist.gov/ns/cprt", "value": "SP_800_171" }]);
    file["catalog"]["metadata"]["published"] = json!("2026-05-13T12:30:00-00:00");
    file["catalog"]["metadata"]["oscal-version"] = json!("v1.2.2");
    let document = read(file.to_string().as_bytes());
    assert_eq!(field(&document.records[0].record, "frameworkKey"), "nist-800-171");
    assert_eq!(field(&document.records[1].record, "effectiveAt"), "2026-05-13T12:30:00.000Z");
    assert!(document.warnings.is_empty());
}

#[test]
fn requirements_become_drafts_of_controls_only_if_asked_to() {
    let withdrawn = json!({ "id": "c3", "title": "Old", "props": [{ "name": "status", "value": "withdrawn" }],
        "links": [{ "rel": "moved-to", "href": "#c1" }, { "rel": "related", "href": "#c1" }] });
    let bytes = catalog(json!({ "groups": [{ "id": "g", "title": "G", "controls": [
        { "id": "c1", "title": "One", "controls": [control("c2", "C-2", "s")] }, withdrawn ] }] }));
    assert!(of_kind(&read(&bytes), Kind::Control).is_empty());
    let options = FrameworkOptions { with_controls: true, ..FrameworkOptions::default() };
    let document = read_catalog(&bytes, &options).unwrap();
    assert_whole(&document);
    let controls: Vec<_> = of_kind(&document, Kind::Control)
        .into_iter()
        .map(|control| {
            ["controlKey", "title", "status", "subjectResourceId", "subjectVersionId"].map(|name| field(control, name))
        })
        .collect();
    assert_eq!(
        controls,
        [
            ["house-rules:c1", "One", "draft", "c1", "house-rules/2.1"],
            ["house-rules:C-2", "Title of C-2", "draft", "C-2", "house-rules/2.1"],
        ]
    );
    assert_eq!(text_of(&document, "c3"), "[Withdrawn: Moved to c1.]");
}
