//! The form that creates or edits a subscription.

use std::collections::BTreeSet;

use auth::Account;
use axum::http::StatusCode;
use futures_util::future::BoxFuture;
use http_api::{
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use integrations::IntegrationError;
use kernel::{DescriptionRule, Stored};
use maud::{Markup, html};
use webhooks::{EndpointUrl, EventType, NewSubscription, SubscriptionPatch, WebhookError, WebhookSubscription};

use super::{WEBHOOKS, state::name_of};
use crate::{
    components::{Field, Head, Icon, NONE, Tone, form_token, heading, note, page, problem_summary, reason, submit_bar},
    pages::{
        confirm_password::proof_first,
        developers::{Desk, Faults, problem_at, problem_of, problems, read},
        form_texts::{FormTexts, query_value, query_values},
        one_time_secret,
    },
    response::{page_response, redirect},
    services::ConsoleServices,
    text_fault::parse_text,
};

const LABELS: [(&str, &str); 5] = [
    ("account", "Service account"),
    ("url", "Endpoint"),
    ("description", "Purpose"),
    ("events", "Events"),
    ("reason", "Reason"),
];

/// The fields of a new subscription that are typed.
const TYPED: [&str; 4] = ["account", "url", "description", "reason"];

/// The content of the form.
#[derive(Default)]
struct View<'v> {
    account: &'v str,
    url: &'v str,
    description: &'v str,
    events: BTreeSet<EventType>,
    reason: &'v str,
    faults: Faults,
    /// The subscription that is edited; `None` if one is created.
    current: Option<&'v Stored<WebhookSubscription>>,
    is_conflict: bool,
}

/// Handles the request for the empty form.
pub(super) fn open_new<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let desk = Desk::of(app, request)?;
        desk.require_recent()?;
        let accounts = desk.integrations.accounts(desk.organization_id()?).await.map_err(problem_of)?;
        let text = |name: &str| query_value(request, name).unwrap_or_default();
        let [account, url, description, reason] = TYPED.map(text);
        let view = View {
            account: &account,
            url: &url,
            description: &description,
            events: events_of(query_values(request, "event")),
            reason: &reason,
            ..View::default()
        };
        Ok(page_response(StatusCode::OK, form(&desk, &accounts, &view)))
    })
}

/// Handles the request for the form of a subscription.
pub(super) fn open_edit<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let desk = Desk::of(app, request)?;
        desk.require_recent()?;
        let id = request.path_id()?;
        let current = desk.integrations.subscription(desk.organization_id()?, id).await.map_err(problem_of)?;
        let record = &current.record;
        let typed = |name: &str, stored: &str| query_value(request, name).unwrap_or_else(|| stored.to_owned());
        let (url, description) = (typed("url", record.url.as_str()), typed("description", record.description.as_str()));
        let reason = typed("reason", "");
        let typed_events = events_of(query_values(request, "event"));
        let view = View {
            url: &url,
            description: &description,
            events: if typed_events.is_empty() { record.event_types.clone() } else { typed_events },
            reason: &reason,
            current: Some(&current),
            ..View::default()
        };
        Ok(page_response(StatusCode::OK, form(&desk, &[], &view)))
    })
}

/// Reads what both forms have. Adds what is wrong with it to the faults.
fn read_subscription(
    desk: &Desk<'_>,
    texts: &FormTexts,
    faults: &mut Faults,
) -> Result<Option<NewSubscription>, Problem> {
    let text = |name: &str| texts.0.get(name).map_or("", |text| text.trim());
    let addresses = &ConsoleServices::of(desk.request)?.endpoints.addresses;
    let url = EndpointUrl::parse(text("url"), addresses).map_err(|error| format!("{error}."));
    let url = read(faults, "url", url);
    let description = text("description").replace("\r\n", "\n");
    let description = read(faults, "description", parse_text::<DescriptionRule>(&description));
    let event_types = events(desk);
    if event_types.is_empty() {
        faults.insert("events", "are missing: tick at least one.".to_owned());
    }
    Ok(url.zip(description).map(|(url, description)| NewSubscription { url, description, event_types }))
}

fn events(desk: &Desk<'_>) -> BTreeSet<EventType> {
    events_of(desk.values("event"))
}

fn events_of(names: Vec<String>) -> BTreeSet<EventType> {
    names.iter().filter_map(|name| name.parse().ok()).collect()
}

