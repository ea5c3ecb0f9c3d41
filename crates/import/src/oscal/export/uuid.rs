//! UUIDs of exported objects: the key of a record, if it is a UUID that OSCAL accepts, otherwise one that is computed from
//! the record's identifier, so that it is the same in every export.

use kernel::{HasIdPrefix, Stored};
use sha1_smol::Sha1;

/// The namespace of the computed UUIDs (RFC 9562 § 5.5).
const NAMESPACE: [u8; 16] =
    [0x8f, 0x2b, 0x06, 0x5a, 0x3c, 0x51, 0x4d, 0x0e, 0x9b, 0x7d, 0x61, 0x0c, 0x5e, 0x94, 0x2a, 0x13];

/// The UUID of version 5 for a name.
pub(super) fn of_name(name: &str) -> String {
    let mut sha1 = Sha1::from(NAMESPACE);
    sha1.update(name.as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&sha1.digest().bytes()[..16]);
    bytes[6] = bytes[6] & 0x0f | 0x50;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// The UUID of a record.
pub(super) fn of_record<R: HasIdPrefix>(stored: &Stored<R>) -> String {
    of_name(&stored.meta.id.to_string())
}

/// The UUID of a record with a key.
pub(super) fn of_record_with_key<R: HasIdPrefix>(stored: &Stored<R>, key: &str) -> String {
    if is_accepted(key) { key.to_owned() } else { of_record(stored) }
}

/// Whether the text is a UUID of version 4 or 5, which are the only ones that the schemas of OSCAL accept.
fn is_accepted(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    let has_lengths = groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12]);
    has_lengths
        && groups.iter().all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()))
        && groups[2].starts_with(['4', '5'])
        && groups[3].starts_with(['8', '9', 'a', 'b', 'A', 'B'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn computed_uuids_are_accepted_and_depend_on_the_name_alone() {
        let [one, two] = ["find_1", "find_2"].map(of_name);
        assert_ne!(one, two);
        assert_eq!(one, of_name("find_1"));
        assert!(is_accepted(&one) && is_accepted(&two), "{one} {two}");
    }

    #[test]
    fn only_uuids_of_the_versions_4_and_5_are_accepted() {
        assert!(is_accepted("e174dfb9-0ae3-4a8f-8e7c-081527b84337"));
        assert!(is_accepted("E174DFB9-0AE3-5A8F-BE7C-081527B84337"));
        for text in [
            "",
            "RSK-7",
            "e174dfb9-0ae3-1a8f-8e7c-081527b84337",
            "e174dfb9-0ae3-4a8f-7e7c-081527b84337",
            "e174dfb9-0ae3-4a8f-8e7c-081527b8433",
            "e174dfb90ae34a8f8e7c081527b84337",
            "e174dfb9-0ae3-4a8f-8e7c-081527b8433g",
        ] {
            assert!(!is_accepted(text), "{text}");
        }
    }
}
