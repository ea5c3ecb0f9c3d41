//! The page of an import: what the table would do, what it does, and what it did.

use axum::http::{HeaderName, StatusCode};
use futures_util::future::BoxFuture;
use http_api::{
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use maud::{Markup, html};

use super::state_badge;
use crate::{
    components::{Field, Head, Icon, NONE, Tone, card, form_token, heading, note, page, reason},
    navigation::section_of,
    pages::{attempt::Attempt, form_texts::query_value, register_pages::register_of_kind, viewer},
    registers::Register,
    response::page_response,
    services::ConsoleServices,
    tables::{ImportState, MAX_FAULTS, Outcome, Preview, TableFormat, TableImport},
    viewer::Viewer,
    words::counted,
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
        ImportState::Ready => preview(viewer, import, &start(register, import, attempt, kept)),
        ImportState::Failed(message) => html! {
            (note(Tone::Bad, "The import ended early.", &format!("{}. {stays}", message.trim_end_matches('.'))))
            (options(viewer, import, &NONE))
        },
        ImportState::Interrupted => html! {
            (note(Tone::Warning, "The import was interrupted, because the server stopped.", stays))
            (options(viewer, import, &NONE))
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

fn preview(viewer: &Viewer, import: &TableImport, start: &Markup) -> Markup {
    let Preview { problem, warnings, outcome, .. } = &import.preview;
    html! {
        @match problem {
            Some(problem) => { (note(Tone::Bad, "No row can be imported yet.", &sentence_of(problem))) }
            None => { (numbers(outcome, "would be created", "would change")) }
        }
        @for warning in warnings { (note(Tone::Warning, "About the table", &sentence_of(warning))) }
        (faults(import, outcome))
        @if problem.is_none() { (sample(&import.preview)) }
        (options(viewer, import, start))
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

fn faults(import: &TableImport, outcome: &Outcome) -> Markup {
    if outcome.failed == 0 {
        return html! {};
    }
    let more = html! {
        a.btn.sm href={ "/app/import/" (import.id) "/failed-rows" } download { (Icon::Download) "Download these rows" }
    };
    card(
        "faults",
        &counted(outcome.failed, "row fails", "rows fail"),
        &more,
        &html! {
            div.tbl role="group" aria-label="Rows that fail" tabindex="0" {
                table.cards.plain role="table" {
                    caption.vh { "Rows that fail" }
                    thead role="rowgroup" {
                        tr role="row" {
                            th scope="col" role="columnheader" { "Row" }
                            th scope="col" role="columnheader" { "Key" }
                            th.p scope="col" role="columnheader" { "What to correct" }
                        }
                    }
                    tbody role="rowgroup" {
                        @for fault in &outcome.faults {
                            tr role="row" {
                                th scope="row" role="rowheader" data-l="Row" { (fault.row) }
                                td role="cell" data-l="Key" { @if let Some(key) = &fault.key { span.key { (key) } } }
                                td.p.any role="cell" { (fault.message) }
                            }
                        }
                    }
                }
            }
            @if outcome.failed > outcome.faults.len() {
                footer { "The first " (MAX_FAULTS) " are shown. The download has all of them, with the reasons in its last column." }
            }
        },
    )
}

fn sample(preview: &Preview) -> Markup {
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
                                    td role="cell" { @if let Some((_, value)) = values.iter().find(|(name, _)| name == *field) { (value) } }
                                }
                            }
                        }
                    }
                }
            }
        },
    )
}

