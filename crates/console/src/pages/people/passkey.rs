//! What pages with passkeys have in common, and the forms that passkeys answer during a sign-in.

use axum::http::header;
use futures_util::future::BoxFuture;
use http_api::{
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use people::{PasskeyFault, PasskeyForm, PasskeyOutcome, PeopleError, RelyingParty};

use super::{
    enrollment, recovery_codes, second_factor,
    session::{client, next_page, problem_of, session_token, with_session},
    sign_in::{self, refused},
};
use crate::{
    components::ANSWER,
    pages::form_texts::public_form,
    response::{page_response, redirect},
};

/// The cookie by which a browser is recognized that was asked for a passkey.
const BROWSER_COOKIE: &str = "novantra-passkey";
/// The length of its value, random bytes in hexadecimal.
const BROWSER_KEY_LENGTH: usize = 32;

/// Returns the relying party of passkeys; `None` if browsers offer none at this address.
pub(crate) fn relying_party(app: &App, request: &ApiRequest) -> Option<RelyingParty> {
    RelyingParty::of_request(&app.services.settings.public_url, request.host())
}

/// Returns the relying party for a form, which no page offers without one.
pub(crate) fn required_party(app: &App, request: &ApiRequest) -> Result<RelyingParty, Problem> {
    relying_party(app, request).ok_or_else(Problem::not_found)
}

/// Returns the key of the browser that its cookie has.
fn sent_browser_key(request: &ApiRequest) -> Option<&str> {
    let is_key = |key: &&str| key.len() == BROWSER_KEY_LENGTH && key.bytes().all(|byte| byte.is_ascii_hexdigit());
    request.cookie(BROWSER_COOKIE).filter(is_key)
}

/// Returns the key of the browser: the one that it has, so that all of its tabs work, or a new one.
pub(super) fn browser_key(app: &App, request: &ApiRequest) -> String {
    sent_browser_key(request).map_or_else(
        || {
            let mut bytes = [0; BROWSER_KEY_LENGTH / 2];
            app.services.entropy.fill(&mut bytes);
            bytes.iter().map(|byte| format!("{byte:02x}")).collect()
        },
        str::to_owned,
    )
}

/// Adds the cookie with the key of the browser, which lasts until the browser is closed.
pub(super) fn with_browser_key(app: &App, response: ApiResponse, key: &str) -> ApiResponse {
    let suffix = app.services.settings.session_cookie.suffix();
    response.header(
        header::SET_COOKIE,
        format!("{BROWSER_COOKIE}={key}; Path=/app/sign-in; HttpOnly; SameSite=Lax{suffix}"),
    )
}

/// The words for a refused passkey.
fn words(fault: PasskeyFault) -> String {
    match fault {
        PasskeyFault::Expired => {
            "The page was open for more than five minutes, or was used before. Use the passkey again."
        }
        PasskeyFault::Unverified => {
            "This passkey did not ask who you are, so it counts only after your password. Sign in with the password first."
        }
        PasskeyFault::Copied => {
            "There may be a copy of this passkey, so it was refused. Sign in another way, remove it, and tell an \
             administrator."
        }
        PasskeyFault::Unknown => "This passkey does not sign in here. Choose another one, or another way to sign in.",
        PasskeyFault::TooMany(wait) => {
            let seconds = wait.as_secs().max(1);
            return format!("There were too many attempts. Wait {seconds} seconds and try again.");
        }
    }
    .to_owned()
}

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
                Ok(with_session(app, page_response(axum::http::StatusCode::OK, page), &enrolled.begun).recorded())
            }
            Err(PeopleError::Invalid(faults)) => {
                let problems = problems(&faults);
                let page = enrollment::page_after_passkey(app, request, &pending, next, text("name"), &problems).await?;
                Ok(page_response(axum::http::StatusCode::BAD_REQUEST, page))
            }
            Err(error) => Err(problem_of(error)),
        }
    })
}

/// The words for what is wrong with the form that adds a passkey, by the names of its fields.
pub(crate) fn problems(faults: &[kernel::FieldError]) -> Vec<(String, String)> {
    let of = |fault: &kernel::FieldError| match &*fault.field {
        "name" => ("name".to_owned(), format!("The name {}.", fault.message)),
        field => (field.to_owned(), format!("The passkey {}.", fault.message)),
    };
    faults.iter().map(of).collect()
}
