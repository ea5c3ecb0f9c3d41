//! The reasons that a ceremony fails.

/// The reason that a response of a browser is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebauthnError {
    /// The response is not one of this ceremony, or is larger than any real one.
    #[error("the response of the browser is malformed: {0}")]
    Malformed(&'static str),
    /// The response answers another challenge than the one that was issued.
    #[error("the response answers another challenge")]
    Challenge,
    /// The response was made on a page of another origin.
    #[error("the response was made on a page of another origin")]
    Origin,
    /// The authenticator signed for another relying party.
    #[error("the passkey is one of another site")]
    RelyingParty,
    /// Nobody touched the authenticator.
    #[error("the presence of a person was not confirmed")]
    UserPresence,
    /// The authenticator did not verify who uses it, by a PIN or a biometric.
    #[error("the passkey did not verify its owner by a PIN, a fingerprint or a face")]
    UserVerification,
    /// The key is of a kind that is not supported, or is no key.
    #[error("the public key is of a kind that is not supported")]
    UnsupportedKey,
    /// The signature is not one of the registered key.
    #[error("the signature is wrong")]
    Signature,
    /// The counter did not advance: the authenticator was cloned, or a response was replayed.
    #[error("the counter of the passkey went from {stored} to {received}: there may be a copy of it")]
    Counter {
        /// The value at the last use.
        stored: u32,
        /// The value of this use.
        received: u32,
    },
}
