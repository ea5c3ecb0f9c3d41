//! Authentication: from the `Authorization` header to an authenticated principal (contract v1 § 2).

use std::sync::Arc;

use auth::{Caller, Claims, TokenError};
use axum::http::{HeaderMap, header};
use kernel::StoreError;
use scopes::ScopeSet;

use super::app::App;
use crate::{
    request::{CachedAccount, Principal},
    response::Problem,
};

/// An authentication failure, with the account in whose audit log it is recorded.
pub(crate) struct AuthenticationFailure {
    pub(crate) problem: Problem,
    /// The account that the token names, if it could be determined.
    pub(crate) account: Option<Arc<CachedAccount>>,
}

impl From<Problem> for AuthenticationFailure {
    fn from(problem: Problem) -> Self {
        Self { problem, account: None }
    }
}

impl From<StoreError> for AuthenticationFailure {
    fn from(error: StoreError) -> Self {
        Problem::from(error).into()
    }
}

/// Authenticates a request by its token, whose account must be active now.
pub(crate) async fn authenticate(app: &App, headers: &HeaderMap) -> Result<Principal, AuthenticationFailure> {
    let token = bearer_token(headers)?;
    let (verifier, clock) = (&app.services.verifier, &app.services.clock);
    let mut verified = verifier.verify(token, clock.now());
    if verified == Err(TokenError::UnknownKey) {
        verifier.refresh_keys().await?;
        verified = verifier.verify(token, clock.now());
    }
    match verified {
        Ok(claims) => admit(app, &claims).await,
        Err(TokenError::Expired(claims)) => {
            let problem =
                Problem::unauthenticated("the access token has expired: request a new one", Some("invalid_token"));
            let account = app.accounts.current(&*app.services.store, claims.organization, claims.account).await?;
            Err(AuthenticationFailure { problem, account })
        }
        Err(TokenError::Stale(stale)) => Err(StoreError::Unavailable(stale.into()).into()),
        Err(TokenError::Invalid | TokenError::UnknownKey) => {
            Err(Problem::unauthenticated("the access token is not valid", Some("invalid_token")).into())
        }
    }
}

/// Checks the claims of a token against the current state of its account.
async fn admit(app: &App, claims: &Claims) -> Result<Principal, AuthenticationFailure> {
    let refused = || {
        Problem::unauthenticated(
            "the service account does not exist, is disabled or has expired",
            Some("invalid_token"),
        )
    };
    let account = app.accounts.current(&*app.services.store, claims.organization, claims.account).await?;
    let Some(cached) = account else { return Err(refused().into()) };
    let now = app.services.clock.now();
    match Caller::authorize(claims, Arc::clone(&cached.account), now) {
        Ok(caller) => {
            cached.record_use(now);
            Ok(Principal { caller, cached })
        }
        Err(_) => Err(AuthenticationFailure { problem: refused(), account: Some(cached) }),
    }
}

/// Returns the current scopes of the account, or `None` if it is not active any more.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub async fn current_scopes(app: &App, principal: &Principal) -> Result<Option<ScopeSet>, StoreError> {
    let account = principal.caller.account.meta.id;
    let current = app.accounts.current(&*app.services.store, principal.organization(), account).await?;
    let now = app.services.clock.now();
    Ok(current.filter(|cached| cached.account.record.is_active_at(now)).map(|cached| cached.account.record.scopes))
}

/// Returns the token of an `Authorization: Bearer` header.
fn bearer_token(headers: &HeaderMap) -> Result<&str, Problem> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Err(Problem::unauthenticated(
            "the access token is missing: send it as Authorization: Bearer <token>",
            None,
        ));
    };
    let malformed =
        || Problem::unauthenticated("the Authorization header must be: Bearer <token>", Some("invalid_request"));
    let (scheme, token) = value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or_else(malformed)?;
    if values.next().is_some() || !scheme.eq_ignore_ascii_case("bearer") || token.trim().is_empty() {
        return Err(malformed());
    }
    Ok(token.trim())
}
