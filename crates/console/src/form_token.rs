//! The token that each form carries, so that no other site can have a browser send it.

use std::fmt;

use auth::Session;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// The token of the forms of one session. It follows from the session's hash, which only the server has, and does not
/// reveal it.
pub(crate) struct FormToken([u8; 32]);

impl FormToken {
    /// The token of this session.
    pub(crate) fn of(session: &Session) -> Self {
        let mut digest = Sha256::new();
        digest.update(b"novantra form token");
        digest.update(session.token.0);
        Self(digest.finalize().into())
    }

    /// Whether the text is this token.
    pub(crate) fn matches(&self, text: &str) -> bool {
        self.to_string().as_bytes().ct_eq(text.as_bytes()).into()
    }
}

impl fmt::Display for FormToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
