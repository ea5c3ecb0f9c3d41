//! The errors of the use cases.

use std::time::Duration;

use auth::{SavedViewError, UserDenied, UserError};
use kernel::{CommitError, FieldError, StoreError};

/// The reason that a use case was not carried out. Nothing was stored.
#[derive(Debug, thiserror::Error)]
pub enum PeopleError {
    /// The session or the role does not allow it.
    #[error(transparent)]
    Denied(#[from] UserDenied),
    /// The state of the user does not allow it.
    #[error(transparent)]
    Refused(#[from] UserError),
    /// The rules of saved views do not allow it.
    #[error(transparent)]
    SavedView(#[from] SavedViewError),
    /// Some of the values are invalid; all faults are listed.
    #[error("some of the values are invalid")]
    Invalid(Vec<FieldError>),
    /// The password is wrong.
    #[error("the password is wrong")]
    WrongPassword,
    /// The organization has no such user or session.
    #[error("there is no such user or session")]
    NotFound,
    /// Another user of the organization has this email address.
    #[error("another user of the workspace has this email address")]
    EmailTaken,
    /// The link was used, has expired, was replaced by another one or never existed.
    #[error("the link was used already, has expired or was replaced by another one")]
    LinkInvalid,
    /// Users can't change their own role or status.
    #[error("you can't change your own role or status; another administrator can")]
    OwnAccount,
    /// The role requires a second factor.
    #[error("the role requires a second factor, so the only one can be replaced but not removed")]
    SecondFactorRequired,
    /// The user has as many passkeys as any user may have.
    #[error(
        "you have {} passkeys already, the most that anybody can have; remove one first",
        auth::Passkey::MAX_PER_USER
    )]
    TooManyPasskeys,
    /// The user has no second factor.
    #[error("the user has no second factor")]
    NoSecondFactor,
    /// Another user is linked with the identity, or the same one already.
    #[error("the identity is linked with a user of the workspace already")]
    IdentityTaken,
    /// The user is linked with as many identities as one may be.
    #[error("the user is linked with too many identities; unlink them first")]
    TooManyIdentities,
    /// People of the workspace sign in by the OpenID Connect provider only.
    #[error("people of this workspace sign in with their identity provider, not with a password")]
    PasswordsOff,
    /// There were too many failures.
    #[error("there were too many failed attempts; try again in {} s", .retry_after.as_secs())]
    TooManyAttempts {
        /// The time until the next attempt is allowed.
        retry_after: Duration,
    },
    /// Too many passwords are being checked at once.
    #[error("the server is checking too many passwords at once; try again in a few seconds")]
    Busy,
    /// Concurrent changes of the same user kept conflicting.
    #[error("the user was changed concurrently several times; try again")]
    Contended,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl PeopleError {
    /// The error of one field.
    pub(crate) fn field(field: &'static str, message: impl Into<std::borrow::Cow<'static, str>>) -> Self {
        Self::Invalid(vec![FieldError::new(field, message)])
    }

    /// The error of a commit that no other attempt can mend.
    pub(crate) fn from_commit(error: CommitError) -> Self {
        match error {
            CommitError::Store(error) => Self::Store(error),
            error => Self::Store(StoreError::Corrupt(error.into())),
        }
    }
}
