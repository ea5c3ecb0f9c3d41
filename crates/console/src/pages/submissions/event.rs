//! Recording an event about a package: that it was submitted, received, decided on or withdrawn.

use futures_util::future::BoxFuture;
use http_api::{
    handlers::find,
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use kernel::{Reason, Stored, Timestamp};
use maud::{Markup, html};
use submissions::{NewSubmissionEvent, SubmissionEventKind, SubmissionPackage, record_event};

use crate::{
    components::{Choice, Field},
    pages::{
        attempt::Attempt,
        commit::{Written, commit},
        event_form::{EventForm, EventReader, OCCURRED_AT, occurred_at},
        form_texts::{FormTexts, query_value},
        viewer,
    },
    registers::TypedFaults,
    response::redirect,
    services::ConsoleServices,
    words::sentence,
    zone::Zone,
};

/// The name of the field with the kind of the event.
const KIND: &str = "eventKind";

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
        let kind = texts.0.get(KIND).cloned().unwrap_or_default();
        let opened = texts.revision()?;
        if opened != package.meta.revision {
            return respond(app, request, &package, &kind, &Attempt::stale(&texts));
        }
        let (event, reason) = match read(&viewer(request)?.zone, &package, &texts, app.services.clock.now()) {
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
fn read(
    zone: &Zone,
    package: &Stored<SubmissionPackage>,
    texts: &FormTexts,
    now: Timestamp,
) -> Result<(NewSubmissionEvent, Reason), TypedFaults> {
    let mut reader = EventReader::new(texts, zone, now);
    let kind = reader.kind(KIND, SubmissionEventKind::ALL, SubmissionEventKind::name);
    let occurred_at = reader.occurred_at();
    if reader.text(OCCURRED_AT).is_none() {
        reader.fault(OCCURRED_AT, "is missing: say when it happened");
    }
    // Events that the package does not allow are refused for that.
    let allowed = kind.filter(|kind| kind.allowed_from().contains(&package.record.status));
    if let Some((at, followed)) = allowed.and_then(|kind| package.record.followed_by(kind))
        && occurred_at.is_some_and(|occurred_at| occurred_at < minute_of(at))
    {
        let time = zone.minute_text(at);
        let message = format!("is before the {followed}, which was at {time}: give the time at which it happened");
        reader.fault(OCCURRED_AT, message);
    }
    let (recipient_reference, note) = (reader.reference("recipientReference"), reader.note());
    let event = kind.zip(occurred_at);
    reader.finish(event.map(|(kind, occurred_at)| NewSubmissionEvent { kind, occurred_at, recipient_reference, note }))
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
    let (viewer, now) = (viewer(request)?, app.services.clock.now());
    let address = format!("/app/submission-packages/{}", package.meta.id);
    let form = EventForm {
        list: ("Submissions", "/app/submissions"),
        section: "/app/submissions",
        title: package.record.title.as_str(),
        address: &address,
        revision: package.meta.revision,
        kind_field: KIND,
        kinds: &options(package),
        kind,
        fields: &fields(&viewer.zone, attempt, now),
    };
    form.respond(request, attempt)
}

fn options(package: &Stored<SubmissionPackage>) -> Vec<Choice<'static>> {
    let choice = |kind: SubmissionEventKind| {
        let text = if kind.resulting_status().is_some() { "" } else { "The package stays as it is" };
        Choice::new(kind.name(), sentence(kind.name()), text)
    };
    package.record.status.allowed_events().map(choice).collect()
}

fn fields(zone: &Zone, attempt: &Attempt<'_>, now: Timestamp) -> Markup {
    let field = |name: &'static str, label: &'static str, hint: &'static str| Field {
        name,
        label,
        hint,
        error: attempt.fault(name),
        optional: true,
    };
    let time = if attempt.has_problem() { attempt.typed(OCCURRED_AT).to_owned() } else { zone.input_minute(now) };
    html! {
        (occurred_at(zone, "When it happened, not when you record it.", false, &time, attempt.fault(OCCURRED_AT)))
        (field("recipientReference", "Reference of the recipient", "Such as a case number. The package keeps the last one.").input("text", "m", attempt.typed("recipientReference")))
        (field("note", "Note", "Kept with the event, and sent to integrations.").area(3, attempt.typed("note")))
    }
}

/// The beginning of the minute of a time: an input shows no seconds.
fn minute_of(at: Timestamp) -> Timestamp {
    Timestamp::from_millis(at.millis() - at.millis().rem_euclid(60_000))
}
