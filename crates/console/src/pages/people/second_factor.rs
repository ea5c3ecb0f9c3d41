//! The second step of a sign-in: the code of the app, or a recovery code.

use axum::http::StatusCode;
use futures_util::future::BoxFuture;
use http_api::{
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use maud::{Markup, html};
use people::SignInOutcome;

use super::{
    session::{client, next_page, problem_of, session_token, with_session},
    sign_in::refused,
};
use crate::{
    components::{Field, gate, problem_summary},
    pages::form_texts::{public_form, query_value},
    response::{page_response, redirect},
};

/// Handles the request for the form.
pub(crate) fn open<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let pending = app.services.people.pending_sign_in(&session_token(app, request)?).await.map_err(problem_of)?;
        let next = query_value(request, "next");
        let page = page(pending.user.record.email.as_str(), next_page(next.as_deref()), None);
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
                let page = page(pending.user.record.email.as_str(), next, Some(&problem));
                Ok(refused(&refusal, page))
            }
        }
    })
}

fn page(email: &str, next: &str, problem: Option<&str>) -> Markup {
    let problems: Vec<_> = problem.into_iter().map(|problem| ("code".to_owned(), problem.to_owned())).collect();
    let content = html! {
        (problem_summary(&problems))
        div {
            h1 { "Enter the code from your app" }
            p { "Six digits, new every 30 seconds. Signing in as " (email) "." }
        }
        form.form method="post" action="/app/second-factor" novalidate {
            input type="hidden" name="next" value=(next);
            (Field { name: "code", label: "Code", hint: "A recovery code works, too, once.", error: problem, ..Field::default() }
                .filled("text", "one-time-code", ""))
            button.btn.primary.block { "Sign in" }
        }
        p.small { a href="/app/sign-in" { "Sign in as somebody else" } }
    };
    gate("Enter the code", problem.is_some(), &content)
}
