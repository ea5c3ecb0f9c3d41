//! Sign-in by OpenID Connect: the ports, and what is decided about a person whom the provider vouches for.

use std::time::Duration;

use async_trait::async_trait;
use kernel::{Entropy, Timestamp};

use crate::{
    id_token::MAX_CLOCK_SKEW,
    openid_refusal::OpenIdRefusal,
    random_text::random_body,
    role::Role,
    user::{StoredUser, UserEmail, UserStatus, parse_user_email},
};

/// A sign-in that was begun and waits for the answer of the provider. The browser keeps it, encrypted, in a cookie.
#[derive(Clone, PartialEq, Eq)]
pub struct OpenIdFlow {
    /// The value that the answer must have, so that no other site can have the browser complete a sign-in.
    pub state: String,
    /// The value that the ID token must have.
    pub nonce: String,
    /// The secret of which the provider got the hash (PKCE, RFC 7636).
    pub verifier: String,
    /// The page to go to afterwards.
    pub next: String,
    /// The time at which the sign-in was begun.
    pub started_at: Timestamp,
    /// Whether the person must prove themselves at the provider even if they are signed in there.
    pub is_again: bool,
}

impl std::fmt::Debug for OpenIdFlow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OpenIdFlow(begun at {})", self.started_at)
    }
}

impl OpenIdFlow {
    /// The time in which a sign-in must be completed.
    pub const LIFETIME: Duration = Duration::from_secs(10 * 60);

    /// Begins a sign-in with random values.
    #[must_use]
    pub fn begin(entropy: &dyn Entropy, next: String, is_again: bool, started_at: Timestamp) -> Self {
        let [state, nonce, verifier] = [(); 3].map(|()| random_body(entropy));
        Self { state, nonce, verifier, next, started_at, is_again }
    }

    /// Checks that an answer with this state completes the sign-in at `now`.
    ///
    /// # Errors
    /// [`OpenIdRefusal::OtherState`], [`OpenIdRefusal::TooLate`].
    pub fn check(&self, state: &str, now: Timestamp) -> Result<(), OpenIdRefusal> {
        if self.state != state {
            return Err(OpenIdRefusal::OtherState);
        }
        let is_live = now < self.started_at + Self::LIFETIME && self.started_at <= now + MAX_CLOCK_SKEW;
        if is_live { Ok(()) } else { Err(OpenIdRefusal::TooLate) }
    }
}

/// A person whom the provider vouches for: the claims of a checked ID token, and of the user info endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderPerson {
    /// The issuer.
    pub issuer: String,
    /// The identifier of the person at the provider.
    pub subject: String,
    /// The email address.
    pub email: Option<String>,
    /// Whether the provider says that the email address is the person's.
    pub is_email_verified: bool,
    /// The display name.
    pub name: Option<String>,
    /// The groups of the person.
    pub groups: Vec<String>,
    /// `acr`: the class of the authentication.
    pub acr: Option<String>,
    /// `amr`: the methods of the authentication.
    pub amr: Vec<String>,
    /// `auth_time`: the time at which the person proved themselves at the provider.
    pub authenticated_at: Option<Timestamp>,
}

/// A provider of identities, with which this installation is registered as a client.
#[async_trait]
pub trait IdentityProvider: Send + Sync {
    /// The issuer identifier.
    fn issuer(&self) -> &str;

    /// Returns the address at the provider to which the browser is sent.
    ///
    /// # Errors
    /// [`OpenIdRefusal::ProviderUnavailable`].
    async fn authorization_url(&self, flow: &OpenIdFlow) -> Result<String, OpenIdRefusal>;

    /// Redeems the code of an answer, and checks the ID token. `answered_issuer` is the issuer that the answer names
    /// (RFC 9207).
    ///
    /// # Errors
    /// [`OpenIdRefusal`].
    async fn redeem(
        &self,
        code: &str,
        answered_issuer: Option<&str>,
        flow: &OpenIdFlow,
    ) -> Result<ProviderPerson, OpenIdRefusal>;
}

/// Encrypts sign-ins that were begun, for the cookies that keep them.
pub trait OpenIdFlows: Send + Sync {
    /// Returns the cookie of the sign-in.
    fn encrypt(&self, entropy: &dyn Entropy, flow: &OpenIdFlow) -> String;

    /// Returns the sign-in of a cookie; `None` if this installation did not encrypt it.
    fn decrypt(&self, cookie: &str) -> Option<OpenIdFlow>;
}

/// The roles that the groups of a person give.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupRoles {
    /// Groups with their roles. The first group that the person has decides.
    pub mapping: Vec<(String, Role)>,
    /// The role of a person with none of these groups; without one they are refused.
    pub default: Option<Role>,
}

