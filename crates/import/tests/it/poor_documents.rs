//! Tests of documents that are not as they should be.

use std::fs;

use kernel::Kind;
use novantra_import::{
    MAX_DOCUMENT_LENGTH, Unreadable, cyclonedx,
    oscal::{FrameworkOptions, read_catalog},
};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{
    cyclonedx::bom,
    drafts::{assert_whole, failures, field, of_kind, repairs},
    oscal_catalog::{catalog, read},
    small_documents::readers,
    support::test_data,
};

#[test]
fn the_small_files_of_these_tests_are_read_without_a_fault() {
    for (read, name, small) in readers() {
        let document = read(&small).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_whole(&document);
        assert!(document.failures.is_empty() && document.records.len() >= 2, "{name} {document:?}");
    }
}

#[test]
fn a_document_that_is_empty_truncated_or_no_json_is_refused_with_its_position() {
    for (read, name, small) in readers() {
        let error = |bytes: &[u8]| read(bytes).unwrap_err().to_string();
        assert_eq!(error(b" \n"), "the file is empty", "{name}");
        let truncated = error(&small[..small.len() - 3]);
        assert!(
            truncated.starts_with("the file is truncated: it ends in the middle of a value at line 1, column"),
            "{truncated}"
        );
        assert_eq!(error(b"id,name\n1,a\n"), "not JSON at line 1, column 1: expected value", "{name}");
        assert_eq!(read(b"\xff\xfe\x00"), read(b"\xff"), "{name}");
        for no_object in ["[]", "null", "1", "\"a\"", "{}"] {
            assert!(matches!(read(no_object.as_bytes()), Err(Unreadable::OtherFormat { .. })), "{name} {no_object}");
        }
        let long = vec![b' '; MAX_DOCUMENT_LENGTH + 1];
        assert!(
            error(&long)
                .starts_with("the file has more than 67108864 bytes, which is the most that is read: divide it"),
            "{name}"
        );
        for bytes in [u16::to_le_bytes as fn(u16) -> [u8; 2], u16::to_be_bytes] {
            let units: Vec<u8> = "{}".encode_utf16().flat_map(bytes).collect();
            assert_eq!(read(&units), Err(Unreadable::OtherEncoding), "{name}");
        }
    }
}

#[test]
fn every_encoding_of_a_document_gives_the_same_records() {
    for (read, name, small) in readers() {
        let expected = read(&small);
        let text = String::from_utf8(small).unwrap();
        assert_eq!(read(format!("\u{feff}{text}").as_bytes()), expected, "{name}");
        for (mark, bytes) in [([0xff, 0xfe], u16::to_le_bytes as fn(u16) -> [u8; 2]), ([0xfe, 0xff], u16::to_be_bytes)]
        {
            let units: Vec<u8> = mark.into_iter().chain(text.encode_utf16().flat_map(bytes)).collect();
            assert_eq!(read(&units), expected, "{name}");
        }
    }
}

#[test]
fn an_oscal_document_of_another_model_is_refused_with_the_name_of_its_importer() {
    let message = |file: Value| match read_catalog(file.to_string().as_bytes(), &FrameworkOptions::default()) {
        Err(Unreadable::OtherFormat { message, .. }) => message,
        other => panic!("{other:?}"),
    };
    for (file, expected) in [
        (json!({ "profile": {} }), "the file is an OSCAL profile: import it as oscal-profile"),
        (json!({ "system-security-plan": {} }), "the file is an OSCAL system-security-plan, which has no importer"),
        (json!({ "catalog": [] }), "the member `catalog` is no object"),
        (json!({ "catalogue": {} }), "the object has no member `catalog`"),
        (json!({ "catalog": {} }), "catalog has no object `metadata`, which holds title and version"),
        (
            json!({ "catalog": { "metadata": { "version": "1" } } }),
            "catalog.metadata.title is missing or blank: it is the name of the framework",
        ),
        (
            json!({ "catalog": { "metadata": { "title": "t", "version": " " } } }),
            "catalog.metadata.version is missing or blank: it is the key of the version; state the key",
        ),
    ] {
        assert_eq!(message(file), expected);
    }
}

