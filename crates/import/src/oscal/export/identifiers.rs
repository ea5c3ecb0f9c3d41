//! Identifiers in a catalog: tokens that are made of keys.

use std::collections::{HashMap, HashSet};

/// The token that a text becomes: `ac-2.1` for `AC-2(1)`, as NIST writes it.
pub(super) fn token(text: &str) -> String {
    let mut token = String::new();
    for character in text.chars() {
        if character.is_ascii_alphanumeric() || matches!(character, '-' | '_') {
            token.push(character.to_ascii_lowercase());
        } else if !token.ends_with('.') {
            token.push('.');
        }
    }
    let token = token.trim_end_matches('.');
    if token.starts_with(|first: char| first.is_ascii_lowercase() || first == '_') {
        token.to_owned()
    } else {
        format!("_{token}")
    }
}

/// Gives each object an identifier of its own.
#[derive(Default)]
pub(super) struct Identifiers {
    /// The texts that only the object with this key may have as its identifier: when the catalog is read, a key gives way to
    /// an identifier that is the same.
    keys: HashSet<String>,
    taken: HashSet<String>,
    /// The number that was last appended to a token.
    numbers: HashMap<String, usize>,
}

impl Identifiers {
    pub(super) fn with_keys(keys: impl Iterator<Item = String>) -> Self {
        Self { keys: keys.collect(), ..Self::default() }
    }

    /// Returns an identifier for the object with this key: the token, or the token with a number.
    pub(super) fn claim(&mut self, token: &str, key: &str) -> String {
        let mut identifier = token.to_owned();
        while self.taken.contains(&identifier) || (identifier != key && self.keys.contains(&identifier)) {
            let number = self.numbers.entry(token.to_owned()).or_insert(1);
            *number += 1;
            identifier = format!("{token}_{number}");
        }
        self.taken.insert(identifier.clone());
        identifier
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_becomes_a_token_as_nist_writes_it() {
        for (key, expected) in
            [("AC-2(1)", "ac-2.1"), ("AC", "ac"), ("03.01.01", "_03.01.01"), ("A.5/1", "a.5.1"), ("(", "_"), ("é", "_")]
        {
            assert_eq!(token(key), expected, "{key}");
        }
    }

    #[test]
    fn identifiers_are_unique_and_none_is_the_key_of_another_object() {
        let keys = ["A", "a", "a_2", "b(1)", "b.1."];
        let mut identifiers = Identifiers::with_keys(keys.iter().map(|key| (*key).to_owned()));
        let claimed = keys.map(|key| identifiers.claim(&token(key), key));
        assert_eq!(claimed, ["a_3", "a", "a_2", "b.1", "b.1_2"]);
    }
}
