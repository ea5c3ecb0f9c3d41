//! The forms that passkeys answer during a sign-in.

use axum::http::StatusCode;
use futures_util::future::BoxFuture;
use http_api::{
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use people::{PasskeyForm, PasskeyOutcome, PeopleError};

use super::{
    enrollment,
    passkey::{browser_key, problems, required_party, sent_browser_key, with_browser_key, words},
    recovery_codes, second_factor,
    session::{client, next_page, problem_of, session_token, with_session},
    sign_in::{self, refused},
};
use crate::{
    components::ANSWER,
    pages::form_texts::public_form,
    response::{page_response, redirect},
};

/// Handles the form of a sign-in with a passkey alone.
pub(crate) fn sign_in<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let texts = public_form(request)?;
        let (party, people) = (required_party(app, request)?, &app.services.people);
        let answer = texts.get(ANSWER).map_or("", String::as_str);
        let next = next_page(texts.get("next").map(String::as_str));
        let browser = sent_browser_key(request).unwrap_or_default();
        match people.sign_in_with_passkey(&party, browser, answer, &client(request)).await.map_err(problem_of)? {
            PasskeyOutcome::Begun(begun) => Ok(with_session(app, redirect(next), &begun).recorded()),
            PasskeyOutcome::Refused(refusal) => {
                let key = browser_key(app, request);
                let page = sign_in::page_after_passkey(app, request, &key, next, &words(refusal.fault)).await?;
                Ok(with_browser_key(app, refused(&refusal.refusal, page), &key))
            }
        }
    })
}

/// Handles the form of a passkey after the password.
pub(crate) fn second_step<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let texts = public_form(request)?;
        let (party, people) = (required_party(app, request)?, &app.services.people);
        let token = session_token(app, request)?;
        let pending = people.pending_sign_in(&token).await.map_err(problem_of)?;
        let answer = texts.get(ANSWER).map_or("", String::as_str);
        let next = next_page(texts.get("next").map(String::as_str));
        match people.verify_passkey(&token, &party, answer, &client(request)).await.map_err(problem_of)? {
            PasskeyOutcome::Begun(begun) => Ok(with_session(app, redirect(next), &begun).recorded()),
            PasskeyOutcome::Refused(refusal) => {
                let page = second_factor::page(app, request, &pending, next, Some(&words(refusal.fault))).await?;
                Ok(refused(&refusal.refusal, page))
            }
        }
    })
}

/// Handles the form that adds a passkey during a sign-in that requires a second factor.
pub(crate) fn enroll<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let texts = public_form(request)?;
        let text = |name: &str| texts.get(name).map_or("", String::as_str);
        let (party, people) = (required_party(app, request)?, &app.services.people);
        let pending = people.pending_sign_in(&session_token(app, request)?).await.map_err(problem_of)?;
        let next = next_page(texts.get("next").map(String::as_str));
        let form = PasskeyForm { response: text(ANSWER), name: text("name") };
        match people.add_passkey_at_sign_in(&pending, &party, form, &client(request)).await {
            Ok(enrolled) => {
                let page = recovery_codes::page(&enrolled.recovery_codes, next);
                Ok(with_session(app, page_response(StatusCode::OK, page), &enrolled.begun).recorded())
            }
            Err(PeopleError::Invalid(faults)) => {
                let problems = problems(&faults);
                let sent = (next, text("offer"));
                let page =
                    enrollment::page_after_passkey(app, request, &pending, sent, text("name"), &problems).await?;
                Ok(page_response(StatusCode::BAD_REQUEST, page))
            }
            Err(error) => Err(problem_of(error)),
        }
    })
}
