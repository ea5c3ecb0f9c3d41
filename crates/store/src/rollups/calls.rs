//! Calls of service accounts.

use std::time::Duration;

use auth::AccountId;
use kernel::{OrganizationId, Timestamp, string_enum};

/// The maximum number of spans of one account that are read at once: those of a day, in minutes.
pub const MAX_LISTED_CALLS: usize = 24 * 60;

string_enum! {
    /// The span of time in which calls are counted together.
    CallSpan {
        /// A minute.
        Minute = "minute",
        /// An hour.
        Hour = "hour",
    }
}

impl CallSpan {
    /// The length of the span.
    #[must_use]
    pub const fn length(self) -> Duration {
        Duration::from_secs(match self {
            Self::Minute => 60,
            Self::Hour => 60 * 60,
        })
    }

    /// The time for which the calls of a span are kept: 2 days for minutes, 90 days for hours.
    #[must_use]
    pub const fn retention(self) -> Duration {
        let days = match self {
            Self::Minute => 2,
            Self::Hour => 90,
        };
        Duration::from_secs(days * 24 * 60 * 60)
    }

    /// Returns the beginning of the span that contains this time.
    #[must_use]
    pub fn start_of(self, time: Timestamp) -> Timestamp {
        let length = i64::try_from(self.length().as_millis()).unwrap_or(i64::MAX);
        Timestamp::from_millis(time.millis() - time.millis().rem_euclid(length))
    }
}

/// The numbers of calls by their outcomes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallTotals {
    /// Calls that were answered.
    pub answered: u64,
    /// Calls that were refused with another status than 429.
    pub refused: u64,
    /// Calls that were refused because of a rate limit.
    pub limited: u64,
    /// Calls that failed for a reason that lies with the server.
    pub failed: u64,
}

impl CallTotals {
    /// Returns the one call with this HTTP status.
    #[must_use]
    pub const fn of_status(status: u16) -> Self {
        let mut one = Self { answered: 0, refused: 0, limited: 0, failed: 0 };
        match status {
            429 => one.limited = 1,
            400..=499 => one.refused = 1,
            500.. => one.failed = 1,
            _ => one.answered = 1,
        }
        one
    }

    /// Adds other calls.
    pub const fn add(&mut self, other: Self) {
        self.answered = self.answered.saturating_add(other.answered);
        self.refused = self.refused.saturating_add(other.refused);
        self.limited = self.limited.saturating_add(other.limited);
        self.failed = self.failed.saturating_add(other.failed);
    }

    /// Returns the number of all calls.
    #[must_use]
    pub const fn total(self) -> u64 {
        self.answered.saturating_add(self.refused).saturating_add(self.limited).saturating_add(self.failed)
    }
}

/// The calls of an account in one span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountCalls {
    /// The organization of the account.
    pub organization: OrganizationId,
    /// The account.
    pub account: AccountId,
    /// The span.
    pub span: CallSpan,
    /// The beginning of the span.
    pub starts_at: Timestamp,
    /// The calls.
    pub calls: CallTotals,
}
