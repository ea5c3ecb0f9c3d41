//! Texts that a spreadsheet would compute as formulas when it opens a CSV file. They are written with an apostrophe, which
//! is removed when the file is read again.
//!
//! Where the region of a person has decimal commas, their spreadsheet splits the lines of any CSV file at semicolons, and
//! does not heed quotes in the middle of a line. So each part of a text behind a semicolon, a tab or a line end is treated
//! as a cell of its own.

use std::borrow::Cow;

use kernel::Decimal;

/// The characters behind which a spreadsheet may begin another cell.
const SEPARATORS: [char; 4] = [';', '\t', '\r', '\n'];

/// The characters with which formulas begin. Spreadsheets of East Asia also take the wide ones.
const SIGNS: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];

/// Whether a cell with this text, behind any apostrophes, begins as a formula does.
fn begins_as_formula(text: &str) -> bool {
    let is_blank = |character: char| character.is_whitespace() && !SEPARATORS.contains(&character);
    text.trim_start_matches('\'').trim_start_matches(is_blank).starts_with(SIGNS)
}

/// The parts of a text that a spreadsheet may take for cells, each with the separator behind it, and whether it begins as a
/// formula does. Some spreadsheets drop white space before a text, so that a text of which the first part is empty counts.
fn parts(text: &str) -> impl Iterator<Item = (&str, bool)> {
    let is_dropped = text.trim_start_matches('\'').starts_with(['\t', '\r', '\n']);
    let parts = text.split_inclusive(SEPARATORS).enumerate();
    parts.map(move |(index, part)| (part, begins_as_formula(part) || (index == 0 && is_dropped)))
}

/// Whether a spreadsheet would compute the text as a formula once a person edits its cell.
#[must_use]
pub fn is_formula(text: &str) -> bool {
    parts(text).next().is_some_and(|(_, is_formula)| is_formula) && Decimal::parse(text).is_err()
}

/// The text with an apostrophe before each part that a spreadsheet would compute as a formula, or that would be taken for
/// one that has been disarmed. Numbers are not changed.
#[must_use]
pub fn disarmed(text: &str) -> Cow<'_, str> {
    if Decimal::parse(text).is_ok() || !parts(text).any(|(_, is_formula)| is_formula) {
        return Cow::Borrowed(text);
    }
    let disarmed = parts(text).flat_map(|(part, is_formula)| [if is_formula { "'" } else { "" }, part]);
    Cow::Owned(disarmed.collect())
}

/// The text of which [`disarmed`] has made this one.
#[must_use]
pub fn rearmed(text: &str) -> Cow<'_, str> {
    let is_disarmed = |(part, is_formula): (&str, bool)| is_formula && part.starts_with('\'');
    if !parts(text).any(is_disarmed) {
        return Cow::Borrowed(text);
    }
    let rearmed = parts(text).map(|(part, is_formula)| part.get(usize::from(is_disarmed((part, is_formula)))..));
    Cow::Owned(rearmed.map(Option::unwrap_or_default).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Whether a spreadsheet that splits a quoted cell at separators, or drops blanks, finds a formula in it.
    fn has_formula(written: &str) -> bool {
        written.split(SEPARATORS).any(|cell| cell.trim().starts_with(SIGNS))
    }

    #[test]
    fn a_disarmed_text_never_begins_as_a_formula_and_is_read_as_the_same_text() {
        for text in [
            "=1",
            "'=1",
            "''=1",
            "+1",
            "-1",
            "-3.5",
            "'-3.5",
            "-",
            "@a",
            "\tx",
            "\rx",
            "\n=x",
            "'x",
            "x",
            "",
            "'",
            "a=1",
            " =1",
            "  '=1",
            "' =1",
            "\u{a0}=1",
            "\u{3000}+1",
            "＝1+1",
            "＋1",
            "－1",
            "＠a",
            "x;=HYPERLINK(\"a\")",
            "x; =1",
            "x;'=1",
            "x;y",
            ";=1",
            "x\t=1",
            "x\n- y\n- z",
            "x\r\n＝1",
            "-3;x",
            "1;-2",
            "'\n=1",
            "\n\n=1",
        ] {
            let written = disarmed(text);
            assert!(Decimal::parse(&written).is_ok() || !has_formula(&written), "{text:?}: {written:?}");
            assert!(!written.starts_with(['\t', '\r', '\n']), "{text:?}");
            assert_eq!(rearmed(&written), text);
        }
        assert_eq!(disarmed("x;=1"), "x;'=1");
        assert_eq!(disarmed("-3.5"), "-3.5");
    }

    proptest! {
        #[test]
        fn any_text_is_disarmed_and_read_as_the_same_text(text in "[=+@＝a1;'\\- \t\r\n]{0,12}") {
            let written = disarmed(&text);
            prop_assert!(Decimal::parse(&text).is_ok() || !has_formula(&written), "{:?}: {:?}", text, written);
            prop_assert_eq!(rearmed(&written), text.as_str());
        }
    }
}
