//! The page of an assessment, with the commands that move it.

use audit::StoredEntry;
use auth::Permission;
use futures_util::future::BoxFuture;
use http_api::{
    endpoints::Operation,
    handlers::find,
    pipeline::App,
    request::{Access, ApiRequest},
    response::{ApiResponse, Problem},
};
use kernel::Stored;
use maud::{Markup, html};
use registers::{Assessment, AssessmentCommand, AssessmentStatus, change_assessment};

use super::{
    attempt::{Attempt, Decision},
    commit::{Written, commit},
    form_texts::FormTexts,
    life::{entered, life},
    register_detail::{load_history, respond as respond_with_detail},
    viewer,
};
use crate::{
    components::{Choice, Field, NONE, card, choices_across, form_token, reason, steps},
    page_operation::{form_at, page_at},
    registers::{Slots, TypedFaults},
    response::redirect,
    services::ConsoleServices,
    viewer::Viewer,
    zone::Zone,
};

/// The name and the label of the field for the time of a completion that was not now.
const COMPLETED_AT: (&str, &str) = ("completedAt", "Time of the completion");

/// Returns the endpoints.
pub(crate) fn operations() -> Vec<Operation> {
    let (read, change) = (Access::Permission(Permission::ReadRecords), Access::Permission(Permission::ChangeRecords));
    vec![
        page_at("/app/assessments/{id}", read, "assessment.read", open),
        form_at("/app/assessments/{id}/transition", change, "assessment.moved", submit),
    ]
}

fn open<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let assessment = find::<Assessment>(app, request).await?;
        respond(app, request, &assessment, &Attempt::default()).await
    })
}

fn submit<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let assessment = find::<Assessment>(app, request).await?;
        let texts = FormTexts::read(request)?;
        let opened = texts.revision()?;
        if opened != assessment.meta.revision {
            return respond(app, request, &assessment, &Attempt::stale(&texts)).await;
        }
        let mut faults = TypedFaults::default();
        let command = read_command(&viewer(request)?.zone, &texts, &mut faults);
        let reason = texts.reason();
        if let Err(message) = &reason {
            faults.0.insert("reason".to_owned(), message.clone());
        }
        let (Some(command), Ok(reason), true) = (command, reason, faults.0.is_empty()) else {
            return respond(app, request, &assessment, &Attempt::faulty(&texts, faults)).await;
        };
        let services = ConsoleServices::of(request)?;
        let written = commit(app, request, Some(&reason), |context, timestamp| {
            change_assessment(context, &*services.events, timestamp, &assessment, command)
        });
        match written.await? {
            Written::Done(_) => Ok(redirect(&format!("/app/assessments/{}?done=moved", assessment.meta.id)).recorded()),
            Written::Refused(error) => respond(app, request, &assessment, &Attempt::refused(&texts, error)).await,
            Written::Conflict(_) => {
                let assessment = find::<Assessment>(app, request).await?;
                respond(app, request, &assessment, &Attempt::stale(&texts)).await
            }
        }
    })
}

/// Reads the command, with the time of a completion that was not now.
fn read_command(zone: &Zone, texts: &FormTexts, faults: &mut TypedFaults) -> Option<AssessmentCommand> {
    let text = |name: &str| texts.0.get(name).map(|text| text.trim()).filter(|text| !text.is_empty());
    let named = AssessmentCommand::ALL.iter().copied().find(|command| text("command") == Some(command.name()));
    let Some(command) = named else {
        faults.0.insert("command".to_owned(), "is missing: choose one".to_owned());
        return None;
    };
    if !matches!(command, AssessmentCommand::Complete { .. }) {
        if text(COMPLETED_AT.0).is_some() {
            let message = "is only kept with a completion: leave it empty, or choose to complete it";
            faults.0.insert(COMPLETED_AT.0.to_owned(), message.to_owned());
        }
        return Some(command);
    }
    match text(COMPLETED_AT.0).map(|time| zone.parse_input(time)).transpose() {
        Ok(at) => Some(AssessmentCommand::Complete { at }),
        Err(message) => {
            faults.0.insert(COMPLETED_AT.0.to_owned(), message);
            None
        }
    }
}

