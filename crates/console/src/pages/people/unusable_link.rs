//! The page for a link that does not work. It is the same whether the link was used, has expired or was never issued, so
//! that nobody learns which links there were.

use auth::{OpaqueToken, TokenUse};
use axum::http::StatusCode;
use http_api::{
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use maud::html;
use people::{LinkDetails, PeopleError};

use super::session::problem_of;
use crate::{components::gate, response::page_response};

/// Returns the link whose token the address has, with its token; `None` if it does not work.
///
/// # Errors
/// If the store fails.
pub(super) async fn working_link(
    app: &App,
    request: &ApiRequest,
) -> Result<Option<(OpaqueToken, LinkDetails)>, Problem> {
    let Some(token) = OpaqueToken::parse(TokenUse::Link, request.path_text()) else { return Ok(None) };
    match app.services.people.link(&token).await {
        Ok(details) => Ok(Some((token, details))),
        Err(PeopleError::LinkInvalid | PeopleError::NotFound) => Ok(None),
        Err(error) => Err(problem_of(error)),
    }
}

/// Returns the page.
pub(super) fn response() -> ApiResponse {
    let title = "This link does not work";
    let content = html! {
        div role="alert" {
            h1 { (title) }
            p { "Each link works once and for a limited time. This one may have been used, replaced by a newer one, or cut off on its way to you." }
        }
        ul.stack.small {
            li { "If you have chosen a password already, sign in with it." }
            li { "Otherwise ask an administrator of your workspace for a new link. They find you under People, with " b { "Invite again" } " or " b { "Reset the password" } "." }
            li { "If no administrator can sign in, the people who run this server make one with " code { "novantra user invite" } " or " code { "novantra user reset" } "." }
        }
        a.btn.primary.block href="/app/sign-in" { "Go to the sign-in" }
    };
    page_response(StatusCode::NOT_FOUND, gate(title, true, &content))
}
