//! Texts of other systems, brought within the limits of the contract (v1 § 1) in a way that is the same on every run.
//!
//! A key or reference that is too long or holds a foreign character becomes its first 135 characters, with `_` for each
//! foreign one, a `~`, and the SHA-256 of the whole text in lower-case hex: 200 characters at most, and still one for one.

use std::fmt::Write as _;

use kernel::{Description, RecordKey, Reference, TextError, Title};
use sha2::{Digest, Sha256};

const LONGEST: usize = 200;
const DIGEST: usize = 64;
const TITLE: usize = 300;
const DESCRIPTION: usize = 20_000;

/// The text as a key: visible ASCII, to 200 characters.
pub(crate) fn record_key(text: &str) -> Result<RecordKey, TextError> {
    RecordKey::parse(text).or_else(|_| RecordKey::parse(&digested(text, |character| character.is_ascii_graphic())))
}

/// The text as a reference: no control characters, to 200 characters.
pub(crate) fn reference(text: &str) -> Result<Reference, TextError> {
    Reference::parse(text).or_else(|_| Reference::parse(&digested(text, |character| !character.is_control())))
}

fn digested(text: &str, allowed: fn(char) -> bool) -> String {
    let mut short: String = text
        .chars()
        .take(LONGEST - DIGEST - 1)
        .map(|character| if allowed(character) { character } else { '_' })
        .collect();
    short.push('~');
    for byte in Sha256::digest(text) {
        // Writing to a text does not fail.
        let _ = write!(short, "{byte:02x}");
    }
    short
}

/// The text as a title: one line, to 300 characters, the last an ellipsis where it was longer; `None` where it is blank.
pub(crate) fn title(text: &str) -> Option<Title> {
    let line: String = text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect();
    let line = line.trim();
    let short = if line.chars().count() > TITLE {
        line.chars().take(TITLE - 1).chain(['…']).collect()
    } else {
        line.to_owned()
    };
    Title::parse(&short).ok()
}

/// The text as a description: lines ended by a newline alone, no other control characters but the tab, cut at 20,000
/// characters.
pub(crate) fn description(text: &str) -> Result<Description, TextError> {
    let kept: String = text
        .chars()
        .filter(|character| !character.is_control() || matches!(character, '\n' | '\t'))
        .take(DESCRIPTION)
        .collect();
    Description::parse(&kept)
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
    fn a_longer_or_foreign_key_is_shortened_to_a_prefix_and_its_digest() {
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
    fn a_title_is_one_line_of_at_most_300_characters() {
        assert_eq!(title(" two\r\nlines ").unwrap().as_str(), "two  lines");
        let short = title(&"é".repeat(301)).unwrap();
        assert_eq!(short.as_str().chars().count(), 300);
        assert!(short.as_str().ends_with("é…"));
        assert_eq!(title(&"é".repeat(300)).unwrap().as_str(), "é".repeat(300));
        assert_eq!(title(" \n"), None);
    }

    #[test]
    fn a_description_keeps_its_lines_and_tabs_alone() {
        assert_eq!(description("one\r\n\ttwo\u{7}\u{85}\n").unwrap().as_str(), "one\n\ttwo\n");
        assert_eq!(description(&"é".repeat(20_001)).unwrap().as_str().chars().count(), 20_000);
    }
}
