//! Tests of the rows of CSV files.

use std::io::{self, Read};

use novantra_import::{
    csv::{CsvOptions, CsvRows, Delimiter, TextEncoding, written_row},
    table::{MAX_ROW_LENGTH, TableCell, TableError, TableRow, TableRows as _, disarmed},
};
use proptest::prelude::*;

fn rows_with(bytes: impl Read, options: CsvOptions) -> Result<Vec<TableRow>, TableError> {
    let mut rows = CsvRows::open(bytes, options)?;
    let mut all = Vec::new();
    while let Some(row) = rows.next_row()? {
        all.push(row);
    }
    Ok(all)
}

fn rows(bytes: &[u8]) -> Result<Vec<TableRow>, TableError> {
    rows_with(bytes, CsvOptions::default())
}

/// The texts of the cells of each row.
fn texts(rows: &[TableRow]) -> Vec<Vec<&str>> {
    let text = |cell| match cell {
        &TableCell::Empty => "",
        TableCell::Text(text) => text.as_str(),
        other => panic!("{other:?} is no text"),
    };
    rows.iter().map(|row| row.cells.iter().map(text).collect()).collect()
}

fn error(bytes: &[u8]) -> String {
    rows(bytes).expect_err("an error").to_string()
}

#[test]
fn quoted_cells_may_have_delimiters_quotes_and_line_ends_and_rows_know_their_lines() {
    let rows = rows(b"key,title\r\nR-1,\"a, \"\"b\"\"\r\nc\"\r\nR-2,5\" disk\n\"R-3\",\"\"\rR-4,x").unwrap();
    assert_eq!(
        texts(&rows),
        [["key", "title"], ["R-1", "a, \"b\"\r\nc"], ["R-2", "5\" disk"], ["R-3", ""], ["R-4", "x"]]
    );
    assert_eq!(rows.iter().map(|row| row.line).collect::<Vec<_>>(), [1, 2, 4, 5, 6]);
}

#[test]
fn the_delimiter_is_found_in_the_header_or_named_by_a_line_before_it_or_by_the_caller() {
    for text in ["a;b\n1,5;2", "a\tb\n1,5\t2", "a|b\n1,5|2", "sep=;\r\na;b\r\n1,5;2", "\n\na;b\n1,5;2"] {
        assert_eq!(texts(&rows(text.as_bytes()).unwrap()), [["a", "b"], ["1,5", "2"]], "{text:?}");
    }
    let delimiter = Some(Delimiter::parse("^").unwrap());
    let named = rows_with(&b"a;x^b\n1^2"[..], CsvOptions { delimiter, ..CsvOptions::default() }).unwrap();
    assert_eq!(texts(&named), [["a;x", "b"], ["1", "2"]]);
}

#[test]
fn the_header_may_be_below_other_lines() {
    let text = "Risk register;;\r\n\"as of\r\nMarch\";;\r\na;b\r\n1;2";
    let options = CsvOptions { header_line: Some(4), ..CsvOptions::default() };
    assert_eq!(texts(&rows_with(text.as_bytes(), options).unwrap()), [["a", "b"], ["1", "2"]]);
}

#[test]
fn rows_without_values_are_passed_over_and_those_with_too_few_or_too_many_cells_are_faulty() {
    let rows = rows(b"a,b\n,\n\n  ,\t\n1\n1,2,\n1,2,3\n").unwrap();
    let faults: Vec<(usize, Option<&str>)> = rows.iter().map(|row| (row.line, row.fault.as_deref())).collect();
    assert_eq!(
        faults,
        [
            (1, None),
            (5, Some("the row has 1 cells, and the header has 2: the row is cut off, or lacks a delimiter")),
            (6, None),
            (
                7,
                Some(
                    "the row has 3 cells, and the header has 2: put quotes around a cell that has a delimiter or a line end"
                )
            ),
        ]
    );
}

#[test]
fn byte_order_marks_decide_about_the_encoding_and_the_caller_names_others() {
    let expected = [["schlüssel", "b"], ["€ 🔓", "2"]];
    let text = "schlüssel,b\n€ 🔓,2";
    let utf_16 = |unit: fn(u16) -> [u8; 2]| -> Vec<u8> {
        "\u{feff}".chars().chain(text.chars()).collect::<String>().encode_utf16().flat_map(unit).collect()
    };
    for bytes in
        [text.into(), format!("\u{feff}{text}").into_bytes(), utf_16(u16::to_le_bytes), utf_16(u16::to_be_bytes)]
    {
        assert_eq!(texts(&rows(&bytes).unwrap()), expected, "{:?}", &bytes[..4]);
    }
    let encoding = Some(TextEncoding::parse("windows-1252").unwrap());
    let named = rows_with(&b"schl\xfcssel,b\n\x80,2"[..], CsvOptions { encoding, ..CsvOptions::default() }).unwrap();
    assert_eq!(texts(&named), [["schlüssel", "b"], ["€", "2"]]);
    assert!(TextEncoding::parse("ebcdic").is_err());
}

