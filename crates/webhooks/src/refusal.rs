//! Why a command about webhooks is refused.

use kernel::Invalid;
use scopes::Scope;

/// Why a command is refused. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// What was asked for makes no sense by itself.
    #[error("not valid")]
    Invalid(Vec<Invalid>),
    /// The account may not read what an event is about.
    #[error("the account lacks the scope {0}, which this event's resource takes")]
    Scope(Scope),
    /// The account has as many subscriptions as it may.
    #[error("an account has at most {limit} subscriptions", limit = crate::MOST_PER_ACCOUNT)]
    TooMany,
    /// The delivery's attempt has not been made yet, so there is nothing to repeat.
    #[error("the delivery is under way already")]
    UnderWay,
    /// The subscription is disabled.
    #[error("the subscription is disabled: enable it first")]
    Disabled,
}
