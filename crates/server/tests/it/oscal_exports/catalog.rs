//! Framework versions as catalogs.

use std::fs;

use serde_json::{Value, json};

use super::{CATALOG, export, import, line, real_files, records, report, run};
use crate::bundle_imports::{counts, import as import_bundle, installation};

/// A version `f/1` with these nodes: key, key of the parent, kind, text. Each is at its place among its siblings.
fn version(nodes: &[(&str, Option<&str>, &str, &str)]) -> String {
    let framework = json!({ "frameworkKey": "f", "name": "House Rules: all", "description": "Two\n\nparagraphs.",
        "sourceKind": "contract", "status": "retired" });
    let version = json!({ "frameworkKey": "f", "versionKey": "1", "versionLabel": "First", "sourceKind": "internal",
        "status": "draft", "effectiveAt": "2026-01-02T03:04:05.006Z" });
    let mut lines = line("framework", &framework) + &line("framework-version", &version);
    for (index, (key, parent, kind, text)) in nodes.iter().enumerate() {
        let position = nodes[..index].iter().filter(|(_, other, ..)| other == parent).count();
        let node = json!({ "frameworkVersionKey": "f/1", "nodeKey": key, "parentNodeKey": parent, "nodeKind": kind,
            "title": format!("Title of {key}"), "text": text, "position": position });
        lines += &line("framework-node", &node);
    }
    lines
}

const FRAMEWORKS: &[&str] = &["framework", "framework-version", "framework-node"];

/// Exports the version `f/1` of a bundle as a catalog, imports that into an empty workspace, and asserts that both have
/// the same records. Returns the catalog.
fn check_catalog(bundle: &str) -> Value {
    let installation = installation(&["one", "two"]);
    let total = bundle.lines().count() as u64;
    assert_eq!(counts(&import_bundle(&installation, "one", bundle, &[])), [total, 0, 0, 0]);
    let catalog = export(&installation, "one", CATALOG, "catalog.json");
    assert_eq!(report(&installation, "one", CATALOG)["lost"], json!([]));
    assert_eq!(import(&installation, "two", "catalog.json", "oscal-catalog"), [total, 0, 0, 0]);
    assert_eq!(records(&installation, "two", FRAMEWORKS), records(&installation, "one", FRAMEWORKS));
    catalog
}

#[test]
fn the_catalog_of_nist_is_exported_with_its_identifiers_and_imported_again_as_the_same_nodes() {
    let Some(folder) = real_files() else { return };
    let installation = installation(&["one", "two"]);
    let original = folder.join("oscal-nist-sp800-53-rev5-catalog.json");
    let path = original.display().to_string();
    assert_eq!(import(&installation, "one", &path, "oscal-catalog"), [1211, 0, 0, 0]);
    let format = ["oscal-catalog", "--framework-version", "nist-800-53/5.0.1"];
    let exported = export(&installation, "one", &format, "catalog.json");
    assert_eq!(report(&installation, "one", &format)["lost"], json!([]));
    assert_eq!(import(&installation, "two", "catalog.json", "oscal-catalog"), [1211, 0, 0, 0]);
    assert_eq!(records(&installation, "two", FRAMEWORKS), records(&installation, "one", FRAMEWORKS));
    let original: Value = serde_json::from_slice(&fs::read(original).expect("a file")).expect("JSON");
    let mut counts = [Counts::default(), Counts::default()];
    counts[0].add(&original["catalog"]);
    counts[1].add(&exported["catalog"]);
    assert_eq!(counts[1].ids, counts[0].ids);
    assert_eq!((counts[1].items, counts[1].links), (counts[0].items, counts[0].links), "items and successors");
    // One parameter of the original is used twice.
    assert_eq!((counts[1].params, counts[0].params), (1259, 1258));
}

/// The numbers of a catalog's parts.
#[derive(Default)]
struct Counts {
    ids: Vec<String>,
    params: usize,
    items: usize,
    links: usize,
}

impl Counts {
    fn add(&mut self, object: &Value) {
        let list = |name: &str| object[name].as_array().into_iter().flatten();
        self.ids.extend(object["id"].as_str().map(str::to_owned));
        self.params += list("params").count();
        self.links +=
            list("links").filter(|link| link["rel"] == "incorporated-into" || link["rel"] == "moved-to").count();
        list("parts").for_each(|part| self.add_items(part));
        list("groups").chain(list("controls")).for_each(|child| self.add(child));
    }

    fn add_items(&mut self, part: &Value) {
        if part["name"] == "statement" || part["name"] == "item" {
            self.items += usize::from(part["name"] == "item");
            part["parts"].as_array().into_iter().flatten().for_each(|part| self.add_items(part));
        }
    }
}

