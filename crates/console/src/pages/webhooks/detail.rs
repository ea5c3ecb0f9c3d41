//! The page of one subscription, with its deliveries.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use futures_util::future::BoxFuture;
use http_api::{
    handlers::ListRequest,
    pipeline::App,
    request::{ApiRequest, DueDates, Query},
    response::{ApiResponse, Problem},
};
use kernel::{Reader, Stored, Subject};
use maud::{Markup, html};
use serde_json::Value;
use webhooks::{
    DeliveryFilter, DeliveryHealth, DeliveryHistory, DeliveryState, MAX_FAILING_DURATION, WebhookDelivery,
    WebhookSubscription,
};

use super::{
    WEBHOOKS,
    list::paused_notice,
    state::{answer, delivery_state, name_of, short_url, state},
};
use crate::{
    components::{
        Head, Icon, NONE, TableColumn, Tone, blank, card, copyable, dotted, flash, heading, note, page, pager, table,
        tabs,
    },
    pages::{
        developers::{CREDENTIALS, Desk, problem_of},
        form_texts::query_value,
    },
    response::page_response,
    services::ConsoleServices,
    words::counted,
};

/// The deliveries that the tabs show, by the `status` in the address.
const TABS: [(&str, &str); 4] =
    [("", "All"), ("failed,exhausted", "Failed and given up"), ("delivered", "Delivered"), ("pending", "Pending")];

/// Handles the request.
pub(super) fn handle<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let desk = Desk::of(app, request)?;
        let (store, organization) = (&*app.services.store, desk.organization_id()?);
        let id = request.path_id::<WebhookSubscription>()?;
        let subscription = desk.integrations.subscription(organization, id).await.map_err(problem_of)?;
        let mut query = Query::parse(request.query());
        let _: Option<String> = query.optional("done", "", || Value::Null, |text| Ok::<_, &str>(text.to_owned()));
        let states: BTreeSet<DeliveryState> = query.choices(
            "status",
            "",
            || Value::Null,
            |text| {
                DeliveryState::ALL
                    .iter()
                    .copied()
                    .find(|state| state.name() == text)
                    .ok_or("is no status of a delivery")
            },
        );
        let filter = DeliveryFilter { subscription: Some(id), states, ..DeliveryFilter::default() };
        let list_request = ListRequest::parse(app, request, &mut query, DueDates::No)?;
        let found = Reader::<WebhookDelivery>::list(store, organization, &filter, &list_request.page).await?;
        let health = DeliveryHistory::delivery_health(store, organization, &[id]).await?;
        let health = health.first().map(|(_, health)| *health).unwrap_or_default();
        let account = desk.integrations.account(organization, subscription.record.account).await.map_err(problem_of)?;
        let status = query_value(request, "status").unwrap_or_default();
        let href = format!("{WEBHOOKS}/{id}");
        let tab = if status.is_empty() { href.clone() } else { format!("{href}?status={status}") };
        let separator = if status.is_empty() { '?' } else { '&' };
        let older = found.next.map(|at| format!("{tab}{separator}cursor={}", list_request.cursor(app, at)));
        let newest = query_value(request, "cursor").map(|_| tab.clone());
        let hrefs = TABS.map(|(status, title)| {
            (if status.is_empty() { href.clone() } else { format!("{href}?status={status}") }, title)
        });
        let links: Vec<(&str, &str)> = hrefs.iter().map(|(href, title)| (href.as_str(), *title)).collect();
        let deliveries = html! {
            (tabs("Deliveries", &links, &tab))
            section.card aria-label="Deliveries" {
                @if found.items.is_empty() && older.is_none() {
                    (blank(Icon::Webhook, "No deliveries here", "An event that matches the subscription is listed here within a second.", &NONE))
                } @else {
                    (delivery_table(&desk, &href, &found.items))
                    (pager(&html! { "Deliveries, newest first" }, newest.as_deref(), older.as_deref()))
                }
            }
        };
        let are_paused = ConsoleServices::of(request)?.endpoints.are_paused();
        let content = html! {
            @if let Some(done) = done(request) { (flash(&done)) }
            (head_of(&desk, &subscription, health, are_paused))
            @if are_paused { (paused_notice()) }
            (trouble(&desk, &subscription, health))
            div.split {
                div.stack { (deliveries) }
                div.aside { (about(&desk, &subscription, health, account.record.name.as_str())) }
            }
        };
        let title = name_of(&subscription);
        let head = Head { title: &title, section: WEBHOOKS, above: &[("Webhooks", WEBHOOKS)], ..Head::default() };
        Ok(page_response(StatusCode::OK, page(&desk.viewer, &head, &content)).with_subject(Subject::from_id(id)))
    })
}

fn done(request: &ApiRequest) -> Option<String> {
    let done = query_value(request, "done")?;
    Some(match done.split_once('-').unwrap_or((&done, "")) {
        ("saved", _) => "The subscription was saved.".to_owned(),
        ("enabled", _) => "Events are delivered from now on.".to_owned(),
        ("disabled", _) => "The subscription is disabled. What happens meanwhile can be replayed later.".to_owned(),
        ("recovered", counts) => {
            let (again, missed) = counts.split_once('-')?;
            let (again, missed): (usize, usize) = (again.parse().ok()?, missed.parse().ok()?);
            format!(
                "{} sent again, and {} that had been missed.",
                counted(again, "delivery is", "deliveries are"),
                counted(missed, "event is sent now", "events are sent now")
            )
        }
        _ => return None,
    })
}

