//! Triage in bulk: the page that lists the selection, and offers what some of it allows.

use findings::{Finding, Status};
use futures_util::future::BoxFuture;
use http_api::{
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Issue, Problem},
};
use kernel::{Id, PageLimit, Reader, Stored};
use maud::{Markup, html};

use crate::{
    components::{
        Field, Head, Icon, NONE, TableColumn, blank, card, form_token, heading, page, reason, severity, status, table,
    },
    pages::{attempt::Attempt, form_texts::FormTexts, viewer, workspace_people::WorkspacePeople},
    registers::{PEOPLE, people_list},
    response::page_response,
    viewer::Viewer,
    words::{counted, sentence, words},
};

/// Handles the selection from the list.
pub(super) fn open<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let texts = FormTexts::read(request)?;
        let ids = FormTexts::values(request, "id");
        let ids: Vec<Id<Finding>> = ids.iter().filter_map(|id| id.parse().ok()).collect();
        let findings = load(app, request, &ids).await?;
        respond(app, request, &findings, back(&texts), &Attempt::default()).await
    })
}

/// Loads the findings with these identifiers that exist.
///
/// # Errors
/// The error response if they are more than a page has, or the store fails.
pub(super) async fn load(
    app: &App,
    request: &ApiRequest,
    ids: &[Id<Finding>],
) -> Result<Vec<Stored<Finding>>, Problem> {
    if ids.len() > usize::from(PageLimit::MAX) {
        let message = format!("are {}: select at most {}", ids.len(), PageLimit::MAX);
        return Err(Problem::validation(vec![Issue::new(["findings"], message)]));
    }
    let organization = request.principal()?.organization();
    let mut found = Reader::<Finding>::get_many(&*app.services.store, organization, ids).await?;
    found.sort_by_key(|finding| ids.iter().position(|id| *id == finding.meta.id));
    Ok(found)
}

/// The filters of the list that the selection was made in: a query, or nothing.
pub(super) fn back(texts: &FormTexts) -> &str {
    texts.0.get("back").map_or("", String::as_str).strip_prefix('?').map_or("", |_| texts.0["back"].as_str())
}

/// Responds with the page of the selection.
///
/// # Errors
/// The error response if the store fails.
pub(super) async fn respond(
    app: &App,
    request: &ApiRequest,
    findings: &[Stored<Finding>],
    back: &str,
    attempt: &Attempt<'_>,
) -> Result<ApiResponse, Problem> {
    let people = WorkspacePeople::load(app, request).await?;
    Ok(page_response(attempt.status(), selection(&viewer(request)?, findings, &people, back, attempt)))
}

/// The statuses that some of the findings can move to, each with the number of these.
fn possible_next(findings: &[Stored<Finding>]) -> Vec<(Status, usize)> {
    let allows = |finding: &&Stored<Finding>, status: Status| finding.record.status.allowed_next().contains(&status);
    let counted =
        Status::ALL.iter().map(|status| (*status, findings.iter().filter(|finding| allows(finding, *status)).count()));
    counted.filter(|(_, count)| *count > 0).collect()
}

