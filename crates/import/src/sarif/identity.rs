//! The identity of a result: tool, scope, rule, artifact and mark. Results that agree in all five are alike.

use std::ops::Range;

use kernel::RecordKey;

use super::mark::sha256;

/// The number of hexadecimal digits of the hash in a key.
const DIGEST_LENGTH: usize = 16;

/// The maximum length of the readable part. Beside the hash and the longest suffix, a key of 200 characters has room for
/// it. So all keys of an identity begin alike, and are one range of keys.
const MAX_READABLE_LENGTH: usize = 155;

/// The key of an identity, to which a suffix can be added.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct BaseKey(String);

/// The thing that a result is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum CodeElement {
    /// The base of the URI, if there is one, and the path.
    Artifact { base: Option<String>, path: String },
    /// The name of a part of a program.
    Logical(String),
}

impl CodeElement {
    /// The name to read. That of an artifact may be that of another one with another base.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Artifact { base: Some(base), path } => format!("{base}/{path}"),
            Self::Artifact { base: None, path: name } | Self::Logical(name) => name.clone(),
        }
    }

    /// The part of the identity, which no other element has.
    fn identity(&self) -> String {
        match self {
            Self::Artifact { base, path } => {
                let base = base.as_deref().unwrap_or_default();
                format!("artifact:{}:{base}{path}", base.len())
            }
            Self::Logical(name) => format!("logical:{name}"),
        }
    }
}

impl BaseKey {
    pub(super) fn new(
        tool: &str,
        scope: Option<&str>,
        rule: Option<&str>,
        element: Option<&CodeElement>,
        mark: &str,
    ) -> Self {
        let (name, element) = (element.map(CodeElement::name), element.map(CodeElement::identity));
        let parts = [Some(tool), scope, rule, element.as_deref(), Some(mark)].map(Option::unwrap_or_default);
        let hashed: String = parts.iter().map(|part| format!("{}:{part}", part.len())).collect();
        let readable: Vec<&str> = [Some(tool), rule, name.as_deref()].into_iter().flatten().collect();
        let mut key = percent_encoded(&readable.join(":"));
        key.truncate(MAX_READABLE_LENGTH);
        key.push('#');
        key.push_str(&sha256(&hashed)[..DIGEST_LENGTH]);
        Self(key)
    }

    /// The key without a suffix.
    pub(super) fn key(&self) -> RecordKey {
        RecordKey::trusted(&self.0)
    }

    /// The key of the result with this number among those that are alike at the line.
    pub(super) fn key_at_line(&self, line: u64, number: usize) -> RecordKey {
        let number = if number == 1 { String::new() } else { format!(":{number}") };
        RecordKey::trusted(&format!("{}:{line}{number}", self.0))
    }

    /// The range in which all keys of the identity are. It may have others too.
    pub(super) fn range(&self) -> Range<String> {
        self.0.clone()..format!("{};", self.0)
    }

    /// Whether the key is one of the identity.
    pub(super) fn has(&self, key: &RecordKey) -> bool {
        key.as_str().strip_prefix(&self.0).is_some_and(|suffix| suffix.is_empty() || suffix.starts_with(':'))
    }
}

/// The text with the characters that a key can't have percent-encoded.
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_graphic() {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base_key(path: &str) -> BaseKey {
        let element = CodeElement::Artifact { base: None, path: path.to_owned() };
        BaseKey::new("lint", None, Some("R1"), Some(&element), "m")
    }

    #[test]
    fn a_key_names_tool_rule_and_artifact_and_ends_with_a_digest_and_the_suffix() {
        let hashed = "4:lint0:2:R115:artifact:0:a.rs1:m";
        let base = format!("lint:R1:a.rs#{}", &sha256(hashed)[..16]);
        assert_eq!(base_key("a.rs").key().as_str(), base);
        assert_eq!(base_key("a.rs").key_at_line(7, 1).as_str(), format!("{base}:7"));
        assert_eq!(base_key("a.rs").key_at_line(7, 2).as_str(), format!("{base}:7:2"));
    }

    #[test]
    fn a_key_has_only_visible_ascii_characters_and_at_most_200() {
        assert!(base_key("a ö").key().as_str().starts_with("lint:R1:a%20%C3%B6#"));
        for length in [146, 147, 148, 400] {
            let base_key = base_key(&"k".repeat(length));
            assert_eq!(base_key.key().as_str().len(), (length + 25).min(172));
            for key in [base_key.key(), base_key.key_at_line(1 << 53, u32::MAX as usize)] {
                assert!(RecordKey::parse(key.as_str()).is_ok(), "{key}");
            }
        }
    }

    #[test]
    fn the_keys_of_an_identity_are_in_its_range_and_those_of_others_are_not_its_keys() {
        let base_key = base_key(&"k".repeat(400));
        let range = base_key.range();
        for key in [base_key.key(), base_key.key_at_line(1 << 53, u32::MAX as usize)] {
            assert!(base_key.has(&key) && range.contains(&key.to_string()), "{key}");
        }
        assert!(!base_key.has(&RecordKey::trusted(&format!("{}0", base_key.key()))));
    }

    #[test]
    fn every_part_is_part_of_the_identity() {
        let artifact = |base: Option<&str>, path: &str| {
            Some(CodeElement::Artifact { base: base.map(str::to_owned), path: path.to_owned() })
        };
        let parts = [
            ("t", None, "r", artifact(None, "a/b"), "m"),
            ("u", None, "r", artifact(None, "a/b"), "m"),
            ("t", Some("s"), "r", artifact(None, "a/b"), "m"),
            ("t", None, "s", artifact(None, "a/b"), "m"),
            ("t", None, "r", artifact(None, "b"), "m"),
            ("t", None, "r", artifact(Some("a"), "b"), "m"),
            ("t", None, "r", artifact(Some("a"), "b/c"), "m"),
            ("t", None, "r", artifact(Some("a/b"), "c"), "m"),
            ("t", None, "r", artifact(None, "a/b/c"), "m"),
            ("t", None, "r", Some(CodeElement::Logical("a/b".to_owned())), "m"),
            ("t", None, "r", artifact(None, "a/b"), "n"),
            ("t", None, "ra/b", None, "m"),
        ];
        let keys: std::collections::HashSet<_> = parts
            .iter()
            .map(|(tool, scope, rule, element, mark)| {
                let key = BaseKey::new(tool, *scope, Some(rule), element.as_ref(), mark).key().to_string();
                key.rsplit_once('#').unwrap().1.to_owned()
            })
            .collect();
        assert_eq!(keys.len(), parts.len());
    }
}
