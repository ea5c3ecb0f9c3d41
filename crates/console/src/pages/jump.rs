//! The jump box: from a key or an identifier to its record. Each module is asked once, by an index.

use auth::{Permission, User, parse_user_email};
use axum::http::StatusCode;
use futures_util::future::{BoxFuture, try_join_all};
use http_api::{
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use kernel::{Id, OrganizationId, Reader, Record, StoreError, Stored};
use maud::{Markup, html};
use store::DynStore;

use super::{form_texts::query_value, viewer};
use crate::{
    components::{Head, Icon, NONE, blank, card, heading, page, status},
    registers::{Row, register_of},
    response::{page_response, redirect},
    viewer::Viewer,
    words::sentence,
};

/// The maximum length of what is looked up. Keys are shorter.
const MAX_LENGTH: usize = 300;
/// The maximum number of records of one module that are listed. Versions and nodes of several frameworks may have the
/// same key.
const MAX_HITS: usize = 20;

/// A record that was found.
struct Hit {
    /// The title of its module.
    module: String,
    href: String,
    title: String,
    key: String,
    status: Option<String>,
}

type Found<'a> = BoxFuture<'a, Result<Vec<Hit>, StoreError>>;

/// How the records of one module are looked up.
type Lookup = for<'a> fn(&'a DynStore, OrganizationId, &'a str) -> Found<'a>;

/// Handles the request.
pub(super) fn handle<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let typed = query_value(request, "q").unwrap_or_default();
        let text = typed.trim();
        let viewer = viewer(request)?;
        if text.is_empty() {
            return Ok(page_response(StatusCode::OK, results(&viewer, "", &[])));
        }
        let mut hits = Vec::new();
        if text.len() <= MAX_LENGTH {
            let (store, organization) = (&*app.services.store, request.principal()?.organization());
            let found = lookups().iter().map(|lookup| lookup(store, organization, text));
            hits.extend(try_join_all(found).await?.into_iter().flatten());
            if viewer.role.permits(Permission::ReadPeople) {
                hits.extend(person(store, organization, text).await?);
            }
        }
        Ok(match hits.as_slice() {
            [only] => redirect(&only.href),
            [] => page_response(StatusCode::NOT_FOUND, results(&viewer, text, &hits)),
            _ => page_response(StatusCode::OK, results(&viewer, text, &hits)),
        })
    })
}

fn lookups() -> &'static [Lookup] {
    macro_rules! lookups {
        ($($kind:ident => $register:ty,)*) => { &[$(look_up::<$register> as Lookup,)*] };
    }
    ::registers::for_each_register! { lookups, Finding => ::findings::Finding, FindingEvent => ::findings::FindingEvent, }
}

/// Looks a record up by its identifier, if the text is one of this kind, or else by its key.
fn look_up<'a, R: Record>(store: &'a DynStore, organization: OrganizationId, text: &'a str) -> Found<'a>
where
    DynStore: Reader<R>,
{
    Box::pin(async move {
        let found: Vec<Stored<R>> = match text.parse::<Id<R>>() {
            Ok(id) => Reader::<R>::get(store, organization, id).await?.into_iter().collect(),
            Err(_) if R::COLUMNS.iter().any(|column| column.key.is_some()) => {
                Reader::<R>::get_by_keys(store, organization, &[text]).await?
            }
            Err(_) => Vec::new(),
        };
        Ok(found.iter().take(MAX_HITS).map(hit::<R>).collect())
    })
}

fn hit<R: Record>(stored: &Stored<R>) -> Hit {
    let (register, row) = (register_of::<R>(), Row::of(stored));
    let text = |index: Option<usize>| index.and_then(|index| row.values[index].as_value().as_str().map(str::to_owned));
    Hit {
        module: register.title(),
        href: format!("{}/{}", register.path(), row.id),
        title: row.name(&register).to_owned(),
        key: text(register.key()).unwrap_or_else(|| row.id.clone()),
        status: text(register.position("status")),
    }
}

/// Looks a person up by their identifier or e-mail address.
async fn person(store: &DynStore, organization: OrganizationId, text: &str) -> Result<Vec<Hit>, StoreError> {
    let found: Vec<Stored<User>> = match (text.parse::<Id<User>>(), parse_user_email(text)) {
        (Ok(id), _) => Reader::<User>::get(store, organization, id).await?.into_iter().collect(),
        (_, Ok(email)) => Reader::<User>::get_by_keys(store, organization, &[email.as_str()]).await?,
        _ => Vec::new(),
    };
    let hit = |user: &Stored<User>| Hit {
        module: "People".to_owned(),
        href: format!("/app/people/{}", user.meta.id),
        title: user.record.name.to_string(),
        key: user.record.email.to_string(),
        status: Some(user.record.status.name().to_owned()),
    };
    Ok(found.iter().map(hit).collect())
}

fn results(viewer: &Viewer, text: &str, hits: &[Hit]) -> Markup {
    let title = if text.is_empty() { "Go to a key or an id".to_owned() } else { format!("Go to “{text}”") };
    let content = html! {
        (heading(&title, &NONE, &NONE))
        @if text.is_empty() {
            (blank(Icon::Search, "Type a key or an id", "Type the whole key of a record, such as R-12, or its id, in the box at the top, and press Enter.", &NONE))
        } @else if hits.is_empty() {
            (blank(Icon::Search, "Nothing has this key or id", "Only whole keys and ids are found here. Check it for a part that is missing, and for large and small letters. To look for words, filter one of the lists.", &html! { a.btn href="/app" { "Go to the overview" } }))
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
                        a.prime href=(hit.href) { (hit.title) } " " span.key { (hit.key) }
                        @if let Some(name) = &hit.status { " " (status(name)) }
                    }
                }
            }
        }
    };
    card(&name, &sentence(module), &NONE, &rows)
}