#[test]
fn bytes_of_another_encoding_are_refused_with_their_position_and_the_remedy() {
    assert_eq!(
        error(b"a,b\n1,2\ncaf\xe9,3\n"),
        "byte 12 of the file, on line 3, is not UTF-8: save the file as CSV in UTF-8, or name its encoding, for example with \
         --encoding windows-1252"
    );
    let long = [&b"a\n".repeat(100_000)[..], b"\xff"].concat();
    assert!(error(&long).starts_with("byte 200001 of the file, on line 100001, "), "{}", error(&long));
    assert!(error(b"a\xc3").starts_with("byte 2 of the file, on line 1, "), "{}", error(b"a\xc3"));
    assert!(error(b"\xff\xfea\0\x3d\xd8").contains("is not UTF-16LE"));
    assert!(error(b"a\0,\0b\0\n\0").contains("line 1 has a NUL character"));
    assert!(error(b"PK\x03\x04\x14\0").contains("use `novantra import xlsx`"));
}

#[test]
fn quotes_that_are_not_closed_or_have_text_behind_them_are_errors_of_the_file() {
    assert!(
        error(b"a,b\n1,\"2\n3,4\n")
            .starts_with("line 2: the quote at the start of column B is not closed before the end")
    );
    assert!(error(b"a,b\n1,\"2\" x\n").starts_with("line 2: there is text behind the closing quote in column B"));
    let endless = [b"a\n\"".to_vec(), b"x\n".repeat(MAX_ROW_LENGTH)].concat();
    assert!(
        error(&endless).starts_with("line 2: the quote at the start of column A is not closed within 1048576 bytes")
    );
    let long = [b"a\n".to_vec(), b"x".repeat(MAX_ROW_LENGTH + 1)].concat();
    assert!(error(&long).starts_with("the row that begins on line 2 has more than 1048576 bytes"));
    assert!(error(",".repeat(2000).as_bytes()).contains("more than 1024 cells"));
}

#[test]
fn an_apostrophe_before_a_formula_is_removed_and_any_other_is_kept() {
    let rows = rows(b"a,b\n'=1+1,'x\n''=1,'-3.5\n").unwrap();
    assert_eq!(texts(&rows), [["a", "b"], ["=1+1", "'x"], ["'=1", "-3.5"]]);
}

#[test]
fn a_file_without_rows_has_none() {
    for text in ["", "\n\r\n", "\u{feff}", ",,\n"] {
        assert_eq!(rows(text.as_bytes()).unwrap(), [], "{text:?}");
    }
}

/// Returns its bytes a few at a time.
struct Slow<'b>(&'b [u8], usize);

impl Read for Slow<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.1.min(buffer.len()).min(self.0.len());
        buffer[..length].copy_from_slice(&self.0[..length]);
        self.0 = &self.0[length..];
        Ok(length)
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused_and_the_size_of_reads_does_not_matter(bytes in prop::collection::vec(prop_oneof![
        Just(b'"'), Just(b','), Just(b'\n'), Just(b'\r'), Just(b';'), any::<u8>(),
    ], 0..200), step in 1..7_usize) {
        let whole = rows(&bytes).map_err(|error| error.to_string());
        let slow = rows_with(Slow(&bytes, step), CsvOptions::default()).map_err(|error| error.to_string());
        prop_assert_eq!(whole, slow);
    }

    #[test]
    fn written_texts_are_read_as_they_were_whatever_a_spreadsheet_would_compute(
        texts_of_row in prop::collection::vec("[a=+@＝;,'\"\\- \t\n1]{0,8}", 1..4),
    ) {
        let header = (0..texts_of_row.len()).map(|index| format!("h{index}"));
        let cells = texts_of_row.iter().map(|text| disarmed(text).into_owned());
        let file = format!("{}{}", written_row(header, Delimiter::COMMA), written_row(cells, Delimiter::COMMA));
        let read = rows(file.as_bytes()).unwrap();
        if texts_of_row.iter().any(|text| !text.trim().is_empty()) {
            prop_assert_eq!(&texts(&read)[1], &texts_of_row.iter().map(String::as_str).collect::<Vec<_>>());
        }
    }

    #[test]
    fn cells_that_are_quoted_are_read_as_they_were(cells in prop::collection::vec("[a-z\",;\n\r é€]{0,6}", 1..5)) {
        let header: Vec<String> = (0..cells.len()).map(|index| format!("h{index}")).collect();
        let quoted: Vec<String> = cells.iter().map(|cell| format!("\"{}\"", cell.replace('"', "\"\""))).collect();
        let text = format!("{}\n{}\n", header.join(","), quoted.join(","));
        let rows = rows(text.as_bytes()).unwrap();
        if cells.iter().all(|cell| cell.trim().is_empty()) {
            prop_assert_eq!(rows.len(), 1);
        } else {
            prop_assert_eq!(&texts(&rows)[1], &cells.iter().map(String::as_str).collect::<Vec<_>>());
        }
    }
}