async fn respond(
    app: &App,
    request: &ApiRequest,
    assessment: &Stored<Assessment>,
    attempt: &Attempt<'_>,
) -> Result<ApiResponse, Problem> {
    let viewer = viewer(request)?;
    let id = assessment.meta.id.to_string();
    let history = load_history(app, assessment.meta.organization, &id).await?;
    let options = options(assessment.record.status);
    let absent: &[_] = match assessment.record.status {
        AssessmentStatus::InProgress => &[],
        _ if options.is_empty() => &[COMPLETED_AT, ("reason", "Reason")],
        _ => &[COMPLETED_AT],
    };
    let slots = Slots {
        notice: attempt.notice_on(&Decision { name: "command", options: &options, absent }),
        cards: where_it_stands(&viewer, assessment, &history, attempt),
        has_problem: attempt.has_problem(),
        ..Slots::default()
    };
    respond_with_detail(app, request, attempt.status(), assessment, &history, slots).await
}

fn where_it_stands(
    viewer: &Viewer,
    assessment: &Stored<Assessment>,
    history: &[StoredEntry],
    attempt: &Attempt<'_>,
) -> Markup {
    use AssessmentStatus::{Archived, Completed, InProgress, Planned, Superseded};
    let status = assessment.record.status;
    let path: &[AssessmentStatus] = match status {
        Superseded => &[Planned, InProgress, Completed, Superseded],
        Archived => &[Planned, InProgress, Completed, Archived],
        _ => &[Planned, InProgress, Completed],
    };
    let path: Vec<&str> = path.iter().map(|step| step.name()).collect();
    let completed = assessment.record.completed_at;
    let (life, current) = life(viewer, &path, status.name(), |step| {
        completed.filter(|_| step == Completed.name()).or_else(|| entered(history, step))
    });
    let options = options(status);
    let completed_at = Field {
        name: COMPLETED_AT.0,
        label: COMPLETED_AT.1,
        hint: "Only to complete it, and only if that was not now.",
        error: attempt.fault(COMPLETED_AT.0),
        optional: true,
    };
    let body = html! {
        div.body {
            (steps("Life of an assessment", &life, current))
            @if !options.is_empty() && viewer.role.permits(Permission::ChangeRecords) {
                form.stack.apart method="post" action={ "/app/assessments/" (assessment.meta.id) "/transition" } novalidate data-guard {
                    (form_token(viewer))
                    input type="hidden" name="revision" value=(assessment.meta.revision.0);
                    (choices_across("command", "What to do with it", attempt.fault("command"), &options, attempt.typed("command")))
                    @if status == InProgress { (completed_at.time(&viewer.zone, attempt.typed(COMPLETED_AT.0))) }
                    (reason(attempt.typed("reason"), attempt.fault("reason")))
                    div.save {
                        button.btn.primary { "Move the assessment" }
                        @if status == InProgress { span.small.muted { "A completion sends assessment.completed to the subscriptions that want it." } }
                    }
                }
            }
        }
    };
    card("where", "Where it stands", &NONE, &body)
}

/// The commands that an assessment allows now.
fn options(status: AssessmentStatus) -> Vec<Choice<'static>> {
    let choice = |command: AssessmentCommand| {
        let (title, text) = words_of(command);
        Choice::new(command.name(), title, text)
    };
    status.allowed_commands().map(choice).collect()
}

const fn words_of(command: AssessmentCommand) -> (&'static str, &'static str) {
    match command {
        AssessmentCommand::Start => ("Start it", "The work begins"),
        AssessmentCommand::Complete { .. } => ("Complete it", "The work is done"),
        AssessmentCommand::Reopen => ("Reopen it", "It is worked on again"),
        AssessmentCommand::Supersede => ("Mark it superseded", "A later assessment replaces it"),
        AssessmentCommand::Archive => ("Archive it", "For the record only, for good"),
    }
}
