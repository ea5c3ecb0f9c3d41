//! The words of texts, and those of a record.

use std::{collections::BTreeSet, ops::Bound};

/// The maximum number of words of a title that are indexed.
pub const MAX_WORDS: usize = 16;

/// The maximum number of characters of a word that are indexed, and of a key.
pub const MAX_WORD_LENGTH: usize = 32;

/// The words of a record: those of its title in lower case, and its whole key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordWords(BTreeSet<String>);

impl RecordWords {
    /// Returns the words of a record with this title and this key.
    #[must_use]
    pub fn new(title: Option<&str>, key: Option<&str>) -> Self {
        let mut all = first_words(title.unwrap_or_default(), MAX_WORDS);
        all.extend(key.and_then(folded_key));
        Self(all)
    }

    /// Reads words that [`Self::to_text`] has written.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        Self(text.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect())
    }

    /// The words as one text, separated by spaces, which no word contains.
    #[must_use]
    pub fn to_text(&self) -> String {
        self.iter().collect::<Vec<_>>().join(" ")
    }

    /// Returns the words, in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether one of the words begins with this prefix.
    #[must_use]
    pub fn has_prefix(&self, prefix: &str) -> bool {
        self.0
            .range::<str, _>((Bound::Included(prefix), Bound::Unbounded))
            .next()
            .is_some_and(|word| word.starts_with(prefix))
    }

    /// Returns the words that are not among the others.
    pub fn without<'w>(&'w self, others: &'w Self) -> impl Iterator<Item = &'w str> {
        self.0.difference(&others.0).map(String::as_str)
    }
}

/// Returns the first different words of a text.
pub(super) fn first_words(text: &str, limit: usize) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for word in text.split(|character| !is_of_word(character)).filter(|word| !word.is_empty()) {
        if found.len() == limit {
            break;
        }
        found.insert(folded(word));
    }
    found
}

/// Returns a key as it is indexed; `None` if it has spaces, since its words are those of the title then.
pub(super) fn folded_key(key: &str) -> Option<String> {
    let is_of_key = |character: char| !character.is_whitespace() && !character.is_control();
    Some(folded(key)).filter(|folded| !folded.is_empty() && key.chars().all(is_of_key))
}

/// Whether the character is a part of words: a letter, a digit, or the accent of a letter before it.
fn is_of_word(character: char) -> bool {
    character.is_alphanumeric() || ('\u{300}'..='\u{36f}').contains(&character)
}

fn folded(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).take(MAX_WORD_LENGTH).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(title: &str, key: &str) -> Vec<String> {
        RecordWords::new(Some(title), Some(key)).iter().map(str::to_owned).collect()
    }

    #[test]
    fn the_words_of_a_record_are_those_of_its_title_in_lower_case_and_its_whole_key() {
        assert_eq!(
            words("ISO/IEC 27001: the ISO norm", "ISO-27001"),
            ["27001", "iec", "iso", "iso-27001", "norm", "the"]
        );
        assert_eq!(words("Prüfung der SÄGEN, 第二", "R-1"), ["der", "prüfung", "r-1", "sägen", "第二"]);
        assert_eq!(words("Cafe\u{301}", "a"), ["a", "cafe\u{301}"], "an accent does not end a word");
        assert_eq!(words("…", "of two words"), [""; 0]);
        assert_eq!(RecordWords::new(None, None), RecordWords::default());
    }

    #[test]
    fn a_title_has_at_most_16_words_of_32_characters() {
        let title = (10..99).map(|number| number.to_string()).collect::<Vec<_>>().join(" ");
        assert_eq!(words(&title, &"K".repeat(300)).len(), MAX_WORDS + 1);
        assert!(words(&"ä".repeat(100), "k").contains(&"ä".repeat(MAX_WORD_LENGTH)));
    }

    #[test]
    fn words_are_read_as_they_were_written() {
        for words in [RecordWords::new(Some("Two words, two"), Some("R-1")), RecordWords::default()] {
            assert_eq!(RecordWords::from_text(&words.to_text()), words);
        }
    }

    #[test]
    fn a_prefix_is_that_of_any_word() {
        let words = RecordWords::new(Some("Ransomware in the branch"), Some("R-12"));
        assert!(["ransom", "ransomware", "b", "r-1"].iter().all(|prefix| words.has_prefix(prefix)));
        assert!(!["ransomwares", "ware", "r-2", "z"].iter().any(|prefix| words.has_prefix(prefix)));
    }
}
