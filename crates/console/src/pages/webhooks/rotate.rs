//! The form that gives a subscription a new signing secret.

use axum::http::StatusCode;
use futures_util::future::BoxFuture;
use http_api::{
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use kernel::Stored;
use maud::{Markup, html};
use webhooks::WebhookSubscription;

use super::{WEBHOOKS, state::name_of};
use crate::{
    components::{Head, NONE, choices, form_token, heading, page, problem_summary, reason, submit_bar},
    pages::{
        confirm_password::proof_first,
        developers::{Desk, Faults, grace, graces, problem_at, problem_of, problems, read},
        form_texts::{FormTexts, query_value},
        one_time_secret,
    },
    response::page_response,
    services::ConsoleServices,
};

/// Handles the request for the form.
pub(super) fn open<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let desk = Desk::of(app, request)?;
        desk.require_recent()?;
        let stored = find(&desk).await?;
        let grace = query_value(request, "grace").unwrap_or_else(|| "86400".to_owned());
        let reason = query_value(request, "reason").unwrap_or_default();
        Ok(page_response(StatusCode::OK, form(&desk, &stored, &grace, &reason, &Faults::new())))
    })
}

/// Handles the form.
pub(super) fn submit<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let desk = Desk::of(app, request)?;
        let texts = FormTexts::read(request)?;
        let text = |name: &str| texts.0.get(name).map_or("", |text| text.trim());
        if let Some(asked) = proof_first(app, request, request.parts.uri.path()).await? {
            return Ok(asked);
        }
        let (mut faults, seen) = (Faults::new(), texts.revision()?);
        let grace = grace(text("grace")).ok_or_else(|| "is not one of those that are offered.".to_owned());
        let (grace, reason) = (read(&mut faults, "grace", grace), read(&mut faults, "reason", texts.reason()));
        let (Some(grace), Some(reason)) = (grace, reason) else {
            let page = form(&desk, &find(&desk).await?, text("grace"), text("reason"), &faults);
            return Ok(page_response(StatusCode::BAD_REQUEST, page));
        };
        let (author, organization) = (desk.author(&reason)?, desk.organization()?);
        let (endpoints, id) = (&ConsoleServices::of(request)?.endpoints, request.path_id()?);
        let rotated =
            desk.integrations.rotate_subscription_secret(&author, organization, endpoints, (id, seen), grace).await;
        let (_, secret) = rotated.map_err(problem_of)?;
        app.services.commit_listener.notify();
        let path = format!("{WEBHOOKS}/{id}/secret");
        Ok(one_time_secret::show_at(app, request, &path, &secret.expose_text())?.recorded())
    })
}

async fn find(desk: &Desk<'_>) -> Result<Stored<WebhookSubscription>, Problem> {
    let id = desk.request.path_id()?;
    desk.integrations.subscription(desk.organization_id()?, id).await.map_err(problem_of)
}

fn form(desk: &Desk<'_>, stored: &Stored<WebhookSubscription>, chosen: &str, why: &str, faults: &Faults) -> Markup {
    let (name, href) = (name_of(stored), format!("{WEBHOOKS}/{}", stored.meta.id));
    let problems = problems(faults, &[("grace", "The time"), ("reason", "Reason")]);
    let title = format!("Rotate the signing secret of {name}");
    let content = html! {
        (heading(&title, &html! { p { "You get a new secret at once. For a while, each delivery is signed with both, so that the endpoint can change over." } }, &NONE))
        form.form method="post" action={ (href) "/rotate" } novalidate data-guard {
            (form_token(&desk.viewer))
            input type="hidden" name="revision" value=(stored.meta.revision.0);
            (problem_summary(&problems))
            (choices("grace", "How long the old secret signs, too", problem_at(&problems, "grace"), &graces(), Some(chosen)))
            (reason(why, problem_at(&problems, "reason")))
            (submit_bar("Rotate and show the new secret", &href))
        }
    };
    let above = [("Webhooks", WEBHOOKS), (name.as_str(), href.as_str())];
    let head =
        Head { title: &title, section: WEBHOOKS, above: &above, has_problem: !problems.is_empty(), ..Head::default() };
    page(&desk.viewer, &head, &content)
}
