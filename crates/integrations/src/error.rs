//! The errors of the use cases.

use auth::{Account, AccountError, AccountId, UserDenied};
use kernel::{CommitError, StoreError, Stored};
use webhooks::{WebhookError, WebhookSubscription};

/// The reason that a use case was not carried out. Nothing was stored.
#[derive(Debug, thiserror::Error)]
pub enum IntegrationError {
    /// The session or the role does not allow it.
    #[error(transparent)]
    Denied(#[from] UserDenied),
    /// There is no service account with this identifier.
    #[error("there is no service account {0}")]
    NoAccount(AccountId),
    /// The organization has no such subscription or delivery.
    #[error("there is no such subscription or delivery")]
    NotFound,
    /// Another account of the organization has this name.
    #[error("the workspace already has a service account {0:?}")]
    NameTaken(String),
    /// The account was changed since its form was opened; this is what is stored now.
    #[error("the service account was changed meanwhile")]
    AccountChanged(Box<Account>),
    /// The subscription was changed since its form was opened; this is what is stored now.
    #[error("the subscription was changed meanwhile")]
    SubscriptionChanged(Box<Stored<WebhookSubscription>>),
    /// The state of the account does not allow it.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// The state of the subscription does not allow it, or its fields are invalid.
    #[error(transparent)]
    Webhook(#[from] WebhookError),
    /// The webhooks of the installation are paused.
    #[error(
        "webhooks are paused, because this installation is a copy of another one, whose endpoints would get the event: to \
         resume them, the operator runs `novantra webhooks resume`"
    )]
    Paused,
    /// Concurrent changes of the same record kept conflicting.
    #[error("other processes kept changing the same record; try again")]
    Contended,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl IntegrationError {
    /// The error of a commit that no other attempt can mend.
    pub(crate) fn from_commit(error: CommitError) -> Self {
        match error {
            CommitError::Store(error) => Self::Store(error),
            // The author was disabled, or got another role, since the request was authorized.
            CommitError::ActorChanged => Self::Denied(UserDenied::SignedOut),
            error => Self::Store(StoreError::Corrupt(error.into())),
        }
    }
}
