//! The link to the demo: it signs its administrator in.

use axum::http::StatusCode;
use futures_util::future::BoxFuture;
use http_api::{
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use maud::{Markup, html};
use people::PeopleError;
use secrecy::ExposeSecret as _;

use super::{
    session::{client, problem_of, with_session},
    unusable_link::{self, working_link},
};
use crate::{
    components::{gate, secret_field},
    pages::form_texts::public_form,
    response::page_response,
};

/// Handles the request for the page with the button. A program that only looks at the link does not use it up.
pub(crate) fn open<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let user = working_link(app, request).await?.and_then(|(_, details)| details.user);
        let Some(user) = user else { return Ok(unusable_link::response()) };
        Ok(page_response(StatusCode::OK, welcome(user.record.name.as_str(), request.path_text())))
    })
}

/// Handles the button.
pub(crate) fn submit<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        public_form(request)?;
        let Some((token, _)) = working_link(app, request).await? else { return Ok(unusable_link::response()) };
        let accepted = app.services.people.accept_demo_invitation(&token, &client(request)).await;
        let (begun, password) = match accepted {
            Err(PeopleError::LinkInvalid) => return Ok(unusable_link::response()),
            accepted => accepted.map_err(problem_of)?,
        };
        Ok(with_session(app, page_response(StatusCode::OK, signed_in(password.expose_secret())), &begun).recorded())
    })
}

fn welcome(name: &str, token: &str) -> Markup {
    let content = html! {
        div { h1 { "Welcome to the demo" } p { "You become " (name) ", an administrator of a made-up credit union. All data is deleted when the server stops." } }
        form.form method="post" action={ "/app/demo/" (token) } {
            button.btn.primary.block { "Sign in to the demo" }
        }
    };
    gate("Demo", false, &content)
}

fn signed_in(password: &str) -> Markup {
    let content = html! {
        div { h1 { "You are signed in" } p { "Before sensitive changes, such as an invitation, Novantra asks for the password of this demo. You see it only now." } }
        (secret_field("password", "Password", password, ""))
        a.btn.primary.block href="/app" { "Go to the overview" }
    };
    gate("Signed in", false, &content)
}
