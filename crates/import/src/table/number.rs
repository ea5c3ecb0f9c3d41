//! Numbers as spreadsheets write them.

use super::value_options::{DecimalMark, Percent, ValueOptions};

/// The number as a spreadsheet shows it: with at most 15 significant digits, so that the binary representation of 0.3
/// does not become 0.30000000000000004.
#[must_use]
pub fn displayed_number(number: f64) -> String {
    let rounded: f64 = format!("{number:.14e}").parse().unwrap_or(number);
    if rounded == 0.0 { "0".to_owned() } else { rounded.to_string() }
}

const SYNTAX: &str = "must be a number such as 1234.5, with at most one decimal mark, and groups of three digits if \
                      thousands are separated";

/// Converts a number with separators of thousands or a decimal comma, or a percentage, to the form of the API.
pub(super) fn decimal(text: &str, options: &ValueOptions) -> Result<String, String> {
    let text = text.trim();
    let Some(percentage) = text.strip_suffix('%') else {
        return number(text, options.decimal_mark, options.has_local_numbers);
    };
    let shown = number(percentage.trim_end(), options.decimal_mark, options.has_local_numbers)?;
    match options.percent {
        Some(Percent::AsShown) => Ok(shown),
        Some(Percent::AsFraction) => Ok(hundredth(&shown)),
        None => Err(percent_error(&shown, &hundredth(&shown))),
    }
}

/// The error of a percentage whose meaning is not named.
pub(super) fn percent_error(shown: &str, fraction: &str) -> String {
    format!(
        "is the percentage {shown}%: name its meaning with --percent as-shown for {shown}, or --percent as-fraction for \
         {fraction}"
    )
}