impl GroupRoles {
    /// The role of a person with these groups, who has the role `present` if they are a user already. Without any mapping,
    /// roles are managed here, and the default is that of new users.
    #[must_use]
    pub fn role_of(&self, groups: &[String], present: Option<Role>) -> Option<Role> {
        let granted = self.mapping.iter().find(|(group, _)| groups.contains(group)).map(|(_, role)| *role);
        granted.or(present.filter(|_| self.mapping.is_empty())).or(self.default)
    }
}

/// The requirements that a person must meet beyond a valid ID token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpenIdRules {
    /// The roles that groups give.
    pub roles: GroupRoles,
    /// Whether an email address counts although the provider does not say that it is verified.
    pub trusts_email: bool,
    /// The methods of which the provider must state one (`amr`); any if empty.
    pub amr: Vec<String>,
    /// The classes of which the provider must state one (`acr`); any if empty.
    pub acr: Vec<String>,
}

impl OpenIdRules {
    /// Checks how the person proved themselves at the provider.
    ///
    /// # Errors
    /// [`OpenIdRefusal::NoSecondFactor`], [`OpenIdRefusal::NotAgain`].
    pub fn check_authentication(&self, person: &ProviderPerson, flow: &OpenIdFlow) -> Result<(), OpenIdRefusal> {
        let has_method = self.amr.is_empty() || person.amr.iter().any(|method| self.amr.contains(method));
        let has_class = self.acr.is_empty() || person.acr.as_ref().is_some_and(|class| self.acr.contains(class));
        if !has_method || !has_class {
            return Err(OpenIdRefusal::NoSecondFactor);
        }
        let is_after_start = |at: Timestamp| flow.started_at <= at + MAX_CLOCK_SKEW;
        if flow.is_again && !person.authenticated_at.is_some_and(is_after_start) {
            return Err(OpenIdRefusal::NotAgain);
        }
        Ok(())
    }

    /// The email address of the person, as far as it may be believed.
    ///
    /// # Errors
    /// [`OpenIdRefusal::NoEmail`], [`OpenIdRefusal::EmailNotVerified`].
    pub fn email_of(&self, person: &ProviderPerson) -> Result<UserEmail, OpenIdRefusal> {
        let email = person.email.as_deref().map(str::trim).map(parse_user_email);
        let email = email.and_then(Result::ok).ok_or(OpenIdRefusal::NoEmail)?;
        if person.is_email_verified || self.trusts_email { Ok(email) } else { Err(OpenIdRefusal::EmailNotVerified) }
    }
}

/// A user with the email address of a person whose identity is not linked yet.
#[derive(Clone, Debug)]
pub struct SameEmail {
    /// The user.
    pub user: StoredUser,
    /// Whether they have a password.
    pub has_password: bool,
    /// Whether they are linked with an identity.
    pub has_identity: bool,
}

/// The account of a person whom the provider vouches for.
#[derive(Clone, Debug, PartialEq)]
pub enum OpenIdAccount {
    /// The user whom the identity is linked with.
    Linked(StoredUser),
    /// An invited user, whom the identity is linked with from now on.
    Invited(StoredUser),
    /// There is none; a user with this email address is made.
    New(UserEmail),
}

impl OpenIdAccount {
    /// Finds the account: `linked` is the user whom the identity is linked with. Only if there is none, the email address
    /// counts, and only to accept an invitation that was sent to it. A user who signs in otherwise is never taken over by
    /// an address.
    ///
    /// # Errors
    /// [`OpenIdRefusal`].
    pub fn find(
        linked: Option<StoredUser>,
        email: impl FnOnce() -> Result<UserEmail, OpenIdRefusal>,
        same_email: Option<SameEmail>,
    ) -> Result<Self, OpenIdRefusal> {
        if let Some(user) = linked {
            return match user.record.status {
                UserStatus::Disabled => Err(OpenIdRefusal::Disabled),
                UserStatus::Active | UserStatus::Invited => Ok(Self::Linked(user)),
            };
        }
        let email = email()?;
        let Some(SameEmail { user, has_password, has_identity }) = same_email else { return Ok(Self::New(email)) };
        match user.record.status {
            UserStatus::Disabled => Err(OpenIdRefusal::Disabled),
            _ if has_password => Err(OpenIdRefusal::HasPassword),
            UserStatus::Invited if !has_identity => Ok(Self::Invited(user)),
            UserStatus::Active | UserStatus::Invited => Err(OpenIdRefusal::OtherIdentity),
        }
    }

    /// The present role, if the role was given by the workspace.
    #[must_use]
    pub fn role(&self) -> Option<Role> {
        match self {
            Self::Linked(user) | Self::Invited(user) => Some(user.record.role),
            Self::New(_) => None,
        }
    }
}
