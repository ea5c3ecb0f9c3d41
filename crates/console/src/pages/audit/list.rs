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
use kernel::Timestamp;
use maud::{Markup, html};

use super::{
    CHECKPOINT, EXPORT, LIST, PUBLIC_KEY, VERIFY_COMMAND, entries_table,
    filters::{self, Chosen},
};
use crate::{
    components::{Head, Icon, Tone, badge, blank, heading, page, pager},
    pages::viewer,
    response::{page_response, redirect},
    services::ConsoleServices,
    viewer::Viewer,
    words::{grouped, sequence},
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
        let filter = filters::read(&mut query);
        let mut list_request = ListRequest::parse(app, request, &mut query, DueDates::No)?;
        if let Some(since) = chosen.since(now) {
            list_request.page.time_range.created_after = Some(since);
        }
        let store = &*app.services.store;
        let found = AuditLog::entries(store, list_request.organization, &filter, &list_request.page).await?;
        let is_later_page = pairs.iter().any(|(name, _)| name == "cursor");
        let newest = is_later_page.then(|| chosen.address(LIST, None, None));
        let older = found
            .next
            .map(|position| chosen.address(LIST, None, Some(("cursor", &list_request.cursor(app, position)))));
        let chain = chain(app, request).await?;
        let viewer = viewer(request)?;
        let content = html! {
            (heading("Audit log", &html! {
                p { "Every call and every change, refused ones too, in the order in which they were sealed. Nobody can edit or delete an entry, and a change made behind Novantra’s back shows." }
            }, &html! {
                a.btn href=(chosen.address(EXPORT, None, None)) {
                    (Icon::Download) @if chosen.is_empty() { "Export the log" } @else { "Download an extract" }
                }
            }))
            (chain_card(&viewer, &chain, now))
            (filters::form(&chosen))
            @if !chosen.is_empty() {
                p.small.muted { "An extract has only the entries that match these filters, so it can’t be verified as a chain: " a href=(EXPORT) { "export the whole log" } " for that." }
            }
            section.card aria-label="Entries" {
                @if found.items.is_empty() && older.is_none() {
                    (blank(Icon::AuditLog, "No entry matches these filters", "Remove one of the filters above, or all of them.", &html! { a.btn href=(LIST) { "Clear all filters" } }))
                } @else {
                    (entries_table(&viewer, "Audit entries, newest first", &found.items))
                    (pager(&html! { "Some of the entries, newest first" }, newest.as_deref(), older.as_deref()))
                }
            }
        };
        let head = Head { title: "Audit log", section: LIST, ..Head::default() };
        Ok(page_response(StatusCode::OK, page(&viewer, &head, &content)))
    })
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
