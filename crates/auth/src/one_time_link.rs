//! Links that work once: invitations, resets of passwords, and the setup of the first administrator.

use std::time::Duration;

use kernel::{OrganizationId, Timestamp, string_enum};

use crate::{opaque_token::TokenHash, user::UserId};

string_enum! {
    /// The purpose of a link.
    LinkPurpose {
        /// An invited user sets a password and becomes active.
        Invitation = "invitation",
        /// An active user sets a new password.
        PasswordReset = "password_reset",
        /// The operator of the server makes the first administrator of a workspace.
        FirstAdministrator = "first_administrator",
    }
}

/// A link that was issued and not used. Using it deletes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OneTimeLink {
    /// The organization of the user.
    pub organization: OrganizationId,
    /// The hash of the token in the link.
    pub token: TokenHash,
    /// The purpose of the link.
    pub purpose: LinkPurpose,
    /// The user; `None` for the first administrator, who does not exist yet.
    pub user: Option<UserId>,
    /// The time of issue.
    pub created_at: Timestamp,
    /// The time from which on the link does not work.
    pub expires_at: Timestamp,
}

impl LinkPurpose {
    /// The lifetime of links with this purpose, unless a setting has another one.
    #[must_use]
    pub const fn default_lifetime(self) -> Duration {
        match self {
            Self::Invitation => Duration::from_secs(7 * 24 * 60 * 60),
            Self::PasswordReset | Self::FirstAdministrator => Duration::from_secs(60 * 60),
        }
    }
}

/// The time by which a link may have been issued ahead of the clock that it is checked with.
const MAX_LEAD: Duration = Duration::from_secs(60);

impl OneTimeLink {
    /// Returns whether the link works at `now`. One from the future does not: the clock was set back.
    #[must_use]
    pub fn is_live_at(&self, now: Timestamp) -> bool {
        now < self.expires_at && self.created_at <= now + MAX_LEAD
    }
}
