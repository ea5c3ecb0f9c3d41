//! The page of an import: what the table would do, what it does, and what it did.

use axum::http::{HeaderName, StatusCode};
use futures_util::future::BoxFuture;
use http_api::{
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use import::table::FAULT_COLUMN;
use kernel::{Column, ColumnType};
use maud::{Markup, html};

use super::{fault_table::faults, options_form::options, state_badge};
use crate::{
    components::{Head, NONE, Tone, card, form_token, heading, note, page, reason},
    navigation::section_of,
    pages::{attempt::Attempt, form_texts::query_value, register_pages::register_of_kind, viewer},
    registers::Register,
    response::page_response,
    services::ConsoleServices,
    tables::{ColumnChoice, ImportState, Outcome, Preview, TableImport},
    viewer::Viewer,
    words::{camel_case, counted},
};

/// The header by which a page is loaded again, without a script.
const REFRESH: HeaderName = HeaderName::from_static("refresh");

/// Handles the request for the page.
pub(super) fn open<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move { respond(app, request, &Attempt::default()).await })
}

/// Responds with the page, after an attempt to import.
///
/// # Errors
/// A 404 response if the workspace has no such import.
pub(super) async fn respond(_: &App, request: &ApiRequest, attempt: &Attempt<'_>) -> Result<ApiResponse, Problem> {
    let viewer = viewer(request)?;
    let organization = request.principal()?.organization();
    let tables = &ConsoleServices::of(request)?.tables;
    let import = tables.find(organization, request.path_id()?).await?;
    let register = register_of_kind(import.kind).ok_or_else(Problem::not_found)?;
    let title = format!("Import {}", register.nouns());
    let (list_title, list) = (register.title(), register.path());
    let below = html! {
        div.meta {
            (state_badge(&import.state))
            span.soft.any { (import.file_name) }
            span.soft { "Uploaded " (viewer.zone.minute(import.created_at)) }
            span.soft { "Kept until " (viewer.zone.minute(import.expires_at)) }
        }
    };
    // After a check, the page has the reason that was typed before it.
    let kept = match attempt.typed("reason") {
        "" => query_value(request, "reason").unwrap_or_default(),
        typed => typed.to_owned(),
    };
    let is_running = import.state == ImportState::Running;
    let actions = html! { @if !is_running { (discard(&viewer, &import)) } };
    let content = html! {
        (attempt.notice())
        (heading(&title, &below, &actions))
        (body(&viewer, &register, &import, attempt, &kept))
    };
    let head = Head {
        title: &title,
        section: section_of(import.kind),
        above: &[(&list_title, &list)],
        has_problem: attempt.has_problem(),
        ..Head::default()
    };
    let response = page_response(attempt.status(), page(&viewer, &head, &content));
    Ok(if is_running && attempt.status() == StatusCode::OK { response.header(REFRESH, "2") } else { response })
}

fn body(viewer: &Viewer, register: &Register, import: &TableImport, attempt: &Attempt<'_>, kept: &str) -> Markup {
    let stays = "What was imported stays. Check the table again to see what is left: rows that are imported already count as unchanged.";
    match &import.state {
        ImportState::Receiving => html! {
            (note(Tone::Warning, "The upload ended early.", "Discard it, and upload the file again."))
        },
        ImportState::Running => progress(import),
        ImportState::Done => result(register, import),
        ImportState::Ready => preview(viewer, register, import, &start(register, import, attempt, kept)),
        ImportState::Failed(message) => html! {
            (note(Tone::Bad, "The import ended early.", &format!("{}. {stays}", message.trim_end_matches('.'))))
            (options(viewer, register, import, &NONE))
        },
        ImportState::Interrupted => html! {
            (note(Tone::Warning, "The import was interrupted, because the server stopped.", stays))
            (options(viewer, register, import, &NONE))
        },
    }
}

fn progress(import: &TableImport) -> Markup {
    let rows = import.preview.outcome.rows;
    let settled = import.settled.min(rows);
    card(
        "progress",
        "Under way",
        &html! {},
        &html! {
            div.body {
                p role="status" { (settled) " of " (counted(rows, "row", "rows")) }
                progress.bar value=(settled) max=(rows.max(1)) aria-label="Rows that are imported" { (settled) }
                p.soft { "This page shows the progress by itself. You may leave it: the import goes on, and " a href="/app/import" { "Import a table" } " lists it." }
            }
        },
    )
}

fn result(register: &Register, import: &TableImport) -> Markup {
    let default = Outcome::default();
    let outcome = import.outcome.as_ref().unwrap_or(&default);
    let lead = if outcome.failed == 0 { "All rows are imported." } else { "The import has ended." };
    let rest = match outcome.failed {
        0 => String::new(),
        failed => {
            format!("{} failed: download them, correct them, and import that file.", counted(failed, "row", "rows"))
        }
    };
    html! {
        (note(if outcome.failed == 0 { Tone::Good } else { Tone::Warning }, lead, &rest))
        (numbers(outcome, "created", "changed"))
        (faults(import, outcome))
        div.row {
            a.btn.primary href=(register.path()) { "Show the " (register.nouns()) }
            a.btn href="/app/import" { "Import another table" }
        }
    }
}

