//! The link to the demo: it signs its administrator in.

use auth::{OpaqueToken, TokenUse};
use axum::http::StatusCode;
use futures_util::future::BoxFuture;
use http_api::{
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use maud::{Markup, html};
use secrecy::ExposeSecret as _;

use super::session::{client, problem_of, with_session};
use crate::{
    components::{gate, secret_field},
    pages::form_texts::public_form,
    response::page_response,
};

/// Handles the request for the page with the button. A program that only looks at the link does not use it up.
pub(crate) fn open<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let details = app.services.people.link(&token(request)?).await.map_err(problem_of)?;
        let name = details.user.ok_or_else(Problem::not_found)?.record.name.to_string();
        Ok(page_response(StatusCode::OK, welcome(&name, request.path_text())))
    })
}

/// Handles the button.
pub(crate) fn submit<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        public_form(request)?;
        let (token, client) = (token(request)?, client(request));
        let accepted = app.services.people.accept_demo_invitation(&token, &client);
        let (begun, password) = accepted.await.map_err(problem_of)?;
        Ok(with_session(app, page_response(StatusCode::OK, signed_in(password.expose_secret())), &begun).recorded())
    })
}

fn token(request: &ApiRequest) -> Result<OpaqueToken, Problem> {
    OpaqueToken::parse(TokenUse::Link, request.path_text()).ok_or_else(Problem::not_found)
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
