//! The page of a finding.

use auth::Permission;
use findings::{EventKind, Finding, NewFindingEvent, record_event};
use futures_util::future::BoxFuture;
use http_api::{
    handlers::find,
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use kernel::{DescriptionRule, Stored};
use maud::{Markup, html};

use super::{
    audit_entries, is_open,
    life::{options, where_it_stands},
    surroundings::Surroundings,
};
use crate::{
    components::{Field, Icon, distance, form_token},
    pages::{
        attempt::{Attempt, Decision},
        commit::{Written, commit},
        form_texts::FormTexts,
        owners::Owners,
        references::load_names,
        register_detail::{load_history, respond as respond_with_detail},
        viewer,
    },
    registers::{RecordNames, Slots, TypedFaults},
    response::redirect,
    services::ConsoleServices,
    text_fault::parse_text,
    viewer::Viewer,
    zone::Zone,
};

/// The number of times that a comment is written again if another write about the finding came first.
const ATTEMPTS: usize = 5;

/// Handles the request for a finding.
pub(super) fn open<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let finding = find::<Finding>(app, request).await?;
        respond(app, request, &finding, &Attempt::default()).await
    })
}

/// Handles the form that adds a comment.
pub(super) fn comment<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let texts = FormTexts::read(request)?;
        let services = ConsoleServices::of(request)?;
        let text = texts.0.get("comment").map_or("", |text| text.trim()).replace("\r\n", "\n");
        for _ in 0..ATTEMPTS {
            let finding = find::<Finding>(app, request).await?;
            let note = match parse_text::<DescriptionRule>(&text) {
                Ok(note) if !text.is_empty() => note,
                parsed => {
                    let message = parsed.err().unwrap_or_else(|| "is empty: write it".to_owned());
                    let faults = TypedFaults([("comment".to_owned(), message)].into());
                    return respond(app, request, &finding, &Attempt::faulty(&texts, faults)).await;
                }
            };
            let event = NewFindingEvent {
                kind: EventKind::Comment,
                note: Some(note),
                external_reference: None,
                duplicate_of: None,
                occurred_at: None,
            };
            // A comment is its own reason.
            let written = commit(app, request, None, |context, timestamp| {
                let recorded = record_event(context, &*services.events, timestamp, &finding, event, &[]);
                recorded.map(|(changeset, ..)| (changeset, ()))
            });
            match written.await? {
                Written::Done(()) => {
                    return Ok(redirect(&format!("/app/findings/{}?done=commented_on", finding.meta.id)).recorded());
                }
                Written::Refused(error) => {
                    return respond(app, request, &finding, &Attempt::refused(&texts, error)).await;
                }
                Written::Conflict(_) => {}
            }
        }
        Err(Problem::conflict("other changes kept coming first: open the finding again and send the comment once more"))
    })
}

/// Responds with the page of a finding, and with what went wrong with a form on it.
pub(super) async fn respond(
    app: &App,
    request: &ApiRequest,
    finding: &Stored<Finding>,
    attempt: &Attempt<'_>,
) -> Result<ApiResponse, Problem> {
    let viewer = viewer(request)?;
    let (organization, id) = (finding.meta.organization, finding.meta.id.to_string());
    let history = load_history(app, organization, &id).await?;
    let owners = Owners::load(app, organization, owner_of(&finding.record).into_iter()).await?;
    let entries = match viewer.role.permits(Permission::ReadAuditLog) {
        true => Some(audit_entries::load(app, organization, &id).await?),
        false => None,
    };
    let original = finding.record.duplicate_of.map(|id| id.to_string()).into_iter().collect();
    let original = load_names(app, organization, &original).await?;
    let surroundings = Surroundings::load(app, finding).await?;
    let may_change = viewer.role.permits(Permission::ChangeRecords);
    let options = options(finding.record.status);
    let absent: &[_] = if options.is_empty() { &[("reason", "Reason")] } else { &[] };
    let slots = Slots {
        notice: attempt.notice_on(&Decision { name: "status", options: &options, absent }),
        meta: meta(&viewer.zone, &finding.record, &owners, &original, app.services.clock.now()),
        actions: html! { @if may_change { (more(finding)) } },
        cards: where_it_stands(&viewer, finding, &history, attempt),
        after_history: html! { @if may_change { (comment_form(&viewer, &id, attempt)) } },
        last_cards: html! { @if let Some(entries) = entries { (audit_entries::entries_card(&viewer, &id, &entries)) } },
        aside: surroundings.cards(&viewer),
        has_problem: attempt.has_problem(),
    };
    respond_with_detail(app, request, attempt.status(), finding, &history, slots).await
}

/// The member or the responsibility that owns the finding.
pub(in crate::pages) fn owner_of(finding: &Finding) -> Option<&str> {
    finding.owner_member_user_id.as_ref().or(finding.owner_responsibility_id.as_ref()).map(|owner| owner.as_str())
}

fn meta(zone: &Zone, finding: &Finding, owners: &Owners, names: &RecordNames, now: kernel::Timestamp) -> Markup {
    html! {
        @if let Some(owner) = owner_of(finding) { span.row { "Owner " (owners.show(Some(owner))) } } @else { span.muted { "No owner" } }
        @if let Some(due_at) = finding.due_at {
            span {
                "Due " b { (zone.date(due_at)) }
                @if is_open(finding.status) { ", " span.bad[due_at < now] { (distance(zone, due_at, now)) } }
            }
        }
        @if let Some(original) = finding.duplicate_of { span { "Duplicate of " (names.show(&original.to_string())) } }
    }
}

/// The other events that can be reported about the finding.
fn more(finding: &Stored<Finding>) -> Markup {
    let form = |kind: EventKind| format!("/app/findings/{}/events/new?kind={}", finding.meta.id, kind.name());
    html! {
        details.pop.right name="pop" {
            summary { "More" }
            div.sheet {
                @for kind in finding.record.status.allowed_events().filter(|kind| *kind != EventKind::Comment) {
                    a href=(form(kind)) { (super::event::title(kind)) "…" }
                }
                a href={ "/app/go?q=" (finding.meta.id) } { (Icon::Search) "Find what refers to it" }
            }
        }
    }
}

fn comment_form(viewer: &Viewer, id: &str, attempt: &Attempt<'_>) -> Markup {
    let field = Field {
        name: "comment",
        label: "Add a comment",
        hint: "Everyone who may read findings sees it, integrations too.",
        error: attempt.fault("comment"),
        optional: false,
    };
    html! {
        form.stack method="post" action={ "/app/findings/" (id) "/comments" } novalidate data-guard {
            (form_token(viewer))
            (field.area(3, attempt.typed("comment")))
            div { button.btn { "Add the comment" } }
        }
    }
}
