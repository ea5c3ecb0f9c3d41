//! Devices on which users signed in before. Failures on other devices do not slow them down.

use std::time::Duration;

use kernel::{OrganizationId, Timestamp, Ulid};
use sha2::{Digest as _, Sha256};

use crate::{person_credentials::Credentials, user::UserId};

/// A device on which a user signed in: what its cookie states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrustedDevice {
    /// The user's organization.
    pub organization: OrganizationId,
    /// The user.
    pub user: UserId,
    /// The identifier of the device.
    pub id: Ulid,
    /// The time of the sign-in.
    pub issued_at: Timestamp,
    /// The fingerprint of the credentials that the user had after the sign-in. With other credentials, the device is that
    /// of a stranger: whoever knew the earlier ones may have signed in on it.
    pub credentials: CredentialsFingerprint,
}

impl TrustedDevice {
    /// The time for which a device counts as known after a sign-in.
    pub const LIFETIME: Duration = Duration::from_secs(90 * 24 * 60 * 60);

    /// Returns whether somebody signed in on the device within [`Self::LIFETIME`].
    #[must_use]
    pub fn is_live_at(&self, now: Timestamp) -> bool {
        now < self.issued_at + Self::LIFETIME
    }

    /// Returns whether the user signed in on the device within [`Self::LIFETIME`].
    #[must_use]
    pub fn is_of(&self, organization: OrganizationId, user: UserId, now: Timestamp) -> bool {
        self.organization == organization && self.user == user && self.is_live_at(now)
    }
}

/// A fingerprint of the password, the authenticator app and the passkeys of a user: another one after each change of
/// them, and the same after each use. It is made of times and identifiers, not of secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CredentialsFingerprint(pub [u8; Self::LENGTH]);

impl CredentialsFingerprint {
    /// The length in bytes.
    pub const LENGTH: usize = 16;

    /// The fingerprint of these credentials, or of a user who has none.
    #[must_use]
    pub fn of(credentials: Option<&Credentials>) -> Self {
        let mut digest = Sha256::new();
        if let Some(Credentials { password_set_at, second_factor, passkeys, .. }) = credentials {
            let enrolled_at = second_factor.as_ref().map_or(i64::MIN, |factor| factor.enrolled_at.millis());
            digest.update(password_set_at.millis().to_be_bytes());
            digest.update(enrolled_at.to_be_bytes());
            for passkey in passkeys {
                digest.update(passkey.id.ulid().to_bytes());
            }
        }
        let digest: [u8; 32] = digest.finalize().into();
        let (fingerprint, _) = digest.split_first_chunk().expect("a digest is longer");
        Self(*fingerprint)
    }
}
