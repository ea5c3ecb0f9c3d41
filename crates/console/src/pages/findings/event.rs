//! Recording an event about a finding: that it is a duplicate, that its remediation has begun, that it is resolved.

use findings::{EventKind, Finding, FindingError, NewFindingEvent, load_duplicate_chain, record_event};
use futures_util::future::BoxFuture;
use http_api::{
    handlers::find,
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use kernel::{Description, Id, OrganizationId, Reader, Reason, Reference, Stored, Timestamp, WriteContext};
use maud::{Markup, html};

use super::form::faults;
use crate::{
    components::{Choice, Field, Head, NONE, choices_across, form_token, heading, page, reason},
    pages::{
        attempt::{Attempt, Decision},
        commit::{Written, commit},
        form_texts::{FormTexts, query_value},
        viewer,
    },
    registers::TypedFaults,
    response::{page_response, redirect},
    services::ConsoleServices,
    viewer::Viewer,
};

/// Handles the request for the form.
pub(super) fn open<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let finding = find::<Finding>(app, request).await?;
        let kind = query_value(request, "kind").unwrap_or_default();
        respond(request, &finding, &kind, &Attempt::default())
    })
}

/// Handles the form.
pub(super) fn submit<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let finding = find::<Finding>(app, request).await?;
        let texts = FormTexts::read(request)?;
        let kind = texts.0.get("eventType").cloned().unwrap_or_default();
        let opened = texts.revision()?;
        if opened != finding.meta.revision {
            return respond(request, &finding, &kind, &Attempt::stale(&texts));
        }
        let (event, reason) = match read(app, finding.meta.organization, &viewer(request)?, &texts).await? {
            Ok(read) => read,
            Err(faults) => return respond(request, &finding, &kind, &Attempt::faulty(&texts, faults)),
        };
        let originals = match event.duplicate_of {
            Some(original) => load_originals(app, request, original).await?,
            None => Vec::new(),
        };
        let services = ConsoleServices::of(request)?;
        let written = commit(app, request, Some(&reason), |context, timestamp| {
            let recorded = record_event(context, &*services.events, timestamp, &finding, event, &originals);
            recorded.map(|(changeset, ..)| (changeset, ()))
        });
        match written.await? {
            Written::Done(()) => Ok(redirect(&format!("/app/findings/{}?done=updated", finding.meta.id)).recorded()),
            Written::Refused(error @ FindingError::Invalid(_)) => {
                respond(request, &finding, &kind, &Attempt::faulty(&texts, faults(error)))
            }
            Written::Refused(error) => respond(request, &finding, &kind, &Attempt::refused(&texts, error)),
            Written::Conflict(_) => {
                let finding = find::<Finding>(app, request).await?;
                respond(request, &finding, &kind, &Attempt::stale(&texts))
            }
        }
    })
}

async fn load_originals(
    app: &App,
    request: &ApiRequest,
    original: Id<Finding>,
) -> Result<Vec<Stored<Finding>>, Problem> {
    let principal = request.principal()?;
    let attribution = request.attribution(principal);
    let organization = principal.organization_ref();
    let context =
        WriteContext { organization, attribution: &attribution, reason: None, entropy: &*app.services.entropy };
    Ok(load_duplicate_chain(&*app.services.store, &context, original).await?)
}

/// Reads the event and the reason, or returns what is wrong with them.
async fn read(
    app: &App,
    organization: OrganizationId,
    viewer: &Viewer,
    texts: &FormTexts,
) -> Result<Result<(NewFindingEvent, Reason), TypedFaults>, Problem> {
    let mut faults = TypedFaults::default();
    let text = |name: &str| texts.0.get(name).map(|text| text.trim()).filter(|text| !text.is_empty());
    let mut fault = |name: &str, message: String| {
        faults.0.insert(name.to_owned(), message);
    };
    let kind = text("eventType").and_then(kind_named);
    if kind.is_none() {
        fault("eventType", "is missing: choose one".to_owned());
    }
    let is_duplicate = kind == Some(EventKind::VerifiedAsDuplicate);
    let note = text("note").map(|note| note.replace("\r\n", "\n"));
    let note = note.map(|note| Description::parse(&note)).transpose();
    let note = note.unwrap_or_else(|error| {
        fault("note", error.to_string());
        None
    });
    let reference = text("externalReference").map(Reference::parse).transpose();
    let reference = reference.unwrap_or_else(|error| {
        fault("externalReference", error.to_string());
        None
    });
    let occurred_at = text("occurredAt").map(|time| viewer.zone.parse_input(time)).transpose();
    let occurred_at: Option<Timestamp> = occurred_at.unwrap_or_else(|message| {
        fault("occurredAt", message.to_owned());
        None
    });
    let duplicate_of = match text("duplicateOfFindingId") {
        Some(_) if !is_duplicate => {
            fault("duplicateOfFindingId", "is only kept with a duplicate: leave it empty, or choose that".to_owned());
            None
        }
        Some(name) => {
            let found = find_original(app, organization, name).await?;
            if found.is_none() {
                fault("duplicateOfFindingId", "is not the key or the id of a finding of this workspace".to_owned());
            }
            found
        }
        None => None,
    };
    let reason = texts.reason();
    if let Err(message) = &reason {
        fault("reason", message.clone());
    }
    Ok(match (kind, reason) {
        (Some(kind), Ok(reason)) if faults.0.is_empty() => {
            Ok((NewFindingEvent { kind, note, external_reference: reference, duplicate_of, occurred_at }, reason))
        }
        _ => Err(faults),
    })
}

