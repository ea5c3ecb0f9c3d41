//! The authentication of audit entries that are not sealed yet.

use audit::RowKey;
use aws_lc_rs::hmac::{self, HMAC_SHA256};

use crate::master_key::{MasterKey, Purpose};

/// Authenticates rows of the audit log with HMAC-SHA256. It is derived from the master key and not stored.
#[derive(Debug)]
pub struct AuditRowKey(hmac::Key);

impl AuditRowKey {
    /// Creates the key of the installation with this master key.
    #[must_use]
    pub fn new(master: &MasterKey) -> Self {
        Self(hmac::Key::new(HMAC_SHA256, master.derive(Purpose::AuditRows).as_slice()))
    }
}

impl RowKey for AuditRowKey {
    fn tag(&self, message: &[u8]) -> [u8; 32] {
        hmac::sign(&self.0, message).as_ref().try_into().expect("an HMAC-SHA256 has 32 bytes")
    }

    fn verify(&self, message: &[u8], tag: &[u8]) -> bool {
        hmac::verify(&self.0, message, tag).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::master_key;

    /// The value was made with another implementation, Python's `hmac`.
    #[test]
    fn the_tag_of_a_row_equals_that_of_another_implementation() {
        let tag = AuditRowKey::new(&master_key(1)).tag(b"message");
        let text: String = tag.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(text, "30d20649e82fc9594add915b3d5814db96dfebfa200d04b4f694ddf808f9c58b");
    }

    #[test]
    fn only_the_whole_tag_of_the_same_message_and_key_verifies() {
        let key = AuditRowKey::new(&master_key(1));
        let tag = key.tag(b"message");
        assert!(key.verify(b"message", &tag));
        assert!(!key.verify(b"massage", &tag));
        assert!(!AuditRowKey::new(&master_key(2)).verify(b"message", &tag));
        assert!(!key.verify(b"message", &tag[..31]));
        assert!(!key.verify(b"message", &[]));
        assert!((0..256).all(|bit| {
            let mut tag = tag;
            tag[bit / 8] ^= 1 << (bit % 8);
            !key.verify(b"message", &tag)
        }));
    }
}
