//! The page that shows a one-time link once. The form that has issued it leads here, so that a reload issues no other one.

use auth::{IssuedLink, LinkPurpose, OpaqueToken, StoredUser, TokenUse, User, UserStatus};
use axum::http::StatusCode;
use futures_util::future::BoxFuture;
use http_api::{
    handlers::find,
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use kernel::{Id, Subject};
use maud::{Markup, html};
use people::{LinkDetails, PeopleError};

use super::SECTION;
use crate::{
    components::{Head, NONE, Tone, card, heading, note, page, secret_field},
    pages::{one_time_secret, people::session::problem_of, viewer},
    response::page_response,
    viewer::Viewer,
};

/// The address of the page.
fn address(user: Id<User>) -> String {
    format!("{SECTION}/{user}/link")
}

/// Returns the response that leads to the page with a link that was issued. It is in no other page and in no log.
///
/// # Errors
/// An internal error if nobody has signed in.
pub(super) fn response(
    app: &App,
    request: &ApiRequest,
    user: &StoredUser,
    issued: &IssuedLink,
) -> Result<ApiResponse, Problem> {
    Ok(one_time_secret::show_at(app, request, &address(user.meta.id), issued.token.expose())?.recorded())
}

/// Handles the request.
pub(super) fn handle<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let user = find::<User>(app, request).await?;
        let (viewer, address) = (viewer(request)?, address(user.meta.id));
        let text = one_time_secret::take(app, request, &address)?;
        let token = text.as_deref().and_then(|text| OpaqueToken::parse(TokenUse::Link, text));
        let details = match &token {
            // A link that was used meanwhile, or that another one has replaced, is of no use.
            Some(token) => match app.services.people.link(token).await {
                Ok(details) => Some(details),
                Err(PeopleError::LinkInvalid) => None,
                Err(error) => return Err(problem_of(error)),
            },
            None => None,
        };
        let (action, page) = match (&token, &details) {
            (Some(token), Some(details)) => ("user.link_shown", shown(app, &viewer, &user, token, details)),
            _ => ("user.read", gone(&viewer, &user)),
        };
        let response = page_response(StatusCode::OK, page).with_action(action);
        Ok(one_time_secret::forget(app, response.with_subject(Subject::from_id(user.meta.id)), &address))
    })
}

fn shown(app: &App, viewer: &Viewer, user: &StoredUser, token: &OpaqueToken, details: &LinkDetails) -> Markup {
    let (title, text) = match details.link.purpose {
        LinkPurpose::PasswordReset => {
            ("Send them this link", "Opening it, they choose a new password. The present one works until then.")
        }
        _ => ("Send them this invitation", "Opening it, they choose a password and are signed in."),
    };
    let url = format!("{}/app/setup/{}", app.services.settings.public_url, token.expose());
    let body = html! {
        div.body {
            div.stack {
                p { (text) }
                (secret_field("link", "Link", &url, ""))
                (note(
                    Tone::Warning,
                    "You see it only now.",
                    "Who sets a password with it is this person to Novantra: send it in a way that only they can read, and not to a list. Opening it does not use it up.",
                ))
                p.small.muted { "It works once, until " (viewer.zone.minute(details.link.expires_at)) "." }
                div.actions { a.btn.primary href={ (SECTION) "/" (user.meta.id) } { "I have sent it" } }
            }
        }
    };
    around(viewer, user, title, &card("link", "One-time link", &NONE, &body))
}

/// The page without a link, which offers to make another one.
fn gone(viewer: &Viewer, user: &StoredUser) -> Markup {
    let person = format!("{SECTION}/{}", user.meta.id);
    let again = match user.record.status {
        UserStatus::Invited => Some(("invitation", "Invite again…")),
        UserStatus::Active => Some(("reset", "Make a link for a new password…")),
        UserStatus::Disabled => None,
    };
    let content = html! {
        (note(
            Tone::Information,
            "The link was shown already, was used, or 10 minutes have passed.",
            "Nobody can read it again. If it was not sent, make another one: the earlier one stops working.",
        ))
        div.save {
            @if let Some((form, title)) = again { a.btn.primary href={ (person) "/" (form) } { (title) } }
            a.btn.quiet href=(person) { "Go to the person" }
        }
    };
    around(viewer, user, "One-time link", &content)
}

fn around(viewer: &Viewer, user: &StoredUser, title: &str, content: &Markup) -> Markup {
    let (name, person) = (user.record.name.as_str(), format!("{SECTION}/{}", user.meta.id));
    let content =
        html! { (heading(title, &html! { p { "For " (name) ", " (user.record.email) "." } }, &NONE)) (content) };
    let above = [("People", SECTION), (name, person.as_str())];
    page(viewer, &Head { title, section: SECTION, above: &above, is_narrow: true, ..Head::default() }, &content)
}
