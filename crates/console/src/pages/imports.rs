//! The pages of imports of tables: the upload, the preview with its mapping, the progress and the result.

mod choices;
mod fault_table;
mod options_form;
mod preview_page;
mod run;
mod start_page;
mod upload;

use auth::Permission;
use http_api::{
    endpoints::Operation,
    request::{Access, MediaType},
};
use maud::Markup;

use crate::{
    components::{Tone, badge},
    page_operation::{form_at, page_at, upload_at},
    tables::ImportState,
};

/// Returns the endpoints.
pub(crate) fn operations() -> Vec<Operation> {
    let import = Access::Permission(Permission::ImportRecords);
    vec![
        page_at("/app/import", import, "table_import.listed", upload::open),
        upload_at("/app/import", import, "table_import.uploaded", upload::submit),
        page_at("/app/import/{id}", import, "table_import.read", preview_page::open),
        form_at("/app/import/{id}", import, "table_import.checked", choices::submit),
        page_at("/app/import/{id}/run", import, "table_import.read", run::back),
        form_at("/app/import/{id}/run", import, "table_import.started", run::submit),
        form_at("/app/import/{id}/discard", import, "table_import.discarded", run::discard),
        Operation {
            media_types: &[MediaType::Any],
            ..page_at("/app/import/{id}/failed-rows", import, "table_import.failed_rows_read", run::failed_rows)
        },
    ]
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
