//! The identity of a result: tool, scope, rule, artifact and mark. Results that agree in all five are alike.

use kernel::RecordKey;

use super::mark::sha256;

/// The number of hexadecimal digits of the hash in a key.
const DIGEST_LENGTH: usize = 16;
const MAX_KEY_LENGTH: usize = 200;

/// The key of an identity, to which a suffix can be added.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct BaseKey {
    readable: String,
    digest: String,
}

impl BaseKey {
    pub(super) fn new(tool: &str, scope: Option<&str>, rule: Option<&str>, artifact: Option<&str>, mark: &str) -> Self {
        let parts = [Some(tool), scope, rule, artifact, Some(mark)].map(Option::unwrap_or_default);
        let hashed: String = parts.iter().map(|part| format!("{}:{part}", part.len())).collect();
        let readable: Vec<&str> = [Some(tool), rule, artifact].into_iter().flatten().collect();
        let mut digest = sha256(&hashed);
        digest.truncate(DIGEST_LENGTH);
        Self { readable: percent_encoded(&readable.join(":")), digest }
    }

    /// Returns the key with this suffix. The readable part is cut so that the key is not too long.
    pub(super) fn with_suffix(&self, suffix: &str) -> RecordKey {
        let fixed = format!("#{}{suffix}", self.digest);
        let readable = self.readable.get(..MAX_KEY_LENGTH - fixed.len()).unwrap_or(&self.readable);
        RecordKey::trusted(&format!("{readable}{fixed}"))
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

    fn key(artifact: &str) -> String {
        BaseKey::new("lint", None, Some("R1"), Some(artifact), "m").with_suffix(":7:2").to_string()
    }

    #[test]
    fn a_key_names_tool_rule_and_artifact_and_ends_with_a_digest_and_the_suffix() {
        let hashed = "4:lint0:2:R14:a.rs1:m";
        assert_eq!(key("a.rs"), format!("lint:R1:a.rs#{}:7:2", &sha256(hashed)[..16]));
    }

    #[test]
    fn a_key_has_only_visible_ascii_characters_and_at_most_200() {
        assert!(key("a ö").starts_with("lint:R1:a%20%C3%B6#"));
        for length in [150, 171, 172, 173, 400] {
            let key = key(&"k".repeat(length));
            assert_eq!(key.len(), (length + 29).min(200), "{key}");
            assert!(RecordKey::parse(&key).is_ok() && key.ends_with(":7:2"), "{key}");
        }
    }

    #[test]
    fn every_part_is_part_of_the_identity() {
        let parts = [
            ("t", None, "r", "a", "m"),
            ("u", None, "r", "a", "m"),
            ("t", Some("s"), "r", "a", "m"),
            ("t", None, "s", "a", "m"),
            ("t", None, "r", "b", "m"),
            ("t", None, "r", "a", "n"),
            ("t", None, "ra", "", "m"),
        ];
        let keys: std::collections::HashSet<_> = parts
            .map(|(tool, scope, rule, artifact, mark)| {
                BaseKey::new(tool, scope, Some(rule), Some(artifact), mark).digest
            })
            .into_iter()
            .collect();
        assert_eq!(keys.len(), parts.len());
    }
}
