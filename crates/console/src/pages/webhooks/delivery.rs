//! The page of one delivery: its attempts, what was sent, and sending it again.

use axum::http::StatusCode;
use futures_util::future::BoxFuture;
use http_api::{
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use integrations::IntegrationError;
use kernel::{Stored, Subject, Ulid};
use maud::{Markup, html};
use serde_json::Value;
use webhooks::{DeliveryHistory, DeliveryState, EventBodies, WebhookDelivery, WebhookSubscription};

use super::{
    WEBHOOKS,
    state::{answer, delivery_state, name_of, public},
};
use crate::{
    components::{
        Head, Icon, NONE, TableColumn, card, code_block, copyable, flash, form_token, heading, page, problem_summary,
        reason, table,
    },
    pages::{
        developers::{Desk, problem_of},
        form_texts::{FormTexts, query_value},
    },
    response::{page_response, redirect},
    services::ConsoleServices,
};

/// Handles the request.
pub(super) fn handle<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move { respond(&Desk::of(app, request)?, StatusCode::OK, "", None).await })
}

/// Handles the form that has it sent again.
pub(super) fn redeliver<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let desk = Desk::of(app, request)?;
        let texts = FormTexts::read(request)?;
        let why = texts.0.get("reason").map_or("", String::as_str);
        let reason = match texts.reason() {
            Ok(reason) => reason,
            Err(message) => return respond(&desk, StatusCode::BAD_REQUEST, why, Some(&message)).await,
        };
        let (subscription, delivery) = ids(request)?;
        let (author, organization) = (desk.author(&reason)?, desk.organization()?);
        match desk.integrations.redeliver(&author, organization, subscription, delivery).await {
            Ok(_) => {
                app.services.commit_listener.notify();
                Ok(redirect(&format!("{WEBHOOKS}/{subscription}/deliveries/{delivery}?done=replayed")).recorded())
            }
            Err(IntegrationError::Webhook(error)) => {
                let message = format!("can't be acted on: {error}.");
                respond(&desk, StatusCode::UNPROCESSABLE_ENTITY, why, Some(&message)).await
            }
            Err(error) => Err(problem_of(error)),
        }
    })
}

type Ids = (kernel::Id<WebhookSubscription>, kernel::Id<WebhookDelivery>);

fn ids(request: &ApiRequest) -> Result<Ids, Problem> {
    Ok((request.path_id()?, request.path_id_at(1)?))
}

async fn respond(desk: &Desk<'_>, status: StatusCode, why: &str, fault: Option<&str>) -> Result<ApiResponse, Problem> {
    let organization = desk.organization_id()?;
    let (id, delivery) = ids(desk.request)?;
    let subscription = desk.integrations.subscription(organization, id).await.map_err(problem_of)?;
    let delivery = desk.integrations.delivery(organization, id, delivery).await.map_err(problem_of)?;
    let event = delivery.record.event.ulid();
    let before = Ulid(event.0.saturating_sub(1));
    let store = &*desk.app.services.store;
    let events = DeliveryHistory::events(store, organization, before, event, 1, EventBodies::Included).await?;
    let body = events.first().map(|event| pretty(&event.body));
    let page = show(desk, &subscription, &delivery, body.as_deref(), why, fault)?;
    Ok(page_response(status, page).with_subject(Subject::from_id(delivery.meta.id)))
}

/// The body with line breaks, for people.
fn pretty(body: &[u8]) -> String {
    let value = serde_json::from_slice::<Value>(body).ok();
    let text = value.and_then(|value| serde_json::to_string_pretty(&value).ok());
    text.unwrap_or_else(|| String::from_utf8_lossy(body).into_owned())
}