#[test]
fn nodes_of_any_kind_at_any_level_and_with_any_key_return_as_they_were() {
    let catalog = check_catalog(&version(&[
        ("G", None, "group", "Of the group [Assignment: a name]."),
        ("A", Some("G"), "requirement", "x"),
        ("a", Some("G"), "requirement", "y"),
        ("03.01", Some("G"), "enhancement", "An enhancement in a group."),
        ("A.5/1", Some("A"), "requirement", "A requirement in a requirement."),
        ("B", Some("a"), "group", "A group in a requirement."),
        ("C", Some("B"), "enhancement", ""),
        ("_.(", Some("G"), "requirement", ""),
        ("D", Some("G"), "group", "A group among controls."),
        ("E", Some("D"), "requirement", ""),
        ("F", Some("D"), "group", ""),
        ("I", Some("A"), "group", ""),
        ("J", None, "group", ""),
        ("K", Some("J"), "group", "A group in a group."),
        ("R", None, "requirement", "At the top."),
        ("(", Some("G"), "requirement", ""),
    ]));
    let controls = &catalog["catalog"]["groups"][0]["controls"];
    let ids: Vec<&Value> = controls.as_array().expect("controls").iter().map(|control| &control["id"]).collect();
    assert_eq!(ids, ["a_2", "a", "_03.01", "_", "d", "__2"], "the key of another node is no identifier");
}

#[test]
fn texts_become_parts_and_parameters_if_reading_them_gives_the_texts_again() {
    let texts = [
        "Do it [Assignment: every [Selection: day; week]] and [Selection (one or more): a; b; [Assignment: c]].",
        "Introduction\nwith a second line:\na. One;\n  1. Deep [Assignment: x];\n    (a) Deeper\n    and longer\n  2. Deep;\nb. Two\n\nand a rest",
        "a. One\n  1. Two\nback at the top\n      far in",
        "[Assignment: ] [Assignment: a\nb] [Selection: ] [Assignment: open",
        "e.g. this\nart. 5 says\n1) one\n(iv) four",
        "See [C](x), a[1](x), and {{ braces }}.",
        "1. \n2. x",
        "  indented",
    ];
    let keys: Vec<String> = (0..texts.len()).map(|index| format!("N-{index}")).collect();
    let nodes: Vec<_> = keys.iter().zip(texts).map(|(key, text)| (key.as_str(), None, "requirement", text)).collect();
    let bundle = version(&nodes[..nodes.len() - 1]);
    let catalog = check_catalog(&bundle);
    let control = |index: usize| &catalog["catalog"]["controls"][index];
    assert_eq!(
        control(0)["params"],
        json!([
            { "id": "n-0_prm_1", "label": "every {{ insert: param, n-0_prm_2 }}" },
            { "id": "n-0_prm_2", "select": { "choice": ["day", "week"] } },
            { "id": "n-0_prm_3", "select": { "how-many": "one-or-more", "choice": ["a", "b", "{{ insert: param, n-0_prm_4 }}"] } },
            { "id": "n-0_prm_4", "label": "c" },
        ])
    );
    let statement = &control(1)["parts"][0];
    assert_eq!(statement["prose"], "Introduction\nwith a second line:");
    assert_eq!(statement["parts"][0]["parts"][0]["parts"][0]["prose"], "Deeper\nand longer");
    assert_eq!(statement["parts"][0]["parts"][0]["parts"][0]["id"], "n-1_smt.a.1.a");
    assert_eq!(statement["parts"][1]["prose"], "Two\n\nand a rest");
    // A text that begins with a blank can't be read as it was.
    let installation = installation(&["one"]);
    import_bundle(&installation, "one", &version(&nodes[nodes.len() - 1..]), &[]);
    export(&installation, "one", CATALOG, "catalog.json");
    let lost = &report(&installation, "one", CATALOG)["lost"];
    assert_eq!(
        (&lost[0]["kind"], &lost[0]["field"], &lost[0]["count"]),
        (&json!("framework-node"), &json!("text"), &json!(1))
    );
}

#[test]
fn a_withdrawn_control_refers_to_what_its_text_names() {
    let catalog = check_catalog(&version(&[
        ("AC", None, "group", ""),
        ("AC-1", Some("AC"), "requirement", "Do this:\na. One;\nb. Two."),
        ("AC-2", Some("AC"), "requirement", "[Withdrawn: Incorporated into AC-1b, AC-3; Moved to AC.]"),
        ("AC-3", Some("AC"), "requirement", "[Withdrawn: Incorporated into AC-1z.]"),
        ("AC-4", Some("AC"), "requirement", "[Withdrawn.]"),
        ("AC-5", Some("AC"), "requirement", "[Withdrawn: ...]"),
        ("AC-6", Some("AC"), "requirement", "[Withdrawn: Moved to AC-1; Moved to AC-2.]"),
        ("AC-7", Some("AC"), "requirement", "[Withdrawn: a. b\nc.]"),
        ("AC-8", Some("AC"), "group", "[Withdrawn.]"),
    ]));
    let controls = &catalog["catalog"]["groups"][0]["controls"];
    let links = |index: usize| &controls[index]["links"];
    let link = |relation: &str, target: &str| json!({ "href": format!("#{target}"), "rel": relation });
    assert_eq!(
        *links(1),
        json!([link("incorporated-into", "ac-1_smt.b"), link("incorporated-into", "ac-3"), link("moved-to", "ac")])
    );
    assert_eq!(*links(2), Value::Null, "there is no part AC-1z");
    assert_eq!(controls[2]["parts"][0]["prose"], "Incorporated into AC-1z");
    let status =
        |index: usize| controls[index]["props"].as_array().expect("props").iter().any(|prop| prop["name"] == "status");
    assert_eq!([0, 1, 2, 3, 4, 5, 6].map(status), [false, true, true, true, false, true, true]);
}