fn selection(
    viewer: &Viewer,
    findings: &[Stored<Finding>],
    people: &WorkspacePeople,
    back: &str,
    attempt: &Attempt<'_>,
) -> Markup {
    let list = format!("/app/findings{back}");
    let count = counted(findings.len(), "finding", "findings");
    let title = format!("Triage {count}");
    let head = |title| Head {
        title,
        section: "/app/findings",
        above: &[("Findings", "/app/findings")],
        has_problem: attempt.has_problem(),
        ..Head::default()
    };
    if findings.is_empty() {
        let actions = html! { a.btn.primary href=(list) { "Back to the list" } };
        let text = "Select findings in the list first: tick the boxes at the left.";
        let content = html! { (heading("Triage", &NONE, &NONE)) section.card { (blank(Icon::Finding, "Nothing is selected", text, &actions)) } };
        return page(viewer, &head("Triage"), &content);
    }
    let due_label = format!("Due date ({})", viewer.zone.name());
    let below = html! { p { "One reason is kept for all of them. Each finding gets its own audit entry, and one that cannot move is left as it is and named afterwards." } };
    let content = html! {
        (heading(&title, &below, &NONE))
        (attempt.notice())
        (card("selected", "Selected", &NONE, &html! { div.body.flush { (selected(findings)) } }))
        form.form method="post" action="/app/findings/triage/apply" novalidate {
            (form_token(viewer))
            input type="hidden" name="back" value=(back);
            @for finding in findings { input type="hidden" name="finding" value={ (finding.meta.id) ":" (finding.meta.revision.0) }; }
            (people_list(people.all()))
            section {
                (status_field(findings, attempt))
                div.pair {
                    (optional("owner", "Owner", "A name or an email address. Empty leaves each as it is.", attempt).naming(Some(PEOPLE), attempt.typed("owner"), &NONE))
                    (optional("dueAt", &due_label, "The end of that day. Empty leaves each as it is.", attempt).input("date", "", attempt.typed("dueAt")))
                }
                (reason(attempt.typed("reason"), attempt.fault("reason")))
            }
            div.save {
                button.btn.primary { "Change " (count) }
                a.btn.quiet href=(list) { "Back to the list" }
            }
        }
    };
    page(viewer, &head(&title), &content)
}

fn optional<'f>(name: &'f str, label: &'f str, hint: &'f str, attempt: &'f Attempt<'_>) -> Field<'f> {
    Field { name, label, hint, error: attempt.fault(name), optional: true }
}

fn status_field(findings: &[Stored<Finding>], attempt: &Attempt<'_>) -> Markup {
    let next = possible_next(findings);
    let is_partial = next.iter().any(|(_, count)| *count < findings.len());
    let hint = match (next.is_empty(), findings.len(), is_partial) {
        (true, ..) => "There is no status that any of them can move to.",
        (false, 1, _) => "Only what the finding allows is offered.",
        (false, _, false) => "Only what they allow is offered.",
        (false, _, true) => "One that cannot move there is left unchanged as a whole, and named afterwards.",
    };
    let title = |status: Status, count: usize| match count < findings.len() {
        true => format!("{} ({count} of {})", sentence(status.name()), findings.len()),
        false => sentence(status.name()),
    };
    let options: Vec<(&str, String)> = [("", "Leave the status as it is".to_owned())]
        .into_iter()
        .chain(next.into_iter().map(|(status, count)| (status.name(), title(status, count))))
        .collect();
    let field = Field { name: "status", label: "Move to", hint, error: attempt.fault("status"), optional: false };
    field.select(&options, attempt.typed("status"))
}

fn selected(findings: &[Stored<Finding>]) -> Markup {
    let heading = |title: &'static str, class: &'static str| TableColumn { title: title.into(), class };
    let columns =
        [heading("Severity", ""), heading("Finding", "p"), heading("Status now", ""), heading("Can move to", "t2")];
    let rows = html! {
        @for finding in findings {
            @let next: Vec<String> = finding.record.status.allowed_next().iter().map(|status| words(status.name())).collect();
            tr role="row" {
                td role="cell" { (severity(finding.record.severity)) }
                th.p scope="row" role="rowheader" {
                    a.prime dir="auto" href={ "/app/findings/" (finding.meta.id) } { (finding.record.title.as_str()) }
                    span.sub { span.key { (finding.record.key.as_str()) } }
                }
                td role="cell" { (status(finding.record.status.name())) }
                td.t2 role="cell" data-l="Can move to" {
                    @if next.is_empty() { span.b.warn { "Nothing" } } @else { span.small.soft { (next.join(", ")) } }
                }
            }
        }
    };
    table("Selected findings", false, &columns, &rows)
}