#[test]
fn a_catalog_of_another_version_of_oscal_or_without_nodes_is_read_with_warnings() {
    let with_version = |version: Value| {
        let file = json!({ "catalog": { "metadata": { "title": "t", "version": "1", "oscal-version": version } } });
        read(file.to_string().as_bytes()).warnings
    };
    let empty = "the catalog has no groups and no controls that can be imported";
    assert_eq!(with_version(json!("1.0.0-rc1")), [empty]);
    assert_eq!(with_version(json!("2.0")), ["the version of OSCAL is \"2.0\"; the file is read as OSCAL 1", empty]);
    assert_eq!(with_version(json!(null)), ["the version of OSCAL is missing; the file is read as OSCAL 1", empty]);
}

#[test]
fn a_node_that_has_no_key_or_that_of_another_fails_with_what_is_in_it() {
    let text = String::from_utf8(catalog(json!({ "controls": "LIST" }))).unwrap();
    let list = "[\n{\"id\":\"a\",\"title\":\"A\"},\n{\"title\":\"B\",\"controls\":[{\"id\":\"b\"}]},\n\
        {\"id\":\"a\",\"title\":\"C\",\"controls\":[{\"id\":\"c\"}]},\n7,\n{\"id\":\"d\"}]";
    let document = read(text.replace("\"LIST\"", list).as_bytes());
    let keys: Vec<_> = of_kind(&document, Kind::FrameworkNode).iter().map(|node| field(node, "nodeKey")).collect();
    assert_eq!(keys, ["a", "d"]);
    assert_eq!(
        failures(&document),
        [
            "line 3, column 1: catalog.controls[1] has neither an id nor a label, so it has no key; it and what is in it are left out",
            "line 4, column 1: catalog.controls[2] has the id of catalog.controls[0]; it and what is in it are left out",
            "line 5, column 1: catalog.controls[3] is a number, not an object",
        ]
    );
    assert_eq!(document.failures[1].key.as_deref(), Some("a"));
    assert_eq!(repairs(&document), ["catalog.controls[4] has no title; its key is used"]);
    let same_label = json!({ "title": "T", "props": [{ "name": "label", "value": "L" }] });
    let document = read(&catalog(json!({ "controls": [same_label, same_label] })));
    assert_eq!(
        document.failures[0].message,
        "catalog.controls[1] has the key of an earlier node; it and what is in it are left out"
    );
}

#[test]
fn components_and_vulnerabilities_without_a_name_fail_by_themselves() {
    let document = cyclonedx::read(&[&bom(json!({
        "components": [{ "type": "library", "bom-ref": "x" }, null, { "type": "library", "name": "a", "bom-ref": "y" },
            { "type": "library", "name": "b", "bom-ref": "y" }],
        "vulnerabilities": [{ "bom-ref": "z" }, [], { "id": "V", "affects": [{}] }],
    }))], None)
    .remove(0)
    .unwrap();
    assert_whole(&document);
    assert_eq!(
        document.failures.iter().map(|failure| failure.message.as_str()).collect::<Vec<_>>(),
        [
            "components[0] has no name, so it has no key",
            "components[1] is null, not an object",
            "vulnerabilities[1] is a list, not an object",
            "vulnerabilities[0] has no id, so it has no key",
        ]
    );
    assert_eq!(
        repairs(&document),
        [
            "components[3].bom-ref is that of components[2], to which it refers",
            "vulnerabilities[2].affects[0].ref is missing; left out"
        ]
    );
    assert_eq!(document.records.len(), 3);
}

/// The JSON nested to this depth.
fn nested(open: &str, close: &str, depth: usize) -> String {
    format!("{}{}", open.repeat(depth), close.repeat(depth))
}

