//! The page with the form for a file, and the imports of the workspace.

use axum::http::StatusCode;
use http_api::{
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use import::RecordKind;
use maud::{Markup, html};

use super::state_badge;
use crate::{
    components::{Field, Head, Icon, card, form_token, heading, page, problem_summary},
    pages::{forms::is_importable, owners::Owners, viewer},
    response::page_response,
    services::ConsoleServices,
    tables::TableImport,
    viewer::Viewer,
    words::sentence,
};

/// Responds with the page. `kind` is the kind that is chosen, and `fault` a field with what is wrong with it.
///
/// # Errors
/// The error response if the store fails.
pub(super) async fn respond(
    app: &App,
    request: &ApiRequest,
    status: StatusCode,
    kind: &str,
    fault: Option<(&str, &str)>,
) -> Result<ApiResponse, Problem> {
    let viewer = viewer(request)?;
    let organization = request.principal()?.organization();
    let imports = ConsoleServices::of(request)?.tables.list(organization).await?;
    let users: Vec<String> = imports.iter().map(|import| import.user.to_string()).collect();
    let owners = Owners::load(app, organization, users.iter().map(String::as_str)).await?;
    let problems: Vec<(String, String)> =
        fault.iter().map(|(field, message)| ((*field).to_owned(), (*message).to_owned())).collect();
    let content = html! {
        (problem_summary(&problems))
        (heading("Import a table", &html! {
            p { "The rows of a spreadsheet become records, or change those that are there already. Nothing is changed before you have seen what would be." }
        }, &html! {}))
        (form(&viewer, kind, fault))
        @if !imports.is_empty() { (list(&viewer, &owners, &imports)) }
    };
    let head = Head { title: "Import a table", section: "", has_problem: fault.is_some(), ..Head::default() };
    Ok(page_response(status, page(&viewer, &head, &content)))
}

fn form(viewer: &Viewer, kind: &str, fault: Option<(&str, &str)>) -> Markup {
    let kinds = RecordKind::all().iter().filter(|kind| is_importable(kind.kind));
    let mut kinds: Vec<(String, String)> = kinds.map(|kind| (kind.name(), sentence(&kind.name()))).collect();
    kinds.sort_unstable_by(|one, other| one.1.cmp(&other.1));
    let options: Vec<(&str, String)> = kinds.iter().map(|(name, title)| (name.as_str(), title.clone())).collect();
    let error = |name: &str| fault.filter(|(field, _)| *field == name).map(|(_, message)| message);
    let kind_field = Field {
        name: "kind",
        label: "Rows are",
        hint: "Every row of the table is one record of this kind.",
        error: error("kind"),
        optional: false,
    };
    let file_field = Field {
        name: "file",
        label: "File",
        hint: "CSV or an Excel workbook (.xlsx), up to 10 MiB and 50,000 rows. The first row that is not blank names the columns, unless you say another one afterwards.",
        error: error("file"),
        optional: false,
    };
    html! {
        form.form method="post" action="/app/import" enctype="multipart/form-data" {
            // The token comes first: the file is stored only if it is right.
            (form_token(viewer))
            section {
                (kind_field.select(&options, kind))
                (file_field.file(".csv,.tsv,.txt,.xlsx"))
            }
            div.save { button.btn.primary { (Icon::Upload) "Upload and check" } }
        }
    }
}

fn list(viewer: &Viewer, owners: &Owners, imports: &[TableImport]) -> Markup {
    card(
        "imports",
        "Imports of the last day",
        &html! {},
        &html! {
            div.tbl role="group" aria-label="Imports of the last day" tabindex="0" {
                table.cards role="table" {
                    caption.vh { "Imports of the last day" }
                    thead role="rowgroup" {
                        tr role="row" {
                            th.p.w-title scope="col" role="columnheader" { "File" }
                            th scope="col" role="columnheader" { "Rows are" }
                            th scope="col" role="columnheader" { "State" }
                            th scope="col" role="columnheader" { "Uploaded by" }
                            th.num scope="col" role="columnheader" { "Uploaded" }
                        }
                    }
                    tbody role="rowgroup" {
                        @for import in imports {
                            tr role="row" {
                                th.p.w-title scope="row" role="rowheader" { a.prime.any href={ "/app/import/" (import.id) } { (import.file_name) } }
                                td role="cell" data-l="Rows are" { (sentence(import.kind.name())) }
                                td role="cell" data-l="State" { (state_badge(&import.state)) }
                                td role="cell" data-l="Uploaded by" { (owners.show(Some(&import.user.to_string()))) }
                                td.num role="cell" data-l="Uploaded" { (viewer.zone.minute(import.created_at)) }
                            }
                        }
                    }
                }
            }
        },
    )
}
