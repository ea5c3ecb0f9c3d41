//! Tests of OSCAL profiles.

use std::fs;

use kernel::Kind;
use novantra_import::{
    Document, Unreadable,
    oscal::{CatalogFile, FrameworkOptions, read_profile},
};
use serde_json::{Value, json};

use crate::{
    drafts::{assert_whole, failures, field, of_kind, repairs, with_field, with_members},
    oscal_catalog::{catalog, control, nist_catalog},
    support::test_data,
};

fn profile(members: Value) -> Vec<u8> {
    let profile =
        with_members(json!({ "metadata": { "title": "Baseline", "version": "1", "oscal-version": "1.0.4" } }), members);
    json!({ "profile": profile }).to_string().into_bytes()
}

fn small_catalog() -> Vec<u8> {
    let mut first = control("ac-1", "AC-1", "Review {{ insert: param, p }}.");
    first["params"] = json!([{ "id": "p", "label": "frequency" }]);
    first["controls"] = json!([control("ac-1.1", "AC-1(1)", "s"), control("ac-1.2", "AC-1(2)", "s")]);
    catalog(json!({ "groups": [
        { "id": "ac", "title": "Access", "controls": [first, control("ac-2", "AC-2", "s")] },
        { "id": "au", "title": "Audit", "controls": [control("au-1", "AU-1", "s")] },
    ] }))
}

const fn file<'a>(name: &'a str, bytes: &'a [u8]) -> CatalogFile<'a> {
    CatalogFile { name, bytes }
}

fn read(members: Value) -> Document {
    let document =
        read_profile(&profile(members), &[file("small.json", &small_catalog())], &FrameworkOptions::default())
            .expect("a profile");
    assert_whole(&document);
    document
}

fn nodes(document: &Document) -> Vec<String> {
    let nodes = of_kind(document, Kind::FrameworkNode).into_iter();
    nodes.map(|node| format!("{}>{}", field(node, "parentNodeKey"), field(node, "nodeKey"))).collect()
}

#[test]
fn the_moderate_baseline_of_nist_selects_its_287_controls() {
    let (Some(catalog), Some(folder)) = (nist_catalog(), test_data()) else { return };
    let profile = fs::read(folder.join("oscal-nist-sp800-53-rev5-moderate-profile.json")).unwrap();
    let document =
        read_profile(&profile, &[file("oscal-nist-catalog.json", &catalog)], &FrameworkOptions::default()).unwrap();
    assert_whole(&document);
    assert_eq!((failures(&document), document.repair_count, &document.warnings), (vec![], 0, &vec![]));
    let nodes = of_kind(&document, Kind::FrameworkNode);
    let controls = nodes.iter().filter(|node| field(node, "nodeKind") != "group").count();
    assert_eq!(controls, 287);
    assert_eq!(field(nodes[0], "frameworkVersionKey"), "nist-800-53-moderate-impact-baseline/5.1.1+u4");
    let position = document.records.iter().find(|located| field(&located.record, "nodeKey") == "AC-2(1)").unwrap();
    let line = profile.split(|byte| *byte == b'\n').position(|line| line.ends_with(b"\"ac-2.1\",")).unwrap() + 1;
    assert_eq!(position.position.line, line, "the position is that of the id in the profile");
}

#[test]
fn controls_are_selected_by_id_by_pattern_with_their_children_or_all_and_excluded() {
    let import = |clauses: Value| nodes(&read(json!({ "imports": [clauses] })));
    assert_eq!(import(json!({ "include-controls": [{ "with-ids": ["ac-2"] }] })), [">AC", "AC>AC-2"]);
    assert_eq!(
        import(json!({ "include-controls": [{ "with-ids": ["ac-1.2"] }] })),
        [">AC", "AC>AC-1(2)"],
        "an enhancement whose control is not selected takes the level of the control"
    );
    let with_children = json!({ "include-controls": [{ "with-child-controls": "yes", "with-ids": ["ac-1"] }] });
    assert_eq!(import(with_children), [">AC", "AC>AC-1", "AC-1>AC-1(1)", "AC-1>AC-1(2)"]);
    assert_eq!(
        import(json!({ "include-controls": [{ "matching": [{ "pattern": "a?-1" }] }] })),
        [">AC", "AC>AC-1", ">AU", "AU>AU-1"]
    );
    let excluded = json!({ "include-all": {}, "exclude-controls": [{ "with-ids": ["ac-1", "ac-1.1"] }] });
    assert_eq!(import(excluded), [">AC", "AC>AC-1(2)", "AC>AC-2", ">AU", "AU>AU-1"]);
    // `serde_json` sorts members, so what is excluded is first in the file.
    let named = json!({ "include-controls": [{ "with-ids": ["ac-1", "ac-2"] }], "exclude-controls": [{ "with-ids": ["ac-1"] }] });
    assert_eq!(import(named), [">AC", "AC>AC-2"]);
    assert_eq!(import(json!({ "href": "#x" })).len(), 7);
}

