//! The change of one's own password.

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

use super::{SECTION, head};
use crate::{
    components::{Field, NONE, form_token, heading, page, problem_summary, user_name},
    pages::{
        form_texts::FormTexts,
        people::session::{client, problem_of, with_session},
        viewer,
    },
    response::{page_response, redirect},
    viewer::Viewer,
};

/// Handles the request for the form.
pub(super) fn open<'a>(_: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let email = request.principal()?.user()?.caller.user.record.email.as_str();
        Ok(page_response(StatusCode::OK, form(&viewer(request)?, email, &[])))
    })
}

/// Handles the form.
pub(super) fn submit<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let FormTexts(mut texts) = FormTexts::read(request)?;
        let mut secret = |name: &str| SecretString::from(texts.remove(name).unwrap_or_default());
        let (current, new) = (secret("current"), secret("password"));
        let caller = &request.principal()?.user()?.caller;
        let fault = |field: &str, message: String| vec![(field.to_owned(), message)];
        let changed = app.services.people.change_password(caller, &current, &new, &client(request)).await;
        let (status, faults, is_recorded) = match changed {
            Ok(begun) => {
                let response = redirect(&format!("{SECTION}?done=password"));
                return Ok(with_session(app, response, &begun).recorded());
            }
            Err(PeopleError::WrongPassword) => {
                let message = "This is not your present password. Check it and try again.".to_owned();
                (StatusCode::UNAUTHORIZED, fault("current", message), true)
            }
            Err(PeopleError::TooManyAttempts { retry_after }) => {
                let wait = retry_after.as_secs().max(1);
                let message = format!("There were too many attempts. Wait {wait} seconds and try again.");
                (StatusCode::TOO_MANY_REQUESTS, fault("current", message), true)
            }
            Err(PeopleError::Invalid(faults)) => {
                let faults = faults
                    .into_iter()
                    .map(|fault| (fault.field.to_owned(), format!("The new password {}.", fault.message)));
                (StatusCode::BAD_REQUEST, faults.collect(), false)
            }
            Err(error) => return Err(problem_of(error)),
        };
        let response = page_response(status, form(&viewer(request)?, caller.user.record.email.as_str(), &faults));
        Ok(if is_recorded { response.recorded() } else { response })
    })
}

fn form(viewer: &Viewer, email: &str, faults: &[(String, String)]) -> Markup {
    let fault = |field: &str| faults.iter().find(|(name, _)| name == field).map(|(_, message)| message.as_str());
    let title = "Change your password";
    let below = html! { p { "All your other sessions end, and you stay signed in here." } };
    let content = html! {
        (heading(title, &below, &NONE))
        form.form method="post" action="/app/account/password" novalidate {
            (form_token(viewer))
            (problem_summary(faults))
            (user_name(email))
            section {
                (Field { name: "current", label: "Current password", error: fault("current"), ..Field::default() }
                    .filled("password", "current-password", ""))
                (Field {
                    name: "password",
                    label: "New password",
                    hint: "At least 12 characters. A long phrase is better than a short, complicated one. Common passwords are refused.",
                    error: fault("password"),
                    ..Field::default()
                }.filled("password", "new-password", ""))
            }
            div.save {
                button.btn.primary { "Change the password" }
                a.btn.quiet href=(SECTION) { "Cancel" }
            }
        }
    };
    page(viewer, &head(title, !faults.is_empty()), &content)
}
