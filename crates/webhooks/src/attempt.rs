//! One attempt at a delivery, and what came of it.

use std::time::Duration;

use kernel::{Timestamp, words};

use crate::retry::ANSWER_WITHIN;

/// How much of an endpoint's answer is kept, in bytes.
pub const ANSWER_KEPT: usize = 1024;

/// An attempt as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// When it began.
    pub at: Timestamp,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// How long it took; kept in milliseconds.
    pub took: Duration,
    /// The status of the answer, where there was one.
    pub status: Option<u16>,
    /// The beginning of the answer, at most [`ANSWER_KEPT`] bytes, where there was one.
    pub answer: Option<String>,
    /// Why it failed, where it did.
    pub failure: Option<Failure>,
    /// How long the endpoint asked to be left alone, in an answer of 429 or 503.
    pub retry_after: Option<Duration>,
}

words! {
    /// Why an attempt failed.
    Failure {
        /// The answer was no 2xx, and no redirect.
        Refused = "refused",
        /// The answer was a redirect, which is not followed.
        Redirected = "redirected",
        /// There was no whole answer within [`ANSWER_WITHIN`].
        TimedOut = "timed_out",
        /// The host's name does not resolve.
        Unresolved = "unresolved",
        /// The host's addresses are not ones that webhooks go to.
        Forbidden = "forbidden_address",
        /// Nobody listens there, or the connection broke.
        Unreachable = "unreachable",
        /// The certificate is not one to be trusted, or TLS failed otherwise.
        Untrusted = "tls",
        /// The secret does not open: another master key, or an altered row.
        Unsigned = "unsigned",
    }
}

const _: () = assert!(ANSWER_WITHIN.as_secs() == 15, "the contract says how long an endpoint has");

impl Failure {
    /// It in a sentence, for people.
    #[must_use]
    pub const fn says(self) -> &'static str {
        match self {
            Self::Refused => "the endpoint did not answer 2xx",
            Self::Redirected => "the endpoint answered with a redirect, which is not followed",
            Self::TimedOut => "the endpoint did not answer within 15 seconds",
            Self::Unresolved => "the host's name does not resolve",
            Self::Forbidden => "the host's address is not a public one, nor one that was allowed",
            Self::Unreachable => "the endpoint could not be reached, or the connection broke",
            Self::Untrusted => "the endpoint's certificate is not trusted, or TLS failed",
            Self::Unsigned => "the signing secret could not be opened",
        }
    }
}

impl Outcome {
    /// Whether the endpoint took it: any 2xx in time.
    #[must_use]
    pub const fn is_success(&self) -> bool {
        self.failure.is_none()
    }

    /// Whether the endpoint said that it is gone for good.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.status == Some(410)
    }
}