#[test]
fn a_profile_sets_parameters_and_its_other_changes_are_named() {
    let document = read(json!({
        "imports": [{ "include-all": {} }],
        "merge": { "custom": {} },
        "modify": {
            "set-parameters": [{ "param-id": "p", "values": ["monthly"] }, { "param-id": "q" }, {}],
            "alters": [{ "control-id": "ac-1" }],
        },
    }));
    assert_eq!(field(with_field(&document, Kind::FrameworkNode, "nodeKey", "AC-1"), "text"), "Review monthly.");
    assert_eq!(
        repairs(&document),
        [
            "profile.modify.set-parameters[1].param-id is \"q\", which no catalog has; left out",
            "profile.modify.set-parameters[2].param-id is missing; left out",
        ]
    );
    assert_eq!(
        document.warnings,
        [
            "the 1 alterations of controls (modify.alters) are not applied: the nodes have the texts of the catalog",
            "the structure of the profile (merge.custom) is not applied: the nodes have the groups of the catalogs",
        ]
    );
}

#[test]
fn what_a_profile_names_and_no_catalog_has_is_a_failure_with_its_path() {
    let document = read(json!({ "imports": [{ "include-controls": [{ "with-ids": ["ac-2", "zz-9"] }] }] }));
    assert_eq!(nodes(&document).len(), 2);
    let failure = &document.failures[0];
    assert_eq!(failure.key.as_deref(), Some("zz-9"));
    assert_eq!(
        failure.message,
        "profile.imports[0].include-controls[0].with-ids[1] names a control that no catalog beside the profile has"
    );
}

#[test]
fn a_profile_without_imports_or_catalogs_is_refused_with_the_remedy() {
    let error = |members: Value, catalogs: &[CatalogFile<'_>]| -> String {
        read_profile(&profile(members), catalogs, &FrameworkOptions::default()).unwrap_err().to_string()
    };
    let beginning = "not an OSCAL profile at line 1, column 1: ";
    let imports = json!({ "imports": [{ "include-all": {} }] });
    assert_eq!(
        error(imports.clone(), &[]),
        format!(
            "{beginning}no catalog is given beside the profile, which contains no controls: state the catalogs, too"
        )
    );
    assert_eq!(
        error(json!({}), &[file("small.json", &small_catalog())]),
        format!("{beginning}profile.imports is missing or empty: the profile selects no controls")
    );
    assert_eq!(
        read_profile(&profile(imports), &[file("empty.json", b"{}")], &FrameworkOptions::default()),
        Err(Unreadable::OtherFormat {
            format: "an OSCAL catalog",
            position: novantra_import::SourcePosition { line: 1, column: 1 },
            message: "the object has no member `catalog`".to_owned(),
        })
    );
}

/// A catalog with controls of these ids, whose titles begin with the id.
fn titled(title: &str, ids: &[&str]) -> Vec<u8> {
    let controls: Vec<Value> =
        ids.iter().map(|id| json!({ "id": id, "title": format!("{id} of {title}"), "parts": [] })).collect();
    let metadata = json!({ "title": title, "version": "1", "oscal-version": "1.1.2" });
    json!({ "catalog": { "uuid": format!("uuid-{title}"), "metadata": metadata, "controls": controls } })
        .to_string()
        .into_bytes()
}

fn titles(document: &Document) -> Vec<&str> {
    of_kind(document, Kind::FrameworkNode).into_iter().map(|node| field(node, "title")).collect()
}

#[test]
fn each_import_of_a_profile_selects_from_the_catalog_that_it_names() {
    let (a, b) = (titled("A", &["x-1", "x-2", "x-3"]), titled("B", &["y-1", "x-2"]));
    let resource = json!({ "resources": [{ "uuid": "r", "rlinks": [{ "href": "../xml/CB.xml" }] }] });
    let select = |imports: Value| {
        let catalogs = [file("dir/ca.json", &a), file("cb.json", &b)];
        let members = json!({ "imports": imports, "back-matter": resource });
        let document = read_profile(&profile(members), &catalogs, &FrameworkOptions::default()).expect("a profile");
        assert_whole(&document);
        document
    };
    let one = json!([{ "with-ids": ["x-1"] }]);
    for href in ["cb.json", "./CB.xml", "#r", "#uuid-B", "urn:uuid:uuid-B"] {
        let document =
            select(json!([{ "href": "ca.json", "include-controls": one }, { "href": href, "include-all": {} }]));
        assert_eq!(titles(&document), ["x-1 of A", "y-1 of B", "x-2 of B"], "{href}");
        assert_eq!((failures(&document), &document.warnings), (vec![], &vec![]), "{href}");
        let positions =
            of_kind(&document, Kind::FrameworkNode).into_iter().map(|node| node.draft.fields["position"].clone());
        assert_eq!(positions.collect::<Vec<_>>(), [0, 1, 2], "{href}");
    }
    let excluding = json!({ "href": "ca.json", "include-all": {}, "exclude-controls": [{ "with-ids": ["x-2"] }] });
    let document = select(json!([excluding, { "href": "cb.json", "include-controls": [{ "with-ids": ["x-2"] }] }]));
    assert_eq!(titles(&document), ["x-1 of A", "x-3 of A", "x-2 of B"]);
    let document = select(json!([{ "href": "ca.json", "include-all": {} }, { "href": "cb.json", "include-all": {} }]));
    let keys: Vec<&str> =
        of_kind(&document, Kind::FrameworkNode).into_iter().map(|node| field(node, "nodeKey")).collect();
    assert_eq!((keys, failures(&document)), (vec!["x-1", "x-2", "x-3", "y-1", "b/1:x-2"], vec![]));
    assert_eq!(
        document.warnings,
        ["1 groups and controls have the key of another in an earlier catalog: their keys begin with their catalog"]
    );
    let document = select(json!([{ "href": "other.json", "include-all": {} }]));
    assert_eq!(titles(&document), Vec::<&str>::new());
    assert_eq!(
        document.failures[0].message,
        "profile.imports[0].href is other.json, which is the name of none of the catalogs, or of several \
         (dir/ca.json, cb.json): name the right one so"
    );
}

