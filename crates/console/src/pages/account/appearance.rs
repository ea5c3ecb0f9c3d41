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
    components::{Choice, choices, form_token},
    pages::form_texts::FormTexts,
    response::redirect,
    viewer::{Viewer, rows_cookie, theme_cookie},
};

/// Handles the form.
pub(super) fn submit<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let FormTexts(texts) = FormTexts::read(request)?;
        let text = |name: &str| texts.get(name).map(String::as_str);
        Ok(redirect(&format!("{SECTION}?done=appearance"))
            .header(header::SET_COOKIE, theme_cookie(app, text("theme")))
            .header(header::SET_COOKIE, rows_cookie(app, text("rows"))))
    })
}

/// The form in its card.
pub(super) fn body(viewer: &Viewer) -> Markup {
    let choice = |value, title: &str, text: &str| Choice::new(value, title.to_owned(), text.to_owned());
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
                (choices("theme", "Colors", None, &themes, Some(viewer.theme.attribute().unwrap_or("device"))))
                (choices("rows", "Rows of tables", None, &rows, Some(row)))
                div.actions { button.btn { "Save the appearance" } }
            }
        }
    }
}
