//! The page of one record.

use std::collections::BTreeSet;

use audit::{AuditFilter, AuditLog, StoredEntry};
use auth::Permission;
use axum::http::StatusCode;
use futures_util::future::BoxFuture;
use http_api::{
    handlers::find,
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use kernel::{Kind, OrganizationId, PageLimit, PageRequest, Reader, Record, Stored, Subject};
use store::DynStore;

use super::{form_texts::query_value, forms::has_form, references::load_names, viewer};
use crate::{
    navigation::section_of,
    registers::{Detail, Row, Slots, detail, referred_by, register_of},
    response::page_response,
    words::{sentence, words},
};

/// The number of entries of the history that the page shows.
const HISTORY: usize = 30;

/// The last parts of the actions that change a record, so that reading it often does not push its changes out of the
/// history.
const CHANGES: [&str; 14] = [
    "created",
    "updated",
    "event_recorded",
    "review_started",
    "approved",
    "returned",
    "rejected",
    "withdrawn",
    "expired",
    "started",
    "completed",
    "reopened",
    "superseded",
    "archived",
];

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
        let history = load_history(app, stored.meta.organization, R::KIND, &stored.meta.id.to_string()).await?;
        respond(app, request, StatusCode::OK, &stored, &history, Slots::default()).await
    })
}

/// Loads the newest entries of the audit log about the changes of a record: more than the page shows, since the steps of its
/// life are in them.
///
/// # Errors
/// The error response if the store fails.
pub(crate) async fn load_history(
    app: &App,
    organization: OrganizationId,
    kind: Kind,
    id: &str,
) -> Result<Vec<StoredEntry>, Problem> {
    let filter = AuditFilter {
        actions: CHANGES.iter().map(|verb| format!("{}.{verb}", kind.name())).collect(),
        subjects: BTreeSet::from([id.to_owned()]),
        ..AuditFilter::default()
    };
    let page = PageRequest { limit: PageLimit::clamped(u64::from(PageLimit::MAX)), ..PageRequest::default() };
    let mut entries = AuditLog::entries(&*app.services.store, organization, &filter, &page).await?.items;
    // A request that was refused has its entry, too, but changed nothing.
    entries.retain(|stored| !stored.entry.changes.is_empty());
    Ok(entries)
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