#[test]
fn nesting_is_read_to_a_bounded_depth() {
    let depth = 4_000;
    let with_groups = |groups: &str| {
        String::from_utf8(catalog(json!({ "groups": "DEEP" }))).unwrap().replace("\"DEEP\"", groups).into_bytes()
    };
    let mut id = 0;
    let open: String = (0..depth)
        .map(|_| {
            id += 1;
            format!("[{{\"id\":\"g{id}\",\"title\":\"G\",\"groups\":")
        })
        .collect();
    let document = read(&with_groups(&format!("{open}[]{}", "}]".repeat(depth))));
    assert_eq!(of_kind(&document, Kind::FrameworkNode).len(), 32);
    assert!(document.failures[0].message.ends_with("is nested deeper than 32 levels; it and its like are left out"));
    let parts = nested("[{\"name\":\"item\",\"parts\":", "}]", depth).replace(":}", ":[]}");
    let document = read(&with_groups(&format!(
        "[{{\"id\":\"g\",\"title\":\"G\",\"parts\":{parts},\"x\":{}}}]",
        nested("[", "]", 100_000)
    )));
    assert_eq!(document.repair_count, 1);
    assert!(document.repairs[0].message.ends_with("is nested deeper than 32 parts; left out"));
    let components = nested("[{\"type\":\"library\",\"name\":\"a\",\"components\":", "}]", depth).replace(":}", ":[]}");
    let file = String::from_utf8(bom(json!({ "components": "DEEP" }))).unwrap().replace("\"DEEP\"", &components);
    let document = cyclonedx::read(&[file.as_bytes()], None).remove(0).unwrap();
    assert_eq!((document.records.len(), document.failures.len()), (1, 1));
}

#[test]
fn long_lists_of_rubbish_take_bounded_memory() {
    let rubbish = format!("[{}1]", "1,".repeat(210_000));
    for list in ["components", "vulnerabilities"] {
        let file = String::from_utf8(bom(json!({ list: "RUBBISH" }))).unwrap().replace("\"RUBBISH\"", &rubbish);
        let document = cyclonedx::read(&[file.as_bytes()], None).remove(0).unwrap();
        assert_eq!((document.failures.len(), document.undescribed_failures), (10_001, 190_000));
        assert_eq!(document.warnings[0], "the file has no components and no vulnerabilities");
        assert_eq!(document.repair_count, 0);
        assert_eq!(
            document.failures[0].message,
            format!("{list} has 210001 elements, of which only the first 200000 are read: divide the file")
        );
    }
    let long = "x".repeat(100_000);
    let document =
        cyclonedx::read(&[&bom(json!({ "vulnerabilities": [{ "id": "V", "analysis": { "state": long } }] }))], None)
            .remove(0)
            .unwrap();
    assert!(document.repairs[0].message.chars().count() <= 501);
}

#[test]
fn a_list_that_is_none_is_named_as_such() {
    let document =
        cyclonedx::read(&[&bom(json!({ "components": 5, "vulnerabilities": "x" }))], None).remove(0).unwrap();
    assert_eq!(
        failures(&document),
        [
            "line 1, column 39: components is a number, not a list",
            "line 1, column 91: vulnerabilities is a string, not a list"
        ]
    );
    assert_eq!(document.repair_count, 0, "what is no object is not taken as an element");
}

#[test]
fn groups_and_controls_side_by_side_are_read_in_one_pass() {
    // If the positions of each list were counted from the start of the file, this would take very long.
    let groups: Vec<Value> = (0..5_000)
        .map(|index| {
            let inner = json!([{ "id": format!("g{index}.1"), "title": "G" }]);
            json!({ "id": format!("g{index}"), "title": "G", "groups": inner, "controls": [{ "id": format!("c{index}"), "title": "C" }] })
        })
        .collect();
    let document = read(&catalog(json!({ "groups": groups })));
    assert_eq!(of_kind(&document, Kind::FrameworkNode).len(), 15_000);
    let last = document.records.last().unwrap();
    assert_eq!(last.position.line, 1);
}

