//! Shortens texts of other systems to the limits of the contract (v1 § 1), with the same result on every import.
//!
//! A reference that is too long becomes the first characters, a `~`, and the SHA-256 of the whole text in lower-case
//! hex. It is still unique.

use std::fmt::Write as _;

use kernel::{Description, RecordKey, Reference, Title, VersionKey, is_allowed_in_line, is_allowed_in_text};
use sha2::{Digest, Sha256};

const MAX_REFERENCE_LENGTH: usize = 200;
const DIGEST_LENGTH: usize = 64;
const MAX_TITLE_LENGTH: usize = 300;
const MAX_DESCRIPTION_LENGTH: usize = 20_000;

/// The length that is kept free for the number of a line: a colon and 16 digits.
const LINE_LENGTH: usize = 17;

/// Converts the text to a reference: one line of at most 200 characters; `None` if the text is blank.
pub(crate) fn reference(text: &str) -> Option<Reference> {
    Reference::parse(&one_line(text, MAX_REFERENCE_LENGTH, is_allowed_in_line)).ok()
}

/// Converts the text to the key of a record; `None` if the text is blank.
pub(crate) fn key(text: &str) -> Option<RecordKey> {
    let is_allowed = |character: char| character.is_ascii_graphic();
    title(text).and_then(|_| RecordKey::parse(&one_line(text.trim(), MAX_REFERENCE_LENGTH, is_allowed)).ok())
}

/// Converts the text to the key of a version; `None` if the text is blank.
pub(crate) fn version_key(text: &str) -> Option<VersionKey> {
    let is_allowed = |character: char| character.is_ascii_graphic() && character != '/';
    title(text).and_then(|_| VersionKey::parse(&one_line(text.trim(), MAX_REFERENCE_LENGTH, is_allowed)).ok())
}

/// Converts an artifact and a line in it to a reference: `artifact:line`. However long the name of the artifact is, the
/// line is legible.
pub(crate) fn location(artifact: &str, line: Option<u64>) -> Option<Reference> {
    let artifact = one_line(artifact, MAX_REFERENCE_LENGTH - LINE_LENGTH, is_allowed_in_line);
    let location = line.map_or_else(|| artifact.clone(), |line| format!("{artifact}:{line}"));
    Reference::parse(&location).ok()
}

/// Returns the line of a reference that [`location`] made from this artifact.
pub(crate) fn line_of(location: &str, artifact: &str) -> Option<u64> {
    let artifact = one_line(artifact, MAX_REFERENCE_LENGTH - LINE_LENGTH, is_allowed_in_line);
    let line = location.strip_prefix(&artifact)?.strip_prefix(':')?;
    line.parse().ok().filter(|_| line.len() < LINE_LENGTH && line.bytes().all(|digit| digit.is_ascii_digit()))
}

fn one_line(text: &str, max_length: usize, is_allowed: fn(char) -> bool) -> String {
    let is_long = text.chars().count() > max_length;
    if !is_long && text.chars().all(is_allowed) {
        return text.to_owned();
    }
    let mut short: String = text
        .chars()
        .take(max_length - DIGEST_LENGTH - 1)
        .map(|character| if is_allowed(character) { character } else { '_' })
        .collect();
    short.push('~');
    for byte in Sha256::digest(text) {
        // Writing to a `String` does not fail.
        let _ = write!(short, "{byte:02x}");
    }
    short
}

/// The text with U+FFFD for each character that a line can't have, such as those that control a terminal.
pub(crate) fn displayed(text: &str) -> String {
    let replaced = |character| if is_allowed_in_line(character) { character } else { char::REPLACEMENT_CHARACTER };
    text.chars().map(replaced).collect()
}

/// The maximum length of a message in characters.
const MAX_MESSAGE_LENGTH: usize = 500;

/// The text as a message: [`displayed`], and cut if it is too long.
pub(crate) fn message(text: &str) -> String {
    displayed(&excerpt(text, MAX_MESSAGE_LENGTH))
}