/// The finding with this identifier or key.
async fn find_original(app: &App, organization: OrganizationId, name: &str) -> Result<Option<Id<Finding>>, Problem> {
    if let Ok(id) = name.parse() {
        return Ok(Some(id));
    }
    let found = Reader::<Finding>::get_by_keys(&*app.services.store, organization, &[name]).await?;
    Ok(found.first().map(|finding| finding.meta.id))
}

fn kind_named(name: &str) -> Option<EventKind> {
    EventKind::ALL.iter().copied().find(|kind| kind.name() == name)
}

/// The words for recording an event of this kind, for a menu.
pub(super) const fn title(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Acknowledged => "Acknowledge it",
        EventKind::RemediationReported => "Report its remediation",
        EventKind::VerifiedAsDuplicate => "Mark it as a duplicate",
        EventKind::VerifiedAsResolved => "Verify that it is resolved",
        EventKind::Reopened => "Reopen it",
        EventKind::Comment => "Comment on it",
    }
}

const fn consequence(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Acknowledged => "It becomes triaged",
        EventKind::RemediationReported => "It becomes remediating",
        EventKind::VerifiedAsDuplicate => "It is closed, and names the original",
        EventKind::VerifiedAsResolved => "It is verified and closed",
        EventKind::Reopened => "It is open again",
        EventKind::Comment => "Its status stays",
    }
}

fn respond(
    request: &ApiRequest,
    finding: &Stored<Finding>,
    kind: &str,
    attempt: &Attempt<'_>,
) -> Result<ApiResponse, Problem> {
    Ok(page_response(attempt.status(), form(&viewer(request)?, finding, kind, attempt)))
}

/// The page with the form.
fn form(viewer: &Viewer, finding: &Stored<Finding>, kind: &str, attempt: &Attempt<'_>) -> Markup {
    let options: Vec<Choice<'_>> = finding
        .record
        .status
        .allowed_events()
        .map(|kind| Choice::new(kind.name(), title(kind), consequence(kind)))
        .collect();
    let field = |name: &'static str, label: &'static str, hint: &'static str| Field {
        name,
        label,
        hint,
        error: attempt.fault(name),
        optional: true,
    };
    let address = format!("/app/findings/{}", finding.meta.id);
    let title = finding.record.title.as_str();
    let content = html! {
        (heading("Record an event", &html! { p { (title) } }, &NONE))
        (attempt.notice_on(&Decision { name: "eventType", options: &options, absent: &[] }))
        form.form method="post" action={ (address) "/events" } novalidate data-guard {
            (form_token(viewer))
            input type="hidden" name="revision" value=(finding.meta.revision.0);
            section {
                (choices_across("eventType", "What happened", attempt.fault("eventType"), &options, kind))
                (field("duplicateOfFindingId", "Original finding", "Only for a duplicate: the key or the id of the finding that it repeats. Give this or a reference, not both.").input("text", "m", attempt.typed("duplicateOfFindingId")))
                (field("externalReference", "Reference", "The number of a ticket or a case in another system.").input("text", "m", attempt.typed("externalReference")))
                (field("note", "Note", "Everyone who may read findings sees it, integrations too.").area(3, attempt.typed("note")))
                (field("occurredAt", "Time of the event", "If it was not now.").input("datetime-local", "short", attempt.typed("occurredAt")))
            }
            section { (reason(attempt.typed("reason"), attempt.fault("reason"))) }
            div.save {
                button.btn.primary { "Record the event" }
                a.btn.quiet href=(address) { "Cancel" }
            }
        }
    };
    let head = Head {
        title: "Record an event",
        section: "/app/findings",
        above: &[("Findings", "/app/findings"), (title, &address)],
        has_problem: attempt.has_problem(),
        ..Head::default()
    };
    page(viewer, &head, &content)
}
