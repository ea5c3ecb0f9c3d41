//! The credentials of a user. They are stored apart from the record, so that neither the audit log nor an export
//! contains any of them.

use std::fmt;

use kernel::Timestamp;

use crate::opaque_token::TokenHash;

/// The stored form of a password: an Argon2id hash in PHC string format.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// Creates a hash from its PHC string.
    #[must_use]
    pub fn new(phc: impl Into<String>) -> Self {
        Self(phc.into())
    }

    /// The PHC string of the hash.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// A second factor: time-based one-time passwords (RFC 6238) of an authenticator app.
#[derive(Clone, PartialEq, Eq)]
pub struct SecondFactor {
    /// The secret, encrypted under the master key for this user.
    pub ciphertext: Vec<u8>,
    /// The time of the enrollment.
    pub enrolled_at: Timestamp,
    /// The time step of the last accepted code. Codes of this step and earlier ones are refused.
    pub last_step: i64,
}

impl fmt::Debug for SecondFactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecondFactor(enrolled at {})", self.enrolled_at)
    }
}

/// The credentials of one user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The number of times the credentials were written: 1 at first. A change is stored only if the stored version is
    /// the one before, so that no code is accepted twice and no change is lost, whichever servers they are made on.
    pub version: i64,
    /// The hash of the password.
    pub password: PasswordHash,
    /// The time at which the password was set.
    pub password_set_at: Timestamp,
    /// The second factor, if one is enrolled.
    pub second_factor: Option<SecondFactor>,
    /// The hashes of the recovery codes that were not used yet.
    pub recovery_codes: Vec<TokenHash>,
}

impl Credentials {
    /// Creates the first credentials of a user.
    #[must_use]
    pub const fn new(password: PasswordHash, at: Timestamp) -> Self {
        Self { version: 1, password, password_set_at: at, second_factor: None, recovery_codes: Vec::new() }
    }

    /// Returns the credentials with the next version, to be changed and stored.
    #[must_use]
    pub fn next(&self) -> Self {
        Self { version: self.version + 1, ..self.clone() }
    }

    /// Returns the credentials with another password.
    #[must_use]
    pub fn with_password(&self, password: PasswordHash, at: Timestamp) -> Self {
        Self { password, password_set_at: at, ..self.next() }
    }

    /// Returns the credentials with a second factor and new recovery codes.
    #[must_use]
    pub fn with_second_factor(&self, factor: SecondFactor, recovery_codes: Vec<TokenHash>) -> Self {
        Self { second_factor: Some(factor), recovery_codes, ..self.next() }
    }

    /// Returns the credentials without second factor and recovery codes.
    #[must_use]
    pub fn without_second_factor(&self) -> Self {
        Self { second_factor: None, recovery_codes: Vec::new(), ..self.next() }
    }

    /// Returns the credentials after a code of this time step was accepted; `None` if one of this step or a later one was
    /// accepted before.
    #[must_use]
    pub fn with_accepted_step(&self, step: i64) -> Option<Self> {
        let factor = self.second_factor.as_ref().filter(|factor| factor.last_step < step)?;
        Some(Self { second_factor: Some(SecondFactor { last_step: step, ..factor.clone() }), ..self.next() })
    }

    /// Returns the credentials after a recovery code was used; `None` if it is none of those that are left.
    #[must_use]
    pub fn with_used_recovery_code(&self, code: TokenHash) -> Option<Self> {
        let left: Vec<_> = self.recovery_codes.iter().copied().filter(|left| *left != code).collect();
        (left.len() < self.recovery_codes.len()).then(|| Self { recovery_codes: left, ..self.next() })
    }
}
