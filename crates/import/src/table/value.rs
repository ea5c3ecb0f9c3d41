//! The values of cells as the fields of records have them.

use kernel::IdText;
use serde_json::Value;

use super::{
    cell::TableCell,
    date::{self, DateOrder},
    field::{FieldType, normalized},
    number::{self, DecimalMark},
};
use crate::{kinds::RecordKind, references::ReferenceColumn};

/// The forms of values in a table.
#[derive(Clone, Copy, Debug, Default)]
pub struct ValueOptions {
    /// The order of the parts of dates.
    pub date_order: Option<DateOrder>,
    /// The decimal mark of numbers.
    pub decimal_mark: Option<DecimalMark>,
    /// Whether numbers may have a decimal comma because of the form of the file.
    pub has_local_numbers: bool,
}

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
    if let (TableCell::Date(time), FieldType::Time) = (cell, field_type) {
        return Ok(Some((None, time.to_string().into())));
    }
    let text = cell.text()?;
    let is_absent = if field_type == FieldType::Text { text.is_empty() } else { text.trim().is_empty() };
    if is_absent {
        return Ok(None);
    }
    let decimal = || number::decimal(&text, options.decimal_mark, options.has_local_numbers);
    let is_number = matches!(cell, TableCell::Number(_));
    let value = match field_type {
        FieldType::Text => text.into(),
        FieldType::Word => text.trim().into(),
        FieldType::Name(names) => name(text.trim(), names).into(),
        FieldType::Decimal if is_number => text.into(),
        FieldType::Decimal => decimal()?.into(),
        FieldType::Integer => integer(&if is_number { text } else { decimal()? })?.into(),
        FieldType::Time if is_number => {
            return Err(format!("is the number {text}, and the field takes a date: format the cells as dates"));
        }
        FieldType::Time => date::parse(&text, options.date_order)?.to_string().into(),
        FieldType::Words => list(&text)?.into(),
        FieldType::Reference(reference) => return reference_value(&text, reference).map(Some),
        FieldType::Server => return Ok(None),
    };
    Ok(Some((None, value)))
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
