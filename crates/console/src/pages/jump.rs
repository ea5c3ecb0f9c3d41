//! The jump box: from a key or an identifier to its record. Each module is asked once, by an index.

mod lookups;

use axum::http::StatusCode;
use futures_util::future::BoxFuture;
use http_api::{
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use maud::{Markup, html};

use super::{form_texts::query_value, viewer};
use crate::{
    components::{Head, Icon, NONE, blank, card, heading, page, status},
    response::{page_response, redirect},
    viewer::Viewer,
    words::sentence,
};
use lookups::{Hit, find};

/// The maximum length of what is looked up. Keys are shorter.
const MAX_LENGTH: usize = 300;

/// Handles the request.
pub(super) fn handle<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let typed = query_value(request, "q").unwrap_or_default();
        let text = typed.trim();
        let viewer = viewer(request)?;
        if text.is_empty() {
            return Ok(page_response(StatusCode::OK, results(&viewer, "", &[])));
        }
        let hits = if text.len() <= MAX_LENGTH {
            find(&*app.services.store, request.principal()?.organization(), viewer.role, text).await?
        } else {
            Vec::new()
        };
        Ok(match hits.as_slice() {
            [only] => redirect(&only.href),
            [] => page_response(StatusCode::NOT_FOUND, results(&viewer, text, &hits)),
            _ => page_response(StatusCode::OK, results(&viewer, text, &hits)),
        })
    })
}

fn results(viewer: &Viewer, text: &str, hits: &[Hit]) -> Markup {
    let title = if text.is_empty() { "Go to a key or an id".to_owned() } else { format!("Go to “{text}”") };
    let content = html! {
        (heading(&title, &NONE, &NONE))
        @if text.is_empty() {
            section.card aria-label="Go to" { (blank(Icon::Search, "Type a key or an id", "Type the whole key of a record, such as R-12, the name of a service account, or any id, in the box at the top, and press Enter.", &NONE)) }
        } @else if hits.is_empty() {
            section.card aria-label="Go to" { (blank(Icon::Search, "Nothing has this key or id", "Only whole keys and ids are found here. Check it for a part that is missing, and for large and small letters. To look for words, filter one of the lists.", &html! { a.btn href="/app" { "Go to the overview" } })) }
        } @else {
            @for module in modules(hits) { (of_module(module, hits)) }
        }
    };
    page(viewer, &Head { title: "Go to", ..Head::default() }, &content)
}

/// The modules of the hits, in their order, once each.
fn modules(hits: &[Hit]) -> Vec<&str> {
    let mut modules: Vec<&str> = hits.iter().map(|hit| hit.module.as_str()).collect();
    modules.dedup();
    modules
}

fn of_module(module: &str, hits: &[Hit]) -> Markup {
    let name = module.to_lowercase().replace(' ', "-");
    let rows = html! {
        div.body {
            ul.stack {
                @for hit in hits.iter().filter(|hit| hit.module == module) {
                    li.row {
                        a.prime dir="auto" href=(hit.href) { (hit.title) } " " span.key { (hit.key) }
                        @if let Some(name) = &hit.status { " " (status(name)) }
                    }
                }
            }
        }
    };
    card(&name, &sentence(module), &NONE, &rows)
}