/// The hundredth part of a number in the form of the API.
fn hundredth(number: &str) -> String {
    let (sign, digits) = number.strip_prefix('-').map_or(("", number), |digits| ("-", digits));
    let (integer, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let padded = format!("{integer:0>3}");
    let (whole, hundredths) = padded.split_at(padded.len() - 2);
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    format!("{sign}{whole}.{hundredths}{fraction}")
}

/// Converts a number. `has_local_form` tells that the file may use a decimal comma, so that a point may separate thousands.
fn number(text: &str, mark: Option<DecimalMark>, has_local_form: bool) -> Result<String, String> {
    let (sign, number) = match text.strip_prefix(['-', '\u{2212}']) {
        Some(number) => ("-", number),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let mark = match mark {
        Some(DecimalMark::Point) => '.',
        Some(DecimalMark::Comma) => ',',
        None => guessed_mark(number, has_local_form)?,
    };
    let (integer, fraction) = match number.rsplit_once(mark) {
        Some((integer, fraction)) => (integer, Some(fraction)),
        None => (number, None),
    };
    let is_digits = |digits: &str| !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    let groups: Vec<&str> = integer.split(|character| is_separator(character) && character != mark).collect();
    let are_groups = groups.iter().enumerate().all(|(index, group)| {
        is_digits(group) && (groups.len() == 1 || group.len() == 3 || (index == 0 && group.len() < 3))
    });
    if !are_groups || !fraction.is_none_or(is_digits) || !has_one_separator(integer) {
        return Err(SYNTAX.to_owned());
    }
    let fraction = fraction.map_or_else(String::new, |fraction| format!(".{fraction}"));
    Ok(format!("{sign}{}{fraction}", groups.concat()))
}

/// Whether the character may separate thousands.
const fn is_separator(character: char) -> bool {
    matches!(character, '.' | ',' | ' ' | '\u{a0}' | '\u{2009}' | '\u{202f}' | '\'' | '\u{2019}')
}

/// Whether all separators are the same.
fn has_one_separator(integer: &str) -> bool {
    let mut separators = integer.chars().filter(|character| is_separator(*character));
    let first = separators.next();
    separators.all(|separator| Some(separator) == first)
}

/// The decimal mark of a number, if only one is possible.
fn guessed_mark(number: &str, has_local_form: bool) -> Result<char, String> {
    let count = |mark: char| number.matches(mark).count();
    let other = |mark| if mark == '.' { ',' } else { '.' };
    match (count('.'), count(',')) {
        (0, 0) => Ok('.'),
        (points, commas) if points > 0 && commas > 0 => {
            Ok(number.chars().rfind(|mark| ['.', ','].contains(mark)).unwrap_or('.'))
        }
        (points, commas) if points > 1 || commas > 1 => Ok(if points > 1 { ',' } else { '.' }),
        (points, _) => {
            let mark = if points == 1 { '.' } else { ',' };
            let (integer, fraction) = number.split_once(mark).unwrap_or((number, ""));
            let may_be_group = fraction.len() == 3 && (1..=3).contains(&integer.len()) && !integer.starts_with('0');
            if may_be_group && (mark == ',' || has_local_form) {
                return Err(format!(
                    "is ambiguous: {number} is {} with a decimal {}, and {} if thousands are separated; name the decimal \
                     mark with --decimal point or --decimal comma",
                    number.replace(mark, "."),
                    if mark == '.' { "point" } else { "comma" },
                    number.replace(mark, ""),
                ));
            }
            Ok(if may_be_group && mark == other('.') { '.' } else { mark })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_with_separators_of_thousands_and_either_decimal_mark() {
        for (text, expected) in [
            ("94.5", "94.5"),
            ("-3.50", "-3.50"),
            ("+7", "7"),
            ("\u{2212}7", "-7"),
            ("12,5", "12.5"),
            ("0,125", "0.125"),
            ("1.234", "1.234"),
            ("1,234.5", "1234.5"),
            ("1.234,5", "1234.5"),
            ("1,234,567", "1234567"),
            ("1.234.567", "1234567"),
            ("1 234 567,89", "1234567.89"),
            ("1\u{a0}234", "1234"),
            ("12'345.60", "12345.60"),
        ] {
            assert_eq!(number(text, None, false).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn a_number_with_two_meanings_is_refused_unless_the_decimal_mark_is_named() {
        assert!(number("1,234", None, false).unwrap_err().contains("1.234 with a decimal comma, and 1234"));
        assert!(number("1.234", None, true).unwrap_err().contains("--decimal point"));
        assert_eq!(number("1,234", Some(DecimalMark::Comma), false).unwrap(), "1.234");
        assert_eq!(number("1,234", Some(DecimalMark::Point), false).unwrap(), "1234");
        assert_eq!(number("1.234", Some(DecimalMark::Comma), true).unwrap(), "1234");
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in
            ["", "x", "1.2.3", "1,23,4", "12,34,567", "1 2", "1.", ".5", "1,234.567,8", "1 234.567 890", "12%", "1e5"]
        {
            assert!(number(text, None, false).is_err(), "{text}");
        }
    }

    #[test]
    fn a_number_is_shown_with_fifteen_digits_and_without_an_exponent() {
        for (number, expected) in
            [(0.1 + 0.2, "0.3"), (94.5, "94.5"), (1e15, "1000000000000000"), (-0.0, "0"), (1e-7, "0.0000001")]
        {
            assert_eq!(displayed_number(number), expected);
        }
    }
    #[test]
    fn a_percentage_is_refused_unless_its_meaning_is_named() {
        let with = |percent| ValueOptions { percent, ..ValueOptions::default() };
        let error = decimal("4.5%", &with(None)).unwrap_err();
        assert!(error.contains("--percent as-shown for 4.5, or --percent as-fraction for 0.045"), "{error}");
        for (text, shown, fraction) in [
            ("4.5%", "4.5", "0.045"),
            ("4,5 %", "4.5", "0.045"),
            ("100%", "100", "1.00"),
            ("-12.25%", "-12.25", "-0.1225"),
            ("1,234.5%", "1234.5", "12.345"),
            ("0%", "0", "0.00"),
        ] {
            assert_eq!(decimal(text, &with(Some(Percent::AsShown))).as_deref(), Ok(shown), "{text}");
            assert_eq!(decimal(text, &with(Some(Percent::AsFraction))).as_deref(), Ok(fraction), "{text}");
        }
        assert!(decimal("%", &with(Some(Percent::AsShown))).is_err());
    }
}
