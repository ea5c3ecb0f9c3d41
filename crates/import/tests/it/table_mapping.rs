//! Tests of the fields of columns, and of the records of rows.

use kernel::Kind;
use novantra_import::{
    RecordKind,
    csv::{CsvOptions, CsvRows, Delimiter, FailedRow},
    table::{DateOrder, Mapping, MappingOptions, TableCell, TableRow, TableRows as _, ValueMap, ValueOptions},
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
    let read = |row| mapping.read_row(row).map(|row| row.draft.fields.into()).map_err(|failure| failure.message);
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
        (
            "title,status",
            "",
            "no column has the field riskKey, by which a row finds its record: add it, or name its column with --map",
        ),
        (
            "riskKey,title",
            "titel=title",
            "--map titel=title: there is no field \"titel\"; the field comes first: field=column; the fields are riskKey, ",
        ),
        (
            "riskKey,Name",
            "title=Nome",
            "--map title=Nome: there is no column \"Nome\"; the columns are \"riskKey\" (A), \"Name\" (B)",
        ),
        ("riskKey,Name,name", "title=NAME", "several columns have this header: B, C"),
        ("riskKey,Name", "title=AMK", "--map title=AMK: there is no column \"AMK\""),
        ("riskKey,Name", "title=Name,title=riskKey", "--map title=riskKey: the field title is named twice"),
        ("riskKey,Name", "title=Name,description=Name", "--map description=Name: the column has another field already"),
    ];
    for (header, map, expected) in cases {
        let mapping = mapping(Kind::Risk, header, map, false);
        assert!(mapping.errors().iter().any(|error| error.contains(expected)), "{header}: {:?}", mapping.errors());
    }
    let several = mapping(Kind::Risk, "a,b", "", false);
    assert_eq!(several.errors().len(), 2, "unknown columns, and no key");
}

#[test]
fn a_parent_that_is_part_of_the_key_is_a_column_with_keys_or_with_identifiers() {
    let header = |reference: &str| format!("{reference},versionKey,versionLabel,sourceKind");
    for reference in ["frameworkKey", "Framework ID"] {
        assert_eq!(mapping(Kind::FrameworkVersion, &header(reference), "", false).errors(), [] as [String; 0]);
    }
    let missing = mapping(Kind::FrameworkVersion, &header("status"), "", false);
    assert!(missing.errors()[0].contains("no column has the field frameworkKey, "), "{:?}", missing.errors());
    let missing = mapping(Kind::CoverageLink, "nodeKey,targetModuleKey,targetResourceType,targetResourceId", "", false);
    assert!(missing.errors()[0].contains("no column has the field frameworkVersionKey"), "{:?}", missing.errors());
}

#[test]
fn a_record_keeps_what_a_row_leaves_empty_where_it_is_never_empty_and_a_new_one_needs_it() {
    let rows = table("findingKey,title,severity,description,status\nF-1,,,,\n,A,high,,\nF-2,A,High,,\n");
    let mapping = Mapping::new(kind(Kind::Finding), &rows[0], &MappingOptions::default());
    let row = mapping.read_row(&rows[1]).unwrap();
    let kept: Vec<&str> = row.kept_columns.iter().map(|index| kind(Kind::Finding).columns[*index].name).collect();
    for name in ["title", "severity", "status", "source_kind"] {
        assert!(kept.contains(&name), "{name}: {kept:?}");
    }
    assert!(!kept.contains(&"description"), "an empty cell of a field that may be empty clears it");
    assert_eq!(row.check().unwrap().missing_fields(), ["title", "severity", "sourceKind"]);
    let without_key = mapping.read_row(&rows[2]).unwrap_err().message;
    assert_eq!(without_key, "findingKey (column A): is required");
    assert_eq!(mapping.read_row(&rows[3]).unwrap().check().unwrap().missing_fields(), ["sourceKind"]);
}

