//! The jump box: from a whole key or an identifier to its record, of which each module is asked once, by an index; and
//! otherwise from the beginnings of words to a list of records.

mod lookups;
mod words;

use axum::http::StatusCode;
use futures_util::future::BoxFuture;
use http_api::{
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use kernel::Kind;
use maud::{Markup, html};
use store::SearchTerms;

use super::{form_texts::query_value, viewer};
use crate::{
    components::{Head, Icon, NONE, Tone, blank, card, heading, note, page, status},
    response::{page_response, redirect},
    viewer::Viewer,
    words::sentence,
};
use lookups::{Hit, find};
use words::{Group, MAX_FOUND, search};

/// The maximum length of what is looked up. Keys are shorter.
const MAX_LENGTH: usize = 300;

/// The most records of one module on the page of all modules.
const MAX_SHOWN: usize = 10;

/// The records of one module on the page.
struct Module {
    title: String,
    hits: Vec<Hit>,
    /// The address of the page with more of them.
    more: Option<String>,
}

/// Handles the request.
pub(super) fn handle<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let typed = query_value(request, "q").unwrap_or_default();
        let text = typed.trim();
        let viewer = viewer(request)?;
        if text.is_empty() {
            return Ok(page_response(StatusCode::OK, results(&viewer, "", &[], None)));
        }
        if text.len() > MAX_LENGTH {
            return Ok(page_response(StatusCode::NOT_FOUND, results(&viewer, text, &[], None)));
        }
        let (store, organization) = (&*app.services.store, request.principal()?.organization());
        let only = query_value(request, "in");
        let named = match only {
            Some(_) => Vec::new(),
            None => find(store, organization, viewer.role, text).await?,
        };
        if let [hit] = named.as_slice() {
            return Ok(redirect(&hit.href));
        }
        let limit = if only.is_some() { MAX_FOUND } else { MAX_SHOWN };
        let groups = match SearchTerms::parse(text) {
            Some(terms) => search(store, organization, viewer.role, &terms, only.as_deref(), limit).await?,
            None => Vec::new(),
        };
        let is_cut = only.is_some() && groups.iter().any(|group| group.has_more);
        let modules = modules(text, named, groups, only.is_none());
        let code = if modules.is_empty() { StatusCode::NOT_FOUND } else { StatusCode::OK };
        Ok(page_response(code, results(&viewer, text, &modules, is_cut.then_some(MAX_FOUND))))
    })
}

/// The modules with what has the whole key or identifier, and then what has the words, each record once.
fn modules(text: &str, named: Vec<Hit>, groups: Vec<Group>, links_more: bool) -> Vec<Module> {
    let mut modules: Vec<Module> = Vec::new();
    let mut add = |hit: Hit| match modules.iter_mut().find(|module| module.title == hit.module) {
        Some(module) if module.hits.iter().any(|other| other.href == hit.href) => {}
        Some(module) => module.hits.push(hit),
        None => modules.push(Module { title: hit.module.clone(), hits: vec![hit], more: None }),
    };
    named.into_iter().for_each(&mut add);
    let mut more = Vec::new();
    for Group { kind, hits, has_more } in groups {
        if let Some(first) = hits.first().filter(|_| has_more && links_more) {
            more.push((first.module.clone(), address(text, kind)));
        }
        hits.into_iter().for_each(&mut add);
    }
    for (title, href) in more {
        if let Some(module) = modules.iter_mut().find(|module| module.title == title) {
            module.more = Some(href);
        }
    }
    modules
}

/// The address of the page with the records of one kind.
fn address(text: &str, kind: Kind) -> String {
    let query =
        form_urlencoded::Serializer::new(String::new()).append_pair("q", text).append_pair("in", kind.name()).finish();
    format!("/app/go?{query}")
}

/// The page. `first` is the number of records beyond which none are shown, if there are more.
fn results(viewer: &Viewer, text: &str, modules: &[Module], first: Option<usize>) -> Markup {
    let title = if text.is_empty() { "Search".to_owned() } else { format!("Results for “{text}”") };
    let content = html! {
        (heading(&title, &NONE, &NONE))
        @if text.is_empty() {
            section.card aria-label="Search" { (blank(Icon::Search, "Type words of a title, a key or an id", "Type the beginnings of words, such as ransom, and press Enter. The whole key of a record, such as R-12, the name of a service account, and any id lead straight to their page.", &NONE)) }
        } @else if modules.is_empty() {
            section.card aria-label="Search" { (blank(Icon::Search, "Nothing has these words, this key or this id", "Records are found by the beginnings of words of their titles, and of their keys. All words must be in the title. A record is found a few seconds after it was written.", &html! { a.btn href="/app" { "Go to the overview" } })) }
        } @else {
            @if let Some(first) = first { (note(Tone::Information, &format!("At most {first} are shown."), "Type more of the words to find others.")) }
            @for module in modules { (of_module(module)) }
        }
    };
    page(viewer, &Head { title: "Search", ..Head::default() }, &content)
}

fn of_module(module: &Module) -> Markup {
    let name = module.title.to_lowercase().replace(' ', "-");
    let rows = html! {
        div.body {
            ul.stack {
                @for hit in &module.hits {
                    li.row {
                        a.prime dir="auto" href=(hit.href) { (hit.title) }
                        @if hit.key != hit.title { " " span.key { (hit.key) } }
                        @if let Some(name) = &hit.status { " " (status(name)) }
                    }
                }
            }
        }
    };
    let more = html! { @if let Some(href) = &module.more { a href=(href) { "More " (module.title.to_lowercase()) } } };
    card(&name, &sentence(&module.title), &more, &rows)
}
