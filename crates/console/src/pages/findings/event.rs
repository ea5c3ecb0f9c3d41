//! Recording an event about a finding: that it is a duplicate, that its remediation has begun, that it is resolved.

use findings::{EventKind, Finding, FindingError, NewFindingEvent, load_duplicate_chain, record_event};
use futures_util::future::BoxFuture;
use http_api::{
    handlers::find,
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use kernel::{Id, OrganizationId, Reader, Reason, Stored, WriteContext};
use maud::{Markup, html};

use super::form::faults;
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
    viewer::Viewer,
    zone::Zone,
};

/// The name of the field with the kind of the event.
const KIND: &str = "eventType";

/// The name of the field with the original of a duplicate.
const ORIGINAL: &str = "duplicateOfFindingId";

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
        let kind = texts.0.get(KIND).cloned().unwrap_or_default();
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
    let mut reader = EventReader::new(texts, &viewer.zone, app.services.clock.now());
    let kind = reader.kind(KIND, EventKind::ALL, EventKind::name);
    let (note, external_reference) = (reader.note(), reader.reference("externalReference"));
    let occurred_at = reader.occurred_at();
    let duplicate_of = match reader.text(ORIGINAL) {
        Some(_) if kind != Some(EventKind::VerifiedAsDuplicate) => {
            reader.fault(ORIGINAL, "is only kept with a duplicate: leave it empty, or choose that");
            None
        }
        Some(name) => {
            let found = find_original(app, organization, name).await?;
            if found.is_none() {
                reader.fault(ORIGINAL, "is not the key or the id of a finding of this workspace");
            }
            found
        }
        None => None,
    };
    let event = |kind| NewFindingEvent { kind, note, external_reference, duplicate_of, occurred_at };
    Ok(reader.finish(kind.map(event)))
}

/// The finding with this identifier or key.
async fn find_original(app: &App, organization: OrganizationId, name: &str) -> Result<Option<Id<Finding>>, Problem> {
    if let Ok(id) = name.parse() {
        return Ok(Some(id));
    }
    let found = Reader::<Finding>::get_by_keys(&*app.services.store, organization, &[name]).await?;
    Ok(found.first().map(|finding| finding.meta.id))
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
    let allowed = finding.record.status.allowed_events();
    let kinds: Vec<Choice<'_>> = allowed.map(|kind| Choice::new(kind.name(), title(kind), consequence(kind))).collect();
    let address = format!("/app/findings/{}", finding.meta.id);
    let form = EventForm {
        list: ("Findings", "/app/findings"),
        section: "/app/findings",
        title: finding.record.title.as_str(),
        address: &address,
        revision: finding.meta.revision,
        kind_field: KIND,
        kinds: &kinds,
        kind,
        fields: &fields(&viewer(request)?.zone, attempt),
    };
    form.respond(request, attempt)
}

fn fields(zone: &Zone, attempt: &Attempt<'_>) -> Markup {
    let field = |name: &'static str, label: &'static str, hint: &'static str| Field {
        name,
        label,
        hint,
        error: attempt.fault(name),
        optional: true,
    };
    html! {
        (field(ORIGINAL, "Original finding", "Only for a duplicate: the key or the id of the finding that it repeats. Give this or a reference, not both.").input("text", "m", attempt.typed(ORIGINAL)))
        (field("externalReference", "Reference", "The number of a ticket or a case in another system.").input("text", "m", attempt.typed("externalReference")))
        (field("note", "Note", "Everyone who may read findings sees it, integrations too.").area(3, attempt.typed("note")))
        (occurred_at(zone, "If it was not now.", true, attempt.typed(OCCURRED_AT), attempt.fault(OCCURRED_AT)))
    }
}
