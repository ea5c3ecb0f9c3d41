//! Sessions of people who have signed in.

use std::time::Duration;

use kernel::{HasIdPrefix, Id, OrganizationId, Timestamp, string_enum};

use crate::{opaque_token::TokenHash, user::UserId};

string_enum! {
    /// How far a sign-in has come.
    SessionLevel {
        /// The password was right; the session only allows entering the second factor.
        SecondFactorPending = "second_factor_pending",
        /// The password was right, and the role requires a second factor that the user does not have yet; the session
        /// only allows enrolling one.
        EnrollmentPending = "enrollment_pending",
        /// The user has signed in.
        Full = "full",
    }
}

/// A session: what the browser's cookie stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The identifier by which the session is listed and revoked. It is no secret.
    pub id: SessionId,
    /// The user's organization.
    pub organization: OrganizationId,
    /// The user.
    pub user: UserId,
    /// The hash of the token in the cookie.
    pub token: TokenHash,
    /// How far the sign-in has come.
    pub level: SessionLevel,
    /// The time of the sign-in.
    pub created_at: Timestamp,
    /// The time at which the user last proved who they are: at the sign-in, or again before a sensitive action.
    pub authenticated_at: Timestamp,
    /// The time of the last request, written at most once in [`Session::USE_INTERVAL`].
    pub last_used_at: Timestamp,
    /// The end of the session, however much it is used.
    pub expires_at: Timestamp,
    /// The network address of the sign-in.
    pub source_address: Option<String>,
    /// The browser of the sign-in, as its `User-Agent` states it, cut to [`Session::MAX_USER_AGENT`] characters.
    pub user_agent: Option<String>,
}

/// The identifier of a session.
pub type SessionId = Id<Session>;

impl HasIdPrefix for Session {
    const PREFIX: &'static str = "sess";
}

/// How long sessions last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionLifetimes {
    /// The time without a request after which a session ends.
    pub idle: Duration,
    /// The time after the sign-in at which a session ends.
    pub absolute: Duration,
}

impl Default for SessionLifetimes {
    /// Eight hours without a request, and 24 hours in all.
    fn default() -> Self {
        Self { idle: Duration::from_secs(8 * 60 * 60), absolute: Duration::from_secs(24 * 60 * 60) }
    }
}

/// The time by which a session may have begun ahead of the clock that it is checked with.
const MAX_LEAD: Duration = Duration::from_secs(60);

impl Session {
    /// The time for which a sign-in that lacks its second factor can be completed.
    pub const PENDING_LIFETIME: Duration = Duration::from_secs(10 * 60);
    /// The minimum time between two writes of the time of the last request.
    pub const USE_INTERVAL: Duration = Duration::from_secs(60);
    /// The time after which a sensitive action asks for the password again.
    pub const RECENT: Duration = Duration::from_secs(15 * 60);
    /// The maximum number of sessions of a user. One more sign-in ends the session that was unused for longest.
    pub const MAX_PER_USER: usize = 20;
    /// The maximum length of a stored `User-Agent` in characters.
    pub const MAX_USER_AGENT: usize = 300;

    /// Returns whether the session is valid at `now`. One that began later than `now` is not: the clock was set back,
    /// and the session would live longer than any may.
    #[must_use]
    pub fn is_live_at(&self, now: Timestamp, idle: Duration) -> bool {
        now < self.expires_at && now < self.last_used_at + idle && self.created_at <= now + MAX_LEAD
    }

    /// Returns whether the user proved recently who they are, as sensitive actions require.
    #[must_use]
    pub fn is_recent_at(&self, now: Timestamp) -> bool {
        now < self.authenticated_at + Self::RECENT && self.authenticated_at <= now + MAX_LEAD
    }

    /// Returns whether a request at `now` must be written as the last one.
    #[must_use]
    pub fn is_use_due_at(&self, now: Timestamp) -> bool {
        now >= self.last_used_at + Self::USE_INTERVAL
    }
}
