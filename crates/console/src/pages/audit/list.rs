//! The list of the audit log, with the state of its chain.

use audit::{AuditLog, Checkpoint, Head as ChainHead, UnsealedStats};
use axum::http::StatusCode;
use futures_util::future::BoxFuture;
use http_api::{
    handlers::ListRequest,
    pipeline::App,
    request::{ApiRequest, DueDates, Query},
    response::{ApiResponse, Problem},
};
use kernel::{PageLimit, Timestamp};
use maud::{Markup, html};

use super::{
    CHECKPOINT, EXPORT, LIST, PUBLIC_KEY, VERIFY_COMMAND, actions, entries_table, filter_form,
    filters::{self, Chosen, Resolved},
    names,
    search::{Found, search},
};
use crate::{
    components::{Head, Icon, Tone, badge, blank, heading, page, pager, problem_summary},
    pages::viewer,
    registers::RecordNames,
    response::{page_response, redirect},
    services::ConsoleServices,
    viewer::Viewer,
    words::{counted, grouped, sequence},
};

/// The state of the chain, as the newest checkpoint states it.
pub(super) struct Chain {
    head: ChainHead,
    checkpoint: Option<Checkpoint>,
    unsealed: UnsealedStats,
    /// Whether the checkpoint is of the last sealed entry, and its signature that of this installation.
    is_signed: bool,
}

/// The greatest number of waiting entries that the page counts.
const MAX_WAITING: usize = 1_000;

/// The age from which on an entry that is not sealed is too old.
const MAX_UNSEALED_SECONDS: u64 = 60;

/// The content of the list.
struct View<'v> {
    chosen: &'v Chosen,
    resolved: &'v Resolved,
    found: Found,
    names: RecordNames,
    /// The addresses of the first page and of the next one.
    newest: Option<String>,
    older: Option<String>,
}

/// Handles the request.
pub(super) fn handle<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let pairs: Vec<(String, String)> = form_urlencoded::parse(request.query().as_bytes()).into_owned().collect();
        let chosen = Chosen::read(&pairs);
        if !filters::is_canonical(&pairs) {
            return Ok(redirect(&chosen.address(LIST, None, None)));
        }
        let now = app.services.clock.now();
        let mut query = Query::parse(request.query());
        filters::take(&mut query);
        let mut list_request = ListRequest::parse(app, request, &mut query, DueDates::No)?;
        if let Some(since) = chosen.since(now) {
            list_request.page.time_range.created_after = Some(since);
        }
        let resolved = filters::resolve(app, request, &chosen).await?;
        let chain = chain(app, request).await?;
        let viewer = viewer(request)?;
        let found = match resolved.problems.is_empty() {
            true => entries(app, &list_request, &resolved).await?,
            false => Found { items: Vec::new(), next: None, searched_to: None },
        };
        let names = names::of_subjects(app, list_request.organization, &found.items).await?;
        let is_later_page = pairs.iter().any(|(name, _)| name == "cursor");
        let cursor = |position| chosen.address(LIST, None, Some(("cursor", &list_request.cursor(app, position))));
        let view = View {
            newest: is_later_page.then(|| chosen.address(LIST, None, None)),
            // The entries of a request are on one page, except for those of a large batch, which the extract has.
            older: found.next.filter(|_| resolved.wanted.request.is_none()).map(cursor),
            chosen: &chosen,
            resolved: &resolved,
            found,
            names,
        };
        let status = if resolved.problems.is_empty() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
        Ok(page_response(status, show(&viewer, &chain_card(&viewer, &chain, now), &view)))
    })
}

/// The entries of the page: those that the store finds by an index, or those that a search of it finds.
async fn entries(app: &App, request: &ListRequest, resolved: &Resolved) -> Result<Found, Problem> {
    let (store, organization) = (&*app.services.store, request.organization);
    if resolved.wanted.is_any() {
        let page = AuditLog::entries(store, organization, &resolved.filter, &request.page).await?;
        return Ok(Found { items: page.items, next: page.next, searched_to: None });
    }
    let mut page = request.page;
    if resolved.wanted.request.is_some() {
        page.limit = PageLimit::clamped(PageLimit::MAX.into());
    }
    Ok(search(store, organization, &resolved.filter, &page, resolved.wanted).await?)
}

fn show(viewer: &Viewer, chain: &Markup, view: &View<'_>) -> Markup {
    let View { chosen, resolved, found, .. } = view;
    let has_problem = !resolved.problems.is_empty();
    let content = html! {
        (heading("Audit log", &html! {
            p { "Every call and every change, refused ones too, in the order in which they were sealed. Nobody can edit an entry, what an operator removes is itself in the log, and a change made behind Novantra’s back shows." }
        }, &html! {
            @if !has_problem {
                a.btn href=(chosen.address(EXPORT, None, None)) {
                    (Icon::Download) @if chosen.is_empty() { "Export the log" } @else { "Download an extract" }
                }
            }
        }))
        (chain)
        (problem_summary(&resolved.problems))
        (filter_form::form(chosen, resolved))
        @if !chosen.is_empty() && !has_problem {
            p.small.muted { "An extract has only the entries that match these filters, so it can’t be verified as a chain: " a href=(EXPORT) { "export the whole log" } " for that." }
        }
        @if !has_problem {
            section.card aria-label="Entries" {
                @if found.items.is_empty() && view.newest.is_none() && view.older.is_none() { (nothing(viewer, view)) }
                @else {
                    (entries_table(viewer, &view.names, &format!("Audit entries, {}", order(view)), &found.items))
                    (pager(&summary(viewer, view), view.newest.as_deref(), view.older.as_deref()))
                }
            }
        }
    };
    page(viewer, &Head { title: "Audit log", section: LIST, has_problem, ..Head::default() }, &content)
}