/// Handles the form that creates a subscription.
pub(super) fn create<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let desk = Desk::of(app, request)?;
        let texts = FormTexts::read(request)?;
        let text = |name: &str| texts.0.get(name).map_or("", |text| text.trim());
        if let Some(asked) = proof_first(app, request, &format!("{WEBHOOKS}/new")).await? {
            return Ok(asked);
        }
        let mut faults = Faults::new();
        let account = text("account").parse().map_err(|_| "is missing: choose one.".to_owned());
        let account = read(&mut faults, "account", account);
        let new = read_subscription(&desk, &texts, &mut faults)?;
        let reason = read(&mut faults, "reason", texts.reason());
        let (endpoints, organization) = (&ConsoleServices::of(request)?.endpoints, desk.organization()?);
        let (status, faults) = match (account, new, reason) {
            (Some(account), Some(new), Some(reason)) if faults.is_empty() => {
                let author = desk.author(&reason)?;
                match desk.integrations.subscribe(&author, organization, endpoints, account, &new).await {
                    Ok((stored, secret)) => {
                        app.services.commit_listener.notify();
                        let path = format!("{WEBHOOKS}/{}/secret", stored.meta.id);
                        return Ok(one_time_secret::show_at(app, request, &path, &secret.expose_text())?.recorded());
                    }
                    Err(error) => (StatusCode::UNPROCESSABLE_ENTITY, faults_of(error)?),
                }
            }
            _ => (StatusCode::BAD_REQUEST, faults),
        };
        let accounts = desk.integrations.accounts(organization.id).await.map_err(problem_of)?;
        let view = View {
            account: text("account"),
            url: text("url"),
            description: text("description"),
            events: events(&desk),
            reason: text("reason"),
            faults,
            ..View::default()
        };
        Ok(page_response(status, form(&desk, &accounts, &view)))
    })
}

/// Handles the form that edits a subscription.
pub(super) fn edit<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let desk = Desk::of(app, request)?;
        let id = request.path_id()?;
        let texts = FormTexts::read(request)?;
        if let Some(asked) = proof_first(app, request, request.parts.uri.path()).await? {
            return Ok(asked);
        }
        let text = |name: &str| texts.0.get(name).map_or("", |text| text.trim());
        let (mut faults, seen) = (Faults::new(), texts.revision()?);
        let new = read_subscription(&desk, &texts, &mut faults)?;
        let reason = read(&mut faults, "reason", texts.reason());
        let organization = desk.organization()?;
        let mut stored = None;
        let (status, faults) = match (new, reason) {
            (Some(new), Some(reason)) if faults.is_empty() => {
                let author = desk.author(&reason)?;
                let patch = SubscriptionPatch {
                    url: Some(new.url),
                    description: Some(new.description),
                    event_types: Some(new.event_types),
                    active: None,
                };
                match desk.integrations.update_subscription(&author, organization, id, seen, &patch).await {
                    Ok(_) => {
                        app.services.commit_listener.notify();
                        return Ok(redirect(&format!("{WEBHOOKS}/{id}?done=saved")).recorded());
                    }
                    Err(IntegrationError::SubscriptionChanged(current)) => {
                        stored = Some(*current);
                        (StatusCode::CONFLICT, Faults::new())
                    }
                    Err(error) => (StatusCode::UNPROCESSABLE_ENTITY, faults_of(error)?),
                }
            }
            _ => (StatusCode::BAD_REQUEST, faults),
        };
        let is_conflict = stored.is_some();
        let current = match stored {
            Some(stored) => stored,
            None => desk.integrations.subscription(organization.id, id).await.map_err(problem_of)?,
        };
        let view = View {
            url: text("url"),
            description: text("description"),
            events: events(&desk),
            reason: text("reason"),
            faults,
            current: Some(&current),
            is_conflict,
            ..View::default()
        };
        Ok(page_response(status, form(&desk, &[], &view)))
    })
}

/// The faults of the fields that the rules of webhooks refused.
fn faults_of(error: IntegrationError) -> Result<Faults, Problem> {
    let (field, message) = match error {
        IntegrationError::Webhook(WebhookError::MissingScope(scope)) => (
            "events",
            format!(
                "include one for which the account lacks the scope {scope}: grant it first, or leave the event out."
            ),
        ),
        IntegrationError::Webhook(error) => ("events", format!("are refused: {error}.")),
        IntegrationError::NoAccount(_) => ("account", "does not exist any more: choose another one.".to_owned()),
        error => return Err(problem_of(error)),
    };
    Ok(Faults::from([(field, message)]))
}

