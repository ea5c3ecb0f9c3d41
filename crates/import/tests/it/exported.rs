//! Tests of the lines and rows that records are exported as.

use kernel::{Record as _, Ulid};
use novantra_import::{
    RecordKind,
    bundle::{Cell, cells, csv_header, csv_line, json_line, read_line},
};
use registers::{CoverageLink, Indicator, Release};
use serde_json::{Value, json};

fn cell(value: Value) -> Vec<Cell> {
    vec![Cell { name: "title".to_owned(), value }]
}

#[test]
fn a_line_has_references_by_key_and_neither_nulls_nor_what_only_the_server_sets() {
    let kind = RecordKind::of(kernel::Kind::Indicator).unwrap();
    let line = json_line(kind, &cells(&Indicator::example(), |_, _| None));
    assert_eq!(
        line,
        "{\"kind\":\"indicator\",\"record\":{\"indicatorKey\":\"KRI-phishing-rate\",\
        \"title\":\"Employees who follow a simulated phishing link\",\"indicatorKind\":\"kri\",\"status\":\"active\",\
        \"subjectModuleKey\":\"risks\",\"subjectResourceType\":\"risk\",\"subjectResourceId\":\"risk_01KSFQEHQ80000000000000002\",\
        \"targetValue\":\"2\",\"thresholdValue\":\"5\",\"unit\":\"%\"}}\n"
    );
    let link = cells(&CoverageLink::example(), |reference, _| Some(format!("key of {}", reference.target.name())));
    let names: Vec<&str> = link.iter().map(|cell| cell.name.as_str()).collect();
    assert_eq!(names[..2], ["frameworkVersionKey", "nodeKey"]);
    assert_eq!(link[1].value, "key of framework_node");
}

#[test]
fn a_reference_to_a_record_that_is_gone_is_an_identifier() {
    let release = Release::example();
    let gone = |_: &novantra_import::ReferenceColumn, _: Ulid| None;
    let cell = cells(&release, gone).into_iter().find(|cell| cell.name.starts_with("changeRequest")).unwrap();
    assert_eq!(cell.name, "changeRequestIds");
    assert_eq!(cell.value, json!(["chreq_01KSFQEHQ80000000000000002"]));
}

#[test]
fn an_exported_line_is_read_as_the_same_record() {
    let kind = RecordKind::of(kernel::Kind::Release).unwrap();
    let line = json_line(kind, &cells(&Release::example(), |_, _| Some("CHG-1".to_owned())));
    let draft = read_line(line.as_bytes(), 1).unwrap();
    let ids = [Release::example().change_request_ids.ulids().to_vec()];
    assert_eq!(draft.into_record::<Release>(&ids).unwrap(), Release::example());
}

#[test]
fn a_table_has_a_column_for_each_field_that_a_file_can_have() {
    let kind = RecordKind::of(kernel::Kind::Measurement).unwrap();
    assert_eq!(csv_header(kind), "indicatorDefinitionKey,measuredValue,measuredAt,sourceReference\r\n");
}

#[test]
fn a_spreadsheet_computes_no_cell_of_a_table() {
    for start in ["=1+1", "+1+1", "-1+1", "@SUM(1)", "-", "+1", " =1", "\u{a0}+1", "＝1+1", "＋1", "－1+1", "＠SUM(1)"]
    {
        assert_eq!(csv_line(&cell(json!(start))), format!("'{start}\r\n"));
    }
    for start in ["\rx", "\tx", "\n=1"] {
        assert!(csv_line(&cell(json!(start))).starts_with("\"'"), "{start:?}");
    }
    // Where cells are separated by semicolons, these are the beginnings of further cells, even within quotes.
    assert_eq!(csv_line(&cell(json!("x;=HYPERLINK(1)"))), "\"x;'=HYPERLINK(1)\"\r\n");
    assert_eq!(csv_line(&cell(json!("x\n- y\t@z"))), "\"x\n'- y\t'@z\"\r\n");
    for harmless in ["-3.5", "-1", "a=1", "", "'x", "a - b"] {
        assert_eq!(csv_line(&cell(json!(harmless))), format!("{harmless}\r\n"));
    }
}

#[test]
fn cells_with_commas_quotes_and_line_ends_are_quoted() {
    assert_eq!(csv_line(&cell(json!("a,b"))), "\"a,b\"\r\n");
    assert_eq!(csv_line(&cell(json!("say \"hi\"\nand go"))), "\"say \"\"hi\"\"\nand go\"\r\n");
    assert_eq!(csv_line(&cell(json!(["a", "b"]))), "\"[\"\"a\"\",\"\"b\"\"]\"\r\n");
    assert_eq!(csv_line(&[cell(Value::Null), cell(json!(7))].concat()), ",7\r\n");
}
