//! The page of a package: the steps of its life, what moves it, and the timeline of its events.

use audit::StoredEntry;
use auth::Permission;
use futures_util::future::BoxFuture;
use http_api::{
    handlers::find,
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use kernel::{Filter, PageLimit, PageRequest, Reader, Stored, Timestamp};
use maud::{Markup, html};
use submissions::{
    PackageCommand, SubmissionEvent, SubmissionEventKind, SubmissionPackage, SubmissionPackageStatus,
    SubmissionRequirement, prepare_package,
};

use super::event::event_title;
use crate::{
    components::{Choice, Icon, NONE, Step, card, choices_across, distance, form_token, prose, reason, steps},
    pages::{
        attempt::{Attempt, Decision},
        commit::{Written, commit},
        form_texts::FormTexts,
        life::{entered, life},
        register_detail::{load_history, respond as respond_with_detail},
        viewer,
    },
    registers::{Slots, TypedFaults},
    response::redirect,
    services::ConsoleServices,
    viewer::Viewer,
    words::sentence,
};

/// The number of events of the timeline.
const EVENTS: u64 = 50;

/// Handles the request for a package.
pub(super) fn open<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let package = find::<SubmissionPackage>(app, request).await?;
        respond(app, request, &package, &Attempt::default()).await
    })
}

/// Handles the form that moves a package.
pub(super) fn submit<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let package = find::<SubmissionPackage>(app, request).await?;
        let texts = FormTexts::read(request)?;
        let opened = texts.revision()?;
        if opened != package.meta.revision {
            return respond(app, request, &package, &Attempt::stale(&texts)).await;
        }
        let mut faults = TypedFaults::default();
        let name = texts.0.get("command").map_or("", String::as_str);
        let command = PackageCommand::ALL.iter().copied().find(|command| command.name() == name);
        if command.is_none() {
            faults.0.insert("command".to_owned(), "is missing: choose one".to_owned());
        }
        let reason = texts.reason();
        if let Err(message) = &reason {
            faults.0.insert("reason".to_owned(), message.clone());
        }
        let (Some(command), Ok(reason)) = (command, reason) else {
            return respond(app, request, &package, &Attempt::faulty(&texts, faults)).await;
        };
        let services = ConsoleServices::of(request)?;
        let written = commit(app, request, Some(&reason), |context, timestamp| {
            prepare_package(context, &*services.events, timestamp, &package, command)
        });
        match written.await? {
            Written::Done(_) => {
                Ok(redirect(&format!("/app/submission-packages/{}?done=moved", package.meta.id)).recorded())
            }
            Written::Refused(error) => respond(app, request, &package, &Attempt::refused(&texts, error)).await,
            Written::Conflict(_) => {
                let package = find::<SubmissionPackage>(app, request).await?;
                respond(app, request, &package, &Attempt::stale(&texts)).await
            }
        }
    })
}

async fn respond(
    app: &App,
    request: &ApiRequest,
    package: &Stored<SubmissionPackage>,
    attempt: &Attempt<'_>,
) -> Result<ApiResponse, Problem> {
    let viewer = viewer(request)?;
    let organization = package.meta.organization;
    let filter = Filter::<SubmissionEvent>::default().with("submission_package_id", [package.meta.id]);
    let page = PageRequest { limit: PageLimit::clamped(EVENTS), ..PageRequest::default() };
    let mut events = Reader::<SubmissionEvent>::list(&*app.services.store, organization, &filter, &page).await?.items;
    events.sort_by_key(|event| std::cmp::Reverse(event.record.occurred_at));
    let history = load_history(app, organization, &package.meta.id.to_string()).await?;
    let requirement = package.record.submission_requirement_id;
    let requirement = Reader::<SubmissionRequirement>::get(&*app.services.store, organization, requirement).await?;
    let recipient = requirement.and_then(|stored| stored.record.recipient_name).map(|name| name.to_string());
    let now = app.services.clock.now();
    let options = options(package.record.status);
    let absent: &[_] = if options.is_empty() { &[("reason", "Reason")] } else { &[] };
    let slots = Slots {
        notice: attempt.notice_on(&Decision { name: "command", options: &options, absent }),
        meta: meta(&viewer, &package.record, recipient.as_deref(), now),
        cards: html! { (where_it_stands(&viewer, package, &history, attempt)) (timeline(&viewer, &events)) },
        has_problem: attempt.has_problem(),
        ..Slots::default()
    };
    respond_with_detail(app, request, attempt.status(), package, &history, slots).await
}

fn meta(viewer: &Viewer, package: &SubmissionPackage, recipient: Option<&str>, now: Timestamp) -> Markup {
    html! {
        @if let Some(recipient) = recipient { span { "To " b { bdi { (recipient) } } } }
        @if let Some(due_at) = package.due_at {
            span {
                "Due " b { (viewer.zone.date(due_at)) }
                @if package.status.awaits_submission() { ", " span.bad[due_at < now] { (distance(&viewer.zone, due_at, now)) } }
            }
        }
        @if let Some(reference) = &package.recipient_reference { span { "Reference " span.key { (reference.as_str()) } } }
    }
}

