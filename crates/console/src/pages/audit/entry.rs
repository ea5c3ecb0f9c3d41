//! The page of one entry of the audit log.

use audit::{AuditLog, Checkpoint, SealedEntry, StoredEntry, hash_entry, hashed_json};
use axum::http::StatusCode;
use futures_util::future::BoxFuture;
use http_api::{
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use kernel::{Entry, FieldValue, Id};
use maud::{Markup, html};

use super::{
    EXPORT, LIST, PUBLIC_KEY, VERIFIER_KEY, VERIFY_COMMAND, names,
    search::of_request,
    summaries::{self, SummarizedCalls},
    table::{kind_in_words, subject_link},
};
use crate::{
    components::{Head, Icon, NONE, Tone, actor, badge, card, code_block, copyable, heading, http_status, page},
    pages::viewer,
    registers::RecordNames,
    response::page_response,
    services::ConsoleServices,
    viewer::Viewer,
    words::{camel_case, sentence, sequence as in_chain, shortened},
};

/// An entry with its neighbors in the chain.
struct ChainPosition {
    before: Option<SealedEntry>,
    after: Option<SealedEntry>,
    /// The first checkpoint that covers the entry.
    checkpoint: Option<Checkpoint>,
    /// Whether the hash is that of the entry, follows the entry before, and the checkpoint's signature is valid.
    is_verified: bool,
}

/// The content of the page.
struct View<'v> {
    stored: &'v StoredEntry,
    position: Option<&'v ChainPosition>,
    /// The first of the calls that were alike, if the entry counts those that followed.
    first: Option<Id<Entry>>,
    names: &'v RecordNames,
}

/// Handles the request.
pub(super) fn handle<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let (store, organization) = (&*app.services.store, request.principal()?.organization());
        let id = request.path_id::<Entry>()?;
        let stored = AuditLog::entry(store, organization, id).await?.ok_or_else(Problem::not_found)?;
        let found = position(app, request, &stored).await?;
        let first = first_call(app, &stored).await?;
        let names = names::of_subjects(app, organization, std::slice::from_ref(&stored)).await?;
        let view = View { stored: &stored, position: found.as_ref(), first, names: &names };
        Ok(page_response(StatusCode::OK, show(&viewer(request)?, &view)))
    })
}

/// Returns the entry of the first of the calls that were alike, if this one counts those that followed. It has the same
/// request id.
async fn first_call(app: &App, stored: &StoredEntry) -> Result<Option<Id<Entry>>, Problem> {
    let entry = &stored.entry;
    if !summaries::counts_calls(entry) {
        return Ok(None);
    }
    let first = of_request(&*app.services.store, entry.organization, entry.origin.request_id, 1).await?;
    Ok(first.first().map(|first| first.entry.id).filter(|first| *first != entry.id))
}

async fn position(app: &App, request: &ApiRequest, stored: &StoredEntry) -> Result<Option<ChainPosition>, Problem> {
    let Some(seal) = stored.seal else { return Ok(None) };
    let (store, organization) = (&*app.services.store, stored.entry.organization);
    let around = AuditLog::sealed(store, organization, seal.sequence - 2, 3).await?;
    let at = |sequence| around.iter().find(|other| other.seal().is_some_and(|seal| seal.sequence == sequence)).cloned();
    let (before, after) = (at(seal.sequence - 1), at(seal.sequence + 1));
    let checkpoint = AuditLog::checkpoints(store, organization, seal.sequence - 1, 1).await?.into_iter().next();
    let services = ConsoleServices::of(request)?;
    let hash_of = |sealed: &SealedEntry| sealed.seal().map(|seal| seal.hash);
    let is_verified = hash_entry(&stored.entry, seal.sequence, seal.previous_hash) == seal.hash
        && before.as_ref().is_none_or(|before| hash_of(before) == Some(seal.previous_hash))
        && after.as_ref().is_none_or(|after| after.seal().is_some_and(|next| next.previous_hash == seal.hash))
        && checkpoint.as_ref().is_some_and(|checkpoint| {
            (checkpoint.sequence != seal.sequence || checkpoint.hash == seal.hash)
                && services.checkpoints.verify(checkpoint.message().as_bytes(), &checkpoint.signature)
        });
    Ok(Some(ChainPosition { before, after, checkpoint, is_verified }))
}

