//! Cursors: authenticated payloads that clients return and can't alter.

use aws_lc_rs::{
    constant_time::verify_slices_are_equal,
    hmac::{self, HMAC_SHA256},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::master_key::{MasterKey, Purpose};

/// The number of HMAC-SHA256 bytes in a cursor: 128 bits can't be guessed by trial requests.
const TAG_LENGTH: usize = 16;

/// Signs and verifies cursors. Clients can read their payload but not alter it.
#[derive(Debug)]
pub struct CursorKey(hmac::Key);

impl CursorKey {
    /// Creates the cursor key of the installation with this master key.
    #[must_use]
    pub fn new(master: &MasterKey) -> Self {
        Self::for_purpose(master, Purpose::Cursors)
    }

    /// Creates a key for payloads of another purpose, which are no cursors.
    pub(crate) fn for_purpose(master: &MasterKey, purpose: Purpose) -> Self {
        Self(hmac::Key::new(HMAC_SHA256, master.derive(purpose).as_slice()))
    }

    /// Returns the payload and its HMAC tag in unpadded base64url.
    #[must_use]
    pub fn sign(&self, payload: &[u8]) -> String {
        let tag = hmac::sign(&self.0, payload);
        URL_SAFE_NO_PAD.encode([payload, &tag.as_ref()[..TAG_LENGTH]].concat())
    }

    /// Returns the payload of a cursor that was signed with this key; `None` if it was not. A cursor has exactly one
    /// spelling.
    #[must_use]
    pub fn verify(&self, cursor: &str) -> Option<Vec<u8>> {
        let mut payload = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let stated_tag = payload.split_off(payload.len().checked_sub(TAG_LENGTH)?);
        let tag = hmac::sign(&self.0, &payload);
        verify_slices_are_equal(&tag.as_ref()[..TAG_LENGTH], &stated_tag).ok().map(|()| payload)
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*, sample::Index};

    use super::*;
    use crate::fixtures::master_key;

    proptest! {
        #[test]
        fn a_signed_payload_is_returned_unchanged(payload in vec(any::<u8>(), 0..80)) {
            let key = CursorKey::new(&master_key(1));
            prop_assert_eq!(key.verify(&key.sign(&payload)), Some(payload));
        }

        #[test]
        fn a_cursor_with_any_altered_character_is_refused(
            payload in vec(any::<u8>(), 0..40),
            index in any::<Index>(),
            other in "[A-Za-z0-9_=+/ -]",
        ) {
            let key = CursorKey::new(&master_key(1));
            let cursor = key.sign(&payload);
            let index = index.index(cursor.len());
            let altered = format!("{}{other}{}", &cursor[..index], &cursor[index + 1..]);
            prop_assert_eq!(key.verify(&altered).is_some(), altered == cursor);
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in ".{0,60}") {
            prop_assert_eq!(CursorKey::new(&master_key(1)).verify(&text), None);
        }
    }

    #[test]
    fn a_cursor_of_another_installation_is_refused() {
        let cursor = CursorKey::new(&master_key(1)).sign(b"position");
        assert_eq!(CursorKey::new(&master_key(2)).verify(&cursor), None);
    }

    #[test]
    fn a_truncated_or_extended_cursor_is_refused() {
        let key = CursorKey::new(&master_key(1));
        let cursor = key.sign(b"position");
        for length in 0..cursor.len() {
            assert_eq!(key.verify(&cursor[..length]), None);
        }
        assert_eq!(key.verify(&format!("{cursor}A")), None);
        assert_eq!(key.verify(&format!("{cursor}==")), None);
    }
}
