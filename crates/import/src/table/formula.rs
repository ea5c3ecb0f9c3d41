//! Texts that a spreadsheet would compute as formulas when it opens a CSV file. They are written with an apostrophe, which
//! is removed when the file is read again.

use std::borrow::Cow;

use kernel::Decimal;

/// Whether the text, behind any apostrophes, begins as a formula does.
fn begins_as_formula(text: &str) -> bool {
    text.trim_start_matches('\'').starts_with(['=', '+', '-', '@', '\t', '\r', '\n'])
}

/// The text with an apostrophe before it, if a spreadsheet would compute it as a formula, or if it would be taken for one
/// that has been disarmed. Numbers are not changed.
#[must_use]
pub fn disarmed(text: &str) -> Cow<'_, str> {
    if begins_as_formula(text) && Decimal::parse(text).is_err() {
        Cow::Owned(format!("'{text}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// The text of which [`disarmed`] has made this one.
#[must_use]
pub fn rearmed(text: &str) -> &str {
    match text.strip_prefix('\'') {
        Some(rest) if begins_as_formula(rest) => rest,
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disarmed_text_never_begins_as_a_formula_and_is_read_as_the_same_text() {
        for text in [
            "=1", "'=1", "''=1", "+1", "-1", "-3.5", "'-3.5", "-", "@a", "\tx", "\rx", "\n=x", "'x", "x", "", "'",
            "a=1",
        ] {
            let written = disarmed(text);
            assert!(!written.starts_with(['=', '+', '@', '\t', '\r']), "{text:?}");
            assert!(!written.starts_with('-') || Decimal::parse(&written).is_ok(), "{text:?}");
            assert_eq!(rearmed(&written), text);
        }
    }
}
