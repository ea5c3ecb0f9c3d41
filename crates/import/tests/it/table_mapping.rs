//! Tests of the fields of columns, and of the records of rows.

use kernel::Kind;
use novantra_import::{
    RecordKind,
    csv::{CsvOptions, CsvRows},
    table::{DateOrder, Mapping, MappingOptions, TableRow, TableRows as _, ValueOptions},
};
use serde_json::{Value, json};

fn kind(kind: Kind) -> &'static RecordKind {
    RecordKind::of(kind).expect("a kind")
}

fn table(text: &str) -> Vec<TableRow> {
    let mut rows = CsvRows::open(text.as_bytes(), CsvOptions::default()).expect("a file");
    let mut all = Vec::new();
    while let Some(row) = rows.next_row().expect("a row") {
        all.push(row);
    }
    all
}

fn mapping(of: Kind, header: &str, map: &str, ignores_unknown: bool) -> Mapping {
    let columns = if map.is_empty() { Vec::new() } else { MappingOptions::parse_columns(map).expect("a map") };
    Mapping::new(kind(of), &table(header)[0], &MappingOptions { columns, ignores_unknown, ..MappingOptions::default() })
}

/// The fields of each record, or the errors of its row.
fn records(of: Kind, text: &str, values: ValueOptions) -> Vec<Result<Value, String>> {
    let rows = table(text);
    let mapping = Mapping::new(kind(of), &rows[0], &MappingOptions { values, ..MappingOptions::default() });
    assert_eq!(mapping.errors(), [] as [String; 0]);
    let read = |row| mapping.read_row(row).map(|draft| draft.fields.into()).map_err(|failure| failure.message);
    rows[1..].iter().map(read).collect()
}

fn fields(mapping: &Mapping) -> Vec<String> {
    mapping.mapped().into_iter().map(|(_, field)| field).collect()
}

#[test]
fn columns_are_fields_in_any_spelling_and_what_the_server_sets_is_not_used() {
    let mapping = mapping(
        Kind::Risk,
        "Risk key,TITLE,risk_status,Status,Owner responsibility assignment ID,ID,created at",
        "",
        true,
    );
    assert_eq!(mapping.errors(), [] as [String; 0]);
    assert_eq!(fields(&mapping), ["riskKey", "title", "status", "ownerResponsibilityAssignmentId"]);
    assert_eq!(mapping.unused(), ["risk_status", "ID", "created at"]);
    assert_eq!(
        mapping.fields_without_column(),
        ["description", "subjectModuleKey", "subjectResourceType", "subjectResourceId", "subjectVersionId"]
    );
}

#[test]
fn a_caller_names_the_fields_of_other_columns() {
    let mapping = mapping(
        Kind::Risk,
        "Ref,Name,\"Impact, financial\",Title",
        "riskKey=ref,title=Name,description=Impact, financial",
        false,
    );
    assert_eq!(mapping.errors(), [] as [String; 0]);
    assert_eq!(
        mapping.mapped(),
        [("Ref", "riskKey"), ("Name", "title"), ("Impact, financial", "description")]
            .map(|(column, field)| (column.to_owned(), field.to_owned()))
    );
    assert_eq!(mapping.unused(), ["Title"], "the caller has chosen another column");
    assert!(MappingOptions::parse_columns("title").is_err());
    assert!(MappingOptions::parse_columns("=x").is_err());
}

#[test]
fn a_header_that_does_not_fit_is_refused_with_all_its_faults() {
    let cases = [
        (
            "riskKey,title,Notes",
            "",
            "no field of a risk has the name of these columns: \"Notes\" (C); the fields are riskKey, title, ",
        ),
        (
            "riskKey,title,Title",
            "",
            "columns B and C both have the field title: rename one of them, or choose with --map title=COLUMN",
        ),
        ("riskKey,status", "", "no column has the required fields title: add them"),
        (
            "riskKey,title",
            "titel=title",
            "--map titel=title: there is no field \"titel\"; the field comes first: field=column; the fields are riskKey, ",
        ),
        (
            "riskKey,Name",
            "title=Nome",
            "--map title=Nome: there is no column \"Nome\"; the columns are \"riskKey\", \"Name\"",
        ),
        ("riskKey,Name,name", "title=NAME", "several columns have this header: B, C"),
        ("riskKey,Name", "title=Name,title=riskKey", "--map title=riskKey: the field title is named twice"),
        ("riskKey,Name", "title=Name,description=Name", "--map description=Name: the column has another field already"),
    ];
    for (header, map, expected) in cases {
        let mapping = mapping(Kind::Risk, header, map, false);
        assert!(mapping.errors().iter().any(|error| error.contains(expected)), "{header}: {:?}", mapping.errors());
    }
    let several = mapping(Kind::Risk, "a,b", "", false);
    assert_eq!(several.errors().len(), 2, "unknown columns, and missing fields");
}