/// The form with the choices. The import stands in it, so that it is sent with the choices that the page shows.
fn options(viewer: &Viewer, import: &TableImport, start: &Markup) -> Markup {
    let Preview { columns, fields, missing_fields, .. } = &import.preview;
    let chosen = &import.options;
    let field = |name, label, hint| Field { name, label, hint, error: None, optional: true };
    let words = |values: &[(&'static str, &str)]| -> Vec<(&'static str, String)> {
        values.iter().map(|(value, word)| (*value, (*word).to_owned())).collect()
    };
    let orders = words(&[("dmy", "Day, month, year"), ("mdy", "Month, day, year"), ("ymd", "Year, month, day")]);
    let marks = words(&[("point", "Point: 94.5"), ("comma", "Comma: 94,5")]);
    let percents = words(&[("as-shown", "As shown: 4.5% is 4.5"), ("as-fraction", "As fractions: 4.5% is 0.045")]);
    let delimiters = words(&[("comma", "Comma"), ("semicolon", "Semicolon"), ("tab", "Tab"), ("pipe", "Vertical bar")]);
    let encodings = words(&[("utf-8", "UTF-8"), ("windows-1252", "Windows-1252"), ("utf-16le", "UTF-16")]);
    html! {
        form.stack method="post" action={ "/app/import/" (import.id) } novalidate {
            (form_token(viewer))
            @if !columns.is_empty() {
                (card("columns", "Columns", &html! {}, &html! {
                    div.tbl role="group" aria-label="Columns" tabindex="0" {
                        table.cards.plain role="table" {
                            caption.vh { "Columns" }
                            thead role="rowgroup" {
                                tr role="row" {
                                    th scope="col" role="columnheader" { "Column" }
                                    th.p.w-title scope="col" role="columnheader" { "Header" }
                                    th scope="col" role="columnheader" { "Becomes" }
                                }
                            }
                            tbody role="rowgroup" {
                                @for (index, column) in columns.iter().enumerate() {
                                    @let name = format!("column{index}");
                                    tr role="row" {
                                        td role="cell" data-l="Column" { (column.letters) }
                                        th.p.w-title.any scope="row" role="rowheader" { @if column.header.is_empty() { span.muted { "No header" } } @else { (column.header) } }
                                        td role="cell" data-l="Becomes" {
                                            label.vh for=(name) { "Column " (column.letters) " becomes" }
                                            select.in.sm id=(name) name=(name) {
                                                option value="" selected[column.field.is_none()] { "Left out" }
                                                @for field in fields { option value=(field) selected[column.field.as_ref() == Some(field)] { (field) } }
                                            }
                                        }
                                    }
                                }
                            }
                        }
                    }
                    @if !missing_fields.is_empty() {
                        footer.soft { "Without a column: " (missing_fields.join(", ")) ". A record that exists keeps them." }
                    }
                }))
            }
            (card("reading", "How the table is read", &html! {}, &html! {
                div.body {
                    div.pair {
                        (field("dateOrder", "Order of dates", "For dates such as 3/4/2026.").select(&orders, &chosen.date_order))
                        (field("decimalMark", "Decimal mark", "For numbers such as 1,234.").select(&marks, &chosen.decimal_mark))
                        (field("percent", "Percentages", "").select(&percents, &chosen.percent))
                        (field("headerRow", "Row of the header", "The first row that is not blank, unless you say another.").input("text", "short", &chosen.header_row))
                        @if import.format == TableFormat::Csv {
                            (field("delimiter", "Delimiter", "").select(&delimiters, &chosen.delimiter))
                            (field("encoding", "Encoding", "").select(&encodings, &chosen.encoding))
                        } @else {
                            (field("sheet", "Sheet", "The name of the sheet, if several have rows.").input("text", "short", &chosen.sheet))
                        }
                    }
                    (field("values", "Values that stand for others", "One on each line: status:Open=identified reads Open as identified.").area(3, &chosen.values))
                    div.row { button.btn { (Icon::Replay) "Check again" } }
                }
            }))
            (start)
        }
    }
}

fn start(register: &Register, import: &TableImport, attempt: &Attempt<'_>, kept: &str) -> Markup {
    if import.preview.problem.is_some() {
        return NONE;
    }
    let Outcome { created, updated, failed, .. } = &import.preview.outcome;
    let written = created + updated;
    if written == 0 {
        let text =
            if *failed == 0 { "All records are as the table says." } else { "Every other row is as the table says." };
        return note(Tone::Information, "There is nothing to import.", text);
    }
    let what = counted(written, &register.noun(), &register.nouns());
    card(
        "start",
        "Import",
        &html! {},
        &html! {
            div.body {
                @if *failed > 0 { p { "The " (counted(*failed, "row that fails is", "rows that fail are")) " left out." } }
                div.form {
                    section { (reason(kept, attempt.fault("reason"))) }
                    div.save { button.btn.primary formaction={ "/app/import/" (import.id) "/run" } { "Import " (what) } }
                }
            }
        },
    )
}

fn discard(viewer: &Viewer, import: &TableImport) -> Markup {
    html! {
        form method="post" action={ "/app/import/" (import.id) "/discard" } {
            (form_token(viewer))
            button.btn.quiet { "Discard this file" }
        }
    }
}
