//! The page of one record.

use audit::{AuditLog, StoredEntry};
use auth::Permission;
use axum::http::StatusCode;
use futures_util::future::BoxFuture;
use http_api::{
    handlers::find,
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use kernel::{OrganizationId, Reader, Record, Stored, Subject};
use store::DynStore;

use super::{
    claim_button::button_of_requirement, form_texts::query_value, forms::has_form, references::load_names, viewer,
};
use crate::{
    navigation::section_of,
    registers::{Detail, Row, Slots, detail, referred_by, register_of},
    response::page_response,
    words::{sentence, words},
};

/// The number of entries of the history that the page shows.
const HISTORY: usize = 30;

/// The number of entries that are read, since the steps of a record's life are in them.
const ENTRIES: usize = 200;

/// The verbs that a page says after a change.
const DONE: [&str; 13] = [
    "created",
    "saved",
    "moved",
    "commented_on",
    "updated",
    "approved",
    "rejected",
    "withdrawn",
    "started",
    "completed",
    "reopened",
    "superseded",
    "archived",
];

/// Handles the request for a record.
pub(crate) fn handle<'a, R: Record>(
    app: &'a App,
    request: &'a ApiRequest,
) -> BoxFuture<'a, Result<ApiResponse, Problem>>
where
    DynStore: Reader<R>,
{
    Box::pin(async move {
        let stored = find::<R>(app, request).await?;
        let history = load_history(app, stored.meta.organization, &stored.meta.id.to_string()).await?;
        let actions = button_of_requirement::<R>(&viewer(request)?, &Row::of(&stored));
        respond(app, request, StatusCode::OK, &stored, &history, Slots { actions, ..Slots::default() }).await
    })
}

/// Loads the newest entries of the audit log about the changes of a record.
///
/// # Errors
/// The error response if the store fails.
pub(crate) async fn load_history(
    app: &App,
    organization: OrganizationId,
    id: &str,
) -> Result<Vec<StoredEntry>, Problem> {
    Ok(AuditLog::changes(&*app.services.store, organization, id, ENTRIES).await?)
}

/// Responds with the page of a record.
///
/// # Errors
/// The error response if the store fails.
pub(crate) async fn respond<R: Record>(
    app: &App,
    request: &ApiRequest,
    status: StatusCode,
    stored: &Stored<R>,
    history: &[StoredEntry],
    slots: Slots,
) -> Result<ApiResponse, Problem> {
    let viewer = viewer(request)?;
    let (register, row) = (register_of::<R>(), Row::of(stored));
    let names = load_names(app, stored.meta.organization, &referred_by(&register, &row)).await?;
    let done = query_value(request, "done").filter(|verb| DONE.contains(&verb.as_str()));
    let done = done.map(|verb| sentence(&format!("the {} was {}.", register.noun(), words(&verb))));
    let view = Detail {
        register,
        section: section_of(R::KIND),
        row: &row,
        names: &names,
        history: &history[..history.len().min(HISTORY)],
        done: done.as_deref().filter(|_| !slots.has_problem),
        may_edit: has_form(R::KIND) && viewer.role.permits(Permission::ChangeRecords),
        may_read_audit_log: viewer.role.permits(Permission::ReadAuditLog),
        slots,
    };
    Ok(page_response(status, detail(&viewer, &view)).with_subject(Subject::from_id(stored.meta.id)))
}
