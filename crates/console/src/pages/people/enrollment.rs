//! The set-up of a second factor during a sign-in that requires one.

use axum::http::StatusCode;
use futures_util::future::BoxFuture;
use http_api::{
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use maud::{Markup, html};
use people::{EnrollmentForm, PeopleError, SecondFactorOffer};

use super::{
    recovery_codes,
    session::{client, next_page, problem_of, session_token, with_session},
};
use crate::{
    components::{Field, copyable, problem_summary, wide_gate},
    pages::form_texts::{public_form, query_value},
    qr_code::qr_code,
    response::page_response,
};

/// Handles the request for the form.
pub(crate) fn open<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let people = &app.services.people;
        let pending = people.pending_sign_in(&session_token(app, request)?).await.map_err(problem_of)?;
        let offer = people.offer_second_factor(&pending.user);
        let next = query_value(request, "next");
        let page = page(pending.user.record.email.as_str(), &offer, next_page(next.as_deref()), None);
        Ok(page_response(StatusCode::OK, page))
    })
}

/// Handles the form.
pub(crate) fn submit<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let texts = public_form(request)?;
        let text = |name: &str| texts.get(name).map_or("", String::as_str);
        let people = &app.services.people;
        let token = session_token(app, request)?;
        let pending = people.pending_sign_in(&token).await.map_err(problem_of)?;
        let next = next_page(texts.get("next").map(String::as_str));
        let form = EnrollmentForm { sealed: text("offer"), code: text("code") };
        match people.enroll_at_sign_in(&token, form, &client(request)).await {
            Ok(enrolled) => {
                let page = recovery_codes::page(&enrolled.recovery_codes, next);
                Ok(with_session(app, page_response(StatusCode::OK, page), &enrolled.begun).recorded())
            }
            Err(PeopleError::Invalid(faults)) => {
                // The app has the key of this offer already.
                let problem = faults.first().map_or_else(String::new, |fault| format!("The code {}.", fault.message));
                let offer = people.offer_second_factor_again(&pending.user, text("offer"));
                let page = page(pending.user.record.email.as_str(), &offer, next, Some(&problem));
                Ok(page_response(StatusCode::BAD_REQUEST, page))
            }
            Err(error) => Err(problem_of(error)),
        }
    })
}

fn page(email: &str, offer: &SecondFactorOffer, next: &str, problem: Option<&str>) -> Markup {
    let problems: Vec<_> = problem.into_iter().map(|problem| ("code".to_owned(), problem.to_owned())).collect();
    let content = html! {
        (problem_summary(&problems))
        div {
            h1 { "Set up your second factor" }
            p { "Administrators can't sign in without one." }
        }
        form.form method="post" action="/app/set-up-second-factor" novalidate {
            input type="hidden" name="next" value=(next);
            (fields(email, offer, problem))
            div.save { button.btn.primary { "Continue to the recovery codes" } }
        }
    };
    wide_gate("Set up your second factor", problem.is_some(), &content)
}

/// The fields that enroll a second factor: the key as a picture and as text, and the code that the app then shows.
pub(crate) fn fields(email: &str, offer: &SecondFactorOffer, problem: Option<&str>) -> Markup {
    let secret = offer.secret.to_base32();
    let groups: Vec<&str> = secret.as_bytes().chunks(4).filter_map(|group| std::str::from_utf8(group).ok()).collect();
    let address = offer.secret.to_uri(email);
    html! {
        section {
            div.sec {
                h2 { "Second factor" }
                p { "Scan this with an authenticator app, or type the key into it." }
            }
            input type="hidden" name="offer" value=(offer.sealed);
            div.row.wide {
                span.qr { (qr_code(&address)) }
                div.stack {
                    div.f { span.lab { "Key" } (copyable("key", &groups.join(" "), "key")) }
                    (Field { name: "code", label: "Code it shows", error: problem, ..Field::default() }.filled("text", "one-time-code", ""))
                }
            }
        }
    }
}
