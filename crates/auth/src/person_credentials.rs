//! The credentials of a user. They are stored apart from the record, so that neither the audit log nor an export
//! contains any of them.

use std::fmt;

use kernel::Timestamp;

use crate::{
    opaque_token::TokenHash,
    passkey::{Passkey, PasskeyAnswer, PasskeyId, PasskeyName},
};

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
    /// The authenticator app, if one is enrolled as the second factor.
    pub second_factor: Option<SecondFactor>,
    /// The passkeys, the oldest first, at most [`Passkey::MAX_PER_USER`]. Each is a second factor, too.
    pub passkeys: Vec<Passkey>,
    /// The hashes of the recovery codes that were not used yet.
    pub recovery_codes: Vec<TokenHash>,
}

impl Credentials {
    /// Creates the first credentials of a user.
    #[must_use]
    pub const fn new(password: PasswordHash, at: Timestamp) -> Self {
        Self {
            version: 1,
            password,
            password_set_at: at,
            second_factor: None,
            passkeys: Vec::new(),
            recovery_codes: Vec::new(),
        }
    }

    /// Whether a sign-in with the password needs another step.
    #[must_use]
    pub const fn has_second_factor(&self) -> bool {
        self.second_factor.is_some() || !self.passkeys.is_empty()
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

    /// Returns the credentials without the authenticator app. The recovery codes go with the last second factor.
    #[must_use]
    pub fn without_authenticator_app(&self) -> Self {
        Self { second_factor: None, ..self.next() }.without_useless_codes()
    }

    /// Returns the credentials without authenticator app, passkeys and recovery codes.
    #[must_use]
    pub fn without_second_factors(&self) -> Self {
        Self { second_factor: None, passkeys: Vec::new(), recovery_codes: Vec::new(), ..self.next() }
    }

    /// Returns the credentials with one more passkey, and with new recovery codes if there are any.
    #[must_use]
    pub fn with_passkey(&self, passkey: Passkey, recovery_codes: Option<Vec<TokenHash>>) -> Self {
        let mut next = self.next();
        next.passkeys.push(passkey);
        next.recovery_codes = recovery_codes.unwrap_or(next.recovery_codes);
        next
    }

    /// Returns the credentials with another name of a passkey; `None` if there is no such passkey.
    #[must_use]
    pub fn with_renamed_passkey(&self, id: PasskeyId, name: &PasskeyName) -> Option<Self> {
        self.with_changed_passkey(id, |passkey| Some(Passkey { name: name.clone(), ..passkey.clone() }))
    }

    /// Returns the credentials after a passkey answered a challenge; `None` if there is no such passkey, or it has answered
    /// this challenge or a later one before.
    #[must_use]
    pub fn with_used_passkey(&self, id: PasskeyId, answer: PasskeyAnswer) -> Option<Self> {
        self.with_changed_passkey(id, |passkey| passkey.used(answer))
    }

    fn with_changed_passkey(&self, id: PasskeyId, change: impl FnOnce(&Passkey) -> Option<Passkey>) -> Option<Self> {
        let mut next = self.next();
        let passkey = next.passkeys.iter_mut().find(|passkey| passkey.id == id)?;
        *passkey = change(passkey)?;
        Some(next)
    }

    /// Returns the credentials without a passkey; `None` if there is no such passkey. The recovery codes go with the last
    /// second factor.
    #[must_use]
    pub fn without_passkey(&self, id: PasskeyId) -> Option<Self> {
        let mut next = self.next();
        next.passkeys.retain(|passkey| passkey.id != id);
        (next.passkeys.len() < self.passkeys.len()).then(|| next.without_useless_codes())
    }

    fn without_useless_codes(self) -> Self {
        let recovery_codes = if self.has_second_factor() { self.recovery_codes.clone() } else { Vec::new() };
        Self { recovery_codes, ..self }
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
