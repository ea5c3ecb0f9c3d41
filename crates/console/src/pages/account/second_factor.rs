//! The second factor of a person: set up, replaced, removed.

use axum::http::StatusCode;
use futures_util::future::BoxFuture;
use http_api::{
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use maud::{Markup, html};
use people::{EnrollmentForm, PeopleError, SecondFactorOffer};

use super::{SECTION, head, recovery_codes};
use crate::{
    components::{NONE, form_token, heading, page, problem_summary},
    pages::{
        confirm_password::proof_first,
        form_texts::FormTexts,
        people::{
            enrollment,
            session::{client, problem_of, with_device, with_session},
        },
        viewer,
    },
    response::{page_response, redirect},
    viewer::Viewer,
};

/// Handles the request for the form.
pub(super) fn open<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let caller = &request.principal()?.user()?.caller;
        caller.require_recent(app.services.clock.now()).map_err(Problem::denied)?;
        let offer = app.services.people.offer_second_factor(&caller.user);
        let page = form(&viewer(request)?, caller.user.record.email.as_str(), &offer, None);
        Ok(page_response(StatusCode::OK, page))
    })
}

/// Handles the form.
pub(super) fn submit<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let FormTexts(texts) = FormTexts::read(request)?;
        if let Some(asked) = proof_first(app, request, request.parts.uri.path()).await? {
            return Ok(asked);
        }
        let text = |name: &str| texts.get(name).map_or("", String::as_str);
        let caller = &request.principal()?.user()?.caller;
        let people = &app.services.people;
        let enrollment = EnrollmentForm { sealed: text("offer"), code: text("code") };
        match people.enroll_second_factor(caller, enrollment, &client(request)).await {
            Ok(enrolled) => {
                let response = recovery_codes::response(app, &enrolled.recovery_codes, &enrolled.begun.session.session);
                Ok(with_session(app, response, &enrolled.begun).recorded())
            }
            Err(PeopleError::Invalid(faults)) => {
                let problem = faults.first().map_or_else(String::new, |fault| format!("The code {}.", fault.message));
                let offer = people.offer_second_factor_again(&caller.user, text("offer"));
                let page = form(&viewer(request)?, caller.user.record.email.as_str(), &offer, Some(&problem));
                Ok(page_response(StatusCode::BAD_REQUEST, page))
            }
            Err(error) => Err(problem_of(error)),
        }
    })
}

/// Handles the request for the page that asks whether it is to be removed.
pub(super) fn open_removal<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let caller = &request.principal()?.user()?.caller;
        caller.require_recent(app.services.clock.now()).map_err(Problem::denied)?;
        let (organization, id) = (caller.user.meta.organization, caller.user.meta.id);
        let security = app.services.people.security(caller, organization, id).await.map_err(problem_of)?;
        Ok(page_response(StatusCode::OK, removal(&viewer(request)?, !security.passkeys.is_empty())))
    })
}

/// Handles the form that removes it.
pub(super) fn remove<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        FormTexts::read(request)?;
        if let Some(asked) = proof_first(app, request, request.parts.uri.path()).await? {
            return Ok(asked);
        }
        let caller = &request.principal()?.user()?.caller;
        let removed = app.services.people.remove_second_factor(caller, &client(request)).await;
        let response = redirect(&format!("{SECTION}?done=second-factor-removed"));
        Ok(with_device(app, response, &removed.map_err(problem_of)?).recorded())
    })
}

fn form(viewer: &Viewer, email: &str, offer: &SecondFactorOffer, problem: Option<&str>) -> Markup {
    let problems: Vec<_> = problem.into_iter().map(|problem| ("code".to_owned(), problem.to_owned())).collect();
    let title = "Set up a second factor";
    let below = html! { p { "A new one replaces the one that you have. Your other sessions end, and you get new recovery codes." } };
    let content = html! {
        (heading(title, &below, &NONE))
        form.form method="post" action="/app/account/second-factor" novalidate {
            (form_token(viewer))
            (problem_summary(&problems))
            (enrollment::fields(email, offer, problem))
            div.save {
                button.btn.primary { "Continue to the recovery codes" }
                a.btn.quiet href=(SECTION) { "Cancel" }
            }
        }
    };
    page(viewer, &head(title, problem.is_some()), &content)
}

fn removal(viewer: &Viewer, has_passkeys: bool) -> Markup {
    let title = "Remove your authenticator app";
    let below = html! {
        p {
            @if has_passkeys { "Your passkeys and your recovery codes stay. Your other sessions end." }
            @else { "From then on, whoever knows your password signs in as you. Your recovery codes stop working." }
        }
    };
    let content = html! {
        (heading(title, &below, &NONE))
        form.form method="post" action="/app/account/second-factor/remove" {
            (form_token(viewer))
            div.save {
                button.btn.danger-fill { "Remove the app" }
                a.btn.quiet href=(SECTION) { "Cancel" }
            }
        }
    };
    page(viewer, &head(title, false), &content)
}