#[test]
fn an_update_keeps_the_columns_that_the_table_does_not_have_and_a_subject_only_as_a_whole() {
    let names = |header: &str| -> Vec<&str> {
        let mapping = mapping(Kind::Risk, header, "", false);
        mapping.kept_columns().iter().map(|index| kind(Kind::Risk).columns[*index].name).collect()
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
        "riskKey (column A, \"Key of risk\"): must be 1 to 200 visible ASCII characters without spaces (the cell has \"R 1\"); \
         status (column C): must be one of: draft, identified, assessed, under-treatment, accepted, closed, archived (the cell \
         has \"Worrying\"); \
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
    assert_eq!(mapping.read_row(&rows[2]).unwrap().draft.fields["measuredValue"], "1.5");
}

#[test]
fn a_column_is_named_by_its_letters_whether_it_has_a_header_or_not_and_a_header_counts_first() {
    let rows = table("riskKey,,C,Notes\nR-1,One,First,x\n");
    let mapped = |map: &str| {
        let columns = MappingOptions::parse_columns(map).unwrap();
        let options = MappingOptions { columns, ignores_unknown: true, ..MappingOptions::default() };
        let mapping = Mapping::new(kind(Kind::Risk), &rows[0], &options);
        assert_eq!(mapping.errors(), [] as [String; 0]);
        mapping.read_row(&rows[1]).map(|row| row.draft.fields.into()).map_err(|failure| failure.message)
    };
    assert_eq!(
        mapped("title=B,description=C"),
        Ok(json!({ "riskKey": "R-1", "title": "One", "description": "First" }))
    );
    assert_eq!(mapped("title=B,description=D"), Ok(json!({ "riskKey": "R-1", "title": "One", "description": "x" })));
    let unnamed: Result<Value, String> = mapped("title=C");
    assert_eq!(unnamed, Err("column B has a value, but no header".to_owned()));
    let header = TableRow { cells: rows[0].cells[..1].to_vec(), ..rows[0].clone() };
    let columns = MappingOptions::parse_columns("title=C").unwrap();
    let beyond = Mapping::new(kind(Kind::Risk), &header, &MappingOptions { columns, ..MappingOptions::default() });
    assert_eq!(beyond.errors(), [] as [String; 0]);
    let row = TableRow {
        cells: vec![rows[1].cells[0].clone(), TableCell::Empty, rows[1].cells[1].clone()],
        ..rows[1].clone()
    };
    assert_eq!(beyond.read_row(&row).unwrap().draft.fields["title"], "One", "the header of a workbook may be shorter");
}

#[test]
fn values_of_a_table_stand_for_others_and_what_can_not_be_translated_is_refused() {
    let map = |text: &str| ValueMap::parse(text).unwrap();
    let with = |maps: &[&str], header: &str| {
        let value_maps = maps.iter().map(|text| map(text)).collect();
        Mapping::new(kind(Kind::Risk), &table(header)[0], &MappingOptions { value_maps, ..MappingOptions::default() })
    };
    let rows = table("riskKey,title,status\nR-1,One,open\nR-2,Two,\nR-3,Three, OPEN \nR-4,Four,Closed\n");
    let mapping = with(&["status:Open=Under treatment", "Status:=assessed"], "riskKey,title,status\n");
    assert_eq!(mapping.errors(), [] as [String; 0]);
    let statuses: Vec<Value> =
        rows[1..].iter().map(|row| mapping.read_row(row).unwrap().draft.fields["status"].clone()).collect();
    assert_eq!(statuses, ["under-treatment", "assessed", "under-treatment", "closed"]);
    assert_eq!(mapping.translated(&rows[3]).collect::<Vec<_>>(), [0]);
    assert_eq!(mapping.translated(&rows[4]).count(), 0);
    for (maps, header, expected) in [
        (
            &["state:Open=identified"][..],
            "riskKey,title,status\n",
            "there is no field \"state\"; the fields are riskKey, ",
        ),
        (&["id:1=2"], "riskKey,title,status\n", "there is no field \"id\""),
        (&["status:Open=identified"], "riskKey,title\n", "no column has the field status"),
        (&["status:Open=identfied"], "riskKey,title,status\n", "status must be one of: draft, identified, "),
        (&["status:Open=draft", "status:open=closed"], "riskKey,status\n", "the value is named twice"),
    ] {
        let mapping = with(maps, header);
        assert!(
            mapping.errors().iter().any(|error| error.starts_with("--map-value ") && error.contains(expected)),
            "{expected}: {:?}",
            mapping.errors()
        );
    }
    for text in ["status", "status:Open", "Open=identified", ":a=b"] {
        assert!(ValueMap::parse(text).is_err_and(|error| error.contains("write FIELD:VALUE=VALUE")), "{text}");
    }
}

#[test]
fn values_of_fields_that_only_the_server_sets_are_reported_unless_every_record_has_them() {
    let rows = table(
        "findingKey,title,Closed at,id,createdAt,Import error\nF-1,One,2026-01-01,find_1,2026-01-01,why\nF-2,Two,,,,\n",
    );
    let mapping = Mapping::new(kind(Kind::Finding), &rows[0], &MappingOptions::default());
    assert_eq!(mapping.errors(), [] as [String; 0]);
    assert_eq!(mapping.ignored_values(&rows[1]).collect::<Vec<_>>(), ["Closed at"]);
    assert_eq!(mapping.ignored_values(&rows[2]).count(), 0);
}

#[test]
fn values_of_a_column_whose_field_the_caller_gave_another_one_are_reported() {
    let rows = table("riskKey,Name,Title\nR-1,One,Eins\nR-2,Two,\n");
    let mapping = mapping(Kind::Risk, "riskKey,Name,Title", "title=Name", false);
    assert_eq!(mapping.errors(), [] as [String; 0]);
    assert_eq!(mapping.ignored_values(&rows[1]).collect::<Vec<_>>(), ["Title"]);
    assert_eq!(mapping.ignored_values(&rows[2]).count(), 0);
}

#[test]
fn usual_names_of_kinds_are_folded_as_other_names_are_and_other_kinds_stay_as_they_are() {
    let kinds = "vulnerabilityKey,vulnerabilityKind\nV-1,CVE\nV-2,Pen test finding\nV-3,Zero day\n";
    let read = records(Kind::Vulnerability, kinds, ValueOptions::default());
    let kinds: Vec<&Value> = read.iter().map(|record| &record.as_ref().unwrap()["vulnerabilityKind"]).collect();
    assert_eq!(kinds, ["cve", "pen-test-finding", "Zero day"]);
}

#[test]
fn failed_rows_are_written_as_a_table_that_is_read_as_the_same_rows() {
    let text = "\"a;b\",,Ref\n1,\"x,\"\"y\"\"\nz\",=cmd\nshort\n";
    let rows = table(text);
    let header = FailedRow::new(&rows[0]);
    for delimiter in [Delimiter::COMMA, Delimiter::SEMICOLON] {
        let written = header.header_line(4, delimiter)
            + &FailedRow::new(&rows[1]).line(4, "=reason", delimiter)
            + &FailedRow::new(&rows[2]).line(4, "why", delimiter);
        assert!(
            written.lines().all(|line| !line.starts_with('=')) && !written.contains(",=") && !written.contains(";=")
        );
        let read = table(&written);
        let mut expected = rows[0].cells.clone();
        expected.extend([TableCell::Empty, TableCell::Text("Import error".to_owned())]);
        assert_eq!(read[0].cells, expected, "{written}");
        assert_eq!(read[1].cells[..3], rows[1].cells, "{written}");
        assert!(read[2].fault.is_some(), "a row that was cut off fails again");
    }
    let faults = [
        (TableCell::Fault("has the error #REF!".to_owned()), "#ERROR!"),
        (TableCell::Percent(0.045), "4.5%"),
        (TableCell::Padded(123.0, 5), "00123"),
        (TableCell::Number(94.5), "94.5"),
    ];
    let cells = faults.iter().map(|(cell, _)| cell.clone()).collect();
    let shown = FailedRow::new(&TableRow { line: 2, cells, fault: None }).cells;
    assert_eq!(shown, faults.map(|(_, shown)| shown));
    let faulty = records(Kind::Risk, "riskKey,title\nR-1,#ERROR!\n", ValueOptions::default());
    assert!(faulty[0].as_ref().is_err_and(|error| error.contains("in place of a value that could not be used")));
}

#[test]
fn a_person_chooses_the_field_of_each_column_whatever_its_header_says() {
    let rows = table("Key,title,Title,createdAt\nRSK-1,Old,New,2026-01-01\n");
    let suggested = Mapping::suggested(kind(Kind::Risk), &rows[0]);
    assert_eq!(suggested, [None, Some("title".to_owned()), None, None], "the first title, and no field of the server");
    let chosen = Some(vec![Some("riskKey".to_owned()), None, Some("title".to_owned()), None]);
    let mapping = Mapping::new(kind(Kind::Risk), &rows[0], &MappingOptions { chosen, ..MappingOptions::default() });
    assert_eq!(mapping.errors(), [] as [&str; 0]);
    let fields: Vec<_> = mapping.columns().into_iter().map(|column| (column.letters, column.field)).collect();
    assert_eq!(fields[1], ("B".to_owned(), None));
    assert_eq!(mapping.read_row(&rows[1]).expect("a record").draft.fields["title"], "New");

    let wrong = [Some("title"), Some("title"), Some("dragon"), Some("id"), Some("status")];
    let chosen = Some(wrong.iter().map(|field| field.map(str::to_owned)).collect());
    let mapping = Mapping::new(kind(Kind::Risk), &rows[0], &MappingOptions { chosen, ..MappingOptions::default() });
    let errors = mapping.errors().join("\n");
    for expected in [
        "columns A and B both have the field title: choose one of them",
        "column C: there is no field \"dragon\" that a table can set",
        "column D: there is no field \"id\" that a table can set",
        "there is no column E, which has the field status",
        "riskKey, by which a row finds its record: choose its column",
    ] {
        assert!(errors.contains(expected), "{expected}: {errors}");
    }
}
