//! Triage in bulk: the change of the selection, and the page with its result, which names those that could not be changed.

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
    triage_outcome::{Failure, TriageOutcome},
};
use crate::{
    components::{Head, NONE, Tone, card, heading, note, page},
    form_token::FormToken,
    pages::{
        attempt::Attempt,
        commit::{Written, commit},
        form_texts::FormTexts,
        viewer,
        workspace_people::{NOBODY, WorkspacePeople},
    },
    registers::TypedFaults,
    response::{page_response, redirect},
    services::ConsoleServices,
    viewer::Viewer,
    words::{counted, words},
};

/// Handles the form. Each finding is changed by itself.
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
        let back = back(&texts).to_owned();
        let mut outcome = TriageOutcome { to: patch.status, back, ..TriageOutcome::default() };
        for finding in findings {
            let is_stale = !opened.contains(&(finding.meta.id, finding.meta.revision));
            let failure =
                if is_stale { Some(Failure::Stale) } else { change(app, request, &finding, &patch, &reason).await? };
            match failure {
                None => outcome.changed.push(finding.meta.id),
                Some(failure) => outcome.failed.push((finding.meta.id, failure)),
            }
        }
        let response = redirect(&outcome.address(&FormToken::of(&request.principal()?.user()?.caller.session)));
        Ok(if outcome.changed.is_empty() {
            response.with_action("finding.updated.refused")
        } else {
            response.recorded()
        })
    })
}

/// Handles the request for the result, which changes nothing however often it is loaded.
pub(super) fn show<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let token = FormToken::of(&request.principal()?.user()?.caller.session);
        let Some(outcome) = TriageOutcome::read(request.query(), &token) else { return Ok(redirect("/app/findings")) };
        let changed = load(app, request, &outcome.changed).await?;
        let ids: Vec<Id<Finding>> = outcome.failed.iter().map(|(id, _)| *id).collect();
        let failed = load(app, request, &ids).await?;
        Ok(page_response(StatusCode::OK, result(&viewer(request)?, &outcome, &changed, &failed)))
    })
}

/// Changes a finding. Returns why it could not be.
async fn change(
    app: &App,
    request: &ApiRequest,
    finding: &Stored<Finding>,
    patch: &FindingPatch,
    reason: &Reason,
) -> Result<Option<Failure>, Problem> {
    let services = ConsoleServices::of(request)?;
    let written = commit(app, request, Some(reason), |context, timestamp| {
        update(context, &*services.events, timestamp, finding, patch)
    });
    Ok(match written.await? {
        Written::Done(_) => None,
        Written::Refused(_) => Some(Failure::NotAllowed(finding.record.status)),
        Written::Conflict(_) => Some(Failure::Stale),
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
    match text("dueAt").map(|day| zone.parse_due(day)) {
        Some(Ok(due_at)) => patch.due_at = Patch::Set(due_at),
        Some(Err(message)) => fault("dueAt", message),
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

fn result(viewer: &Viewer, outcome: &TriageOutcome, changed: &[Stored<Finding>], failed: &[Stored<Finding>]) -> Markup {
    let done = format!("{} changed.", counted(changed.len(), "finding was", "findings were"));
    let left = format!("{} left unchanged.", counted(failed.len(), "finding was", "findings were"));
    let list = |findings: &[Stored<Finding>]| {
        html! {
            div.body {
                ul.stack {
                    @for finding in findings {
                        li {
                            a dir="auto" href={ "/app/findings/" (finding.meta.id) } { (finding.record.title.as_str()) }
                            " " span.key { (finding.record.key.as_str()) }
                            @if let Some(reason) = reason_of(outcome, finding.meta.id) { p.small.bad { (reason) } }
                        }
                    }
                }
            }
        }
    };
    let back = html! { a.btn.primary href={ "/app/findings" (outcome.back) } { "Back to the list" } };
    let content = html! {
        (heading("Result of the triage", &NONE, &back))
        @if !changed.is_empty() { (note(Tone::Good, &done, "Each has its own entry in the audit log, with the reason.")) }
        @if !failed.is_empty() {
            (note(Tone::Warning, &left, ""))
            (card("failed", "Left unchanged", &NONE, &list(failed)))
        }
        @if !changed.is_empty() { (card("changed", "Changed", &NONE, &list(changed))) }
    };
    let head = Head {
        title: "Result of the triage",
        section: "/app/findings",
        above: &[("Findings", "/app/findings")],
        ..Head::default()
    };
    page(viewer, &head, &content)
}

/// Why a finding was left unchanged.
fn reason_of(outcome: &TriageOutcome, id: Id<Finding>) -> Option<String> {
    let (_, failure) = outcome.failed.iter().find(|(failed, _)| *failed == id)?;
    Some(match (failure, outcome.to) {
        (Failure::Stale, _) => "It was changed by another write after it had been selected.".to_owned(),
        (Failure::NotAllowed(from), Some(to)) => {
            let allowed: Vec<String> = from.allowed_next().iter().map(|status| words(status.name())).collect();
            let allowed = if allowed.is_empty() { "nothing".to_owned() } else { allowed.join(", ") };
            let (from, to) = (words(from.name()), words(to.name()));
            format!("It was {from} and can't become {to}. It could become: {allowed}.")
        }
        (Failure::NotAllowed(_), None) => "The rules of findings did not allow the change.".to_owned(),
    })
}
