//! The import of an upload, its end, and the download of the rows that fail.

use axum::http::StatusCode;
use futures_util::future::BoxFuture;
use http_api::{
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use kernel::Id;
use store::TableImportId;

use super::{choices, preview_page};
use crate::{
    pages::{attempt::Attempt, form_texts::FormTexts, viewer},
    registers::TypedFaults,
    response::{download, redirect},
    services::ConsoleServices,
    tables::TableRefusal,
};

/// The reason why nothing is imported with choices of which nobody has seen what they do.
const CHANGED: &str = "The columns or the options were changed after the last check, so nothing was imported. The table is now checked with them: look at what it would do, then import it";

/// Handles the form that imports the records.
pub(super) fn submit<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let texts = FormTexts::read(request)?;
        let principal = request.principal()?;
        let (organization, id) = (principal.organization_ref(), request.path_id()?);
        let tables = &ConsoleServices::of(request)?.tables;
        let import = tables.find(organization.id, id).await?;
        let viewer = viewer(request)?;
        if !choices::are_checked(&viewer, &texts, &import) {
            let message = match tables.preview(organization, id, choices::options(&viewer, &texts, &import)).await {
                Ok(()) => CHANGED.to_owned(),
                Err(TableRefusal::Refused(message)) => message,
                Err(refusal) => return Err(refusal.into()),
            };
            return preview_page::respond(app, request, &Attempt::refused(&texts, message)).await;
        }
        let reason = match texts.reason() {
            Ok(reason) => reason,
            Err(message) => {
                let mut faults = TypedFaults::default();
                faults.0.insert("reason".to_owned(), message);
                return preview_page::respond(app, request, &Attempt::faulty(&texts, faults)).await;
            }
        };
        match tables.start(organization, id, request.attribution(principal), reason).await {
            Ok(()) => Ok(redirect(&format!("/app/import/{id}")).recorded()),
            Err(TableRefusal::Refused(message)) => {
                preview_page::respond(app, request, &Attempt::refused(&texts, message)).await
            }
            Err(refusal) => Err(refusal.into()),
        }
    })
}

/// Handles the request for the address of the form, which stands in the browser after a form with a fault.
pub(super) fn back<'a>(_: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let id: Id<TableImportId> = request.path_id()?;
        Ok(redirect(&format!("/app/import/{id}")))
    })
}

/// Handles the form that discards an import.
pub(super) fn discard<'a>(_: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        FormTexts::read(request)?;
        let organization = request.principal()?.organization();
        ConsoleServices::of(request)?.tables.discard(organization, request.path_id()?).await?;
        Ok(redirect("/app/import"))
    })
}

/// Handles the request for the rows that fail.
pub(super) fn failed_rows<'a>(_: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let organization = request.principal()?.organization_ref();
        let tables = &ConsoleServices::of(request)?.tables;
        let id = request.path_id()?;
        let rows = tables.failed_rows(organization, id).await?;
        let response = ApiResponse::document(StatusCode::OK, "text/csv; charset=utf-8", rows);
        Ok(download(response, &choices::name_of_failed_rows(id)))
    })
}
