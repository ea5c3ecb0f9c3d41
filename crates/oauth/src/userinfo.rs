//! The claims of the userinfo endpoint.

use auth::UserId;
use kernel::{OrganizationId, Timestamp};
use serde_json::{Value, json};

use crate::{
    error::{OAuthError, OAuthErrorCode},
    scope_names::{OPENID, ScopeNames},
};

/// The stored facts about a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonProfile {
    /// The person.
    pub user: UserId,
    /// The organization of the grant.
    pub organization: OrganizationId,
    /// The display name.
    pub name: String,
    /// The e-mail address, which is also the name to sign in with.
    pub email: String,
    /// Whether the person proved that the address is theirs.
    pub email_verified: bool,
    /// The time of the last change.
    pub updated_at: Timestamp,
}

/// Returns the claims that these scopes permit.
///
/// # Errors
/// `invalid_scope` without `openid`; the endpoint answers 403 with `insufficient_scope`.
pub fn userinfo_claims(person: &PersonProfile, scopes: &ScopeNames) -> Result<Value, OAuthError> {
    if !scopes.contains(OPENID) {
        return Err(OAuthError::new(OAuthErrorCode::InvalidScope, "the scope openid is missing"));
    }
    let mut claims = json!({ "sub": person.user.to_string(), "org": person.organization.to_string() });
    if scopes.contains("profile") {
        claims["name"] = person.name.as_str().into();
        claims["preferred_username"] = person.email.as_str().into();
        claims["updated_at"] = person.updated_at.seconds().into();
    }
    if scopes.contains("email") {
        claims["email"] = person.email.as_str().into();
        claims["email_verified"] = person.email_verified.into();
    }
    Ok(claims)
}
