//! Authentication of people: from the cookie of a session to the person who has signed in.

use std::sync::Arc;

use kernel::{Organization, Reader};
use people::PeopleError;

use super::app::App;
use crate::{
    request::{ApiRequest, Principal, SignedInUser},
    response::Problem,
};

/// Authenticates a request by the session that its cookie stands for.
///
/// # Errors
/// A 401 response if there is no such session.
pub(super) async fn authenticate_session(app: &App, request: &ApiRequest) -> Result<Principal, Problem> {
    let token = request.session_token(app.services.settings.session_cookie.name()).ok_or_else(Problem::signed_out)?;
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