/// A value in place of another.
fn replacement(choice: u8) -> Value {
    match choice % 12 {
        0 => Value::Null,
        1 => json!([]),
        2 => json!({}),
        3 => json!(""),
        4 => json!(-1),
        5 => json!(1e300),
        6 => json!(true),
        7 => json!("\u{1b}[2J\u{202e}\u{0}\n"),
        8 => json!([[[]], {}, null, "a", 1]),
        9 => json!("{{ insert: param, p }}{{"),
        10 => json!({ "id": "c1", "name": "a", "uuid": "r", "ref": "a", "parts": [{}], "controls": [{ "id": "c1" }] }),
        _ => json!("ö".repeat(400)),
    }
}

/// Replaces, removes or repeats one value somewhere in the file.
fn mutate(value: &mut Value, path: &[u8], choice: u8) {
    let Some((step, rest)) = path.split_first() else {
        *value = replacement(choice);
        return;
    };
    let step = usize::from(*step);
    match value {
        Value::Array(elements) if !elements.is_empty() => {
            let index = step % elements.len();
            match (rest.is_empty(), choice % 4) {
                (true, 0) => {
                    elements.remove(index);
                }
                (true, 1) => elements.push(elements[index].clone()),
                _ => mutate(&mut elements[index], rest, choice),
            }
        }
        Value::Object(members) if !members.is_empty() => {
            let name = members.keys().nth(step % members.len()).cloned().expect("a member");
            match (rest.is_empty(), choice % 4) {
                (true, 0) => {
                    members.remove(&name);
                }
                _ => mutate(&mut members[&name], rest, choice),
            }
        }
        other => *other = replacement(choice),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn whatever_a_value_of_a_document_is_the_drafts_are_whole(
        mutations in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..9), any::<u8>()), 1..4),
    ) {
        for (read, _, small) in readers() {
            let mut file: Value = serde_json::from_slice(&small).unwrap();
            for (path, choice) in &mutations {
                mutate(&mut file, path, *choice);
            }
            if let Ok(document) = read(file.to_string().as_bytes()) {
                assert_whole(&document);
            }
        }
    }

    #[test]
    fn whatever_the_bytes_of_a_document_are_the_drafts_are_whole(
        cuts in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0usize..4), 1..5),
    ) {
        for (read, _, mut bytes) in readers() {
            for (index, byte, length) in &cuts {
                let at = index.index(bytes.len());
                let end = (at + length).min(bytes.len());
                bytes.splice(at..end, [*byte]);
            }
            if let Ok(document) = read(&bytes) {
                assert_whole(&document);
            }
        }
    }
}

#[test]
fn whatever_is_changed_in_a_real_file_the_drafts_are_whole() {
    let Some(folder) = test_data() else { return };
    for (read, name, _) in readers() {
        let real = fs::read(folder.join(name)).unwrap();
        let file: Value = serde_json::from_slice(&real).unwrap();
        let rounds: u8 = if real.len() > 1 << 20 { 12 } else { 100 };
        for round in 0..rounds {
            let mut mutated = file.clone();
            // Steps that differ for each round and level, the same in each run.
            for mutation in 0..3u8 {
                let path: Vec<u8> = (0..2 + round % 8)
                    .map(|level| round.wrapping_mul(37).wrapping_add(level * 11 + mutation * 53))
                    .collect();
                mutate(&mut mutated, &path, round.wrapping_add(mutation));
            }
            if let Ok(document) = read(mutated.to_string().as_bytes()) {
                assert_whole(&document);
            }
        }
        for cut in 1..20 {
            let cut = real.len() * cut / 20;
            assert!(
                matches!(read(&real[..cut]), Err(Unreadable::Truncated(_) | Unreadable::NotJson { .. })),
                "{name} {cut}"
            );
        }
    }
}
