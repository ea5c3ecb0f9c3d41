//! The mark of a result: what tells it apart from other results of the same rule in the same artifact.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use super::object::Object;

/// Fingerprints that tools are known to keep stable, in order of preference.
const PREFERRED_FINGERPRINTS: &[&str] = &["matchBasedId", "primaryLocationLineHash"];

/// Values that tools write for every result instead of a fingerprint.
const PLACEHOLDERS: &[&str] = &["requires login"];

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
        return versions.into_iter().map(|fingerprint| fingerprint.mark().to_owned()).collect();
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
    /// Returns the fingerprint, unless it only describes the result, or is a placeholder.
    fn new(name: &'a str, value: &'a str) -> Option<Self> {
        if PLACEHOLDERS.contains(&value) || words(name).iter().any(|word| DESCRIPTIVE_WORDS.contains(&word.as_str())) {
            return None;
        }
        let versioned = name.rsplit_once("/v").and_then(|(name, version)| {
            let is_number = !version.is_empty() && version.bytes().all(|digit| digit.is_ascii_digit());
            Some((name, version.parse().ok().filter(|_| is_number && version.len() < 10)?))
        });
        let (name, version) = versioned.map_or((name, None), |(name, version)| (name, Some(version)));
        Some(Self { name, version, value })
    }

    /// The value without the number of its occurrence in the file that CodeQL and Semgrep append: results that are alike
    /// are told apart otherwise, and a number in the order of the file would pass from one to the next.
    fn mark(&self) -> &'a str {
        let separator = match self.name {
            "primaryLocationLineHash" => ':',
            "matchBasedId" => '_',
            _ => return self.value,
        };
        let is_hash = |hash: &str| !hash.is_empty() && hash.bytes().all(|digit| digit.is_ascii_hexdigit());
        let is_number = |number: &str| !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit());
        let counted = self.value.rsplit_once(separator);
        counted.filter(|(hash, number)| is_hash(hash) && is_number(number)).map_or(self.value, |(hash, _)| hash)
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

/// The text with `0` for each number. Digits after a letter in one word are no number but a part of a name, such as
/// those of `CVE-2026-1111` and `sha256`.
fn folded_numbers(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    let (mut in_name, mut after_digit) = (false, false);
    for character in text.chars() {
        let is_digit = character.is_ascii_digit();
        if !is_digit || in_name {
            folded.push(character);
        } else if !after_digit {
            folded.push('0');
        }
        in_name = is_letter(character) || (in_name && (is_digit || matches!(character, '_' | '-' | '.')));
        after_digit = is_digit;
    }
    folded
}

/// Whether the character is a letter of an alphabet in which words are apart: Latin, Greek or Cyrillic.
const fn is_letter(character: char) -> bool {
    character.is_ascii_alphabetic() || matches!(character, '\u{c0}'..='\u{52f}')
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
    fn the_number_of_an_occurrence_is_no_part_of_the_mark_of_fingerprints_that_are_counted() {
        let mark = |name, value| Fingerprint::new(name, value).unwrap().mark().to_owned();
        assert_eq!(mark("primaryLocationLineHash", "39fa2ee980eb94b0:12"), "39fa2ee980eb94b0");
        assert_eq!(mark("primaryLocationLineHash/v1", "39fa2ee980eb94b0:1"), "39fa2ee980eb94b0");
        assert_eq!(mark("matchBasedId/v1", "8c2f0e_0"), "8c2f0e");
        for (name, value) in [
            ("primaryLocationLineHash", "39fa_1"),
            ("primaryLocationLineHash", "file:1"),
            ("primaryLocationLineHash", "39fa:"),
            ("matchBasedId/v1", "8c2f0e"),
            ("matchBasedId/v1", "unknown"),
            ("hash/v1", "39fa:1"),
        ] {
            assert_eq!(mark(name, value), value);
        }
    }

    #[test]
    fn white_space_and_numbers_are_folded() {
        assert_eq!(folded_white_space("\r\n  a\t = 1;\n"), "a = 1;");
        for (text, expected) in [
            ("line 12 of 1.50, x0", "line 0 of 0.0, x0"),
            ("350ms (12) a.rs:12 -5 2026-11-30", "0ms (0) a.rs:0 -0 0-0-0"),
            ("CVE-2024-1111 and sha256", "CVE-2024-1111 and sha256"),
            ("acct_12.50-7 and größe7", "acct_12.50-7 and größe7"),
            ("12a34 “12” 第12行", "0a34 “0” 第0行"),
        ] {
            assert_eq!(folded_numbers(text), expected);
        }
    }
}