fn show(
    desk: &Desk<'_>,
    subscription: &Stored<WebhookSubscription>,
    stored: &Stored<WebhookDelivery>,
    body: Option<&str>,
    why: &str,
    fault: Option<&str>,
) -> Result<Markup, Problem> {
    let (delivery, zone) = (&stored.record, &desk.viewer.zone);
    let are_paused = ConsoleServices::of(desk.request)?.endpoints.are_paused();
    let next = delivery.scheduled_at(&subscription.record, are_paused);
    let href = format!("{WEBHOOKS}/{}", subscription.meta.id);
    let below = html! {
        div.meta {
            (delivery_state(delivery.state))
            @if let Some(next) = next { span { "Next attempt " (zone.second(next)) } }
            (copyable("event-id", &delivery.event.to_string(), "event id"))
        }
    };
    let is_done = query_value(desk.request, "done").as_deref() == Some("replayed");
    let problems: Vec<_> = fault.map(|fault| ("reason".to_owned(), format!("Reason {fault}"))).into_iter().collect();
    let content = html! {
        @if is_done { (flash("The event is sent again now, with a fresh schedule of retries.")) }
        (problem_summary(&problems))
        (heading(&delivery.event_type, &below, &NONE))
        div.split {
            div.stack {
                (card("attempts", "Attempts", &NONE, &attempts(desk, delivery)))
                (card("request", "Request", &NONE, &html! {
                    div.body {
                        p.small.soft { "The same bytes are sent on each attempt. Only the timestamp and the signature differ." }
                        @if let Some(body) = body { (code_block("body", "Request body", body)) }
                        @else { p.muted { "The event is no longer kept." } }
                    }
                }))
            }
            div.aside {
                @if desk.may_manage() && delivery.state != DeliveryState::Pending {
                    (card("replay", "Replay", &NONE, &html! {
                        div.body {
                            form.form method="post" action={ (href) "/deliveries/" (stored.meta.id) "/redeliver" } novalidate {
                                (form_token(&desk.viewer))
                                (reason(why, problems.first().map(|(_, sentence)| sentence.as_str())))
                                div.save { button.btn.primary { (Icon::Replay) "Replay now" } }
                            }
                        }
                    }))
                }
                (card("verify", "Check a signature yourself", &NONE, &html! {
                    div.body { (code_block("python", "Python that verifies a signature", "from standardwebhooks import Webhook\n\nWebhook(secret).verify(body, headers)")) }
                    footer { "Any library of standardwebhooks.com does it." }
                }))
            }
        }
    };
    let (name, title) = (name_of(subscription), delivery.event_type.to_string());
    let above = [("Webhooks", WEBHOOKS), (name.as_str(), href.as_str())];
    let head =
        Head { title: &title, section: WEBHOOKS, above: &above, has_problem: fault.is_some(), ..Head::default() };
    Ok(page(&desk.viewer, &head, &content))
}

fn attempts(desk: &Desk<'_>, delivery: &WebhookDelivery) -> Markup {
    if delivery.attempts.is_empty() {
        return html! { div.body { p.muted { "None yet." } } };
    }
    let columns = [("Time", "p"), ("Answer", ""), ("Took", "num"), ("First bytes of the answer", "")]
        .map(|(title, class)| TableColumn { title: title.into(), class });
    let rows = html! {
        @for attempt in delivery.attempts.iter().rev() {
            @let outcome = &attempt.outcome;
            tr role="row" {
                th.p scope="row" role="rowheader" { (desk.viewer.zone.second(attempt.at)) }
                td role="cell" data-l="Answer" { (answer(attempt)) }
                td.num role="cell" data-l="Took" { (outcome.duration.as_millis()) " ms" }
                td role="cell" data-l="First bytes" {
                    @if let Some(text) = outcome.response_body.as_deref().filter(|text| !text.is_empty()) { code.small.any { (text) } }
                    @else if let Some(failure) = outcome.failure { span.small { (public(failure).description()) } }
                    @else { span.muted { "None" } }
                }
            }
        }
    };
    html! { div.body.flush { (table("Attempts of this delivery, newest first", desk.viewer.has_compact_rows, &columns, &rows)) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_shown_with_line_breaks() {
        assert_eq!(pretty(br#"{"a":1}"#), "{\n  \"a\": 1\n}");
        assert_eq!(pretty(b"plain"), "plain");
    }
}
