//! How pages look in this browser: the colors, and the height of rows. Cookies keep it, so it differs between devices.

use axum::http::header;
use futures_util::future::BoxFuture;
use http_api::{
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use maud::{Markup, html};

use super::SECTION;
use crate::{
    components::{Radio, form_token, radios},
    pages::form_texts::FormTexts,
    response::redirect,
    viewer::{ROWS_COOKIE, THEME_COOKIE, Theme, Viewer},
};

/// The time for which the choice is kept, in seconds: a year.
const LIFETIME: u64 = 365 * 24 * 60 * 60;

/// Handles the form.
pub(super) fn submit<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let FormTexts(texts) = FormTexts::read(request)?;
        let theme = texts.get("theme").and_then(|name| Theme::from_name(name)).and_then(Theme::attribute);
        let rows = texts.get("rows").filter(|rows| *rows == "compact").map(|_| "compact");
        let suffix = app.services.settings.session_cookie.suffix();
        let cookie = |name: &str, value: Option<&str>| {
            let (value, lifetime) = value.map_or(("", 0), |value| (value, LIFETIME));
            format!("{name}={value}; Path=/app; Max-Age={lifetime}; HttpOnly; SameSite=Lax{suffix}")
        };
        Ok(redirect(&format!("{SECTION}?done=appearance"))
            .header(header::SET_COOKIE, cookie(THEME_COOKIE, theme))
            .header(header::SET_COOKIE, cookie(ROWS_COOKIE, rows)))
    })
}

/// The form in its card.
pub(super) fn body(viewer: &Viewer) -> Markup {
    let choice = |value, title: &str, text: &str| Radio { value, title: title.to_owned(), text: text.to_owned() };
    let themes = [
        choice("device", "As the device", "Light by day and dark by night, if the device does so."),
        choice("light", "Light", "Dark text on a light ground."),
        choice("dark", "Dark", "Light text on a dark ground."),
    ];
    let rows = [
        choice("comfortable", "Comfortable", "More room in tables."),
        choice("compact", "Compact", "More rows on a page."),
    ];
    let row = if viewer.has_compact_rows { "compact" } else { "comfortable" };
    html! {
        div.body #appearance {
            form.stack method="post" action="/app/account/appearance" {
                (form_token(viewer))
                (radios("theme", "Colors", &themes, Some(viewer.theme.attribute().unwrap_or("device")), None))
                (radios("rows", "Rows of tables", &rows, Some(row), None))
                div.actions { button.btn { "Save the appearance" } }
            }
        }
    }
}