fn head_of(
    desk: &Desk<'_>,
    subscription: &Stored<WebhookSubscription>,
    health: DeliveryHealth,
    are_paused: bool,
) -> Markup {
    let href = format!("{WEBHOOKS}/{}", subscription.meta.id);
    let (name, url) = (name_of(subscription), short_url(subscription));
    let below = html! {
        div.meta {
            (state(subscription, health, are_paused, (&desk.viewer.zone, desk.now)))
            @if name != url { code.small.any { (url) } }
        }
    };
    let verb = if subscription.record.is_active() { "Disable…" } else { "Enable…" };
    let actions = html! {
        @if desk.may_manage() {
            a.btn href={ (href) "/test" } { (Icon::Submission) "Send a test…" }
            details.pop.right name="pop" {
                summary { "More" }
                div.sheet {
                    a href={ (href) "/edit" } { "Edit…" }
                    a href={ (href) "/rotate" } { "Rotate the signing secret…" }
                    a href={ (href) "/recover" } { "Replay a window…" }
                    a href={ (href) "/status" } { (verb) }
                    hr;
                    a href={ (href) "/delete" } { "Delete…" }
                }
            }
        }
    };
    heading(&name, &below, &actions)
}

/// The notice about an endpoint that fails or gets nothing.
fn trouble(desk: &Desk<'_>, subscription: &Stored<WebhookSubscription>, health: DeliveryHealth) -> Markup {
    if !subscription.record.is_active() {
        let rest = "Enable it again when the endpoint works, then replay the time in between.";
        return note(Tone::Warning, "No events are sent to this endpoint.", rest);
    }
    let Some(since) = health.failing_since else { return html! {} };
    let zone = &desk.viewer.zone;
    html! {
        div.note.bad {
            (Icon::AlertCircle)
            div {
                b { "No attempt has succeeded since " (zone.minute(since)) "." }
                p { "Events wait for their next attempt. Without one success by " (zone.minute(since + MAX_FAILING_DURATION)) " the subscription is disabled." }
            }
            @if desk.may_manage() { div.do { a.btn.sm href={ (WEBHOOKS) "/" (subscription.meta.id) "/recover" } { (Icon::Replay) "Replay a window…" } } }
        }
    }
}

fn delivery_table(desk: &Desk<'_>, href: &str, deliveries: &[Stored<WebhookDelivery>]) -> Markup {
    let columns = [("Event", "p"), ("State", ""), ("Attempts", "num"), ("Answer", ""), ("Time", "num")]
        .map(|(title, class)| TableColumn { title: title.into(), class });
    let rows = html! {
        @for stored in deliveries {
            @let delivery = &stored.record;
            tr role="row" {
                th.p scope="row" role="rowheader" {
                    a.prime.mono.small href={ (href) "/deliveries/" (stored.meta.id) } { (delivery.event_type) }
                    span.sub { span.key { (delivery.event) } }
                }
                td role="cell" { (delivery_state(delivery.state)) }
                td.num data-l="Attempts" role="cell" { (delivery.attempts.len()) }
                td data-l="Answer" role="cell" { @if let Some(last) = delivery.attempts.last() { (answer(last)) } @else { span.muted { "None" } } }
                td.num role="cell" { span.nowrap { (desk.viewer.zone.second(stored.meta.created_at)) } }
            }
        }
    };
    table("Deliveries of this subscription, newest first", desk.viewer.has_compact_rows, &columns, &rows)
}

fn about(desk: &Desk<'_>, stored: &Stored<WebhookSubscription>, health: DeliveryHealth, account: &str) -> Markup {
    let zone = &desk.viewer.zone;
    let old = stored.record.secrets.iter().filter_map(|secret| secret.expires_at).find(|end| *end > desk.now);
    html! {
        (card("subscription", "Subscription", &NONE, &html! {
            div.body { dl.dl {
                dt { "Account" } dd { a href={ (CREDENTIALS) "/" (stored.record.account) } { (account) } }
                dt { "Id" } dd { (copyable("subscription-id", &stored.meta.id.to_string(), "id")) }
                dt { "Events" } dd { span.scopes { @for event in &stored.record.event_types { code.scope { (dotted(event.name())) } } } }
                dt { "Created" } dd { (zone.minute(stored.meta.created_at)) }
                dt { "Last success" } dd { @if let Some(last) = health.last_delivery_at { (zone.minute(last)) } @else { "Never" } }
            } }
        }))
        (card("secret", "Signing secret", &NONE, &html! {
            div.body { dl.dl {
                dt { "Older secret" } dd { @if let Some(end) = old { "Signs, too, until " (zone.second(end)) } @else { "None" } }
            } }
            footer { "HMAC-SHA256, as Standard Webhooks specifies." }
        }))
        (card("retries", "Retries", &NONE, &html! {
            div.body { p.small { "After 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h and 24 h, each ±10 %. Any 2xx within 15 s counts as delivered." } }
        }))
    }
}
