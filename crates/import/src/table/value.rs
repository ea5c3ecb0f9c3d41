//! The values of cells as the fields of records have them.

use kernel::IdText;
use serde_json::Value;

use super::{
    cell::TableCell,
    date,
    field::{FieldType, normalized},
    number::{self, displayed_number},
    value_options::{Percent, ValueOptions},
};
use crate::{kinds::RecordKind, references::ReferenceColumn};

/// The first number of which a spreadsheet does not keep the last digit.
const FIRST_INEXACT: f64 = 1e15;

/// A value, with the name of its field if it is not that of the column.
pub(super) type FieldValue = (Option<String>, Value);

/// Converts a cell; `None` if it has no value.
///
/// # Errors
/// The reason why the cell has no value for such a field.
pub(super) fn convert(
    cell: &TableCell,
    field_type: FieldType,
    options: &ValueOptions,
) -> Result<Option<FieldValue>, String> {
    if field_type == FieldType::Server {
        return Ok(None);
    }
    if field_type == FieldType::Time {
        match cell {
            TableCell::Date(clock) => return Ok(Some((None, options.zone.moment(*clock)?.to_string().into()))),
            TableCell::Moment(time) => return Ok(Some((None, time.to_string().into()))),
            _ => {}
        }
    }
    let is_numeric = matches!(field_type, FieldType::Decimal | FieldType::Integer);
    let cell = &plain(cell, is_numeric, options)?;
    let text = cell.text()?;
    let is_absent = if field_type == FieldType::Text { text.is_empty() } else { text.trim().is_empty() };
    if is_absent {
        return Ok(None);
    }
    let decimal = || number::decimal(&text, options);
    let is_number = matches!(cell, TableCell::Number(_));
    let value = match field_type {
        FieldType::Text => text.into(),
        FieldType::Word => text.trim().into(),
        FieldType::Name(names) | FieldType::UsualName(names) => name(text.trim(), names).into(),
        FieldType::Decimal if is_number => text.into(),
        FieldType::Decimal => decimal()?.into(),
        FieldType::Integer => integer(&if is_number { text } else { decimal()? })?.into(),
        FieldType::Time if is_number => {
            return Err(format!("is the number {text}, and the field takes a date: format the cells as dates"));
        }
        FieldType::Time => date::parse(&text, options.date_order, &options.zone)?.to_string().into(),
        FieldType::Words => list(&text)?.into(),
        FieldType::Reference(reference) => return reference_value(&text, reference).map(Some),
        FieldType::Server => return Ok(None),
    };
    Ok(Some((None, value)))
}

/// The cell without what its format makes of its number.
fn plain(cell: &TableCell, is_numeric: bool, options: &ValueOptions) -> Result<TableCell, String> {
    Ok(match cell {
        TableCell::Percent(number) => match options.percent {
            None => return Err(number::percent_error(&displayed_number(number * 100.0), &displayed_number(*number))),
            Some(Percent::AsFraction) => TableCell::Number(*number),
            Some(Percent::AsShown) if is_numeric => TableCell::Number(number * 100.0),
            Some(Percent::AsShown) => TableCell::Text(format!("{}%", displayed_number(number * 100.0))),
        },
        TableCell::Padded(number, _) if is_numeric => TableCell::Number(*number),
        TableCell::Padded(number, digits) => {
            return Err(format!(
                "is the number {}, which only its format shows with zeros, as {digits} digits: format the cell as text, and \
                 enter its value again",
                displayed_number(*number)
            ));
        }
        TableCell::Number(number) if !is_numeric && number.abs() >= FIRST_INEXACT => {
            return Err(
                "is a number of more than 15 digits, of which a spreadsheet keeps only 15: format the cell as text, \
                        and enter its value again"
                    .to_owned(),
            );
        }
        cell => cell.clone(),
    })
}

/// The one of the names that the text spells in its own way; otherwise the text, which the field refuses with the list of
/// names.
fn name(text: &str, names: &[&str]) -> String {
    let found = names.iter().find(|name| normalized(name) == normalized(text));
    found.map_or_else(|| text.to_owned(), |name| (*name).to_owned())
}

fn integer(text: &str) -> Result<i64, String> {
    let whole = match text.split_once('.') {
        Some((whole, fraction)) if fraction.bytes().all(|digit| digit == b'0') => whole,
        _ => text,
    };
    whole.parse().map_err(|_| format!("must be an integer, and {text} is none"))
}

/// The elements of a list: a JSON list, or texts with semicolons or line ends between them.
fn list(text: &str) -> Result<Vec<String>, String> {
    let text = text.trim();
    if text.starts_with('[') {
        return serde_json::from_str(text).map_err(|_| {
            "begins with [ and is no JSON list of texts: separate the elements with semicolons".to_owned()
        });
    }
    let elements = text.split([';', '\n', '\r']).map(str::trim);
    Ok(elements.filter(|element| !element.is_empty()).map(str::to_owned).collect())
}

