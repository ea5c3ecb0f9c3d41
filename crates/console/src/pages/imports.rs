//! The pages of imports of tables: the upload, the preview with its mapping, the progress and the result.

mod choices;
mod multipart;
mod preview_page;
mod run;
mod start_page;
mod upload;

use auth::Permission;
use axum::http::Method;
use http_api::{
    endpoints::{Document, Media, Operation},
    pipeline::Handler,
    request::{Access, Charge, MediaType},
};
use maud::Markup;

use crate::{
    components::{Tone, badge},
    page_operation::page_operation,
    tables::ImportState,
};

/// Returns the endpoints.
pub(crate) fn operations() -> Vec<Operation> {
    let import = Access::Permission(Permission::ImportRecords);
    let page =
        |path, action, handler: Handler| Operation { handler, ..page_operation(Method::GET, path, import, action) };
    let form = |path, action, handler: Handler| Operation {
        handler,
        charge: Charge::Write,
        ..page_operation(Method::POST, path, import, action)
    };
    vec![
        page("/app/import", "table_import.listed", upload::open),
        Operation { document: document_of_upload, ..form("/app/import", "table_import.uploaded", upload::submit) },
        page("/app/import/{id}", "table_import.read", preview_page::open),
        form("/app/import/{id}", "table_import.checked", choices::submit),
        form("/app/import/{id}/run", "table_import.started", run::submit),
        form("/app/import/{id}/discard", "table_import.discarded", run::discard),
        Operation {
            media_types: &[MediaType::Any],
            ..page("/app/import/{id}/failed-rows", "table_import.failed_rows_read", run::failed_rows)
        },
    ]
}

fn document_of_upload() -> Document {
    Document {
        query: Vec::new(),
        request: Some(Media::bytes("A form with a file.", "file")),
        status: 303,
        response: Media::none(),
        line: None,
        errors: &[],
        codes: &[],
        response_headers: &[],
    }
}

/// The state of an import in a word.
fn state_badge(state: &ImportState) -> Markup {
    match state {
        ImportState::Receiving => badge(Tone::Warning, "Upload ended early"),
        ImportState::Ready => badge(Tone::Information, "Not imported yet"),
        ImportState::Running => badge(Tone::Information, "Under way"),
        ImportState::Done => badge(Tone::Good, "Imported"),
        ImportState::Failed(_) => badge(Tone::Bad, "Failed"),
        ImportState::Interrupted => badge(Tone::Warning, "Interrupted"),
    }
}
