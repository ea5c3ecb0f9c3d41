//! The page that shows a one-time link once.

use auth::{IssuedLink, LinkPurpose, StoredUser};
use axum::http::StatusCode;
use http_api::{pipeline::App, response::ApiResponse};
use maud::html;

use super::SECTION;
use crate::{
    components::{Head, NONE, Tone, card, heading, note, page, secret_field},
    response::page_response,
    viewer::Viewer,
};

/// Returns the page with a link that was issued. It is in no other page and in no log.
pub(super) fn response(app: &App, viewer: &Viewer, user: &StoredUser, issued: &IssuedLink) -> ApiResponse {
    let name = user.record.name.as_str();
    let (title, text) = match issued.link.purpose {
        LinkPurpose::PasswordReset => {
            ("Send them this link", "Opening it, they choose a new password. The present one works until then.")
        }
        _ => ("Send them this invitation", "Opening it, they choose a password and are signed in."),
    };
    let url = format!("{}/app/setup/{}", app.services.settings.public_url, issued.token.expose());
    let body = html! {
        div.body {
            div.stack {
                p { (text) }
                (secret_field("link", "Link", &url, ""))
                (note(
                    Tone::Warning,
                    "You see it only now.",
                    "Whoever opens it first is this person to Novantra: send it on a way that only they read, and not to a list.",
                ))
                p.small.muted { "It works once, until " (viewer.zone.minute(issued.link.expires_at)) "." }
                div.actions { a.btn.primary href={ (SECTION) "/" (user.meta.id) } { "I have sent it" } }
            }
        }
    };
    let path = format!("{SECTION}/{}", user.meta.id);
    let content = html! { (heading(title, &html! { p { "For " (name) ", " (user.record.email) "." } }, &NONE)) (card("link", "One-time link", &NONE, &body)) };
    let above = [("People", SECTION), (name, path.as_str())];
    let head = Head { title, section: SECTION, above: &above, is_narrow: true, ..Head::default() };
    page_response(StatusCode::OK, page(viewer, &head, &content)).recorded()
}
