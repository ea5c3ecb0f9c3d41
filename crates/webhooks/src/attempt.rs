//! One attempt at a delivery and its outcome.

use std::time::Duration;

use kernel::{Timestamp, string_enum};

use crate::retry::ATTEMPT_TIMEOUT;

/// Maximum length of the stored beginning of an endpoint's response body, in bytes.
pub const MAX_STORED_RESPONSE: usize = 1024;

/// An attempt as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The time at which the attempt started.
    pub at: Timestamp,
    /// The result of the attempt.
    pub outcome: AttemptOutcome,
}

/// The outcome of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptOutcome {
    /// Duration of the attempt; stored in milliseconds.
    pub duration: Duration,
    /// The HTTP status, if the endpoint responded.
    pub status: Option<u16>,
    /// The beginning of the response body, at most [`MAX_STORED_RESPONSE`] bytes, if the endpoint responded.
    pub response_body: Option<String>,
    /// The reason, if the attempt failed.
    pub failure: Option<AttemptFailure>,
    /// The delay that the endpoint requested with `Retry-After`, in a response with status 429 or 503.
    pub retry_after: Option<Duration>,
}

string_enum! {
    /// The reason why an attempt failed.
    AttemptFailure {
        /// The status was neither 2xx nor a redirect.
        Refused = "refused",
        /// The response was a redirect, which is not followed.
        Redirected = "redirected",
        /// The response was not complete within [`ATTEMPT_TIMEOUT`].
        TimedOut = "timed_out",
        /// The host's name does not resolve.
        Unresolved = "unresolved",
        /// None of the host's addresses is one that webhooks may go to.
        Forbidden = "forbidden_address",
        /// The connection was refused or broke.
        Unreachable = "unreachable",
        /// The certificate is not trusted, or TLS failed in another way.
        Untrusted = "tls",
        /// The signing secret could not be decrypted: another master key, or an altered row.
        Unsigned = "unsigned",
    }
}

const _: () = assert!(ATTEMPT_TIMEOUT.as_secs() == 15, "the contract fixes how long an attempt may take");

impl AttemptFailure {
    /// A description for people: a clause without a full stop.
    #[must_use]
    pub const fn description(self) -> &'static str {
        match self {
            Self::Refused => "the endpoint did not answer 2xx",
            Self::Redirected => "the endpoint responded with a redirect, which is not followed",
            Self::TimedOut => "the endpoint did not answer within 15 seconds",
            Self::Unresolved => "the host's name does not resolve to an address that webhooks may be sent to",
            Self::Forbidden => "the host's address is neither public nor allowed by the operator",
            Self::Unreachable => "the endpoint could not be reached, or the connection broke",
            Self::Untrusted => "the endpoint's certificate is not trusted, or TLS failed",
            Self::Unsigned => "the signing secret could not be decrypted",
        }
    }
}

impl AttemptOutcome {
    /// Whether the endpoint accepted the delivery: a 2xx status in time.
    #[must_use]
    pub const fn is_success(&self) -> bool {
        self.failure.is_none()
    }

    /// Whether the endpoint reported that it is gone for good (status 410).
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.status == Some(410)
    }
}