fn preview(viewer: &Viewer, register: &Register, import: &TableImport, start: &Markup) -> Markup {
    let Preview { problem, warnings, outcome, .. } = &import.preview;
    html! {
        @match problem {
            Some(problem) => { (note(Tone::Bad, "No row can be imported yet.", &sentence_of(problem))) }
            None => { (numbers(outcome, "would be created", "would change")) }
        }
        @if let Some(taken) = &import.options.taken_over {
            (note(
                Tone::Information,
                &format!("Settings of {}", taken.file_name),
                "These are rows of that import that failed, so its columns and options are taken over. Change them below if need be.",
            ))
        }
        @for warning in warnings { (note(Tone::Warning, "About the table", &sentence_of(warning))) }
        (faults(import, outcome))
        @if problem.is_none() { (sample(viewer, register, &import.preview)) }
        (options(viewer, register, import, start))
    }
}

/// A message as a sentence.
fn sentence_of(message: &str) -> String {
    let mut text = message.to_owned();
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    if !text.ends_with(['.', '!', '?']) {
        text.push('.');
    }
    text
}

fn numbers(outcome: &Outcome, created: &str, updated: &str) -> Markup {
    let numbers = [
        (outcome.created, created, ""),
        (outcome.updated, updated, ""),
        (outcome.unchanged, "unchanged", ""),
        (outcome.failed, "failed", if outcome.failed > 0 { "bad" } else { "" }),
    ];
    html! {
        section.card.stats aria-label={ "Of " (counted(outcome.rows, "row", "rows")) } {
            @for (number, word, class) in numbers {
                div { span.k { (crate::words::sentence(word)) } span class={ "v " (class) } { (number) } }
            }
        }
    }
}

/// The first records that do not fail, with their times as pages show them.
fn sample(viewer: &Viewer, register: &Register, preview: &Preview) -> Markup {
    let used: Vec<&String> = preview
        .fields
        .iter()
        .filter(|field| preview.sample.iter().any(|(_, values)| values.iter().any(|(name, _)| name == *field)))
        .collect();
    if used.is_empty() {
        return html! {};
    }
    card(
        "sample",
        "The first records",
        &html! {},
        &html! {
            div.tbl role="group" aria-label="The first records" tabindex="0" {
                table.plain role="table" {
                    caption.vh { "The first records" }
                    thead role="rowgroup" {
                        tr role="row" {
                            th scope="col" role="columnheader" { "Row" }
                            @for field in &used { th scope="col" role="columnheader" { (field) } }
                        }
                    }
                    tbody role="rowgroup" {
                        @for (row, values) in &preview.sample {
                            tr role="row" {
                                th scope="row" role="rowheader" { (row) }
                                @for field in &used {
                                    td role="cell" { @if let Some((_, value)) = values.iter().find(|(name, _)| name == *field) { (shown(viewer, register, field, value)) } }
                                }
                            }
                        }
                    }
                }
            }
        },
    )
}

/// The value of a field. Times stand in the zone of the workspace.
fn shown(viewer: &Viewer, register: &Register, field: &str, value: &str) -> Markup {
    let is_time = |column: &Column| column.column_type == ColumnType::Timestamp && camel_case(column.label) == field;
    match value.parse() {
        Ok(time) if register.columns.iter().any(is_time) => viewer.zone.minute(time),
        _ => html! { (value) },
    }
}

fn start(register: &Register, import: &TableImport, attempt: &Attempt<'_>, kept: &str) -> Markup {
    if import.preview.problem.is_some() {
        return NONE;
    }
    let Outcome { created, updated, unchanged, failed, .. } = &import.preview.outcome;
    let written = created + updated;
    if written == 0 {
        let text = match (*failed, *unchanged) {
            (0, _) => "All records are as the table says.",
            (_, 0) => "Every row fails: correct the rows, or the choices above.",
            _ => "Every other row is as the table says.",
        };
        return note(Tone::Information, "There is nothing to import.", text);
    }
    let what = counted(written, &register.noun(), &register.nouns());
    card(
        "start",
        "Import",
        &html! {},
        &html! {
            div.body {
                @if let Some(columns) = columns_left_out(import) { p { "Left out, although they have values: " (columns) "." } }
                @if *failed > 0 { p { "The " (counted(*failed, "row that fails is", "rows that fail are")) " left out." } }
                div.form {
                    section { (reason(kept, attempt.fault("reason"))) }
                    div.save { button.btn.primary formaction={ "/app/import/" (import.id) "/run" } { "Import " (what) } }
                }
            }
        },
    )
}

/// The columns with values that become no field.
fn columns_left_out(import: &TableImport) -> Option<String> {
    let columns = import.preview.columns.iter().filter(|column| column.field.is_none() && !column.values.is_empty());
    let name = |column: &ColumnChoice| match column.header.as_str() {
        "" => format!("column {}", column.letters),
        header => header.to_owned(),
    };
    let names: Vec<String> = columns.filter(|column| column.header != FAULT_COLUMN).map(name).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

fn discard(viewer: &Viewer, import: &TableImport) -> Markup {
    html! {
        form method="post" action={ "/app/import/" (import.id) "/discard" } {
            (form_token(viewer))
            button.btn.quiet { "Discard this file" }
        }
    }
}