/// A reference by key. Where an identifier is written in place of a key, as exports do for a record without one, it is
/// the value of the field with identifiers.
fn reference_value(text: &str, reference: &ReferenceColumn) -> Result<FieldValue, String> {
    let prefix = RecordKind::of(reference.target).map_or("", |target| target.prefix);
    let is_id = |text: &String| IdText::parse(prefix, text).is_ok();
    let elements = if reference.is_list { list(text)? } else { vec![text.trim().to_owned()] };
    let field = elements.iter().all(is_id).then(|| reference.id_field.clone());
    let value = if reference.is_list { elements.into() } else { elements.concat().into() };
    Ok((field, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(cell: TableCell, field_type: FieldType) -> Result<Option<Value>, String> {
        convert(&cell, field_type, &ValueOptions::default()).map(|value| value.map(|(_, value)| value))
    }

    fn text(text: &str) -> TableCell {
        TableCell::Text(text.to_owned())
    }

    #[test]
    fn a_name_is_found_in_any_case_and_with_any_separators() {
        let statuses = FieldType::Name(&["draft", "under-treatment"]);
        for spelling in ["under-treatment", "Under treatment", "UNDER_TREATMENT", " undertreatment "] {
            assert_eq!(value(text(spelling), statuses), Ok(Some("under-treatment".into())), "{spelling}");
        }
        assert_eq!(value(text("Treated"), statuses), Ok(Some("Treated".into())), "the field itself refuses it");
    }

    #[test]
    fn an_empty_cell_has_no_value_and_white_space_counts_only_in_texts() {
        assert_eq!(value(TableCell::Empty, FieldType::Text), Ok(None));
        assert_eq!(value(text(""), FieldType::Text), Ok(None));
        assert_eq!(value(text(" a "), FieldType::Text), Ok(Some(" a ".into())));
        assert_eq!(value(text(" a "), FieldType::Word), Ok(Some("a".into())));
        assert_eq!(value(text(" "), FieldType::Integer), Ok(None));
    }

    #[test]
    fn numbers_and_dates_of_spreadsheets_are_values_of_their_fields_only() {
        assert_eq!(value(TableCell::Number(7.0), FieldType::Word), Ok(Some("7".into())));
        assert_eq!(value(TableCell::Number(7.0), FieldType::Integer), Ok(Some(7.into())));
        assert_eq!(value(text("7.00"), FieldType::Integer), Ok(Some(7.into())));
        assert_eq!(value(TableCell::Number(94.5), FieldType::Decimal), Ok(Some("94.5".into())));
        assert!(value(TableCell::Number(7.5), FieldType::Integer).is_err());
        assert!(value(TableCell::Number(46_112.0), FieldType::Time).unwrap_err().contains("format the cells as dates"));
        let date = TableCell::Date(kernel::Timestamp::from_millis(0));
        assert_eq!(value(date.clone(), FieldType::Time), Ok(Some("1970-01-01T00:00:00.000Z".into())));
        assert!(value(date, FieldType::Text).unwrap_err().contains("format the cell as text"));
        assert_eq!(value(TableCell::Boolean(true), FieldType::Text), Ok(Some("TRUE".into())));
        assert_eq!(value(TableCell::Fault("is #REF!".to_owned()), FieldType::Text), Err("is #REF!".to_owned()));
        assert_eq!(value(TableCell::Fault("is #REF!".to_owned()), FieldType::Server), Ok(None));
    }

    #[test]
    fn a_number_that_is_not_what_the_cell_shows_is_refused_in_keys_and_texts() {
        let large = TableCell::Number(123_456_789_012_345_680.0);
        for field_type in [FieldType::Word, FieldType::Text] {
            assert!(value(large.clone(), field_type).unwrap_err().contains("more than 15 digits"));
            let padded = value(TableCell::Padded(123.0, 5), field_type).unwrap_err();
            assert!(padded.starts_with("is the number 123, which only its format shows with zeros"), "{padded}");
        }
        assert_eq!(
            value(TableCell::Number(999_999_999_999_999.0), FieldType::Word),
            Ok(Some("999999999999999".into()))
        );
        assert_eq!(value(TableCell::Padded(7.0, 3), FieldType::Integer), Ok(Some(7.into())));
        assert_eq!(value(large, FieldType::Decimal), Ok(Some("123456789012346000".into())));
    }

    #[test]
    fn a_percentage_of_a_workbook_has_the_meaning_that_the_caller_names() {
        let percent = TableCell::Percent(0.045);
        let error = value(percent.clone(), FieldType::Decimal).unwrap_err();
        assert_eq!(
            error,
            "is the percentage 4.5%: name its meaning with --percent as-shown for 4.5, or --percent as-fraction for 0.045"
        );
        let with = |meaning, field_type| {
            let options = ValueOptions { percent: Some(meaning), ..ValueOptions::default() };
            convert(&percent, field_type, &options).map(|value| value.map(|(_, value)| value))
        };
        assert_eq!(with(Percent::AsShown, FieldType::Decimal), Ok(Some("4.5".into())));
        assert_eq!(with(Percent::AsFraction, FieldType::Decimal), Ok(Some("0.045".into())));
        assert_eq!(with(Percent::AsShown, FieldType::Text), Ok(Some("4.5%".into())));
        assert_eq!(with(Percent::AsFraction, FieldType::Text), Ok(Some("0.045".into())));
        assert_eq!(value(percent, FieldType::Server), Ok(None));
    }

    #[test]
    fn lists_have_semicolons_or_line_ends_or_are_json() {
        for spelling in ["a;b", "a; b;", "a\nb", "a\r\nb", r#"["a","b"]"#] {
            assert_eq!(
                value(text(spelling), FieldType::Words),
                Ok(Some(serde_json::json!(["a", "b"]))),
                "{spelling:?}"
            );
        }
        assert!(value(text("[a"), FieldType::Words).is_err());
    }
}
