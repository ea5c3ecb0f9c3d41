//! The reasons that a sign-in by OpenID Connect is refused.

use std::time::Duration;

use crate::id_token::IdTokenFault;

/// The reason that a sign-in by OpenID Connect is refused. The text is for the log; pages have their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenIdRefusal {
    /// The settings name no provider.
    #[error("sign-in by OpenID Connect is not set up")]
    NotSetUp,
    /// The installation has several workspaces, and the settings name none, or one that it does not have.
    #[error("the setting openid_workspace must name the workspace of the people who sign in")]
    NoWorkspace,
    /// The browser has no cookie of a sign-in, or one that was altered.
    #[error("the browser has no cookie of a sign-in that was begun")]
    NotBegun,
    /// The sign-in took too long.
    #[error("the sign-in was begun too long ago")]
    TooLate,
    /// The answer belongs to another sign-in.
    #[error("the state of the answer is not that of the sign-in")]
    OtherState,
    /// The answer has neither a code nor an error, or names another issuer.
    #[error("the answer of the provider is malformed or of another issuer")]
    MalformedAnswer,
    /// The person, or the provider, said no.
    #[error("the provider says access_denied")]
    AccessDenied,
    /// The provider reports another error.
    #[error("the provider reports an error")]
    ProviderError,
    /// The provider can't be reached, or answers with what is not understood.
    #[error("the provider can't be reached, or its answer is not understood")]
    ProviderUnavailable,
    /// The provider refuses the code, or the credentials of this installation.
    #[error("the provider refuses the code or the client")]
    CodeRefused,
    /// The ID token is refused.
    #[error("the ID token is refused: {0}")]
    IdToken(IdTokenFault),
    /// The person did not prove themselves again, which was asked for.
    #[error("the provider does not say that the person signed in again (auth_time)")]
    NotAgain,
    /// The provider does not say that there was a second factor.
    #[error("the provider does not say that the required method was used (amr, acr)")]
    NoSecondFactor,
    /// The provider names no email address.
    #[error("the provider names no valid email address")]
    NoEmail,
    /// The provider does not say that the email address is the person's.
    #[error("the provider does not say that the email address is verified")]
    EmailNotVerified,
    /// No group of the person gives a role.
    #[error("no group of the person gives a role")]
    NoRole,
    /// The user is disabled.
    #[error("the user is disabled")]
    Disabled,
    /// A user with a password has the email address.
    #[error("a user who has a password has the email address, and is not linked with the identity")]
    HasPassword,
    /// The user with the email address is, or was, linked with another identity.
    #[error("the user with the email address is active without being linked with the identity")]
    OtherIdentity,
    /// There were too many attempts from the network.
    #[error("there were too many attempts from the network")]
    TooManyAttempts {
        /// The time until the next attempt is allowed.
        retry_after: Duration,
    },
}

impl OpenIdRefusal {
    /// Whether trying again later may help, since nothing is wrong with the person or their account.
    #[must_use]
    pub const fn is_temporary(self) -> bool {
        matches!(self, Self::ProviderUnavailable | Self::TooManyAttempts { .. })
    }
}

impl From<IdTokenFault> for OpenIdRefusal {
    fn from(fault: IdTokenFault) -> Self {
        Self::IdToken(fault)
    }
}
