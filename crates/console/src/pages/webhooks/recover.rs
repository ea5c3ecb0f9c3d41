//! The form that sends the events of a time range again that did not arrive.

use axum::http::StatusCode;
use futures_util::future::BoxFuture;
use http_api::{
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use kernel::Stored;
use maud::{Markup, html};
use webhooks::{MAX_RECOVERED, WebhookSubscription};

use super::{WEBHOOKS, state::name_of};
use crate::{
    components::{Field, Head, NONE, Tone, form_token, heading, note, page, problem_summary, reason, submit_bar},
    pages::{
        developers::{Desk, Faults, problem_at, problem_of, problems, read},
        form_texts::FormTexts,
    },
    response::{page_response, redirect},
};

/// The content of the form.
struct View<'v> {
    since: &'v str,
    until: &'v str,
    reason: &'v str,
    faults: Faults,
    /// Whether a part of the range is left, which begins at `since`.
    is_continued: bool,
}

/// Handles the request for the form.
pub(super) fn open<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let desk = Desk::of(app, request)?;
        let stored = find(&desk).await?;
        let view = View { since: "", until: "", reason: "", faults: Faults::new(), is_continued: false };
        Ok(page_response(StatusCode::OK, form(&desk, &stored, &view)))
    })
}

/// Handles the form.
pub(super) fn submit<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let desk = Desk::of(app, request)?;
        let stored = find(&desk).await?;
        let texts = FormTexts::read(request)?;
        let text = |name: &str| texts.0.get(name).map_or("", |text| text.trim());
        let mut faults = Faults::new();
        let zone = &desk.viewer.zone;
        let time = |text: &str| zone.parse_input(text).map_err(|message| format!("{message}."));
        let since = read(&mut faults, "since", time(text("since")));
        let until = if text("until").is_empty() { Ok(None) } else { time(text("until")).map(Some) };
        let until = read(&mut faults, "until", until);
        if let (Some(since), Some(Some(until))) = (since, until)
            && since >= until
        {
            faults.insert("until", "must be after the beginning.".to_owned());
        }
        let reason = read(&mut faults, "reason", texts.reason());
        let typed = |faults| View {
            since: text("since"),
            until: text("until"),
            reason: text("reason"),
            faults,
            is_continued: false,
        };
        let (Some(since), Some(until), Some(reason), true) = (since, until, reason, faults.is_empty()) else {
            return Ok(page_response(StatusCode::BAD_REQUEST, form(&desk, &stored, &typed(faults))));
        };
        let (author, organization, id) = (desk.author(&reason)?, desk.organization()?, stored.meta.id);
        let recovered = desk.integrations.recover(&author, organization, id, since, until).await;
        let recovery = recovered.map_err(problem_of)?;
        app.services.commit_listener.notify();
        let Some(next) = recovery.next_since else {
            let (again, missed) = (recovery.counts.redelivered, recovery.counts.missed);
            return Ok(redirect(&format!("{WEBHOOKS}/{id}?done=recovered-{again}-{missed}")).recorded());
        };
        // The minute of the form may begin before the next event: what was sent again meanwhile is not sent twice.
        let next = zone.input_minute(next);
        let view = View { since: &next, is_continued: true, ..typed(Faults::new()) };
        Ok(page_response(StatusCode::OK, form(&desk, &stored, &view)).recorded())
    })
}

async fn find(desk: &Desk<'_>) -> Result<Stored<WebhookSubscription>, Problem> {
    let id = desk.request.path_id()?;
    desk.integrations.subscription(desk.organization_id()?, id).await.map_err(problem_of)
}

fn form(desk: &Desk<'_>, stored: &Stored<WebhookSubscription>, view: &View<'_>) -> Markup {
    let (name, href) = (name_of(stored), format!("{WEBHOOKS}/{}", stored.meta.id));
    let problems = problems(&view.faults, &[("since", "From"), ("until", "Until"), ("reason", "Reason")]);
    let fault = |name: &str| problem_at(&problems, name);
    let title = format!("Replay a window to {name}");
    let content = html! {
        (heading(&title, &html! {
            p { "Sends the events of that time again that failed, were given up or were missed while the subscription was disabled, oldest first. What was delivered is not sent twice." }
        }, &NONE))
        @if view.is_continued {
            (note(
                Tone::Information,
                &format!("The first {MAX_RECOVERED} events are sent again. There are more."),
                "The form continues where they end: send it once more.",
            ))
        }
        form.form method="post" action={ (href) "/recover" } novalidate {
            (form_token(&desk.viewer))
            (problem_summary(&problems))
            div.pair {
                (Field { name: "since", label: "From", error: fault("since"), ..Field::default() }.time(&desk.viewer.zone, view.since))
                (Field { name: "until", label: "Until", error: fault("until"), optional: true, ..Field::default() }.time(&desk.viewer.zone, view.until))
            }
            p.small.muted { "Times in " (desk.viewer.zone.name()) ". Without an end, until now." }
            (reason(view.reason, fault("reason")))
            (submit_bar("Replay the events", &href))
        }
    };
    let above = [("Webhooks", WEBHOOKS), (name.as_str(), href.as_str())];
    let head =
        Head { title: &title, section: WEBHOOKS, above: &above, has_problem: !problems.is_empty(), ..Head::default() };
    page(&desk.viewer, &head, &content)
}
