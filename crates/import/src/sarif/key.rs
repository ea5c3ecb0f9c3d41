//! Keys that are unique in a file and the same on every import.

use std::collections::{HashMap, HashSet};

use kernel::{RecordKey, TextError};

use crate::shorten;

#[derive(Default)]
pub(super) struct Keys {
    given: HashSet<RecordKey>,
    times: HashMap<String, u64>,
}

impl Keys {
    /// Returns the key for the next result with this base: the base itself, then with the suffix `:2`, `:3`, …
    pub(super) fn next(&mut self, base: &str) -> Result<RecordKey, TextError> {
        let count = self.times.entry(base.to_owned()).or_default();
        loop {
            *count += 1;
            let key = match *count {
                1 => shorten::record_key(base)?,
                number => shorten::record_key(&format!("{base}:{number}"))?,
            };
            // Another base may itself end in `:2`.
            if self.given.insert(key.clone()) {
                return Ok(key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_again_is_counted_and_never_takes_the_key_of_another() {
        let mut keys = Keys::default();
        let assigned = ["a", "a:2", "a", "a", "b", "a:2"].map(|base| keys.next(base).unwrap().to_string());
        assert_eq!(assigned, ["a", "a:2", "a:3", "a:4", "b", "a:2:2"]);
    }

    #[test]
    fn the_count_of_a_long_key_is_within_its_digest() {
        let mut keys = Keys::default();
        let long = "k".repeat(199);
        assert_eq!(keys.next(&long).unwrap().as_str(), long);
        let second = keys.next(&long).unwrap();
        assert_eq!(second.as_str().len(), 200);
        assert!(second.as_str().contains('~'));
    }
}
