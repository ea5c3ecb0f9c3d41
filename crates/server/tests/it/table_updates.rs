//! Updates by tables that have a part of the fields, or empty cells.

use std::fs;

use import::RecordKind;
use kernel::ColumnType;
use serde_json::{Value, json};

use crate::{
    bundle_imports::{EVERY_KIND, counts, import, installation},
    support::Installation,
};

/// The summary of an import of a table.
fn import_table(installation: &Installation, kind: &str, text: &str, options: &[&str]) -> Value {
    fs::write(installation.folder().join("table.csv"), text).expect("a file");
    let import = ["import", "csv", "table.csv", "--workspace", "w", "--kind", kind, "--json"];
    let ran = installation.run(&[&import[..], options].concat());
    serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{kind}: no summary: {}", ran.stderr))
}

fn message(summary: &Value) -> &str {
    summary["failures"][0]["message"].as_str().unwrap_or_else(|| panic!("no failure: {summary}"))
}

fn records(installation: &Installation, kind: &str) -> Vec<Value> {
    let ran = installation.run(&["export", "--workspace", "w", "--kind", kind]);
    ran.stdout.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON")["record"].clone()).collect()
}

/// The table of these fields of the records.
fn table(fields: &[String], records: &[Value]) -> String {
    let cell = |record: &Value, field: &String| {
        let text = match &record[field] {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        format!("\"{}\"", text.replace('"', "\"\""))
    };
    let row = |record: &Value| fields.iter().map(|field| cell(record, field)).collect::<Vec<_>>().join(",") + "\n";
    format!("{}\n{}", fields.join(","), records.iter().map(row).collect::<String>())
}

/// The fields by which a row of the kind finds its record, and the others.
fn identity_and_others(kind: &RecordKind) -> (Vec<String>, Vec<String>) {
    let references = import::references(kind.kind);
    let mut needed = import::identity_columns(kind.columns);
    let scopes = references.iter().filter(|reference| needed.contains(&reference.column));
    let scopes: Vec<usize> = scopes.filter_map(|reference| Some(references[reference.scope?].column)).collect();
    needed.extend(scopes);
    let name = |index: usize| {
        let reference = references.iter().find(|reference| reference.column == index);
        reference.map_or_else(|| import::field_name(&kind.columns[index]), |reference| reference.key_field.clone())
    };
    let settable = (0..kind.columns.len()).filter(|index| !kind.columns[*index].is_derived);
    let (identity, others): (Vec<usize>, Vec<usize>) = settable.partition(|index| needed.contains(index));
    (identity.into_iter().map(name).collect(), others.into_iter().map(name).collect())
}

#[test]
fn an_empty_cell_of_a_status_keeps_it_in_every_register_and_a_new_record_gets_that_of_a_new_one() {
    let installation = installation(&["w"]);
    import(&installation, "w", EVERY_KIND, &[]);
    for kind in RecordKind::all() {
        let name = kind.name();
        let Some(status) = kind.columns.iter().find(|column| column.name == "status") else { continue };
        let ColumnType::Name(statuses) = status.column_type else { panic!("{name}: {status:?}") };
        let (identity, others) = identity_and_others(kind);
        let fields = [identity, others].concat();
        let mut records = records(&installation, &name);
        let count = records.len();
        records.iter_mut().for_each(|record| record["status"] = json!(statuses.last()));
        let summary = import_table(&installation, &name, &table(&fields, &records), &[]);
        assert_eq!(summary["failed"], 0, "{name}: {summary}");
        records.iter_mut().for_each(|record| record["status"] = Value::Null);
        let summary = import_table(&installation, &name, &table(&fields, &records), &[]);
        assert_eq!(summary["unchanged"], count, "{name}: {summary}");
    }
    let created = import_table(&installation, "risk", "riskKey,title,status\nNEW-1,New,\n", &[]);
    assert_eq!(counts(&created), [1, 0, 0, 0]);
    let risks = records(&installation, "risk");
    assert!(risks.iter().any(|risk| risk["riskKey"] == "NEW-1" && risk["status"] == "draft"), "{risks:?}");
}

#[test]
fn a_table_of_what_identifies_a_record_and_one_more_field_updates_every_kind() {
    let installation = installation(&["w"]);
    import(&installation, "w", EVERY_KIND, &[]);
    for kind in RecordKind::all() {
        let name = kind.name();
        let (mut fields, others) = identity_and_others(kind);
        let is_alone = |field: &&String| !field.starts_with("subject");
        let one = others.iter().find(|field| *field == "status").or_else(|| others.iter().find(is_alone));
        fields.extend(one.cloned());
        let records = records(&installation, &name);
        let summary = import_table(&installation, &name, &table(&fields, &records), &[]);
        assert_eq!(counts(&summary), [0, 0, records.len() as u64, 0], "{name} {one:?}: {summary}");
    }
    for (kind, text) in [("risk", "riskKey,status\nRSK-7,Closed\n"), ("finding", "findingKey,title\nF-1,Changed\n")] {
        let before = records(&installation, kind);
        let key = text.split(['\n', ',']).nth(2).expect("a key");
        let key_field = text.split(',').next().expect("a field");
        let is_it = |record: &&Value| record[key_field] == key;
        let old = before.iter().find(is_it).unwrap_or_else(|| panic!("no {key}: {before:?}")).clone();
        assert_eq!(counts(&import_table(&installation, kind, text, &["--dry-run"])), [0, 1, 0, 0]);
        assert_eq!(counts(&import_table(&installation, kind, text, &[])), [0, 1, 0, 0]);
        let after = records(&installation, kind);
        let mut expected = old;
        match kind {
            "risk" => expected["status"] = json!("closed"),
            _ => expected["title"] = json!("Changed"),
        }
        assert_eq!(after.iter().find(is_it), Some(&expected));
    }
}

#[test]
fn a_row_that_would_create_a_record_without_what_it_needs_fails_by_itself_and_names_it() {
    let installation = installation(&["w"]);
    import(&installation, "w", EVERY_KIND, &[]);
    for options in [&["--dry-run"][..], &[]] {
        let summary = import_table(&installation, "finding", "findingKey,status\nNONE,open\nF-1,open\n", options);
        assert_eq!((&summary["created"], &summary["failed"]), (&json!(0), &json!(1)), "{summary}");
        assert_eq!(
            message(&summary),
            "title, severity, sourceKind: required, since the workspace has no finding with this key and one must be created"
        );
        let summary = import_table(&installation, "risk", "riskKey,title\nNONE,\nRSK-7,\n", options);
        assert_eq!(counts(&summary), [0, 0, 1, 1], "{summary}");
        assert!(message(&summary).starts_with("title: required, since the workspace has no risk with this key"));
        let measurements = "indicatorDefinitionKey,measuredAt,measuredValue\nKRI-1,1999-01-01,\n";
        let summary = import_table(&installation, "measurement", measurements, options);
        assert!(
            message(&summary).starts_with("measuredValue: required, since the workspace has no measurement that the")
        );
    }
    let unknown = import_table(&installation, "framework-version", "frameworkKey,versionKey\ngone,1\n", &[]);
    assert!(message(&unknown).starts_with("frameworkKey: there is no framework with the key"), "{unknown}");
}

#[test]
fn a_line_of_a_bundle_without_a_status_keeps_that_of_a_record_that_exists() {
    let installation = installation(&["w"]);
    let line = |fields: &Value| format!("{}\n", json!({ "kind": "risk", "record": fields }));
    let risk = json!({ "riskKey": "R-1", "title": "One", "status": "accepted", "description": "First" });
    assert_eq!(counts(&import(&installation, "w", &line(&risk), &[])), [1, 0, 0, 0]);
    for without in
        [json!({ "riskKey": "R-1", "title": "One" }), json!({ "riskKey": "R-1", "title": "One", "status": null })]
    {
        import(&installation, "w", &line(&without), &[]);
        let expected = json!({ "riskKey": "R-1", "title": "One", "status": "accepted", "description": "" });
        assert_eq!(records(&installation, "risk"), [expected]);
    }
    let new = json!({ "riskKey": "R-2", "title": "Two" });
    assert_eq!(counts(&import(&installation, "w", &line(&new), &[])), [1, 0, 0, 0]);
    assert_eq!(records(&installation, "risk")[1]["status"], "draft");
}