/// The first characters of the text, with an ellipsis if there are more.
pub(crate) fn excerpt(text: &str, length: usize) -> String {
    match text.char_indices().nth(length) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// Converts the text to a title: one line of at most 300 characters, the last an ellipsis if it was longer; `None` if
/// the text is blank.
pub(crate) fn title(text: &str) -> Option<Title> {
    let replaced = |character| if is_allowed_in_line(character) { character } else { ' ' };
    let line: String = text.chars().map(replaced).collect();
    let line = line.trim();
    let short = if line.chars().count() > MAX_TITLE_LENGTH {
        line.chars().take(MAX_TITLE_LENGTH - 1).chain(['…']).collect()
    } else {
        line.to_owned()
    };
    Title::parse(&short).ok()
}

/// The text without control characters other than newline and tab, so that CRLF becomes LF.
pub(crate) fn clean_description(text: &str) -> String {
    text.chars().filter(|character| is_allowed_in_text(*character)).collect()
}

/// Converts the text to a description, truncated to 20,000 characters; `None` if it has control characters other than
/// newline and tab.
pub(crate) fn description(text: &str) -> Option<Description> {
    let text: String = text.chars().take(MAX_DESCRIPTION_LENGTH).collect();
    Description::parse(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_that_is_too_long_or_has_several_lines_becomes_a_prefix_and_a_digest() {
        let longest = "é".repeat(200);
        assert_eq!(reference(&longest).unwrap().as_str(), longest);
        let short = reference(&"é".repeat(201)).unwrap();
        assert_eq!(short.as_str().chars().count(), 200);
        assert!(short.as_str().starts_with(&format!("{}~", "é".repeat(135))));
        assert!(reference("a\nb\u{202e}c").unwrap().as_str().starts_with("a_b_c~"));
        assert_eq!(reference(" "), None);
    }

    #[test]
    fn a_key_that_is_too_long_or_has_other_characters_becomes_a_prefix_and_a_digest() {
        assert_eq!(key(" pkg:npm/a@1 ").unwrap().as_str(), "pkg:npm/a@1");
        assert!(key("Größe 2").unwrap().as_str().starts_with("Gr__e_2~"));
        assert_eq!(key(&"k".repeat(201)).unwrap().as_str().len(), 200);
        assert!(version_key("5/1").unwrap().as_str().starts_with("5_1~"));
        for blank in ["", " \n", "\u{200b}"] {
            assert_eq!((key(blank), version_key(blank)), (None, None), "{blank:?}");
        }
    }

    #[test]
    fn the_line_of_a_location_is_legible_whatever_the_length_of_the_artifact() {
        for artifact in ["a.rs", "a\nb", "a:7", &"k".repeat(183), &"k".repeat(184), &"é".repeat(400)] {
            for line in [None, Some(1), Some(1 << 53)] {
                let location = location(artifact, line).unwrap();
                assert!(location.as_str().chars().count() <= 200);
                assert_eq!(line_of(location.as_str(), artifact), line);
            }
        }
        assert_eq!(line_of("b.rs:7", "a.rs"), None);
    }

    #[test]
    fn a_title_is_one_line_of_at_most_300_characters() {
        assert_eq!(title(" two\r\nlines ").unwrap().as_str(), "two  lines");
        assert_eq!(title("left\u{202e}right").unwrap().as_str(), "left right");
        let short = title(&"é".repeat(301)).unwrap();
        assert_eq!(short.as_str().chars().count(), 300);
        assert!(short.as_str().ends_with("é…"));
        assert_eq!(title(&"é".repeat(300)).unwrap().as_str(), "é".repeat(300));
        assert_eq!(title(" \n"), None);
    }

    #[test]
    fn a_description_keeps_no_control_characters_but_newlines_and_tabs() {
        assert_eq!(clean_description("one\r\n\ttwo\u{7}\u{85}\n"), "one\n\ttwo\n");
        assert_eq!(description(&"é".repeat(20_001)).unwrap().as_str().chars().count(), 20_000);
    }
}
