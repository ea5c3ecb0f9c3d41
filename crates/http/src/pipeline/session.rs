//! Authentication of people: from the cookie of a session to the person who has signed in.

use std::sync::Arc;

use auth::{OpaqueToken, TokenUse};
use axum::http::{HeaderMap, Method, header, request::Parts};
use kernel::{Organization, Reader};
use people::PeopleError;

use super::app::App;
use crate::{
    request::{Principal, SignedInUser, check_same_origin, cookie_value},
    response::Problem,
};

/// Authenticates a request by the session that its cookie stands for.
///
/// # Errors
/// A 401 response if there is no such session, and a 403 response if it was another site that sent the request.
pub(super) async fn authenticate_session(app: &App, parts: &Parts) -> Result<Principal, Problem> {
    if !matches!(parts.method, Method::GET | Method::HEAD) {
        check_same_origin(&parts.headers)?;
    }
    let settings = &app.services.settings;
    let token = session_token(&parts.headers, settings.session_cookie.name()).ok_or_else(Problem::signed_out)?;
    let caller = app.services.people.authenticate(&token).await.map_err(|error| match error {
        PeopleError::Denied(denied) => Problem::denied(denied),
        PeopleError::Store(error) => error.into(),
        _ => Problem::internal(),
    })?;
    let organization = token.organization();
    let organization = Reader::<Organization>::get(&*app.services.store, organization, organization).await?;
    let organization = organization.ok_or_else(Problem::signed_out)?;
    Ok(Principal::User(Arc::new(SignedInUser::new(caller, organization))))
}

/// Returns the token in the cookie of this name.
pub(crate) fn session_token(headers: &HeaderMap, name: &str) -> Option<OpaqueToken> {
    OpaqueToken::parse(TokenUse::Session, cookie_value(headers.get_all(header::COOKIE).iter(), name)?)
}
