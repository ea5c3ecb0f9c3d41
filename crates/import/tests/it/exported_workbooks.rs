//! Tests of the workbooks of exported records.

use kernel::{Kind, Record as _};
use novantra_import::{
    RecordKind,
    bundle::{cells, table_header},
    table::{Mapping, MappingOptions, TableCell, TableRow, TimeZone, ValueOptions},
    xlsx::WorkbookWriter,
};
use registers::{CoverageLink, Indicator, Measurement, Release};
use serde_json::{Value, json};

use crate::xlsx::{cell, rows_of};

#[test]
fn equal_records_make_equal_workbooks() {
    let kind = RecordKind::of(Kind::Risk).unwrap();
    let bytes = || {
        let mut writer = WorkbookWriter::default();
        writer.add_sheet(kind).unwrap().add(&[json!("R-1"), json!("Title")]).unwrap();
        let mut bytes = Vec::new();
        writer.save(&mut bytes).unwrap();
        bytes
    };
    assert_eq!(bytes(), bytes());
    assert!(!bytes().windows(4).any(|window| window == b"2026"));
}

/// Writes the values as the only row of a sheet, and reads the sheet.
fn written(kind: Kind, values: &[Value]) -> Vec<TableRow> {
    let kind = RecordKind::of(kind).expect("a kind");
    let mut writer = WorkbookWriter::default();
    writer.add_sheet(kind).expect("a sheet").add(values).expect("a row");
    let mut bytes = Vec::new();
    writer.save(&mut bytes).expect("a workbook");
    rows_of(&bytes, Some(&kind.name()), None).expect("rows")
}

#[test]
fn texts_are_written_as_texts_whatever_they_look_like_and_numbers_and_dates_as_such() {
    let title = |title: &str| {
        let mut values = vec![Value::Null; table_header(RecordKind::of(Kind::Risk).unwrap()).len()];
        values[0] = json!("R-1");
        values[1] = json!(title);
        values
    };
    for title_text in [
        "=1+1",
        "'=x",
        "+1",
        "-1",
        "@a",
        " padded ",
        "_x0041_",
        "two  spaces",
        "a<&>\"b",
        "é🔓",
        "1e5",
        "a\u{fffe}b",
        "TRUE",
        "2026-03-31",
    ] {
        let rows = written(Kind::Risk, &title(title_text));
        assert_eq!(rows[1].cells, [cell("R-1"), cell(title_text)], "{title_text:?}");
    }
    let measurement = |value: &str| {
        written(Kind::Measurement, &[json!("KRI-1"), json!(value), json!("2026-05-01T00:00:00.001Z"), Value::Null])[1]
            .cells
            .clone()
    };
    let time = TableCell::Moment("2026-05-01T00:00:00.001Z".parse().unwrap());
    assert_eq!(measurement("94.5"), [cell("KRI-1"), TableCell::Number(94.5), time.clone()]);
    assert_eq!(measurement("-3.50"), [cell("KRI-1"), cell("-3.50"), time], "a spreadsheet would change it to -3.5");
    assert_eq!(measurement("1234567890123456")[1], cell("1234567890123456"));
    let early =
        written(Kind::Measurement, &[json!("KRI-1"), json!("1"), json!("1899-01-01T00:00:00.000Z"), Value::Null]);
    assert_eq!(early[1].cells[2], cell("1899-01-01T00:00:00.000Z"), "spreadsheets have no such date");
}

#[test]
fn a_row_that_was_written_is_read_as_the_same_record() {
    let key = |_: &novantra_import::ReferenceColumn, _: kernel::Ulid| Some("parent/key".to_owned());
    let examples = [
        (Kind::Measurement, cells(&Measurement::example(), key)),
        (Kind::CoverageLink, cells(&CoverageLink::example(), |_, _| None)),
        (Kind::Release, cells(&Release::example(), key)),
        (Kind::Indicator, cells(&Indicator::example(), key)),
    ];
    for (kind, cells) in examples {
        let values: Vec<Value> = cells.iter().map(|cell| cell.value.clone()).collect();
        let rows = written(kind, &values);
        // The times of a workbook that was written are in UTC, whatever zone other times are in.
        let values = ValueOptions { zone: TimeZone::parse("America/New_York").unwrap(), ..ValueOptions::default() };
        let options = MappingOptions { values, ..MappingOptions::default() };
        let mapping = Mapping::new(RecordKind::of(kind).unwrap(), &rows[0], &options);
        assert_eq!(mapping.errors(), [] as [String; 0]);
        let mut fields = mapping.read_row(&rows[1]).unwrap().draft.fields;
        fields.retain(|_, value| *value != json!([]));
        let expected = cells
            .into_iter()
            .filter(|cell| !cell.value.is_null() && cell.value != json!("") && cell.value != json!([]));
        assert_eq!(fields, expected.map(|cell| (cell.name, cell.value)).collect());
    }
}

#[test]
fn columns_are_as_wide_as_their_longest_lines_within_bounds() {
    let mut writer = WorkbookWriter::default();
    let mut sheet = writer.add_sheet(RecordKind::of(Kind::Control).unwrap()).unwrap();
    sheet
        .add(&[json!("C-1"), json!("A title of thirty characters.."), json!("x\ny".repeat(99)), json!("draft")])
        .unwrap();
    sheet.add(&[json!("C-2"), json!("Short"), json!("d".repeat(100)), json!("draft")]).unwrap();
    sheet.finish().unwrap();
    let mut bytes = Vec::new();
    writer.save(&mut bytes).unwrap();
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
    let mut sheet = String::new();
    std::io::Read::read_to_string(&mut archive.by_name("xl/worksheets/sheet1.xml").unwrap(), &mut sheet).unwrap();
    let widths: Vec<f64> =
        sheet.split("width=\"").skip(1).map(|rest| rest.split('"').next().unwrap().parse().unwrap()).collect();
    // The stated width of a column includes its padding.
    let expected = [12.0, 30.0, 60.0, 8.0];
    assert_eq!(widths.len(), 11, "{sheet}");
    assert!(
        widths.iter().zip(expected).all(|(width, expected)| (0.0..1.0).contains(&(width - expected))),
        "{widths:?}"
    );
}

#[test]
fn every_kind_has_a_sheet_of_its_own() {
    let mut writer = WorkbookWriter::default();
    for kind in RecordKind::all() {
        writer.add_sheet(kind).unwrap();
    }
    let mut bytes = Vec::new();
    writer.save(&mut bytes).unwrap();
    for kind in RecordKind::all() {
        let rows = rows_of(&bytes, Some(&kind.name()), None).unwrap();
        assert_eq!(rows.len(), 1);
        let mapping = Mapping::new(kind, &rows[0], &MappingOptions::default());
        assert_eq!(mapping.errors(), [] as [String; 0], "{}", kind.name());
        assert_eq!(mapping.fields_without_column(), [] as [String; 0], "{}", kind.name());
        assert_eq!(mapping.kept_columns(), [] as [usize; 0], "{}", kind.name());
    }
}