#[test]
fn a_catalog_of_another_revision_than_the_profile_means_is_named_in_a_warning() {
    let rev5 = titled("Rules Revision 5: all", &["x-1"]);
    let warnings = |href: &str, name: &str, catalog: &[u8]| {
        let members = json!({ "imports": [{ "href": href, "include-all": {} }] });
        read_profile(&profile(members), &[file(name, catalog)], &FrameworkOptions::default()).unwrap().warnings
    };
    assert_eq!(
        warnings("../rules_rev4_catalog.json", "five.json", &rev5),
        ["profile.imports[0] means revision 4, but the catalog five.json (Rules Revision 5: all) is revision 5"]
    );
    assert_eq!(warnings("rules_rev5_catalog.xml", "five.json", &rev5), Vec::<String>::new());
    assert_eq!(
        warnings("ca.json", "cb.json", &titled("B", &["x-1"])),
        ["profile.imports[0] names the catalog ca.json; cb.json (B), the only one that is given, is used"]
    );
    assert_eq!(warnings("ca.xml", "x/ca.json", &titled("B", &["x-1"])), Vec::<String>::new());
}

#[test]
fn groups_of_two_catalogs_with_one_key_and_one_title_are_one_and_others_are_kept_apart() {
    let with_group = |title: &str, group: &str, controls: &[&str]| {
        let controls: Vec<Value> = controls.iter().map(|label| control(&label.to_lowercase(), label, title)).collect();
        let metadata = json!({ "title": title, "version": "1", "oscal-version": "1.1.2" });
        json!({ "catalog": { "metadata": metadata, "groups": [
            { "id": "ac", "props": [{ "name": "label", "value": "AC" }], "title": group, "controls": controls }] } })
        .to_string()
        .into_bytes()
    };
    let a = with_group("A", "Access Control", &["AC-1", "AC-2"]);
    let select = |b: &[u8], merge: Value| {
        let imports = json!([{ "href": "a.json", "include-all": {} }, { "href": "b.json", "include-all": {} }]);
        let members = json!({ "imports": imports, "merge": merge });
        let catalogs = [file("a.json", &a), file("b.json", b)];
        let document = read_profile(&profile(members), &catalogs, &FrameworkOptions::default()).expect("a profile");
        assert_whole(&document);
        assert_eq!(failures(&document), Vec::<String>::new());
        document
    };
    let b = with_group("B", " access control", &["AC-3", "AC-2"]);
    let document = select(&b, json!({ "as-is": true }));
    assert_eq!(nodes(&document), [">AC", "AC>AC-1", "AC>AC-2", "AC>AC-3", "AC>b/1:AC-2"]);
    let positions: Vec<_> =
        of_kind(&document, Kind::FrameworkNode).into_iter().map(|node| node.draft.fields["position"].clone()).collect();
    assert_eq!(positions, [0, 0, 1, 2, 3]);
    let document = select(&b, json!({ "combine": { "method": "use-first" }, "as-is": true }));
    assert_eq!(nodes(&document), [">AC", "AC>AC-1", "AC>AC-2", "AC>AC-3"]);
    assert_eq!(field(with_field(&document, Kind::FrameworkNode, "nodeKey", "AC-2"), "text"), "A");
    assert_eq!(
        document.warnings,
        ["1 controls are left out: an earlier catalog has controls with their keys (merge.combine)"]
    );
    let document = select(&b, json!({ "combine": { "method": "merge" }, "flat": {} }));
    assert_eq!((nodes(&document).len(), document.warnings.len()), (4, 3), "{:?}", document.warnings);
    let document = select(&with_group("B", "Acceptance", &["AC-3"]), json!({ "as-is": true }));
    assert_eq!(nodes(&document), [">AC", "AC>AC-1", "AC>AC-2", ">b/1:AC", "b/1:AC>AC-3"]);
}