#[test]
fn a_required_reference_is_a_column_with_keys_or_with_identifiers() {
    let header = |reference: &str| format!("{reference},versionKey,versionLabel,sourceKind");
    for reference in ["frameworkKey", "Framework ID"] {
        assert_eq!(mapping(Kind::FrameworkVersion, &header(reference), "", false).errors(), [] as [String; 0]);
    }
    let missing = mapping(Kind::FrameworkVersion, &header("status"), "", false);
    assert!(missing.errors()[0].contains("required fields frameworkId"), "{:?}", missing.errors());
}

#[test]
fn an_update_keeps_the_columns_that_the_table_does_not_have_and_a_subject_only_as_a_whole() {
    let names = |header: &str| -> Vec<&str> {
        let kept = mapping(Kind::Risk, header, "", false).kept_columns();
        kept.into_iter().map(|index| kind(Kind::Risk).columns[index].name).collect()
    };
    let subject = ["subject_module_key", "subject_resource_type", "subject_resource_id", "subject_version_id"];
    let others = ["description", "status", "owner_responsibility_assignment_id"];
    assert_eq!(names("riskKey,title"), [&others[..2], &subject, &others[2..]].concat());
    assert_eq!(names("riskKey,title,subjectModuleKey,subjectResourceType,subjectResourceId"), others);
}

#[test]
fn values_are_read_as_spreadsheets_write_them() {
    let values = ValueOptions { date_order: Some(DateOrder::DayFirst), ..ValueOptions::default() };
    let text = "Package key,Submission requirement key,Title,Due at,Status\n\
        P-1,REQ-1,Report,3/4/2026,In review\nP-2,REQ-1,Report,,\n";
    assert_eq!(
        records(Kind::SubmissionPackage, text, values),
        [
            Ok(json!({
                "packageKey": "P-1", "submissionRequirementKey": "REQ-1", "title": "Report",
                "dueAt": "2026-04-03T00:00:00.000Z", "status": "in_review",
            })),
            Ok(json!({ "packageKey": "P-2", "submissionRequirementKey": "REQ-1", "title": "Report" })),
        ]
    );
    let releases =
        "releaseKey,title,changeRequestKeys\nR-1,One,CHG-1; CHG-2\nR-2,Two,chreq_01KSFQEHQ80000000000000002\n";
    let read = records(Kind::Release, releases, ValueOptions::default());
    assert_eq!(read[0].as_ref().unwrap()["changeRequestKeys"], json!(["CHG-1", "CHG-2"]));
    assert_eq!(read[1].as_ref().unwrap()["changeRequestIds"], json!(["chreq_01KSFQEHQ80000000000000002"]));
}

#[test]
fn all_errors_of_a_row_name_their_field_and_their_column() {
    let text = "Key of risk,Name,status,Owner,subjectModuleKey\nR 1,,Worrying,x,risks\n";
    let rows = table(text);
    let columns = MappingOptions::parse_columns("riskKey=Key of risk,title=Name").unwrap();
    let options = MappingOptions { columns, ignores_unknown: true, ..MappingOptions::default() };
    let failure = Mapping::new(kind(Kind::Risk), &rows[0], &options).read_row(&rows[1]).unwrap_err();
    assert_eq!((failure.position.line, failure.key.as_deref()), (2, Some("R 1")));
    assert_eq!(
        failure.message,
        "riskKey (column A, \"Key of risk\"): must be 1 to 200 visible ASCII characters without spaces; \
         title (column B, \"Name\"): is required; \
         status (column C): must be one of: draft, identified, assessed, under-treatment, accepted, closed, archived; \
         subjectResourceType: a subject has a module key, a resource type and a resource id, or none of them"
    );
}

#[test]
fn a_cell_that_is_refused_is_not_missing_and_values_need_a_header() {
    let text = "indicatorDefinitionKey,measuredValue,measuredAt,\nKRI-1,\"1,234\",3/4/2026,x\n";
    let message = records(Kind::Measurement, text, ValueOptions::default())[0].clone().unwrap_err();
    assert!(message.starts_with("measuredValue (column B): is ambiguous: "), "{message}");
    assert!(message.contains("; measuredAt (column C): is ambiguous: "), "{message}");
    assert!(message.contains("; column D has a value, but no header"), "{message}");
    assert!(!message.contains("is required"), "{message}");
}

#[test]
fn numbers_with_a_point_are_ambiguous_where_cells_are_separated_by_semicolons() {
    let rows = table("indicatorDefinitionKey;measuredValue;measuredAt\nKRI-1;1.234;2026-01-01\nKRI-1;1,5;2026-01-02\n");
    let values = ValueOptions { has_local_numbers: true, ..ValueOptions::default() };
    let options = MappingOptions { values, ..MappingOptions::default() };
    let mapping = Mapping::new(kind(Kind::Measurement), &rows[0], &options);
    assert!(mapping.read_row(&rows[1]).unwrap_err().message.contains("--decimal point or --decimal comma"));
    assert_eq!(mapping.read_row(&rows[2]).unwrap().fields["measuredValue"], "1.5");
}
