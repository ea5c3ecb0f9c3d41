//! Authentication of people: from the cookie of a session to the person who has signed in.

use std::sync::Arc;

use auth::{OpaqueToken, TokenUse, UserDenied};
use axum::http::{HeaderMap, Method, header, request::Parts};
use kernel::{Organization, Reader};
use people::PeopleError;

use super::app::App;
use crate::{
    request::{Principal, SignedInUser, cookie_value},
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

/// Refuses a write that another site had the browser send. Browsers say where a request comes from; the token in the form
/// is checked in addition, by the handler.
pub(crate) fn check_same_origin(headers: &HeaderMap) -> Result<(), Problem> {
    let text = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let is_same = match (headers.get("sec-fetch-site"), text(header::ORIGIN)) {
        (Some(site), _) => site == "same-origin",
        (None, Some(origin)) => {
            let host = origin.split_once("://").map(|(_, host)| host);
            host.is_some() && host == text(header::HOST)
        }
        (None, None) => false,
    };
    if is_same { Ok(()) } else { Err(Problem::other_site()) }
}

impl Problem {
    /// Creates the response for a person who may not do something.
    #[must_use]
    pub fn denied(denied: UserDenied) -> Self {
        match denied {
            UserDenied::SignedOut | UserDenied::Incomplete(_) => Self::signed_out(),
            UserDenied::MissingPermission(permission) => Self::missing_permission(permission),
            UserDenied::NotRecent => Self::password_required(),
        }
    }
}
