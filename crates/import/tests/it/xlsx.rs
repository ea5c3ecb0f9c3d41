//! Tests of the rows of workbooks.

use std::io::{Cursor, Write as _};

use kernel::Timestamp;
use novantra_import::{
    table::{TableCell, TableError, TableRow, TableRows as _},
    xlsx::Workbook,
};
use proptest::prelude::*;
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

/// A sheet: its name, its state, and the content of its `worksheet`.
type Sheet<'s> = (&'s str, &'s str, String);

const NAMESPACES: &str = r#"xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships""#;

/// The parts of a workbook, in which style 1 is a date and style 2 is a duration.
fn parts(sheets: &[Sheet<'_>], is_1904: bool, shared: &[&str]) -> Vec<(String, Vec<u8>)> {
    let relationship = |id: &str, kind: &str, target: &str| {
        format!(
            r#"<Relationship Id="{id}" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/{kind}" Target="{target}"/>"#
        )
    };
    let relationships = |inner: String| {
        format!(
            r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{inner}</Relationships>"#
        )
    };
    let numbered = || (1..).zip(sheets);
    let listed: String = numbered()
        .map(|(number, (name, state, _))| {
            format!(r#"<sheet name="{name}" sheetId="{number}" state="{state}" r:id="s{number}"/>"#)
        })
        .collect();
    let targets: String = numbered()
        .map(|(number, _)| relationship(&format!("s{number}"), "worksheet", &format!("worksheets/sheet{number}.xml")))
        .collect();
    let styles = format!(
        r#"<styleSheet {NAMESPACES}><numFmts count="1"><numFmt numFmtId="164" formatCode="[h]:mm:ss"/></numFmts><cellXfs count="3"><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="164"/></cellXfs></styleSheet>"#
    );
    let texts: String = shared.iter().map(|text| format!("<si><t xml:space=\"preserve\">{text}</t></si>")).collect();
    let mut parts = vec![
        ("[Content_Types].xml".to_owned(), "<Types/>".to_owned()),
        ("_rels/.rels".to_owned(), relationships(relationship("r1", "officeDocument", "xl/workbook.xml"))),
        (
            "xl/workbook.xml".to_owned(),
            format!(
                r#"<workbook {NAMESPACES}><workbookPr date1904="{}"/><sheets>{listed}</sheets></workbook>"#,
                u8::from(is_1904)
            ),
        ),
        ("xl/_rels/workbook.xml.rels".to_owned(), relationships(targets)),
        ("xl/styles.xml".to_owned(), styles),
        ("xl/sharedStrings.xml".to_owned(), format!("<sst {NAMESPACES}>{texts}</sst>")),
    ];
    for (number, (_, _, content)) in numbered() {
        parts.push((
            format!("xl/worksheets/sheet{number}.xml"),
            format!("<worksheet {NAMESPACES}>{content}</worksheet>"),
        ));
    }
    parts.into_iter().map(|(name, content)| (name, content.into_bytes())).collect()
}

fn archive(parts: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in parts {
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        zip.start_file(name.as_str(), options).expect("a part");
        zip.write_all(content).expect("a part");
    }
    zip.finish().expect("an archive").into_inner()
}

fn workbook(sheets: &[Sheet<'_>]) -> Vec<u8> {
    archive(&parts(sheets, false, &["Shared", " padded "]))
}

fn data(rows: &str) -> String {
    format!("<sheetData>{rows}</sheetData>")
}

fn text(reference: &str, text: &str) -> String {
    format!(r#"<c r="{reference}" t="inlineStr"><is><t>{text}</t></is></c>"#)
}

pub(crate) fn rows_of(
    bytes: &[u8],
    sheet: Option<&str>,
    header_row: Option<usize>,
) -> Result<Vec<TableRow>, TableError> {
    let mut workbook = Workbook::open(Cursor::new(bytes))?;
    let sheet = workbook.find_sheet(sheet, "risk")?;
    let mut rows = workbook.rows(&sheet, header_row)?;
    let mut all = Vec::new();
    while let Some(row) = rows.next_row()? {
        all.push(row);
    }
    assert_eq!(rows.next_row()?, None, "the end stays the end");
    Ok(all)
}

fn error(bytes: &[u8]) -> String {
    rows_of(bytes, None, None).expect_err("an error").to_string()
}

pub(crate) fn cell(text: &str) -> TableCell {
    TableCell::Text(text.to_owned())
}

fn fault(cell: &TableCell) -> &str {
    if let TableCell::Fault(reason) = cell { reason } else { panic!("{cell:?} is no fault") }
}

#[test]
fn cells_have_texts_numbers_truth_values_and_dates_of_both_date_systems() {
    let content = data(
        r#"<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c></row>
        <row r="3"><c r="A3"><v>94.5</v></c><c r="B3" t="b"><v>1</v></c><c r="D3" s="1"><v>46112.5</v></c><c r="E3" t="str"><f>A1</f><v>cached</v></c><c r="F3" t="d"><v>2026-03-31</v></c></row>"#,
    );
    let expect = |date: &str| {
        let date = TableCell::Date(date.parse::<Timestamp>().unwrap());
        let third = vec![
            TableCell::Number(94.5),
            TableCell::Boolean(true),
            TableCell::Empty,
            date,
            cell("cached"),
            cell("2026-03-31"),
        ];
        vec![(1, vec![cell("Shared"), cell(" padded ")]), (3, third)]
    };
    for (is_1904, date) in [(false, "2026-03-31T12:00:00Z"), (true, "2030-04-01T12:00:00Z")] {
        let bytes = archive(&parts(&[("Risks", "visible", content.clone())], is_1904, &["Shared", " padded "]));
        let rows = rows_of(&bytes, None, None).unwrap();
        assert_eq!(rows.into_iter().map(|row| (row.line, row.cells)).collect::<Vec<_>>(), expect(date));
    }
}

#[test]
fn formulas_without_values_error_values_durations_and_impossible_dates_are_faults_of_their_cells() {
    let content = data(
        r##"<row r="1"><c r="A1"><f>1+1</f></c><c r="B1" t="e"><f>A9</f><v>#REF!</v></c><c r="C1" s="2"><v>1.5</v></c><c r="D1" s="1"><v>60</v></c><c r="E1" s="1"><v>0.5</v></c><c r="F1"><f>2+2</f><v>4</v></c></row>"##,
    );
    let rows = rows_of(&workbook(&[("Risks", "visible", content)]), None, None).unwrap();
    let cells = &rows[0].cells;
    assert!(fault(&cells[0]).starts_with("has a formula without a value: open the file"));
    assert_eq!(fault(&cells[1]), "has the error #REF!: correct its formula");
    assert!(fault(&cells[2]).starts_with("is a duration"));
    assert_eq!(fault(&cells[3]), "is 1900-02-29, which was no day");
    assert_eq!(fault(&cells[4]), "is a time without a date");
    assert_eq!(cells[5], TableCell::Number(4.0));
    let unknown = data(r##"<row r="1"><c r="A1" t="e"><v>#SPILL!</v></c></row>"##);
    assert!(error(&workbook(&[("Risks", "visible", unknown)])).contains("has the error #SPILL!"));
}

#[test]
fn rows_without_values_are_passed_over_however_many_they_are() {
    let mut rows = format!(r#"<row r="1">{}</row>"#, text("A1", "title"));
    for number in 2..200_000 {
        rows.push_str(&format!(
            r#"<row r="{number}"><c r="A{number}" s="1"/><c r="B{number}" t="inlineStr"><is><t> </t></is></c></row>"#
        ));
    }
    rows.push_str(&format!(r#"<row r="200000">{}</row>"#, text("A200000", "last")));
    let rows = rows_of(&workbook(&[("Risks", "visible", data(&rows))]), None, None).unwrap();
    assert_eq!(rows.iter().map(|row| row.line).collect::<Vec<_>>(), [1, 200_000]);
}

#[test]
fn a_number_that_its_format_shows_as_another_value_is_another_cell() {
    let content = data(
        r#"<row r="1"><c r="A1" s="3"><v>0.045</v></c><c r="B1" s="4"><v>123</v></c><c r="C1" s="4"><v>123456</v></c><c r="D1"><v>0.5</v></c></row>
        <row r="2"><c r="A2" s="3"><v>1</v></c><c r="B2" s="3" t="s"><v>0</v></c></row>"#,
    );
    let mut parts = parts(&[("Risks", "visible", content)], false, &["Shared"]);
    let styles = parts.iter_mut().find(|(name, _)| name == "xl/styles.xml").unwrap();
    styles.1 = format!(
        r#"<styleSheet {NAMESPACES}><numFmts count="1"><numFmt numFmtId="165" formatCode="00000"/></numFmts><cellXfs count="5"><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="0"/><xf numFmtId="10"/><xf numFmtId="165"/></cellXfs></styleSheet>"#
    )
    .into_bytes();
    let rows = rows_of(&archive(&parts), None, None).unwrap();
    let number = TableCell::Number;
    assert_eq!(rows[0].cells, [TableCell::Percent(0.045), TableCell::Padded(123.0, 5), number(123_456.0), number(0.5)]);
    assert_eq!(rows[1].cells, [TableCell::Percent(1.0), cell("Shared")]);
}

#[test]
fn merged_cells_are_named_and_only_the_first_has_the_value() {
    let content = data(&format!(
        r#"<row r="1">{}{}</row><row r="2">{}{}</row><row r="3">{}</row>"#,
        text("A1", "riskKey"),
        text("B1", "title"),
        text("A2", "R-1"),
        text("B2", "Both"),
        text("A3", "R-2")
    )) + r#"<mergeCells count="3"><mergeCell ref="C5:D6"/><mergeCell ref="B2:B3"/><mergeCell ref="A1:A1"/></mergeCells>"#;
    let bytes = workbook(&[("Risks", "visible", content)]);
    let rows = rows_of(&bytes, None, None).unwrap();
    assert_eq!(rows[2].cells, [cell("R-2")]);
    let mut workbook = Workbook::open(Cursor::new(&bytes)).unwrap();
    let warning = workbook.merged_cells("Risks", None).unwrap();
    let expected = "the cells B2:B3, C5:D6 are merged: the first of each range has its value, and the others are read as empty cells";
    assert_eq!(warning.as_deref(), Some(expected), "in the order of the rows");
    assert_eq!(workbook.merged_cells("Risks", Some(7)).unwrap(), None, "above the header");
    let ranges: String = (1..=30).map(|row| format!(r#"<mergeCell ref="A{row}:B{row}"/>"#)).collect();
    let many = super::xlsx::workbook(&[("Risks", "visible", data("") + &format!("<mergeCells>{ranges}</mergeCells>"))]);
    let warning = Workbook::open(Cursor::new(&many)).unwrap().merged_cells("Risks", None).unwrap().unwrap();
    assert!(warning.contains("A20:B20 and 10 more ranges are merged"), "{warning}");
}

#[test]
fn the_sheet_is_the_named_one_or_that_of_the_kind_or_the_only_visible_one_with_rows() {
    let with = |value: &str| data(&format!(r#"<row r="1">{}</row>"#, text("A1", value)));
    let first = |bytes: &[u8], sheet: Option<&str>| rows_of(bytes, sheet, None).map(|rows| rows[0].cells[0].clone());
    let one =
        workbook(&[("Notes", "visible", data("")), ("Old", "hidden", with("old")), ("Data", "visible", with("data"))]);
    assert_eq!(first(&one, None).unwrap(), cell("data"));
    assert_eq!(first(&one, Some("old")).unwrap(), cell("old"), "a hidden sheet that is named");
    assert_eq!(
        first(&one, Some("Dada")).unwrap_err().to_string(),
        "there is no sheet \"Dada\"; the sheets are \"Notes\", \"Old\" (hidden), \"Data\""
    );
    let several = workbook(&[("a", "visible", with("a")), ("b", "visible", with("b"))]);
    assert_eq!(
        first(&several, None).unwrap_err().to_string(),
        "several sheets have rows: name one with --sheet; they are \"a\", \"b\""
    );
    let of_kind = workbook(&[("a", "visible", with("a")), ("risk", "visible", with("r"))]);
    assert_eq!(first(&of_kind, None).unwrap(), cell("r"));
    let none = workbook(&[("a", "visible", data("")), ("b", "veryHidden", with("b"))]);
    assert!(error(&none).starts_with("no visible sheet has rows; the sheets are \"a\", \"b\" (hidden)"));
    let titled = workbook(&[(
        "a",
        "visible",
        data(&format!(r#"<row r="1">{}</row><row r="4">{}</row>"#, text("A1", "Register"), text("A4", "title"))),
    )]);
    assert_eq!(rows_of(&titled, None, Some(2)).unwrap()[0].cells, [cell("title")]);
}

#[test]
fn files_that_are_no_workbooks_are_refused_in_words() {
    let old = [0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1];
    let name: Vec<u8> = "EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let named =
        |names: &[&str]| archive(&names.iter().map(|name| ((*name).to_owned(), b"x".to_vec())).collect::<Vec<_>>());
    let whole = workbook(&[("Risks", "visible", data(""))]);
    let mut damaged = whole.clone();
    damaged[60] ^= 0xff;
    for (bytes, expected) in [
        (Vec::new(), "the file is empty"),
        (b"riskKey,title\n".to_vec(), "use `novantra import csv`"),
        ([&old[..], &[0; 600]].concat(), "an old version of Excel (.xls)"),
        ([&old[..], &[0; 600], &name[..]].concat(), "encrypted with a password"),
        (named(&["mimetype", "content.xml"]), "OpenDocument"),
        (named(&["xl/workbook.bin"]), "binary workbook (.xlsb)"),
        (named(&["a.txt"]), "no workbook"),
        (whole[..whole.len() - 30].to_vec(), "cut off or damaged"),
        (whole[..whole.len() / 2].to_vec(), "cut off or damaged"),
        (damaged, "cut off or damaged"),
    ] {
        assert!(error(&bytes).contains(expected), "{expected}: {}", error(&bytes));
    }
}

#[test]
fn an_archive_that_unpacks_to_too_much_is_refused_before_it_is_read() {
    let with = |name: &str, content: Vec<u8>| {
        let mut parts = parts(&[("Risks", "visible", data(""))], false, &[]);
        parts.retain(|(other, _)| other != name);
        parts.push((name.to_owned(), content));
        archive(&parts)
    };
    let tags = format!("<a>{}</a>", " ".repeat(100_000)).repeat(200).into_bytes();
    let runs = format!("<sheetData><c><is>{}</is></c></sheetData>", "<r><t>x</t></r>".repeat(1 << 19)).into_bytes();
    for (bytes, expected) in [
        (with("xl/worksheets/sheet1.xml", tags.clone()), "unpacks to more than 250 times its size, as an attack does"),
        (with("xl/styles.xml", tags.clone()), "the part xl/styles.xml of the workbook unpacks to more than 16 MiB"),
        (with("xl/worksheets/sheet1.xml", b"x".repeat(5 * 1024 * 1024)), "has a text of more than 4 MiB"),
        (with("xl/worksheets/sheet1.xml", b">".repeat(5 * 1024 * 1024)), "has a text of more than 4 MiB"),
        (with("xl/sharedStrings.xml", b"<si/>".repeat(2_000_001)), "has more than 2000000 elements \"si\""),
        (with("xl/worksheets\\SHAREDSTRINGS.xml", b"<si/>".repeat(2_000_001)), "has more than 2000000 elements \"si\""),
        (
            with("xl/sharedStrings.xml", br#"<sst uniqueCount="18446744073709551615"></sst>"#.to_vec()),
            "states that it has more than 2000000 texts",
        ),
        (with("xl/worksheets/sheet1.xml", runs), "has a text of more than 4 MiB"),
    ] {
        assert!(error(&bytes).contains(expected), "{expected}: {}", error(&bytes));
    }
    let sheet = || (" ".repeat(1000) + "<a/>").repeat(600).into_bytes();
    let several = [("xl/worksheets/sheet1.xml", sheet()), ("xl/worksheets/sheet2.xml", sheet())];
    let mut parts_of_several = parts(&[("Risks", "visible", data(""))], false, &[]);
    parts_of_several.retain(|(name, _)| name != several[0].0);
    parts_of_several.extend(several.map(|(name, content)| (name.to_owned(), content)));
    let several = archive(&parts_of_several);
    let within = |max| Workbook::open_within(Cursor::new(&several), max).err().map(|error| error.to_string());
    let refused = within(1024 * 1024).unwrap();
    assert!(refused.starts_with("the workbook unpacks to more than 1 MiB"), "{refused}");
    assert_eq!(within(4 * 1024 * 1024), None);
    let whole = archive(&parts(&[("Risks", "visible", data(""))], false, &[]));
    let end = whole.windows(4).rposition(|window| window == b"PK\x05\x06").unwrap();
    let mut stated = whole.clone();
    stated[end + 10..end + 12].copy_from_slice(&[0x11, 0x27]);
    assert!(error(&stated).contains("has 10001 parts"), "by its end alone: {}", error(&stated));
    let mut large_end = [b"PK\x06\x06".to_vec(), vec![0; 52]].concat();
    large_end[32..37].copy_from_slice(&[0, 0, 0, 0, 1]);
    let position = u64::try_from(end).unwrap().to_le_bytes();
    let locator = [&b"PK\x06\x07"[..], &[0; 4], &position, &[1, 0, 0, 0]].concat();
    let large = [&whole[..end], &large_end, &locator, &whole[end..]].concat();
    assert!(error(&large).contains("has 4294967296 parts"), "{}", error(&large));
    let many: Vec<(String, Vec<u8>)> = (0..10_001).map(|number| (format!("{number}"), Vec::new())).collect();
    assert!(error(&archive(&many)).contains("has 10001 parts"));
    let wide = data(r#"<row r="1"><c r="AMK1"><v>1</v></c></row>"#);
    assert!(
        error(&workbook(&[("Risks", "visible", wide)]))
            .contains("the cell AMK1 has a value, and only 1024 columns are read")
    );
}

#[test]
fn damaged_sheets_are_refused_or_read_but_never_end_the_program() {
    let sheet = |content: &str| workbook(&[("Risks", "visible", content.to_owned())]);
    for (content, expected) in [
        (data(r#"<row r="1"><c r="A99999999999999999999"><v>1</v></c></row>"#), "damaged"),
        (data(r#"<row r="3000000"><c><v>1</v></c></row>"#), "the workbook is damaged: it has a row 3000000"),
        (data(r#"<row r="0"><c r="A0"><v>1</v></c></row>"#), "damaged"),
        (
            data(r#"<row r="2"><c r="A2"><v>1</v></c></row><row r="1"><c r="A1"><v>1</v></c></row>"#),
            "row 1 comes after row 2",
        ),
        (data(r#"<row r="1"><c r="A1" t="s"><v>99</v></c></row>"#), "damaged"),
        (data(r#"<row r="1"><c r="A1" t="unknown"><v>1</v></c></row>"#), "damaged"),
        (data(&r#"<row r="1"><c r="A1">"#.repeat(10_000)), "damaged"),
        (data(r#"<row r="1"><c r="A1" t="inlineStr"><is><t>&unknown;</t></is></c></row>"#), "damaged"),
        (r#"<sheetData><row r="1"><c r="A1"#.to_owned(), "damaged"),
        (String::new(), "damaged"),
    ] {
        assert!(error(&sheet(&content)).contains(expected), "{content:.100}: {}", error(&sheet(&content)));
    }
    let reversed =
        data(r#"<row r="1"><c r="A1"><v>1</v></c></row>"#) + r#"<mergeCells><mergeCell ref="B5:A1"/></mergeCells>"#;
    let mut workbook = Workbook::open(Cursor::new(sheet(&reversed))).unwrap();
    assert!(workbook.merged_cells("Risks", None).unwrap().is_some());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_workbook_of_which_bytes_are_changed_is_refused_or_read(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20), part in 2..7_usize) {
        let content = data(&format!(r#"<row r="1">{}<c r="B1" s="1"><v>46112</v></c><c r="C1" t="s"><v>0</v></c></row><row r="2">{}</row>"#, text("A1", "riskKey"), text("A2", "R-1")));
        let mut parts = parts(&[("Risks", "visible", content)], false, &["Shared"]);
        let bytes = &mut parts[part].1;
        for (index, byte) in changes {
            let index = index.index(bytes.len());
            bytes[index] = byte;
        }
        let _ = rows_of(&archive(&parts), None, None);
    }
}
