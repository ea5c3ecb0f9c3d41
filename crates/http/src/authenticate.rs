//! Authentication: from the `Authorization` header to an authenticated principal (contract v1 § 2).

use std::sync::Arc;

use auth::{Caller, Claims, TokenError};
use axum::http::{HeaderMap, header};
use kernel::StoreError;

use crate::{accounts::Cached, app::App, call::Known, problem::Problem};

/// An authentication failure, with the account in whose audit log it is recorded.
pub(crate) struct TurnedAway {
    pub(crate) problem: Problem,
    /// The account that the token names, if it could be determined.
    pub(crate) who: Option<Arc<Cached>>,
}

impl From<Problem> for TurnedAway {
    fn from(problem: Problem) -> Self {
        Self { problem, who: None }
    }
}

impl From<StoreError> for TurnedAway {
    fn from(error: StoreError) -> Self {
        Problem::from(error).into()
    }
}

/// Authenticates the bearer of a valid token whose account is active now.
pub(crate) async fn authenticate(app: &App, headers: &HeaderMap) -> Result<Known, TurnedAway> {
    let token = bearer(headers)?;
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
            let account = app.accounts.present(&*app.services.store, claims.organization, claims.account).await?;
            Err(TurnedAway { problem, who: account })
        }
        Err(TokenError::Stale(stale)) => Err(StoreError::Unavailable(stale.into()).into()),
        Err(TokenError::Invalid | TokenError::UnknownKey) => {
            Err(Problem::unauthenticated("the access token is not valid", Some("invalid_token")).into())
        }
    }
}

/// Checks the claims of a token against the current state of its account.
pub(crate) async fn admit(app: &App, claims: &Claims) -> Result<Known, TurnedAway> {
    let refused = || {
        Problem::unauthenticated(
            "the service account does not exist, is disabled or has expired",
            Some("invalid_token"),
        )
    };
    let account = app.accounts.present(&*app.services.store, claims.organization, claims.account).await?;
    let Some(cached) = account else { return Err(refused().into()) };
    let now = app.services.clock.now();
    match Caller::authorize(claims, Arc::clone(&cached.account), now) {
        Ok(caller) => {
            cached.used(now);
            Ok(Known { caller, cached })
        }
        Err(_) => Err(TurnedAway { problem: refused(), who: Some(cached) }),
    }
}

/// Returns the token of an `Authorization: Bearer` header.
pub(crate) fn bearer(headers: &HeaderMap) -> Result<&str, Problem> {
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