#[test]
fn what_a_catalog_can_not_carry_is_counted_by_kind_and_field() {
    let installation = installation(&["one"]);
    let node = |key: &str, kind: &str, position: i64, title: &str, text: &str| {
        line(
            "framework-node",
            &json!({ "frameworkVersionKey": "f/1", "nodeKey": key, "nodeKind": kind, "title": title,
            "text": text, "position": position }),
        )
    };
    let framework = json!({ "frameworkKey": "f", "name": " Rules ", "description": "[a](https://example.org)", "sourceKind": "standard" });
    let version = json!({ "frameworkKey": "f", "versionKey": "1", "versionLabel": "First ", "sourceKind": "standard" });
    let link = json!({ "frameworkVersionKey": "f/1", "nodeKey": "A", "targetModuleKey": "controls",
        "targetResourceType": "control", "targetResourceId": "CTL-1", "coverage": "full" });
    let bundle = [
        line("framework", &framework),
        line("framework-version", &version),
        node("A", "requirement", 0, "A ", "see [b](#b)"),
        node("G", "group", 1, "G", ""),
        node("B", "requirement", 2, "B", ""),
        node("C", "requirement", 30, "C", ""),
        line("coverage-link", &link),
    ];
    assert_eq!(counts(&import_bundle(&installation, "one", &bundle.concat(), &[])), [7, 0, 0, 0]);
    export(&installation, "one", CATALOG, "catalog.json");
    let report = report(&installation, "one", CATALOG);
    let lost: Vec<String> = report["lost"]
        .as_array()
        .expect("losses")
        .iter()
        .map(|loss| format!("{} {} {}", loss["kind"], loss["field"], loss["count"]).replace('"', ""))
        .collect();
    assert_eq!(
        lost,
        [
            "framework name 1",
            "framework description 1",
            "framework-version versionLabel 1",
            "framework-node title 1",
            "framework-node text 1",
            "framework-node position 3",
            "coverage-link null 1",
        ]
    );
    assert_eq!(
        report["properties"][0],
        json!({ "kind": "framework", "field": "frameworkKey", "property": "framework-key", "count": 1 })
    );
    let text = run(&installation, "one", CATALOG).stderr;
    assert!(
        text.contains("\nleft out: 1 coverage-link record: a catalog states requirements, not who meets them\n"),
        "{text}"
    );
    assert!(text.contains("lost: position of 3 framework-node records: numbers that"), "{text}");
    assert!(text.contains("only as properties that Novantra reads: framework-version versionLabel (1), "), "{text}");
}

#[test]
fn nodes_that_are_nested_too_deep_for_a_catalog_are_named() {
    let installation = installation(&["one"]);
    let keys: Vec<String> = (0..33).map(|depth| format!("N-{depth}")).collect();
    let nodes: Vec<_> = keys
        .iter()
        .enumerate()
        .map(|(depth, key)| (key.as_str(), depth.checked_sub(1).map(|above| keys[above].as_str()), "group", ""))
        .collect();
    import_bundle(&installation, "one", &version(&nodes), &[]);
    let ran = run(&installation, "one", CATALOG);
    assert_eq!((ran.status.code(), ran.stdout.as_str()), (Some(1), ""));
    assert!(ran.stderr.contains("the node N-32 is more than 32 levels deep"), "{}", ran.stderr);
}

#[test]
fn the_choices_of_the_caller_precede_what_an_exported_catalog_states() {
    let installation = installation(&["one", "two"]);
    import_bundle(&installation, "one", &version(&[("A", None, "requirement", "x")]), &[]);
    export(&installation, "one", CATALOG, "catalog.json");
    let choices = ["--framework-key", "other", "--version-key", "2", "--source-kind", "regulation"];
    installation.run(&[&["import", "oscal-catalog", "catalog.json", "--workspace", "two"][..], &choices].concat());
    let records = records(&installation, "two", &["framework", "framework-version"]);
    let lines: Vec<Value> = records.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let of = |line: usize, name: &str| lines[line]["record"][name].as_str().unwrap_or_default();
    assert_eq!([of(0, "frameworkKey"), of(0, "sourceKind"), of(0, "status")], ["other", "regulation", "retired"]);
    assert_eq!([of(1, "versionKey"), of(1, "sourceKind"), of(1, "versionLabel")], ["2", "regulation", "First"]);
}
