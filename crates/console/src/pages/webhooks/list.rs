//! The list of the subscriptions of all accounts.

use std::collections::BTreeSet;

use auth::Account;
use axum::http::StatusCode;
use futures_util::future::BoxFuture;
use http_api::{
    handlers::ListRequest,
    pipeline::App,
    request::{ApiRequest, DueDates, Query},
    response::{ApiResponse, Problem},
};
use kernel::{Reader, Stored};
use maud::{Markup, html};
use webhooks::{DeliveryHealth, DeliveryHistory, SubscriptionFilter, SubscriptionStatus, WebhookSubscription};

use super::{
    WEBHOOKS,
    state::{short_url, state},
};
use crate::{
    components::{Head, Icon, TableColumn, Tone, blank, dotted, flash, heading, note, page, pager, table},
    pages::{
        developers::{Desk, developer_tabs, problem_of},
        form_texts::query_value,
    },
    response::page_response,
    services::ConsoleServices,
};

/// Handles the request.
pub(super) fn handle<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let desk = Desk::of(app, request)?;
        let organization = desk.organization_id()?;
        let is_deleted = query_value(request, "done").as_deref() == Some("deleted");
        let mut query = Query::parse(if is_deleted { "" } else { request.query() });
        let list_request = ListRequest::parse(app, request, &mut query, DueDates::No)?;
        let statuses = BTreeSet::from([SubscriptionStatus::Active, SubscriptionStatus::Disabled]);
        let filter = SubscriptionFilter { account: None, statuses };
        let store = &*app.services.store;
        let found = Reader::<WebhookSubscription>::list(store, organization, &filter, &list_request.page).await?;
        let accounts = desk.integrations.accounts(organization).await.map_err(problem_of)?;
        let table = subscription_table(&desk, &found.items, &accounts).await?;
        let newest = query_value(request, "cursor").map(|_| WEBHOOKS);
        let older = found.next.map(|position| format!("{WEBHOOKS}?cursor={}", list_request.cursor(app, position)));
        let are_paused = ConsoleServices::of(request)?.endpoints.are_paused();
        let create = html! {
            @if desk.may_manage() { a.btn.primary href={ (WEBHOOKS) "/new" } { (Icon::Plus) "New subscription" } }
        };
        let below = html! {
            p { "Endpoints that are notified when something happens. Each belongs to a service account and gets only what that account may read." }
        };
        let content = html! {
            @if is_deleted { (flash("The subscription was deleted.")) }
            (heading("Webhooks", &below, &create))
            (developer_tabs(WEBHOOKS))
            @if are_paused { (paused_notice()) }
            section.card aria-label="Subscriptions" {
                (table)
                @if newest.is_some() || older.is_some() { (pager(&html! { "Some of the subscriptions, newest first" }, newest, older.as_deref())) }
            }
        };
        let head = Head { title: "Webhooks", section: WEBHOOKS, ..Head::default() };
        Ok(page_response(StatusCode::OK, page(&desk.viewer, &head, &content)))
    })
}

/// The notice that nothing is sent at all.
pub(super) fn paused_notice() -> Markup {
    note(
        Tone::Warning,
        "Webhooks are paused: nothing is sent.",
        "This installation is a copy of another one, whose endpoints would get the events. To resume them, the operator runs novantra webhooks resume.",
    )
}

/// The table of subscriptions, with the health of their deliveries.
///
/// # Errors
/// If the store fails.
pub(super) async fn subscription_table(
    desk: &Desk<'_>,
    subscriptions: &[Stored<WebhookSubscription>],
    accounts: &[Account],
) -> Result<Markup, Problem> {
    if subscriptions.is_empty() {
        let create =
            html! { @if desk.may_manage() { a.btn href={ (WEBHOOKS) "/new" } { (Icon::Plus) "New subscription" } } };
        return Ok(blank(
            Icon::Webhook,
            "No subscriptions yet",
            "A subscription sends events to an address of yours as they happen, so that no program has to ask again and again.",
            &create,
        ));
    }
    let ids: Vec<_> = subscriptions.iter().map(|stored| stored.meta.id).collect();
    let store = &*desk.app.services.store;
    let healths = DeliveryHistory::delivery_health(store, desk.organization_id()?, &ids).await?;
    let are_paused = ConsoleServices::of(desk.request)?.endpoints.are_paused();
    let health_of = |id| healths.iter().find(|(other, _)| *other == id).map(|(_, health)| *health).unwrap_or_default();
    let columns = [("Endpoint", "p"), ("State", ""), ("Events", ""), ("Account", "t2"), ("Last delivered", "num")]
        .map(|(title, class)| TableColumn { title: title.into(), class });
    let (zone, now) = (&desk.viewer.zone, desk.now);
    let rows = html! {
        @for stored in subscriptions {
            @let health: DeliveryHealth = health_of(stored.meta.id);
            tr role="row" {
                th.p scope="row" role="rowheader" {
                    a.prime.any href={ (WEBHOOKS) "/" (stored.meta.id) } { (short_url(stored)) }
                    @if !stored.record.description.as_str().is_empty() { span.sub { (stored.record.description) } }
                }
                td role="cell" { (state(stored, health, are_paused, (zone, now))) }
                td role="cell" { span.scopes { @for event in &stored.record.event_types { code.scope { (dotted(event.name())) } } } }
                td.t2 role="cell" { span.nowrap { (account_name(accounts, stored)) } }
                td.num data-l="Last delivered" role="cell" {
                    @if let Some(last) = health.last_delivery_at { (zone.ago(last, now)) } @else { span.muted { "Never" } }
                }
            }
        }
    };
    Ok(table("Webhook subscriptions", desk.viewer.has_compact_rows, &columns, &rows))
}

/// The name of the account that owns the subscription.
pub(super) fn account_name<'a>(accounts: &'a [Account], stored: &Stored<WebhookSubscription>) -> &'a str {
    let owner = accounts.iter().find(|account| account.meta.id == stored.record.account);
    owner.map_or("Unknown", |account| account.record.name.as_str())
}
