//! The forms that only ask for a reason: a test, disabling and enabling, and deletion.

use axum::http::StatusCode;
use futures_util::future::BoxFuture;
use http_api::{
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use kernel::{Id, Reason, Stored};
use maud::{Markup, html};
use webhooks::{SubscriptionPatch, WebhookSubscription};

use super::{WEBHOOKS, state::name_of};
use crate::{
    components::{Head, NONE, Tone, form_token, heading, note, page, problem_summary, reason},
    pages::{
        developers::{Desk, problem_of},
        form_texts::FormTexts,
    },
    response::{page_response, redirect},
    services::ConsoleServices,
};

type Handled<'a> = BoxFuture<'a, Result<ApiResponse, Problem>>;

/// The deed of a form.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Deed {
    Test,
    Disable,
    Enable,
    Delete,
}

impl Deed {
    /// The end of the address, the verb with what it is about, the words on the button, and what will happen.
    const fn words(self) -> (&'static str, &'static str, &'static str, (&'static str, &'static str)) {
        match self {
            Self::Test => (
                "test",
                "Send a test to",
                "Send the test event",
                (
                    "One event named webhook.test is sent at once.",
                    "It is signed as all others are, and is not sent again if it fails.",
                ),
            ),
            Self::Disable => (
                "status",
                "Disable",
                "Disable the subscription",
                (
                    "No event is sent to the endpoint any more.",
                    "Events that happen in the meantime are kept for a while, and can be replayed after it is enabled again.",
                ),
            ),
            Self::Enable => (
                "status",
                "Enable",
                "Enable the subscription",
                (
                    "Events are sent from now on.",
                    "To send those that happened in the meantime, too, replay a window afterwards.",
                ),
            ),
            Self::Delete => (
                "delete",
                "Delete",
                "Delete the subscription",
                (
                    "This cannot be undone.",
                    "Events that are waiting are no longer sent. Its deliveries stay in the database for a while, and the audit log keeps what was done.",
                ),
            ),
        }
    }
}

/// Handles the request for the form of a test.
pub(super) fn open_test<'a>(app: &'a App, request: &'a ApiRequest) -> Handled<'a> {
    Box::pin(open(app, request, |_| Deed::Test))
}

/// Handles the request for the form that disables or enables it.
pub(super) fn open_status<'a>(app: &'a App, request: &'a ApiRequest) -> Handled<'a> {
    Box::pin(open(app, request, |stored| if stored.record.is_active() { Deed::Disable } else { Deed::Enable }))
}

/// Handles the request for the form that deletes it.
pub(super) fn open_delete<'a>(app: &'a App, request: &'a ApiRequest) -> Handled<'a> {
    Box::pin(open(app, request, |_| Deed::Delete))
}

async fn open(
    app: &App,
    request: &ApiRequest,
    deed: fn(&Stored<WebhookSubscription>) -> Deed,
) -> Result<ApiResponse, Problem> {
    let desk = Desk::of(app, request)?;
    let stored = find(&desk).await?;
    Ok(page_response(StatusCode::OK, form(&desk, &stored, deed(&stored), "", None)))
}

async fn find(desk: &Desk<'_>) -> Result<Stored<WebhookSubscription>, Problem> {
    let id = desk.request.path_id()?;
    desk.integrations.subscription(desk.organization_id()?, id).await.map_err(problem_of)
}

/// Reads the reason, or returns the form with what is wrong with it.
async fn read(desk: &Desk<'_>, texts: &FormTexts, deed: Deed) -> Result<Result<Reason, ApiResponse>, Problem> {
    Ok(match texts.reason() {
        Ok(reason) => Ok(reason),
        Err(message) => {
            let why = texts.0.get("reason").map_or("", String::as_str);
            let page = form(desk, &find(desk).await?, deed, why, Some(&message));
            Err(page_response(StatusCode::BAD_REQUEST, page))
        }
    })
}