fn show(viewer: &Viewer, view: &View<'_>) -> Markup {
    let View { stored, position, .. } = view;
    let entry = &stored.entry;
    let title = entry.action.as_str();
    let below = html! {
        div.meta {
            @if entry.status.is_some() { (http_status(entry.status)) }
            @if let Some(seal) = &stored.seal { span { "Entry " b { (in_chain(seal.sequence)) } } } @else { span { "Not sealed yet" } }
            span { "by " (actor(entry.actor.kind, &entry.actor.name)) }
            span { (viewer.zone.minute(entry.occurred_at)) }
        }
    };
    // One that was redacted has no page.
    let neighbor = |sealed: Option<&SealedEntry>| match sealed {
        Some(SealedEntry::Entry(stored)) => Some((stored.entry.id, stored.seal?.sequence)),
        _ => None,
    };
    let actions = html! {
        @if let Some((id, sequence)) = neighbor(position.and_then(|position| position.before.as_ref())) {
            a.btn href={ (LIST) "/" (id) } { (Icon::ChevronLeft) (in_chain(sequence)) }
        }
        @if let Some((id, sequence)) = neighbor(position.and_then(|position| position.after.as_ref())) {
            a.btn href={ (LIST) "/" (id) } { (in_chain(sequence)) (Icon::ChevronRight) }
        }
    };
    let content = html! {
        (heading(title, &below, &actions))
        div.split {
            div.stack {
                @if let Some(card) = repeated(viewer, view) { (card) }
                (card("changed", "What changed", &NONE, &changes(entry)))
                (card("reason", "Reason", &NONE, &html! {
                    div.body { @if let Some(reason) = &entry.reason { p { (reason.as_str()) } } @else { p.muted { "None: only changes have a reason." } } }
                }))
                (chain(viewer, stored, *position))
            }
            div.aside {
                (card("call", "Call", &NONE, &call(entry)))
                (card("who", "Actor and subject", &NONE, &who(view.names, entry)))
                (card("also", "See also", &NONE, &see_also(entry)))
            }
        }
    };
    let head = Head { title, section: LIST, above: &[("Audit log", LIST)], ..Head::default() };
    page(viewer, &head, &content)
}

/// The card of an entry that stands for several calls.
fn repeated(viewer: &Viewer, view: &View<'_>) -> Option<Markup> {
    let entry = &view.stored.entry;
    let summarized = match view.first {
        Some(_) => SummarizedCalls::after_first(entry)?,
        None => SummarizedCalls::of(entry)?,
    };
    let body = html! {
        div.body {
            p { (summarized.in_words(viewer)) ", of the same actor, address, action and status." }
            p.small.muted {
                "Calls that follow one like them within a minute have no entries of their own, and their request ids are not kept. The request id, the address and the agent here are those of "
                @if let Some(first) = view.first { a href={ (LIST) "/" (first) } { "the first call" } } @else { "the first call, whose entry is not in the log any more" }
                "."
            }
        }
    };
    Some(card("repeated", "Several calls", &NONE, &body))
}

/// The words of the page for a call that has changed nothing.
fn nothing_changed(entry: &Entry) -> &'static str {
    match entry.status {
        Some(400..) => "Nothing: it was refused.",
        _ if entry.reason.is_some() => "Nothing differed from what was stored.",
        _ => "Nothing.",
    }
}

