//! The page that asks for the password again, before a sensitive action.

use axum::http::StatusCode;
use futures_util::future::BoxFuture;
use http_api::{
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use maud::{Markup, html};
use people::PeopleError;
use secrecy::SecretString;

use super::{
    form_texts::{FormTexts, query_value},
    people::session::{client, next_page, problem_of},
    viewer,
};
use crate::{
    components::{Field, Head, NONE, Tone, form_token, heading, note, page, problem_summary, user_name},
    response::{page_response, redirect},
    viewer::Viewer,
};

/// Handles the request for the form. Who has no password proves themselves at the identity provider.
pub(crate) fn open<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let next = query_value(request, "next");
        let caller = &request.principal()?.user()?.caller;
        let people = &app.services.people;
        if people.openid().is_some() {
            let security = people.security(caller, caller.user.meta.organization, caller.user.meta.id).await;
            if security.map_err(problem_of)?.password_set_at.is_none() {
                let next: String = form_urlencoded::byte_serialize(next_page(next.as_deref()).as_bytes()).collect();
                return Ok(redirect(&format!("/app/sign-in/openid?again=yes&next={next}")));
            }
        }
        let email = caller.user.record.email.as_str();
        let is_unsent = query_value(request, "unsent").is_some();
        let page = form(&viewer(request)?, email, next_page(next.as_deref()), is_unsent, None);
        Ok(page_response(StatusCode::OK, page))
    })
}

/// Handles the form.
pub(crate) fn submit<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let texts = FormTexts::read(request)?;
        let caller = &request.principal()?.user()?.caller;
        let next = next_page(texts.0.get("next").map(String::as_str));
        let password = SecretString::from(texts.0.get("password").cloned().unwrap_or_default());
        let (status, problem) = match app.services.people.reauthenticate(caller, &password, &client(request)).await {
            Ok(()) => return Ok(redirect(next).recorded()),
            Err(PeopleError::WrongPassword) => {
                (StatusCode::UNAUTHORIZED, "The password is wrong. Check it and try again.".to_owned())
            }
            Err(PeopleError::TooManyAttempts { retry_after }) => (
                StatusCode::TOO_MANY_REQUESTS,
                format!("There were too many attempts. Wait {} seconds and try again.", retry_after.as_secs().max(1)),
            ),
            Err(error) => return Err(problem_of(error)),
        };
        let email = caller.user.record.email.as_str();
        Ok(page_response(status, form(&viewer(request)?, email, next, texts.0.contains_key("unsent"), Some(&problem)))
            .recorded())
    })
}

fn form(viewer: &Viewer, email: &str, next: &str, is_unsent: bool, problem: Option<&str>) -> Markup {
    let problems: Vec<_> = problem.into_iter().map(|problem| ("password".to_owned(), problem.to_owned())).collect();
    let title = "Enter your password again";
    let below = html! { p { "You are asked before sensitive changes, so that nobody makes them at a computer that you left open. The answer counts for 15 minutes." } };
    let content = html! {
        (heading(title, &below, &NONE))
        @if is_unsent { (note(Tone::Warning, "Nothing was done yet.", "Your form was not accepted, because the last time that you entered your password is too long ago. Enter it here, then send the form again.")) }
        form.form method="post" action="/app/confirm-password" novalidate {
            (form_token(viewer))
            (problem_summary(&problems))
            input type="hidden" name="next" value=(next);
            @if is_unsent { input type="hidden" name="unsent" value="yes"; }
            (user_name(email))
            section {
                (Field { name: "password", label: "Password", error: problem, ..Field::default() }.filled("password", "current-password", ""))
            }
            div.save {
                button.btn.primary { "Continue" }
                a.btn.quiet href="/app" { "Cancel" }
            }
        }
    };
    page(viewer, &Head { title, has_problem: problem.is_some(), is_narrow: true, ..Head::default() }, &content)
}