/// Handles the form that sends a test.
pub(super) fn send_test<'a>(app: &'a App, request: &'a ApiRequest) -> Handled<'a> {
    Box::pin(async move {
        let desk = Desk::of(app, request)?;
        let texts = FormTexts::read(request)?;
        let reason = match read(&desk, &texts, Deed::Test).await? {
            Ok(reason) => reason,
            Err(response) => return Ok(response),
        };
        let id: Id<WebhookSubscription> = request.path_id()?;
        let (author, organization) = (desk.author(&reason)?, desk.organization()?);
        let (endpoints, clock) = (&ConsoleServices::of(request)?.endpoints, &*app.services.clock);
        let sent = desk.integrations.test_subscription(&author, organization, endpoints, clock, id).await;
        let delivery = sent.map_err(problem_of)?.meta.id;
        Ok(redirect(&format!("{WEBHOOKS}/{id}/deliveries/{delivery}")).recorded())
    })
}

/// Handles the form that disables or enables it.
pub(super) fn set_status<'a>(app: &'a App, request: &'a ApiRequest) -> Handled<'a> {
    Box::pin(async move {
        let desk = Desk::of(app, request)?;
        let texts = FormTexts::read(request)?;
        // The form says what it wants, so that a form which is sent twice does not undo itself.
        let deed = match texts.0.get("deed").map(String::as_str) {
            Some("enable") => Deed::Enable,
            Some("disable") => Deed::Disable,
            _ => return Err(Problem::unprocessable("the form does not say what to do: open it again")),
        };
        let reason = match read(&desk, &texts, deed).await? {
            Ok(reason) => reason,
            Err(response) => return Ok(response),
        };
        let (id, seen) = (request.path_id()?, texts.revision()?);
        let (author, organization) = (desk.author(&reason)?, desk.organization()?);
        let patch = SubscriptionPatch { active: Some(deed == Deed::Enable), ..SubscriptionPatch::default() };
        let updated = desk.integrations.update_subscription(&author, organization, id, seen, &patch).await;
        updated.map_err(problem_of)?;
        app.services.commit_listener.notify();
        let done = if deed == Deed::Enable { "enabled" } else { "disabled" };
        Ok(redirect(&format!("{WEBHOOKS}/{id}?done={done}")).recorded())
    })
}

/// Handles the form that deletes it.
pub(super) fn delete<'a>(app: &'a App, request: &'a ApiRequest) -> Handled<'a> {
    Box::pin(async move {
        let desk = Desk::of(app, request)?;
        let texts = FormTexts::read(request)?;
        let reason = match read(&desk, &texts, Deed::Delete).await? {
            Ok(reason) => reason,
            Err(response) => return Ok(response),
        };
        let (id, seen) = (request.path_id()?, texts.revision()?);
        let (author, organization) = (desk.author(&reason)?, desk.organization()?);
        let removed = desk.integrations.remove_subscription(&author, organization, id, seen).await;
        removed.map_err(problem_of)?;
        app.services.commit_listener.notify();
        Ok(redirect(&format!("{WEBHOOKS}?done=deleted")).recorded())
    })
}

fn form(desk: &Desk<'_>, stored: &Stored<WebhookSubscription>, deed: Deed, why: &str, fault: Option<&str>) -> Markup {
    let (end, verb, button, (lead, rest)) = deed.words();
    let (name, href) = (name_of(stored), format!("{WEBHOOKS}/{}", stored.meta.id));
    let is_dangerous = matches!(deed, Deed::Delete | Deed::Disable);
    let problems: Vec<_> = fault.map(|fault| ("reason".to_owned(), format!("Reason {fault}"))).into_iter().collect();
    let title = format!("{verb} {name}");
    let content = html! {
        (heading(&title, &NONE, &NONE))
        (note(if is_dangerous { Tone::Warning } else { Tone::Information }, lead, rest))
        form.form method="post" action={ (href) "/" (end) } novalidate data-guard {
            (form_token(&desk.viewer))
            input type="hidden" name="revision" value=(stored.meta.revision.0);
            @if matches!(deed, Deed::Enable | Deed::Disable) {
                input type="hidden" name="deed" value=(if deed == Deed::Enable { "enable" } else { "disable" });
            }
            (problem_summary(&problems))
            (reason(why, problems.first().map(|(_, sentence)| sentence.as_str())))
            div.save {
                button.btn.primary[!is_dangerous].danger-fill[is_dangerous] { (button) }
                a.btn.quiet href=(href) { "Cancel" }
            }
        }
    };
    let above = [("Webhooks", WEBHOOKS), (name.as_str(), href.as_str())];
    let head =
        Head { title: &title, section: WEBHOOKS, above: &above, has_problem: fault.is_some(), ..Head::default() };
    page(&desk.viewer, &head, &content)
}
