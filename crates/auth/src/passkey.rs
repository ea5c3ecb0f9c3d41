//! Passkeys: credentials of Web Authentication with which a user signs in, alone or after the password.

use std::{fmt, time::Duration};

use kernel::{HasIdPrefix, Id, OrganizationId, Rule, Text, Timestamp, Ulid, is_allowed_in_line};

use crate::user::UserId;

/// A passkey of a user. It holds no secret: the private key is in the authenticator.
#[derive(Clone, PartialEq, Eq)]
pub struct Passkey {
    /// The identifier by which the user manages it.
    pub id: PasskeyId,
    /// The identifier that the authenticator gave it.
    pub credential_id: Vec<u8>,
    /// The public key as a COSE key.
    pub public_key: Vec<u8>,
    /// The counter of signatures at the last use; 0 if the authenticator has none.
    pub sign_count: u32,
    /// Whether the passkey may be copied to other devices of the user, as those of a password manager are.
    pub is_backup_eligible: bool,
    /// The name that the user gave it.
    pub name: PasskeyName,
    /// The time of the registration.
    pub created_at: Timestamp,
    /// The time of the last sign-in with it.
    pub last_used_at: Option<Timestamp>,
    /// The time at which the last challenge that it answered was issued. Answers to this one and earlier ones are refused.
    pub last_challenge_at: Timestamp,
}

/// The identifier of a passkey.
pub type PasskeyId = Id<Passkey>;

impl HasIdPrefix for Passkey {
    const PREFIX: &'static str = "pkey";
}

impl fmt::Debug for Passkey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Passkey({:?}, added at {})", self.name, self.created_at)
    }
}

/// The validation rule of [`PasskeyName`].
#[derive(Debug)]
pub enum PasskeyNameRule {}

impl Rule for PasskeyNameRule {
    const DESCRIPTION: &'static str = "must be one line of 1 to 60 characters";
    const PATTERN: &'static str = r"^[^\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]*$";
    const MIN: usize = 1;
    const MAX: usize = 60;
    const TRIMMED: bool = true;

    fn allows(text: &str) -> bool {
        text.chars().all(is_allowed_in_line)
    }
}

/// The name by which a user tells their passkeys apart.
pub type PasskeyName = Text<PasskeyNameRule>;

/// The time by which a challenge may have been issued ahead of the clock that it is checked with.
const MAX_LEAD: Duration = Duration::from_secs(60);

impl Passkey {
    /// The maximum number of passkeys of a user.
    pub const MAX_PER_USER: usize = 10;
    /// The time for which a challenge can be answered.
    pub const CHALLENGE_LIFETIME: Duration = Duration::from_secs(5 * 60);

    /// Returns whether a challenge of this time can be answered at `now`.
    #[must_use]
    pub fn is_challenge_live(issued_at: Timestamp, now: Timestamp) -> bool {
        now < issued_at + Self::CHALLENGE_LIFETIME && issued_at <= now + MAX_LEAD
    }

    /// Returns the passkey after it answered a challenge; `None` if it has answered this one or a later one before.
    #[must_use]
    pub(crate) fn used(&self, answer: PasskeyAnswer) -> Option<Self> {
        let PasskeyAnswer { sign_count, challenge_at, at } = answer;
        // A last challenge from the future was answered before the clock was set back, and is not live any more.
        let is_new = challenge_at > self.last_challenge_at || self.last_challenge_at > at + MAX_LEAD;
        is_new.then(|| Self { sign_count, last_used_at: Some(at), last_challenge_at: challenge_at, ..self.clone() })
    }
}

/// A verified answer of a passkey to a challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasskeyAnswer {
    /// The counter of signatures.
    pub sign_count: u32,
    /// The time at which the challenge was issued.
    pub challenge_at: Timestamp,
    /// The time of the answer.
    pub at: Timestamp,
}

/// The handle by which authenticators name the user of a passkey: the identifiers of organization and user, so that it
/// names nobody to others and every lookup has an organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserHandle {
    /// The user's organization.
    pub organization: OrganizationId,
    /// The user.
    pub user: UserId,
}

impl UserHandle {
    /// The bytes of the handle.
    #[must_use]
    pub fn to_bytes(self) -> Vec<u8> {
        [self.organization.ulid(), self.user.ulid()].map(|id| id.to_bytes()).concat()
    }

    /// Reads a handle; `None` if this program did not make it.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let (organization, user) = bytes.split_first_chunk::<16>()?;
        let user = user.try_into().ok()?;
        Some(Self { organization: Id::new(Ulid::from_bytes(*organization)), user: Id::new(Ulid::from_bytes(user)) })
    }
}
