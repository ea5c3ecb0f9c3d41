//! Proof keys (RFC 7636), `S256` only.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::{error::OAuthError, parameters::Parameters};

/// The challenge of an authorization request: the SHA-256 hash of the verifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeChallenge(pub [u8; 32]);

/// A well-formed verifier. Its `Debug` output is redacted.
pub struct CodeVerifier(String);

impl CodeChallenge {
    /// Reads `code_challenge` and `code_challenge_method`.
    ///
    /// # Errors
    /// `invalid_request` if there is none, the method is not `S256`, or the challenge is not 43 digits of a hash.
    pub fn read(parameters: &Parameters) -> Result<Self, OAuthError> {
        let challenge = parameters.required("code_challenge")?;
        if parameters.required("code_challenge_method")? != "S256" {
            return Err(OAuthError::request("code_challenge_method must be S256"));
        }
        let bytes = URL_SAFE_NO_PAD.decode(challenge).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or_else(|| OAuthError::request("code_challenge must be 43 characters of base64url"))
    }

    /// Returns whether the verifier belongs to the challenge, in constant time.
    #[must_use]
    pub fn matches(&self, verifier: &CodeVerifier) -> bool {
        let hash: [u8; 32] = Sha256::digest(&verifier.0).into();
        self.0.ct_eq(&hash).into()
    }
}

impl CodeVerifier {
    /// Reads a verifier.
    ///
    /// # Errors
    /// `invalid_request` if it is not 43 to 128 unreserved characters.
    pub fn parse(text: &str) -> Result<Self, OAuthError> {
        let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if !(43..=128).contains(&text.len()) || !text.bytes().all(unreserved) {
            return Err(OAuthError::request("code_verifier must be 43 to 128 unreserved characters"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for CodeVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CodeVerifier(…)")
    }
}
