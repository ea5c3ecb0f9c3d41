//! The set-up of a second factor during a sign-in that requires one.

use auth::SessionLevel;
use axum::http::StatusCode;
use futures_util::future::BoxFuture;
use http_api::{
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use maud::{Markup, html};
use people::{EnrollmentForm, PendingSignIn, PeopleError, SecondFactorOffer};

use super::{
    passkey::{creation, relying_party},
    recovery_codes,
    session::{client, next_page, page_after, problem_of, session_token, with_session},
};
use crate::{
    components::{Field, NONE, copyable, problem_summary, wide_gate},
    pages::form_texts::{public_form, query_value},
    qr_code::qr_code,
    response::{page_response, redirect},
};

/// Handles the request for the form.
pub(crate) fn open<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let people = &app.services.people;
        let pending = people.pending_sign_in(&session_token(app, request)?).await.map_err(problem_of)?;
        let next = query_value(request, "next");
        if pending.session.level != SessionLevel::EnrollmentPending {
            return Ok(redirect(&page_after(pending.session.level, next_page(next.as_deref()))));
        }
        let offer = people.offer_second_factor(&pending.user);
        let next = next_page(next.as_deref());
        let passkey = passkey_section(app, request, &pending, (next, &offer), "", &[]).await?;
        let email = pending.user.record.email.as_str();
        let page = page(email, &offer, next, None, (&passkey, &[]));
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
                let passkey = passkey_section(app, request, &pending, (next, &offer), "", &[]).await?;
                let email = pending.user.record.email.as_str();
                let page = page(email, &offer, next, Some(&problem), (&passkey, &[]));
                Ok(page_response(StatusCode::BAD_REQUEST, page))
            }
            Err(error) => Err(problem_of(error)),
        }
    })
}

/// The page after a passkey was not added, with the key that the form has sent back.
pub(super) async fn page_after_passkey(
    app: &App,
    request: &ApiRequest,
    pending: &PendingSignIn,
    (next, sealed): (&str, &str),
    name: &str,
    problems: &[(String, String)],
) -> Result<Markup, Problem> {
    let offer = app.services.people.offer_second_factor_again(&pending.user, sealed);
    let passkey = passkey_section(app, request, pending, (next, &offer), name, problems).await?;
    Ok(page(pending.user.record.email.as_str(), &offer, next, None, (&passkey, problems)))
}

/// The form that adds a passkey in place of an authenticator app; nothing where browsers offer none.
async fn passkey_section(
    app: &App,
    request: &ApiRequest,
    pending: &PendingSignIn,
    (next, offer): (&str, &SecondFactorOffer),
    name: &str,
    problems: &[(String, String)],
) -> Result<Markup, Problem> {
    let Some(party) = relying_party(app, request) else { return Ok(NONE) };
    let asked = app.services.people.passkey_registration(&pending.user, &pending.session, &party).await;
    let options = asked.map_err(problem_of)?;
    let hidden = html! {
        input type="hidden" name="next" value=(next);
        input type="hidden" name="offer" value=(offer.sealed);
    };
    Ok(html! {
        div.or { "or" }
        div.sec {
            h2 { "Passkey" }
            p { "Your fingerprint, your face, a PIN or a security key. It signs you in without the password, too." }
        }
        (creation("/app/set-up-second-factor/passkey", &options, &hidden, name, problems))
    })
}

fn page(
    email: &str,
    offer: &SecondFactorOffer,
    next: &str,
    problem: Option<&str>,
    (passkey, passkey_problems): (&Markup, &[(String, String)]),
) -> Markup {
    let problems = problem.into_iter().map(|problem| ("code".to_owned(), problem.to_owned()));
    let problems: Vec<_> = problems.chain(passkey_problems.iter().cloned()).collect();
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
        (passkey)
    };
    wide_gate("Set up your second factor", !problems.is_empty(), &content)
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
