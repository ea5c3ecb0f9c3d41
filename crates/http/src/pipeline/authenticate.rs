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

/// The claims of a token whose signature was verified.
pub(super) struct VerifiedToken {
    pub(super) claims: Claims,
    is_expired: bool,
}

/// Authenticates a request by its token, whose account must be active now.
pub(crate) async fn authenticate(app: &App, headers: &HeaderMap) -> Result<Principal, Problem> {
    let token = verify(app, headers, || Ok(())).await?;
    let (caller, cached) = admit(app, &token).await.map_err(|failure| failure.problem)?;
    Ok(Principal::Account(caller, cached))
}

/// Verifies the token of a request. `begin_refresh` is called before the signing keys are read again for a token with an
/// unknown one, which callers without valid credentials can cause.
pub(super) async fn verify(
    app: &App,
    headers: &HeaderMap,
    begin_refresh: impl FnOnce() -> Result<(), Problem>,
) -> Result<VerifiedToken, Problem> {
    let token = bearer_token(headers)?;
    let (verifier, clock) = (&app.services.verifier, &app.services.clock);
    let mut verified = verifier.verify(token, clock.now());
    if verified == Err(TokenError::UnknownKey) {
        begin_refresh()?;
        verifier.refresh_keys().await?;
        verified = verifier.verify(token, clock.now());
    }
    match verified {
        Ok(claims) => Ok(VerifiedToken { claims, is_expired: false }),
        Err(TokenError::Expired(claims)) => Ok(VerifiedToken { claims: *claims, is_expired: true }),
        Err(TokenError::Stale(stale)) => Err(StoreError::Unavailable(stale.into()).into()),
        Err(TokenError::Invalid | TokenError::UnknownKey) => {
            Err(Problem::unauthenticated("the access token is not valid", Some("invalid_token")))
        }
    }
}

/// Checks a token against the clock and the current state of its account.
pub(super) async fn admit(
    app: &App,
    token: &VerifiedToken,
) -> Result<(Caller, Arc<CachedAccount>), AuthenticationFailure> {
    let refused = |message| Problem::unauthenticated(message, Some("invalid_token"));
    let account = account_of(app, token).await?;
    if token.is_expired {
        return Err(AuthenticationFailure {
            problem: refused("the access token has expired: request a new one"),
            account,
        });
    }
    let inactive = || refused("the service account does not exist, is disabled or has expired");
    let Some(cached) = account else { return Err(inactive().into()) };
    let now = app.services.clock.now();
    match Caller::authorize(&token.claims, Arc::clone(&cached.account), now) {
        Ok(caller) => {
            cached.record_use(now);
            Ok((caller, cached))
        }
        Err(_) => Err(AuthenticationFailure { problem: inactive(), account: Some(cached) }),
    }
}

/// Returns the account of a token, if it exists.
pub(super) async fn account_of(app: &App, token: &VerifiedToken) -> Result<Option<Arc<CachedAccount>>, StoreError> {
    app.accounts.current(&*app.services.store, token.claims.organization, token.claims.account).await
}

/// Returns the current scopes of the account, or `None` if it is not active any more.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub async fn current_scopes(app: &App, caller: &Caller) -> Result<Option<ScopeSet>, StoreError> {
    let kernel::Meta { organization, id, .. } = caller.account.meta;
    let current = app.accounts.current(&*app.services.store, organization, id).await?;
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