/// The steps to a status, with the times that the package or else its history has.
fn steps_of(viewer: &Viewer, package: &SubmissionPackage, history: &[StoredEntry]) -> (Vec<Step>, usize) {
    use SubmissionPackageStatus::{
        Accepted, Acknowledged, Archived, Draft, InReview, Ready, Rejected, Submitted, Withdrawn,
    };
    let path: &[SubmissionPackageStatus] = match package.status {
        Rejected => &[Draft, InReview, Ready, Submitted, Acknowledged, Rejected],
        Withdrawn => &[Draft, InReview, Ready, Submitted, Acknowledged, Rejected, Withdrawn],
        Archived => &[Draft, InReview, Ready, Submitted, Acknowledged, Accepted, Rejected, Withdrawn, Archived],
        _ => &[Draft, InReview, Ready, Submitted, Acknowledged, Accepted],
    };
    let began = |name: &str| {
        let of_package = match SubmissionPackageStatus::ALL.iter().find(|status| status.name() == name) {
            Some(Submitted) => package.submitted_at,
            Some(Acknowledged) => package.acknowledged_at,
            // One of them is the decision, and the history knows which.
            Some(status @ (Accepted | Rejected)) if *status == package.status => package.decided_at,
            _ => None,
        };
        of_package.or_else(|| entered(history, name))
    };
    let path: Vec<&str> = path.iter().map(|status| status.name()).collect();
    life(viewer, &path, package.status.name(), began)
}

fn where_it_stands(
    viewer: &Viewer,
    package: &Stored<SubmissionPackage>,
    history: &[StoredEntry],
    attempt: &Attempt<'_>,
) -> Markup {
    let status = package.record.status;
    let (life, current) = steps_of(viewer, &package.record, history);
    let options = options(status);
    let events: Vec<SubmissionEventKind> =
        status.allowed_events().filter(|kind| *kind != SubmissionEventKind::Comment).collect();
    let address = format!("/app/submission-packages/{}", package.meta.id);
    let body = html! {
        div.body {
            (steps("Life of a package", &life, current))
            @if viewer.role.permits(Permission::ChangeRecords) {
                @if let Some(first) = events.first() {
                    div.row.apart {
                        a.btn.primary href={ (address) "/events/new?kind=" (first.name()) } { (Icon::Submission) (event_title(*first)) "…" }
                        @for kind in &events[1..] { a.btn href={ (address) "/events/new?kind=" (kind.name()) } { (event_title(*kind)) "…" } }
                    }
                }
                @if !options.is_empty() {
                    @let form = commands(viewer, package, attempt, &options, events.is_empty());
                    @if events.is_empty() { (form) } @else {
                        details.apart open[attempt.has_problem()] {
                            summary.small { "Without an event: " (options.iter().map(|option| option.title.to_lowercase()).collect::<Vec<_>>().join(", ")) }
                            (form)
                        }
                    }
                }
            }
        }
    };
    card("where", "Where it stands", &NONE, &body)
}

/// The commands that a package allows now.
fn options(status: SubmissionPackageStatus) -> Vec<Choice<'static>> {
    let choice = |command: PackageCommand| {
        let (title, text) = words_of(command);
        Choice::new(command.name(), title, text)
    };
    status.allowed_commands().map(choice).collect()
}

/// The form with what can be done with a package without an event.
fn commands(
    viewer: &Viewer,
    package: &Stored<SubmissionPackage>,
    attempt: &Attempt<'_>,
    options: &[Choice<'_>],
    is_primary: bool,
) -> Markup {
    html! {
        form.stack.apart method="post" action={ "/app/submission-packages/" (package.meta.id) "/transition" } novalidate data-guard {
            (form_token(viewer))
            input type="hidden" name="revision" value=(package.meta.revision.0);
            (choices_across("command", "What to do with it", attempt.fault("command"), options, attempt.typed("command")))
            (reason(attempt.typed("reason"), attempt.fault("reason")))
            div.save { button.btn.primary[is_primary] { "Move the package" } }
        }
    }
}

const fn words_of(command: PackageCommand) -> (&'static str, &'static str) {
    match command {
        PackageCommand::StartReview => ("Start the review", "The draft is complete"),
        PackageCommand::Approve => ("Approve it", "It is ready to be submitted"),
        PackageCommand::Return => ("Return it", "It needs more work, and is a draft again"),
        PackageCommand::Archive => {
            ("Archive it", "For the record only: no answer can be recorded any more, and nothing takes it back")
        }
    }
}

fn timeline(viewer: &Viewer, events: &[Stored<SubmissionEvent>]) -> Markup {
    let body = html! {
        div.body {
            @if events.is_empty() { p.muted { "No event is recorded yet. The submission is the first one." } } @else {
                ol.tl {
                    @for event in events {
                        @let SubmissionEvent { kind, occurred_at, recipient_reference, note, .. } = &event.record;
                        li {
                            (dot(*kind))
                            div {
                                div.line1 { b { (sentence(kind.name())) } " " span.t { (viewer.zone.minute(*occurred_at)) } }
                                @if note.is_some() || recipient_reference.is_some() {
                                    div.say {
                                        @if let Some(note) = note { (prose(note.as_str())) }
                                        @if let Some(reference) = recipient_reference { p.small.muted { "Reference " (reference.as_str()) } }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    };
    card("timeline", "Timeline", &html! { span.small.muted { "By the time of each event" } }, &body)
}

fn dot(kind: SubmissionEventKind) -> Markup {
    let (tone, icon) = match kind {
        SubmissionEventKind::Submission | SubmissionEventKind::Resubmission => ("accent", Icon::Submission),
        SubmissionEventKind::Receipt | SubmissionEventKind::Acceptance => ("good", Icon::Check),
        SubmissionEventKind::Rejection | SubmissionEventKind::Withdrawal => ("bad", Icon::AlertCircle),
        SubmissionEventKind::Comment => ("", Icon::Comment),
    };
    html! { span class={ "dot " (tone) } { (icon) } }
}
