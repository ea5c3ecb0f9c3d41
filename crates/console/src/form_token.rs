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

    /// A token for tests.
    #[cfg(test)]
    pub(crate) const fn new(token: [u8; 32]) -> Self {
        Self(token)
    }

    /// The proof that this server wrote a text for this session.
    pub(crate) fn proof_of(&self, text: &str) -> String {
        let mut digest = Sha256::new();
        digest.update(b"novantra proof");
        digest.update(self.0);
        digest.update(text);
        digest.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }

    /// Whether this is the proof of the text.
    pub(crate) fn proves(&self, text: &str, proof: &str) -> bool {
        self.proof_of(text).as_bytes().ct_eq(proof.as_bytes()).into()
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
