//! The mark of a result: what tells it apart from other results of the same rule in the same artifact.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use super::object::Object;

/// Fingerprints that tools are known to keep stable, in order of preference.
const PREFERRED_FINGERPRINTS: &[&str] = &["matchBasedId", "primaryLocationLineHash"];

/// Words in the names of fingerprints that describe a result but don't identify it.
const DESCRIPTIVE_WORDS: &[&str] =
    &["author", "branch", "commit", "committer", "date", "email", "mail", "message", "time", "timestamp"];

/// Returns the mark. If it is a fingerprint that the result has in several versions, the older versions follow, so
/// that a finding that has the key of one of them is recognized.
pub(super) fn marks(result: &Object<'_>, snippet: Option<&str>, message: Option<&str>) -> Vec<String> {
    for property in ["fingerprints", "partialFingerprints"] {
        let fingerprints = result.object(property).map(|fingerprints| fingerprints.texts()).unwrap_or_default();
        let named: Vec<Fingerprint<'_>> =
            fingerprints.iter().filter_map(|(name, value)| Fingerprint::new(name, value)).collect();
        let Some(preferred) = named.iter().map(Fingerprint::preference).min() else { continue };
        let mut versions: Vec<_> = named.iter().filter(|fingerprint| fingerprint.preference() == preferred).collect();
        versions.sort_by_key(|fingerprint| std::cmp::Reverse(fingerprint.version));
        return versions.into_iter().map(|fingerprint| fingerprint.value.to_owned()).collect();
    }
    let mark = match (snippet, message) {
        (Some(snippet), _) => sha256(&folded_white_space(snippet)),
        (None, Some(message)) => sha256(&folded_numbers(message)),
        (None, None) => String::new(),
    };
    vec![mark]
}

/// A fingerprint with its name, without the version that may follow it.
struct Fingerprint<'a> {
    name: &'a str,
    version: Option<u32>,
    value: &'a str,
}

impl<'a> Fingerprint<'a> {
    /// Returns the fingerprint, unless it only describes the result.
    fn new(name: &'a str, value: &'a str) -> Option<Self> {
        if words(name).iter().any(|word| DESCRIPTIVE_WORDS.contains(&word.as_str())) {
            return None;
        }
        let versioned = name.rsplit_once("/v").and_then(|(name, version)| {
            let is_number = !version.is_empty() && version.bytes().all(|digit| digit.is_ascii_digit());
            Some((name, version.parse().ok().filter(|_| is_number && version.len() < 10)?))
        });
        let (name, version) = versioned.map_or((name, None), |(name, version)| (name, Some(version)));
        Some(Self { name, version, value })
    }

    fn preference(&self) -> (usize, &'a str) {
        let index = PREFERRED_FINGERPRINTS.iter().position(|preferred| *preferred == self.name);
        (index.unwrap_or(PREFERRED_FINGERPRINTS.len()), self.name)
    }
}

/// The words of a name in camel case or with separators, in lower case.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut after_lower = false;
    for character in name.chars() {
        if !character.is_ascii_alphabetic() || (after_lower && character.is_ascii_uppercase()) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| character.is_ascii_alphabetic()) {
            word.push(character.to_ascii_lowercase());
        }
        after_lower = character.is_ascii_lowercase();
    }
    words
}

fn folded_white_space(text: &str) -> String {
    text.split([' ', '\t', '\n', '\r', '\u{b}', '\u{c}']).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The text with `0` for each number.
fn folded_numbers(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    let mut after_digit = false;
    for character in text.chars() {
        let is_digit = character.is_ascii_digit();
        if !is_digit {
            folded.push(character);
        } else if !after_digit {
            folded.push('0');
        }
        after_digit = is_digit;
    }
    folded
}

pub(super) fn sha256(text: &str) -> String {
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(text) {
        // Writing to a `String` does not fail.
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_split_into_words_at_separators_and_capitals() {
        assert_eq!(words("commitSha").join(" "), "commit sha");
        assert_eq!(words("author_e-mail/v2").join(" ").trim(), "author e mail v");
        assert_eq!(words("lastUPDATE").join(" "), "last update");
    }

    #[test]
    fn white_space_and_numbers_are_folded() {
        assert_eq!(folded_white_space("\r\n  a\t = 1;\n"), "a = 1;");
        assert_eq!(folded_numbers("line 12 of 1.50, x0"), "line 0 of 0.0, x0");
    }
}
