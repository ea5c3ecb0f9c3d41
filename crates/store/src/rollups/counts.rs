//! Named counts, as they are stored.

use std::{collections::BTreeMap, fmt::Display};

/// Counts by their names, which are words separated by dots. A few are times, in milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts(BTreeMap<String, i64>);

impl Counts {
    /// Stores a count, unless it is zero, which an absent count means, too.
    pub(super) fn set(&mut self, name: impl Display, count: u64) {
        if count > 0 {
            self.put(name.to_string(), i64::try_from(count).unwrap_or(i64::MAX));
        }
    }

    /// Stores a number of any meaning: for stores, and for times.
    pub fn put(&mut self, name: String, number: i64) {
        self.0.insert(name, number);
    }

    pub(super) fn number(&self, name: &str) -> Option<i64> {
        self.0.get(name).copied()
    }

    pub(super) fn count(&self, name: &str) -> u64 {
        self.number(name).and_then(|number| u64::try_from(number).ok()).unwrap_or_default()
    }

    /// Returns all numbers with their names, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, i64)> {
        self.0.iter().map(|(name, number)| (name.as_str(), *number))
    }

    /// Returns the numbers whose names begin with this word and a dot, with the rest of their names.
    pub(super) fn below<'c>(&'c self, word: &'c str) -> impl Iterator<Item = (&'c str, i64)> {
        self.iter().filter_map(move |(name, number)| Some((name.strip_prefix(word)?.strip_prefix('.')?, number)))
    }
}
