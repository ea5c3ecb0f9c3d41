//! Devices on which users signed in before. Failures on other devices do not slow them down.

use std::time::Duration;

use kernel::{OrganizationId, Timestamp, Ulid};

use crate::user::UserId;

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
}

impl TrustedDevice {
    /// The time for which a device counts as known after a sign-in.
    pub const LIFETIME: Duration = Duration::from_secs(90 * 24 * 60 * 60);

    /// Returns whether the user signed in on the device within [`Self::LIFETIME`].
    #[must_use]
    pub fn is_of(&self, organization: OrganizationId, user: UserId, now: Timestamp) -> bool {
        self.organization == organization && self.user == user && now < self.issued_at + Self::LIFETIME
    }
}
