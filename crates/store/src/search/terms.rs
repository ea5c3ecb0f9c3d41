//! The words and the key that somebody searches for.

use super::{
    RecordWords,
    words::{first_words, folded_key},
};

/// The maximum number of words that are searched for. Further ones are ignored.
pub const MAX_TERMS: usize = 8;

/// The maximum number of words that the index is asked for: the longest ones. The others are compared with what it finds.
const MAX_LOOKED_UP: usize = 4;

/// A search: the beginnings of all words of a title, or the beginning of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchTerms {
    /// The words, the longest first.
    words: Vec<String>,
    key: Option<String>,
}

impl SearchTerms {
    /// Reads a typed text. `None` if it has nothing to search for.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let mut words: Vec<String> = first_words(text, MAX_TERMS).into_iter().collect();
        words.sort_by_key(|word| std::cmp::Reverse(word.chars().count()));
        // A key without any other character than those of words is among the words of its record.
        let key = folded_key(text).filter(|key| words.first() != Some(key));
        (!words.is_empty() || key.is_some()).then_some(Self { words, key })
    }

    /// The beginnings of words that the index is asked for, all of which a record must have. The longest, of which there
    /// are the fewest as a rule, is first.
    #[must_use]
    pub fn words(&self) -> &[String] {
        self.words.get(..MAX_LOOKED_UP).unwrap_or(&self.words)
    }

    /// The beginning of the key that a record may have instead of the words.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// Whether a record with these words is one that is searched for.
    #[must_use]
    pub fn matches(&self, record: &RecordWords) -> bool {
        let has_words = !self.words.is_empty() && self.words.iter().all(|word| record.has_prefix(word));
        has_words || self.key.as_deref().is_some_and(|key| record.has_prefix(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finds(typed: &str) -> bool {
        let record = RecordWords::new(Some("Ransomware spreads from a branch"), Some("R-12"));
        SearchTerms::parse(typed).is_some_and(|terms| terms.matches(&record))
    }

    #[test]
    fn a_record_is_found_by_the_beginnings_of_all_words_or_of_its_key() {
        for typed in ["ransom", "RANSOM", " branch ransom ", "spreads, from", "r-1", "R-12", "r"] {
            assert!(finds(typed), "{typed}");
        }
        for typed in ["ware", "ransom gone", "r-2", "r 12", "-", "", "  "] {
            assert!(!finds(typed), "{typed}");
        }
    }

    #[test]
    fn the_index_is_asked_for_the_longest_words() {
        let terms = SearchTerms::parse("a bb ccc dddd eeeee fff").unwrap();
        assert_eq!(terms.words(), ["eeeee", "dddd", "ccc", "fff"]);
        assert_eq!(terms.key(), None, "a key has no spaces");
        let terms = SearchTerms::parse("R-12").unwrap();
        assert_eq!((terms.words().len(), terms.key()), (2, Some("r-12")));
        assert_eq!(SearchTerms::parse("core").unwrap().key(), None, "the words have it");
        let many = (10..99).map(|number| number.to_string()).collect::<Vec<_>>().join(" ");
        assert_eq!(SearchTerms::parse(&many).unwrap().words.len(), MAX_TERMS);
    }
}