fn changes(entry: &Entry) -> Markup {
    let changes = summaries::changes(entry);
    if changes.is_empty() {
        return html! { div.body { p.muted { (nothing_changed(entry)) } } };
    }
    const LABEL: &str = "Fields before and after";
    html! {
        div.body.flush {
            div.tbl role="group" aria-label=(LABEL) tabindex="0" {
                table.diff.cards role="table" {
                    caption.vh { (LABEL) }
                    thead role="rowgroup" {
                        tr role="row" {
                            th.p scope="col" role="columnheader" { "Field" }
                            th scope="col" role="columnheader" { "Before" }
                            th scope="col" role="columnheader" { "After" }
                        }
                    }
                    tbody role="rowgroup" {
                        @for change in changes {
                            tr role="row" {
                                th.p scope="row" role="rowheader" { code { (camel_case(&change.field)) } }
                                td data-l="Before" role="cell" { del { (value(&change.before)) } }
                                td data-l="After" role="cell" { ins { (value(&change.after)) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn value(value: &FieldValue) -> String {
    match value {
        FieldValue::Null => "nothing".to_owned(),
        FieldValue::Bool(value) => value.to_string(),
        FieldValue::Integer(number) => number.to_string(),
        FieldValue::Text(text) => text.clone(),
        FieldValue::Texts(texts) => texts.join(", "),
    }
}

fn chain(viewer: &Viewer, stored: &StoredEntry, position: Option<&ChainPosition>) -> Markup {
    let (Some(seal), Some(position)) = (stored.seal, position) else {
        let text = "It is sealed within about a second, and then has its place in the chain.";
        return card("chain", "Place in the chain", &NONE, &html! { div.body { p.muted { (text) } } });
    };
    let state = if position.is_verified {
        badge(Tone::Good, "Verified now")
    } else {
        badge(Tone::Bad, "Does not fit: run novantra audit verify")
    };
    let body = html! {
        div.body {
            dl.dl {
                dt { "Before it" } dd { span.hash { (seal.previous_hash) } }
                dt { "Its hash" } dd { span.hash { (seal.hash) } }
                dt { "Checkpoint" }
                dd {
                    @if let Some(checkpoint) = &position.checkpoint { "Sequence " (in_chain(checkpoint.sequence)) ", signed " (viewer.zone.second(checkpoint.signed_at)) }
                    @else { "None yet" }
                }
            }
            details.numbers {
                summary { "The entry as it was hashed" }
                div.wrap { (code_block("json", "The entry as JSON", &hashed_json(&stored.entry, seal.sequence, seal.previous_hash))) }
            }
            details.numbers {
                summary { "Check the whole log without Novantra’s server" }
                div.body {
                    p.small {
                        "Download " a href=(EXPORT) { "the log" } " and " a href=(PUBLIC_KEY) { "the public key" }
                        ", and run this where both files are. An entry is in the export once a checkpoint covers it."
                    }
                }
                (code_block("verify", "Command that verifies an export", VERIFY_COMMAND))
            }
            details.numbers {
                summary { "Prove this entry without the others" }
                div.body {
                    p.small {
                        "Whoever has the entry as it was hashed, its " a href={ (LIST) "/" (stored.entry.id) "/proof" } { "proof" }
                        " and the " a href=(VERIFIER_KEY) { "verifier key" }
                        " of the log can verify that the log has it, with any program that reads the formats of C2SP."
                    }
                }
            }
        }
        footer { "SHA-256 over the entry in RFC 8785 form, with the hash of the one before it." }
    };
    card("chain", "Place in the chain", &state, &body)
}

fn call(entry: &Entry) -> Markup {
    let origin = &entry.origin;
    let text = |text: Option<&str>| html! { @if let Some(text) = text { (text) } @else { span.muted { "None" } } };
    html! {
        div.body { dl.dl {
            dt { "Method" } dd { code { (text(origin.method.as_deref())) } }
            dt { "Route" } dd { code { (text(origin.route.as_deref())) } }
            dt { "Status" } dd { @if let Some(status) = entry.status { (status) } @else { span.muted { "None" } } }
            dt { "Request" } dd { (copyable("request-id", &origin.request_id.to_string(), "request id")) }
            dt { "From" } dd { (text(origin.source_address.as_deref())) }
            dt { "Agent" } dd { (text(origin.user_agent.as_deref())) }
        } }
    }
}

fn who(names: &RecordNames, entry: &Entry) -> Markup {
    html! {
        div.body { dl.dl {
            dt { "Actor" } dd { (actor(entry.actor.kind, &entry.actor.name)) }
            dt { "Kind" } dd { (kind_in_words(entry.actor.kind)) }
            @if let Some(id) = &entry.actor.id { dt { "Id" } dd { (copyable("actor-id", id, "actor id")) } }
            @if let Some(subject) = &entry.subject {
                dt { "Subject" } dd { (sentence(&subject.kind)) " " (subject_link(names, &subject.id)) }
                dt { "Id" } dd { (copyable("subject-id", &subject.id, "subject id")) }
            }
        } }
    }
}

fn see_also(entry: &Entry) -> Markup {
    html! {
        div.body { ul.stack.small {
            @if let Some(subject) = &entry.subject {
                li { a href={ (LIST) "?subjectId=" (subject.id) } { "All entries about " (shortened(&subject.id)) } }
            }
            @if let Some(id) = &entry.actor.id { li { a href={ (LIST) "?actorId=" (id) } { "All entries of " (entry.actor.name) } } }
            li { a href={ (LIST) "?action=" (entry.action) } { "All entries with this action" } }
            li { a href={ (LIST) "?requestId=" (entry.origin.request_id) } { "All entries of this request" } }
        } }
    }
}
