//! The second step of a sign-in: the code of the app, or a recovery code.

use auth::SessionLevel;
use axum::http::StatusCode;
use futures_util::future::BoxFuture;
use http_api::{
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use maud::{Markup, html};
use people::{PendingSignIn, SecondFactorChoices, SignInOutcome};

use super::{
    passkey::relying_party,
    session::{client, next_page, page_after, problem_of, session_token, with_session},
    sign_in::refused,
};
use crate::{
    components::{Ceremony, Field, gate, passkey_form, problem_summary},
    pages::form_texts::{public_form, query_value},
    response::{page_response, redirect},
};

/// Handles the request for the form.
pub(crate) fn open<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let pending = app.services.people.pending_sign_in(&session_token(app, request)?).await.map_err(problem_of)?;
        let next = query_value(request, "next");
        if pending.session.level != SessionLevel::SecondFactorPending {
            return Ok(redirect(&page_after(pending.session.level, next_page(next.as_deref()))));
        }
        let page = page(app, request, &pending, next_page(next.as_deref()), None).await?;
        Ok(page_response(StatusCode::OK, page))
    })
}

/// Handles the form.
pub(crate) fn submit<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let texts = public_form(request)?;
        let people = &app.services.people;
        let token = session_token(app, request)?;
        let pending = people.pending_sign_in(&token).await.map_err(problem_of)?;
        let code = texts.get("code").map_or("", String::as_str);
        let next = next_page(texts.get("next").map(String::as_str));
        match people.verify_second_factor(&token, code, &client(request)).await.map_err(problem_of)? {
            SignInOutcome::Begun(begun) => Ok(with_session(app, redirect(next), &begun).recorded()),
            SignInOutcome::Refused(refusal) => {
                let problem = match refusal.retry_after {
                    Some(wait) => {
                        format!("There were too many attempts. Wait {} seconds and try again.", wait.as_secs().max(1))
                    }
                    None => "That code is wrong, was used already or is too old. Wait for the next one.".to_owned(),
                };
                let page = page(app, request, &pending, next, Some(&problem)).await?;
                Ok(refused(&refusal, page))
            }
        }
    })
}

/// The page, with the ways that this person has.
pub(super) async fn page(
    app: &App,
    request: &ApiRequest,
    pending: &PendingSignIn,
    next: &str,
    problem: Option<&str>,
) -> Result<Markup, Problem> {
    let party = relying_party(app, request);
    let choices = app.services.people.second_factor_choices(pending, party.as_ref()).await.map_err(problem_of)?;
    Ok(page_of(&choices, pending.user.record.email.as_str(), next, problem))
}

fn page_of(choices: &SecondFactorChoices, email: &str, next: &str, problem: Option<&str>) -> Markup {
    let problems: Vec<_> = problem.into_iter().map(|problem| ("code".to_owned(), problem.to_owned())).collect();
    let (title, text) = match (choices.has_app, &choices.passkeys) {
        (true, None) => ("Enter the code from your app", "Six digits, new every 30 seconds."),
        (true, Some(_)) => ("Enter the code, or use a passkey", "The code has six digits, new every 30 seconds."),
        (false, Some(_)) => ("Use your passkey", "Or enter one of your recovery codes."),
        (false, None) => ("Enter a recovery code", "Your passkeys do not work at this address of the server."),
    };
    let (label, hint, autocomplete) = match choices.has_app {
        true => ("Code", "You can also use a recovery code. Each works once.", "one-time-code"),
        false => ("Recovery code", "Each works once.", "off"),
    };
    let content = html! {
        (problem_summary(&problems))
        div {
            h1 { (title) }
            p { (text) " Signing in as " (email) "." }
        }
        @if let Some(options) = &choices.passkeys {
            div {
                @let fields = html! { input type="hidden" name="next" value=(next); };
                @let button = html! { button.btn.block { "Use a passkey" } div.or { "or" } };
                (passkey_form(Ceremony::Get, "/app/second-factor/passkey", options, &fields, &button))
            }
        }
        form.form method="post" action="/app/second-factor" novalidate {
            input type="hidden" name="next" value=(next);
            (Field { name: "code", label, hint, error: problem, ..Field::default() }.filled("text", autocomplete, ""))
            button.btn.primary.block { "Sign in" }
        }
        p.small { a href="/app/sign-in" { "Sign in as somebody else" } }
    };
    gate(title, problem.is_some(), &content)
}
