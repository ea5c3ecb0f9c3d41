//! Triage in bulk: each finding is changed by itself, and the result names those that could not be.

use axum::http::StatusCode;
use findings::{Finding, FindingPatch, Status, update};
use futures_util::future::BoxFuture;
use http_api::{
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use kernel::{Id, Patch, Reason, Reference, Revision, Stored};
use maud::{Markup, html};

use super::{
    life::status_named,
    triage::{back, load, respond},
};
use crate::{
    components::{Head, NONE, Tone, card, heading, note, page},
    pages::{
        attempt::Attempt,
        commit::{Written, commit},
        form_texts::FormTexts,
        viewer,
        workspace_people::{NOBODY, WorkspacePeople},
    },
    registers::TypedFaults,
    response::page_response,
    services::ConsoleServices,
    viewer::Viewer,
    words::counted,
};

/// The reason that a finding was left as it was because of another change.
const CHANGED: &str = "Somebody else changed it since the list was opened.";

/// The outcome for one finding.
struct Outcome {
    finding: Stored<Finding>,
    /// Why it was not changed.
    failure: Option<String>,
}

/// Handles the form.
pub(super) fn apply<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let texts = FormTexts::read(request)?;
        let opened = opened(request);
        let ids: Vec<Id<Finding>> = opened.iter().map(|(id, _)| *id).collect();
        let findings = load(app, request, &ids).await?;
        if findings.is_empty() {
            let page = respond(app, request, &findings, back(&texts), &Attempt::default()).await?;
            return Ok(page.with_action("finding.triage_opened"));
        }
        let (patch, reason) = match read(app, request, &texts).await? {
            Ok(read) => read,
            Err(faults) => {
                return respond(app, request, &findings, back(&texts), &Attempt::faulty(&texts, faults)).await;
            }
        };
        let mut outcomes = Vec::with_capacity(findings.len());
        for finding in findings {
            let is_stale = !opened.contains(&(finding.meta.id, finding.meta.revision));
            let failure = if is_stale {
                Some(CHANGED.to_owned())
            } else {
                change(app, request, &finding, &patch, &reason).await?
            };
            outcomes.push(Outcome { finding, failure });
        }
        let is_recorded = outcomes.iter().any(|outcome| outcome.failure.is_none());
        let response = page_response(StatusCode::OK, result(&viewer(request)?, &outcomes, back(&texts)));
        Ok(if is_recorded { response.recorded() } else { response.with_action("finding.updated.refused") })
    })
}

/// Changes a finding. Returns why it could not be.
async fn change(
    app: &App,
    request: &ApiRequest,
    finding: &Stored<Finding>,
    patch: &FindingPatch,
    reason: &Reason,
) -> Result<Option<String>, Problem> {
    let services = ConsoleServices::of(request)?;
    let written = commit(app, request, Some(reason), |context, timestamp| {
        update(context, &*services.events, timestamp, finding, patch)
    });
    Ok(match written.await? {
        Written::Done(_) => None,
        Written::Refused(error) => Some(error.to_string()),
        Written::Conflict(_) => Some(CHANGED.to_owned()),
    })
}

/// The findings of the selection, with the revisions that they had then.
fn opened(request: &ApiRequest) -> Vec<(Id<Finding>, Revision)> {
    let read = |text: &String| {
        let (id, revision) = text.split_once(':')?;
        Some((id.parse().ok()?, Revision(revision.parse().ok()?)))
    };
    FormTexts::values(request, "finding").iter().filter_map(read).collect()
}

async fn read(
    app: &App,
    request: &ApiRequest,
    texts: &FormTexts,
) -> Result<Result<(FindingPatch, Reason), TypedFaults>, Problem> {
    let zone = viewer(request)?.zone;
    let mut faults = TypedFaults::default();
    let text = |name: &str| texts.0.get(name).map(|text| text.trim()).filter(|text| !text.is_empty());
    let mut fault = |name: &str, message: String| {
        faults.0.insert(name.to_owned(), message);
    };
    let status: Option<Status> = text("status").and_then(status_named);
    if status.is_none() && text("status").is_some() {
        fault("status", "is unknown: choose one".to_owned());
    }
    let mut patch = FindingPatch { status, ..FindingPatch::default() };
    if let Some(owner) = text("owner") {
        let people = WorkspacePeople::load(app, request).await?;
        let person = people.look_up(app, request, owner).await?;
        match person.and_then(|person| Reference::parse(&person.id).ok()) {
            Some(owner) => patch.owner_member_user_id = Patch::Set(owner),
            None => fault("owner", NOBODY.to_owned()),
        }
    }
    match text("dueAt").map(|day| zone.parse_input(day)) {
        Some(Ok(due_at)) => patch.due_at = Patch::Set(due_at),
        Some(Err(message)) => fault("dueAt", message.to_owned()),
        None => {}
    }
    let reason = texts.reason();
    if let Err(message) = &reason {
        fault("reason", message.clone());
    }
    if patch.is_empty() && faults.0.keys().all(|name| name == "reason") {
        faults.0.insert("status".to_owned(), "stays as it is: choose a status, an owner or a due date".to_owned());
    }
    Ok(match reason {
        Ok(reason) if faults.0.is_empty() => Ok((patch, reason)),
        _ => Err(faults),
    })
}

fn result(viewer: &Viewer, outcomes: &[Outcome], back: &str) -> Markup {
    let (changed, failed): (Vec<_>, Vec<_>) = outcomes.iter().partition(|outcome| outcome.failure.is_none());
    let done = format!("{} changed.", counted(changed.len(), "finding was", "findings were"));
    let left = format!("{} left unchanged.", counted(failed.len(), "finding was", "findings were"));
    let list = |outcomes: &[&Outcome]| {
        html! {
            div.body {
                ul.stack {
                    @for outcome in outcomes {
                        li {
                            a href={ "/app/findings/" (outcome.finding.meta.id) } { (outcome.finding.record.title.as_str()) }
                            " " span.key { (outcome.finding.record.key.as_str()) }
                            @if let Some(failure) = &outcome.failure { p.small.bad { (failure) } }
                        }
                    }
                }
            }
        }
    };
    let content = html! {
        (heading("Result of the triage", &NONE, &html! { a.btn.primary href={ "/app/findings" (back) } { "Back to the list" } }))
        @if !changed.is_empty() { (note(Tone::Good, &done, "Each has its own entry in the audit log, with the reason.")) }
        @if !failed.is_empty() {
            (note(Tone::Warning, &left, ""))
            (card("failed", "Left unchanged", &NONE, &list(&failed)))
        }
        @if !changed.is_empty() { (card("changed", "Changed", &NONE, &list(&changed))) }
    };
    let head = Head {
        title: "Result of the triage",
        section: "/app/findings",
        above: &[("Findings", "/app/findings")],
        ..Head::default()
    };
    page(viewer, &head, &content)
}
