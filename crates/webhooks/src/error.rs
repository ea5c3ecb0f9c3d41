//! Errors of webhook commands.

use kernel::FieldError;
use scopes::Scope;

/// The reason why a webhook command is rejected. Nothing has been changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// Fields of the command are invalid.
    #[error("the request is invalid")]
    Invalid(Vec<FieldError>),
    /// The account lacks the scope that an event's resource requires.
    #[error("the account lacks the scope {0}, which the resource of this event requires")]
    MissingScope(Scope),
    /// The account already has the maximum number of subscriptions.
    #[error("the account already has {limit} subscriptions: delete one first", limit = crate::MAX_SUBSCRIPTIONS_PER_ACCOUNT)]
    TooManySubscriptions,
    /// The delivery is pending, so there is nothing to repeat yet.
    #[error("the delivery is already pending")]
    AlreadyPending,
    /// The subscription is disabled.
    #[error("the subscription is disabled: enable it first")]
    Disabled,
}
