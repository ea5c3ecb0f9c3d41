//! Shortens texts of other systems to the limits of the contract (v1 § 1), with the same result on every import.
//!
//! A key or reference that is too long or has a disallowed character becomes its first 135 characters, with `_` for
//! each disallowed one, a `~`, and the SHA-256 of the whole text in lower-case hex: at most 200 characters, and still
//! unique.

use std::fmt::Write as _;

use kernel::{Description, RecordKey, Reference, TextError, Title, is_allowed_in_line, is_allowed_in_text};
use sha2::{Digest, Sha256};

const MAX_KEY_LENGTH: usize = 200;
const DIGEST_LENGTH: usize = 64;
const MAX_TITLE_LENGTH: usize = 300;
const MAX_DESCRIPTION_LENGTH: usize = 20_000;

/// Converts the text to a key: visible ASCII, at most 200 characters.
pub(crate) fn record_key(text: &str) -> Result<RecordKey, TextError> {
    RecordKey::parse(text).or_else(|_| RecordKey::parse(&with_digest(text, |character| character.is_ascii_graphic())))
}

/// Converts the text to a reference: the characters that a line may contain, at most 200.
pub(crate) fn reference(text: &str) -> Result<Reference, TextError> {
    Reference::parse(text).or_else(|_| Reference::parse(&with_digest(text, is_allowed_in_line)))
}

fn with_digest(text: &str, allowed: fn(char) -> bool) -> String {
    let mut short: String = text
        .chars()
        .take(MAX_KEY_LENGTH - DIGEST_LENGTH - 1)
        .map(|character| if allowed(character) { character } else { '_' })
        .collect();
    short.push('~');
    for byte in Sha256::digest(text) {
        // Writing to a `String` does not fail.
        let _ = write!(short, "{byte:02x}");
    }
    short
}

/// Converts the text to a title: one line of at most 300 characters, the last an ellipsis if it was longer; `None` if
/// the text is blank.
pub(crate) fn title(text: &str) -> Option<Title> {
    let line: String =
        text.chars().map(|character| if is_allowed_in_line(character) { character } else { ' ' }).collect();
    let line = line.trim();
    let short = if line.chars().count() > MAX_TITLE_LENGTH {
        line.chars().take(MAX_TITLE_LENGTH - 1).chain(['…']).collect()
    } else {
        line.to_owned()
    };
    Title::parse(&short).ok()
}

/// Converts the text to a description: no control characters other than newline and tab, truncated to 20,000
/// characters.
pub(crate) fn description(text: &str) -> Result<Description, TextError> {
    let description: String =
        text.chars().filter(|character| is_allowed_in_text(*character)).take(MAX_DESCRIPTION_LENGTH).collect();
    Description::parse(&description)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_within_the_limits_stays_as_it_is() {
        let longest = "k".repeat(200);
        assert_eq!(record_key(&longest).unwrap().as_str(), longest);
    }

    #[test]
    fn a_key_that_is_too_long_or_has_disallowed_characters_becomes_a_prefix_and_a_digest() {
        let long = record_key(&"k".repeat(201)).unwrap();
        assert_eq!(long.as_str().len(), 200);
        assert!(long.as_str().starts_with(&format!("{}~", "k".repeat(135))));
        assert_eq!(
            record_key("rule:src/größe.rs:3").unwrap().as_str(),
            "rule:src/gr__e.rs:3~f07f3821758abea30237c5fec4000f79cefe215f0ab1aa9bf1bea74dd43c45cd"
        );
        assert_ne!(record_key("a b").unwrap(), record_key("a c").unwrap());
    }

    #[test]
    fn a_character_that_no_title_may_contain_does_not_cost_the_title() {
        assert_eq!(title("a\u{202e}b\u{2028}c\u{2066}").unwrap().as_str(), "a b c");
        assert_eq!(title("\u{200b}\u{3164}"), None);
        assert!(reference("a\u{202e}b").unwrap().as_str().starts_with("a_b~"));
        assert!(reference("a\tb").unwrap().as_str().starts_with("a_b~"));
    }

    #[test]
    fn a_title_is_one_line_of_at_most_300_characters() {
        assert_eq!(title(" two\r\nlines ").unwrap().as_str(), "two  lines");
        let short = title(&"é".repeat(301)).unwrap();
        assert_eq!(short.as_str().chars().count(), 300);
        assert!(short.as_str().ends_with("é…"));
        assert_eq!(title(&"é".repeat(300)).unwrap().as_str(), "é".repeat(300));
        assert_eq!(title(" \n"), None);
    }

    #[test]
    fn a_description_keeps_no_control_characters_but_newlines_and_tabs() {
        assert_eq!(description("one\r\n\ttwo\u{7}\u{85}\n").unwrap().as_str(), "one\n\ttwo\n");
        assert_eq!(description(&"é".repeat(20_001)).unwrap().as_str().chars().count(), 20_000);
    }
}
