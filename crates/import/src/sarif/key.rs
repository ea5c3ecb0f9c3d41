//! Keys that are unique in a file and the same on every import.

use std::collections::{HashMap, HashSet};

use kernel::{RecordKey, TextError};

use crate::shorten;

#[derive(Default)]
pub(super) struct KeyGenerator {
    used: HashSet<RecordKey>,
    counts: HashMap<String, u64>,
}

impl KeyGenerator {
    /// Returns the key for the next result with this base: the base itself, then with the suffix `:2`, `:3`, …
    pub(super) fn next_key(&mut self, base: &str) -> Result<RecordKey, TextError> {
        let count = self.counts.entry(base.to_owned()).or_default();
        loop {
            *count += 1;
            let key = match *count {
                1 => shorten::record_key(base)?,
                number => shorten::record_key(&format!("{base}:{number}"))?,
            };
            // Another base may itself end in `:2`.
            if self.used.insert(key.clone()) {
                return Ok(key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_base_gets_a_number_that_no_other_key_has() {
        let mut keys = KeyGenerator::default();
        let assigned = ["a", "a:2", "a", "a", "b", "a:2"].map(|base| keys.next_key(base).unwrap().to_string());
        assert_eq!(assigned, ["a", "a:2", "a:3", "a:4", "b", "a:2:2"]);
    }

    #[test]
    fn the_number_of_a_shortened_key_is_part_of_its_digest() {
        let mut keys = KeyGenerator::default();
        let long = "k".repeat(199);
        assert_eq!(keys.next_key(&long).unwrap().as_str(), long);
        let second = keys.next_key(&long).unwrap();
        assert_eq!(second.as_str().len(), 200);
        assert!(second.as_str().contains('~'));
    }
}