const fn order(view: &View<'_>) -> &'static str {
    if view.resolved.wanted.request.is_some() { "oldest first" } else { "newest first" }
}

/// The notice in place of an empty list.
fn nothing(viewer: &Viewer, view: &View<'_>) -> Markup {
    let clear = html! { a.btn href=(LIST) { "Clear all filters" } };
    let typed = view.chosen.value("action").split(',').map(str::trim);
    let unknown = typed.filter(|action| !action.is_empty()).find(|action| !actions::is_recorded(action));
    let text = match (unknown, view.resolved.wanted.request) {
        (Some(action), _) => format!("This version of Novantra records nothing as “{action}”. Choose an action from the list, or type the beginning of one, such as service_account."),
        (None, Some(_)) if view.found.next.is_some() => format!(
            "The entries up to {} were searched, of which there are many: the request may have ended later. Remove the other filters, or look at the entries of that time.",
            view.found.searched_to.map(|time| viewer.zone.minute_text(time)).unwrap_or_default(),
        ),
        (None, Some(_)) => "The log of this workspace has no entry of this request in the hour after it began. Calls without valid credentials are in the log of the installation.".to_owned(),
        (None, None) => "Remove one of the filters above, or all of them.".to_owned(),
    };
    blank(Icon::AuditLog, "No entry matches these filters", &text, &clear)
}

/// The foot of the list, which says whether it is complete.
fn summary(viewer: &Viewer, view: &View<'_>) -> Markup {
    let count = counted(view.found.items.len(), "entry", "entries");
    let is_complete = view.found.next.is_none() && view.newest.is_none();
    let up_to = view.found.searched_to.filter(|_| view.found.next.is_some());
    html! {
        @if is_complete { "All " (count) } @else if view.found.next.is_none() { "The last " (count) } @else { (count) " of more" }
        ", " (order(view))
        @if let Some(time) = up_to { "; searched " @if view.resolved.wanted.request.is_some() { "up to " } @else { "back to " } (viewer.zone.second(time)) }
    }
}

async fn chain(app: &App, request: &ApiRequest) -> Result<Chain, Problem> {
    let (store, organization) = (&*app.services.store, request.principal()?.organization());
    let head = AuditLog::head(store, organization).await?;
    // A batch and its checkpoint are stored together, so the newest checkpoint is that of the head.
    let checkpoint = AuditLog::checkpoints(store, organization, head.sequence - 1, 1).await?.into_iter().next();
    let unsealed = AuditLog::waiting_stats(store, organization, MAX_WAITING).await?;
    let services = ConsoleServices::of(request)?;
    let is_signed = match &checkpoint {
        Some(checkpoint) => {
            (checkpoint.sequence > head.sequence || checkpoint.hash == head.hash)
                && services.checkpoints.verify(checkpoint.message().as_bytes(), &checkpoint.signature)
        }
        None => head == ChainHead::EMPTY,
    };
    Ok(Chain { head, checkpoint, unsealed, is_signed })
}

/// The number of entries that wait, in words.
fn waiting_in_words(entries: u64) -> String {
    match entries {
        0 => "nothing is waiting to be sealed".to_owned(),
        many if many >= MAX_WAITING as u64 => format!("{} or more waiting to be sealed", grouped(many)),
        few => format!("{few} waiting to be sealed"),
    }
}

fn chain_card(viewer: &Viewer, chain: &Chain, now: Timestamp) -> Markup {
    let Chain { head, checkpoint, unsealed, is_signed } = chain;
    let waits = unsealed.oldest.is_some_and(|oldest| now.since(oldest).as_secs() > MAX_UNSEALED_SECONDS);
    let state = match (is_signed, waits) {
        _ if checkpoint.is_none() && !waits => badge(Tone::Information, "Nothing sealed yet"),
        (false, _) => badge(Tone::Bad, "The checkpoint does not fit"),
        (true, true) => badge(Tone::Warning, "Sealing is late"),
        (true, false) => badge(Tone::Good, "Sealed and signed"),
    };
    html! {
        section.card aria-labelledby="chain-t" {
            header { h2 #chain-t { "Chain" } (state) }
            div.stats {
                div {
                    span.k { "Sealed up to" } span.v { (sequence(head.sequence)) }
                    span.d { (waiting_in_words(unsealed.entries)) }
                }
                div {
                    span.k { "Last checkpoint" }
                    @if let Some(checkpoint) = checkpoint {
                        span.v { (viewer.zone.ago(checkpoint.signed_at, now)) }
                        span.d { "signed at " (viewer.zone.second(checkpoint.signed_at)) }
                    } @else { span.v { "None" } span.d { "nothing is sealed yet" } }
                }
                div {
                    span.k { "Signature" }
                    span.v { @if checkpoint.is_none() { "None" } @else if *is_signed { "Valid" } @else { span.bad { "Not valid" } } }
                    span.d { "Ed25519, with the key of this installation" }
                }
            }
            footer {
                span {
                    "Anyone can check the whole chain without this server: "
                    a href=(EXPORT) { "the log" } ", " a href=(PUBLIC_KEY) { "the public key" } " and "
                    code { (VERIFY_COMMAND) } "."
                    @if checkpoint.is_some() {
                        " Keep " a href=(CHECKPOINT) { "the newest checkpoint" } " elsewhere: with "
                        code { "--checkpoint checkpoint.json" } ", later exports show that nothing up to it was removed or rewritten."
                    }
                }
            }
        }
    }
}
