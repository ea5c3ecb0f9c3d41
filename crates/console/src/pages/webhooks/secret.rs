//! The page that shows the signing secret of a subscription, once.

use axum::http::StatusCode;
use futures_util::future::BoxFuture;
use http_api::{
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use kernel::Subject;
use maud::{Markup, html};
use webhooks::WebhookSubscription;

use super::{WEBHOOKS, state::name_of};
use crate::{
    components::{Head, NONE, Tone, card, heading, note, page, secret_field},
    pages::{
        developers::{Desk, problem_of},
        one_time_secret,
    },
    response::page_response,
};

/// Handles the request.
pub(super) fn handle<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let desk = Desk::of(app, request)?;
        let id = request.path_id::<WebhookSubscription>()?;
        let stored = desk.integrations.subscription(desk.organization_id()?, id).await.map_err(problem_of)?;
        let path = format!("{WEBHOOKS}/{id}/secret");
        let secret = one_time_secret::take(app, request, &path)?;
        let action = if secret.is_some() { "webhook_subscription.secret_shown" } else { "webhook_subscription.read" };
        let (name, href) = (name_of(&stored), format!("{WEBHOOKS}/{id}"));
        let title = format!("The signing secret of {name}");
        let content = html! {
            (heading(&title, &NONE, &NONE))
            (body(secret.as_deref(), &href))
        };
        let above = [("Webhooks", WEBHOOKS), (name.as_str(), href.as_str())];
        let head = Head { title: "Secret", section: WEBHOOKS, above: &above, ..Head::default() };
        let response = page_response(StatusCode::OK, page(&desk.viewer, &head, &content));
        let response = response.with_subject(Subject::from_id(id)).with_action(action);
        Ok(one_time_secret::forget(app, response, &path))
    })
}

fn body(secret: Option<&str>, href: &str) -> Markup {
    let Some(secret) = secret else {
        return html! {
            (note(
                Tone::Information,
                "The secret was shown already, or 10 minutes have passed.",
                "Nobody can read it again. If it was not stored, rotate it: the endpoint then needs the new one.",
            ))
            div.save {
                a.btn.primary href={ (href) "/rotate" } { "Rotate the secret…" }
                a.btn.quiet href=(href) { "Go to the subscription" }
            }
        };
    };
    html! {
        (note(
            Tone::Warning,
            "This is the only time the secret is shown.",
            "Put it where the endpoint reads it, so that it can tell real events from forged ones.",
        ))
        (card("secret", "Signing secret", &NONE, &html! {
            div.body { (secret_field("signing-secret", "Signing secret", secret, "Libraries of Standard Webhooks take it as it is, with whsec_.")) }
        }))
        div.save {
            a.btn.primary href=(href) { "I have stored the secret" }
            span.small.muted { "Leaving or reloading this page ends its display." }
        }
    }
}
