//! Consent, and the next step of an authorization request.

use std::time::Duration;

use auth::UserId;
use kernel::{OrganizationId, Timestamp};

use crate::{
    authorization::AuthorizationRequest,
    client::{ClientId, ClientKind, OAuthClient},
    error::{OAuthError, OAuthErrorCode},
    redirect_uri::RedirectUri,
    scope_names::ScopeNames,
};

/// The time for which consent is remembered.
pub const CONSENT_LIFETIME: Duration = Duration::from_secs(180 * 24 * 60 * 60);

/// A person's remembered consent, per organization, user and client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent {
    /// The organization that the grant is for.
    pub organization: OrganizationId,
    /// The person.
    pub user: UserId,
    /// The client.
    pub client: ClientId,
    /// The set of scopes that was allowed.
    pub scopes: ScopeNames,
    /// The time at which it was given.
    pub given_at: Timestamp,
}

/// The session of a person who has signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedIn {
    /// The time at which the person last proved who they are.
    pub authenticated_at: Timestamp,
    /// Whether they did so for this request, as `prompt=login` demands.
    pub for_this_request: bool,
    /// Whether the organization is decided: the person has one only, or has chosen for this request.
    pub organization_chosen: bool,
    /// Whether the person chose the account for this request, as `prompt=select_account` demands.
    pub account_selected: bool,
}

/// The next step of the authorization endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NextStep {
    /// Shows the sign-in.
    SignIn,
    /// Shows the choice of the organization.
    ChooseOrganization,
    /// Shows the consent page.
    AskConsent,
    /// Issues a code.
    Issue,
    /// Sends the client an error.
    Refuse(OAuthError),
}

impl Consent {
    /// Returns whether consent may be remembered for this request: never for a public client whose redirect URI has a
    /// private-use scheme, since another app can claim that.
    #[must_use]
    pub fn may_be_remembered(client: &OAuthClient, redirect_uri: &str) -> bool {
        client.kind == ClientKind::Confidential
            || RedirectUri::parse(redirect_uri).is_ok_and(|uri| !uri.has_private_use_scheme())
    }

    /// Returns whether the consent is for exactly these scopes and not too old.
    #[must_use]
    pub fn is_valid_for(&self, scopes: &ScopeNames, now: Timestamp) -> bool {
        self.scopes == *scopes && now < self.given_at + CONSENT_LIFETIME && self.given_at <= now
    }
}

/// Returns the next step of a request. `scopes` are those that would be granted, and `consent` is what the store
/// remembers of this person, client and organization. The answer `Allow` of the consent page issues the code if the step
/// is [`NextStep::AskConsent`] then, and not if it is another page.
#[must_use]
pub fn next_step(
    request: &AuthorizationRequest,
    client: &OAuthClient,
    signed_in: Option<SignedIn>,
    scopes: &ScopeNames,
    consent: Option<&Consent>,
    now: Timestamp,
) -> NextStep {
    let step = |page, code: OAuthErrorCode| {
        if request.prompt.none { NextStep::Refuse(OAuthError::new(code, "prompt=none allows no page")) } else { page }
    };
    let is_recent = |session: &SignedIn| {
        session.for_this_request
            || !request.prompt.login
                && request.max_age.is_none_or(|max_age| now.since(session.authenticated_at) <= max_age)
    };
    let Some(session) = signed_in.filter(is_recent) else {
        return step(NextStep::SignIn, OAuthErrorCode::LoginRequired);
    };
    if !session.organization_chosen || request.prompt.select_account && !session.account_selected {
        return step(NextStep::ChooseOrganization, OAuthErrorCode::AccountSelectionRequired);
    }
    let remembered = Consent::may_be_remembered(client, &request.redirect_uri)
        && consent.is_some_and(|consent| consent.client == client.id && consent.is_valid_for(scopes, now));
    if request.prompt.consent || !remembered {
        return step(NextStep::AskConsent, OAuthErrorCode::ConsentRequired);
    }
    NextStep::Issue
}
