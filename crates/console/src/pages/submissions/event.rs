//! Recording an event about a package: that it was submitted, received, decided on or withdrawn.

use futures_util::future::BoxFuture;
use http_api::{
    handlers::find,
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use kernel::{Description, Reason, Reference, Stored, Timestamp};
use maud::{Markup, html};
use submissions::{NewSubmissionEvent, SubmissionEventKind, SubmissionPackage, record_event};

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
    words::sentence,
    zone::Zone,
};

/// Handles the request for the form.
pub(super) fn open<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let package = find::<SubmissionPackage>(app, request).await?;
        let kind = query_value(request, "kind").unwrap_or_default();
        respond(app, request, &package, &kind, &Attempt::default())
    })
}

/// Handles the form.
pub(super) fn submit<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let package = find::<SubmissionPackage>(app, request).await?;
        let texts = FormTexts::read(request)?;
        let kind = texts.0.get("eventKind").cloned().unwrap_or_default();
        let opened = texts.revision()?;
        if opened != package.meta.revision {
            return respond(app, request, &package, &kind, &Attempt::stale(&texts));
        }
        let (event, reason) = match read(&viewer(request)?.zone, &texts) {
            Ok(read) => read,
            Err(faults) => return respond(app, request, &package, &kind, &Attempt::faulty(&texts, faults)),
        };
        let services = ConsoleServices::of(request)?;
        let written = commit(app, request, Some(&reason), |context, timestamp| {
            let recorded = record_event(context, &*services.events, timestamp, &package, event);
            recorded.map(|(changeset, ..)| (changeset, ()))
        });
        match written.await? {
            Written::Done(()) => {
                Ok(redirect(&format!("/app/submission-packages/{}?done=updated", package.meta.id)).recorded())
            }
            Written::Refused(error) => respond(app, request, &package, &kind, &Attempt::refused(&texts, error)),
            Written::Conflict(_) => {
                let package = find::<SubmissionPackage>(app, request).await?;
                respond(app, request, &package, &kind, &Attempt::stale(&texts))
            }
        }
    })
}

/// Reads the event and the reason, or returns what is wrong with them.
fn read(zone: &Zone, texts: &FormTexts) -> Result<(NewSubmissionEvent, Reason), TypedFaults> {
    let mut faults = TypedFaults::default();
    let text = |name: &str| texts.0.get(name).map(|text| text.trim()).filter(|text| !text.is_empty());
    let mut fault = |name: &str, message: String| {
        faults.0.insert(name.to_owned(), message);
    };
    let kind = SubmissionEventKind::ALL.iter().copied().find(|kind| text("eventKind") == Some(kind.name()));
    if kind.is_none() {
        fault("eventKind", "is missing: choose one".to_owned());
    }
    let occurred_at = match text("occurredAt").map(|time| zone.parse_input(time)) {
        Some(Ok(time)) => Some(time),
        Some(Err(message)) => {
            fault("occurredAt", message.to_owned());
            None
        }
        None => {
            fault("occurredAt", "is missing: say when it happened".to_owned());
            None
        }
    };
    let reference = text("recipientReference").map(Reference::parse).transpose();
    let recipient_reference = reference.unwrap_or_else(|error| {
        fault("recipientReference", error.to_string());
        None
    });
    let note = text("note").map(|note| Description::parse(&note.replace("\r\n", "\n"))).transpose();
    let note = note.unwrap_or_else(|error| {
        fault("note", error.to_string());
        None
    });
    let reason = texts.reason();
    if let Err(message) = &reason {
        fault("reason", message.clone());
    }
    match (kind, occurred_at, reason) {
        (Some(kind), Some(occurred_at), Ok(reason)) if faults.0.is_empty() => {
            Ok((NewSubmissionEvent { kind, occurred_at, recipient_reference, note }, reason))
        }
        _ => Err(faults),
    }
}

/// The words for recording an event of this kind, for a button.
pub(super) const fn event_title(kind: SubmissionEventKind) -> &'static str {
    match kind {
        SubmissionEventKind::Submission => "Record the submission",
        SubmissionEventKind::Receipt => "Record the receipt",
        SubmissionEventKind::Acceptance => "Record the acceptance",
        SubmissionEventKind::Rejection => "Record the rejection",
        SubmissionEventKind::Withdrawal => "Record the withdrawal",
        SubmissionEventKind::Resubmission => "Record the resubmission",
        SubmissionEventKind::Comment => "Add a comment",
    }
}

fn respond(
    app: &App,
    request: &ApiRequest,
    package: &Stored<SubmissionPackage>,
    kind: &str,
    attempt: &Attempt<'_>,
) -> Result<ApiResponse, Problem> {
    let now = app.services.clock.now();
    Ok(page_response(attempt.status(), form(&viewer(request)?, package, kind, attempt, now)))
}

fn form(
    viewer: &Viewer,
    package: &Stored<SubmissionPackage>,
    kind: &str,
    attempt: &Attempt<'_>,
    now: Timestamp,
) -> Markup {
    let options: Vec<Choice<'_>> = package
        .record
        .status
        .allowed_events()
        .map(|kind| {
            let text = if kind.resulting_status().is_some() { "" } else { "The package stays as it is" };
            Choice::new(kind.name(), sentence(kind.name()), text)
        })
        .collect();
    let field = |name: &'static str, label: &'static str, hint: &'static str| Field {
        name,
        label,
        hint,
        error: attempt.fault(name),
        optional: name != "occurredAt",
    };
    let occurred_at =
        if attempt.has_problem() { attempt.typed("occurredAt").to_owned() } else { viewer.zone.input_minute(now) };
    let address = format!("/app/submission-packages/{}", package.meta.id);
    let title = package.record.title.as_str();
    let content = html! {
        (heading("Record an event", &html! { p { (title) } }, &NONE))
        (attempt.notice_on(&Decision { name: "eventKind", options: &options, absent: &[] }))
        form.form method="post" action={ (address) "/events" } novalidate data-guard {
            (form_token(viewer))
            input type="hidden" name="revision" value=(package.meta.revision.0);
            section {
                (choices_across("eventKind", "What happened", attempt.fault("eventKind"), &options, kind))
                (field("occurredAt", "Time of the event", "When it happened, not when you record it.").input("datetime-local", "short", &occurred_at))
                (field("recipientReference", "Reference of the recipient", "Such as a case number. The package keeps the last one.").input("text", "m", attempt.typed("recipientReference")))
                (field("note", "Note", "Kept with the event, and sent to integrations.").area(3, attempt.typed("note")))
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
        section: "/app/submissions",
        above: &[("Submissions", "/app/submissions"), (title, &address)],
        has_problem: attempt.has_problem(),
        ..Head::default()
    };
    page(viewer, &head, &content)
}