fn form(desk: &Desk<'_>, accounts: &[Account], view: &View<'_>) -> Markup {
    let problems = problems(&view.faults, &LABELS);
    let fault = |name: &str| problem_at(&problems, name);
    let title =
        view.current.map_or_else(|| "New subscription".to_owned(), |stored| format!("Edit {}", name_of(stored)));
    let back = view.current.map_or_else(|| WEBHOOKS.to_owned(), |stored| format!("{WEBHOOKS}/{}", stored.meta.id));
    let action = view.current.map_or_else(|| WEBHOOKS.to_owned(), |_| format!("{back}/edit"));
    let ids: Vec<String> = accounts.iter().map(|account| account.meta.id.to_string()).collect();
    let names: Vec<(&str, String)> =
        ids.iter().zip(accounts).map(|(id, account)| (id.as_str(), account.record.name.to_string())).collect();
    let content = html! {
        (heading(&title, &NONE, &NONE))
        @if view.is_conflict {
            (note(
                Tone::Warning,
                "Somebody else changed this subscription while you edited it.",
                "What you entered stands in the form. Save again to replace what is stored now.",
            ))
            @if let Some(stored) = view.current {
                p.small { "Stored endpoint: " code.any { (stored.record.url.masked()) } }
                p.small { "Stored events: " @for event in &stored.record.event_types { code.scope { (event.name()) } " " } }
            }
        }
        form.form method="post" action=(action) novalidate data-guard {
            (form_token(&desk.viewer))
            @if let Some(stored) = view.current { input type="hidden" name="revision" value=(stored.meta.revision.0); }
            (problem_summary(&problems))
            section {
                @if view.current.is_none() {
                    (Field {
                        name: "account",
                        label: "Service account",
                        hint: "The account whose scopes decide which events are sent. It can manage the subscription over the API, too.",
                        error: fault("account"),
                        optional: false,
                    }.select(&names, view.account))
                }
                (Field {
                    name: "url",
                    label: "Endpoint",
                    hint: "An https:// address that is reachable from the public internet. Events are sent to it with POST.",
                    error: fault("url"),
                    optional: false,
                }.input("url", "m", view.url))
                (Field {
                    name: "description",
                    label: "Purpose",
                    hint: "What receives the events, such as “ServiceNow incident mirror”.",
                    error: fault("description"),
                    optional: true,
                }.input("text", "", view.description))
            }
            section { (event_checks(&view.events, fault("events"))) }
            section { (reason(view.reason, fault("reason"))) }
            @if view.current.is_some() { (submit_bar("Save the subscription", &back)) } @else { (submit_bar("Create and show the signing secret", &back)) }
        }
    };
    let name = view.current.map(name_of);
    let above: Vec<(&str, &str)> =
        [("Webhooks", WEBHOOKS)].into_iter().chain(name.as_deref().map(|name| (name, back.as_str()))).collect();
    let head = Head {
        title: &title,
        section: WEBHOOKS,
        above: &above,
        has_problem: view.is_conflict || !problems.is_empty(),
        ..Head::default()
    };
    page(&desk.viewer, &head, &content)
}

/// The events with what each means, and the scope that it needs.
fn event_checks(chosen: &BTreeSet<EventType>, error: Option<&str>) -> Markup {
    html! {
        fieldset.f.err[error.is_some()] #events {
            legend { "Events" }
            @if let Some(error) = error { span.msg { (Icon::AlertCircle) span { span.vh { "Error: " } (error) } } }
            @for event in EventType::ALL {
                @let id = format!("e-{}", event.name().replace('.', "-"));
                div.check {
                    input type="checkbox" id=(id) name="event" value=(event.name()) checked[chosen.contains(event)] aria-describedby={ (id) "-h" };
                    label for=(id) { code.small { (event.name()) } }
                    span.hint id={ (id) "-h" } { (event.description()) " Needs " code.small { (event.scope()) } "." }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_is_offered_with_its_meaning_and_its_scope() {
        let html = event_checks(&BTreeSet::from([EventType::FindingCreated]), None).into_string();
        for event in EventType::ALL {
            assert!(html.contains(&format!("value=\"{}\"", event.name())), "{event}");
            assert!(html.contains(event.scope().name()), "{event}");
        }
        assert_eq!(html.matches(" checked").count(), 1);
    }
}
