//! The page of one record.

use std::collections::BTreeSet;

use audit::{AuditFilter, AuditLog};
use auth::Permission;
use axum::http::StatusCode;
use futures_util::future::BoxFuture;
use http_api::{
    handlers::find,
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use kernel::{PageLimit, PageRequest, Reader, Record, Subject};
use store::DynStore;

use super::{register_pages::has_form, viewer};
use crate::{
    navigation::section_of,
    registers::{Detail, Row, detail, register_of},
    response::page_response,
    words::sentence,
};

/// The number of entries of the history that the page shows.
const HISTORY: u64 = 20;

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
        let row = Row::of(&stored);
        let filter = AuditFilter { subjects: BTreeSet::from([row.id.clone()]), ..AuditFilter::default() };
        let page = PageRequest { limit: PageLimit::clamped(HISTORY), ..PageRequest::default() };
        let entries = AuditLog::entries(&*app.services.store, stored.meta.organization, &filter, &page).await?;
        let history: Vec<_> =
            entries.items.into_iter().map(|stored| stored.entry).filter(|entry| !entry.changes.is_empty()).collect();
        let viewer = viewer(request)?;
        let done = match request.query() {
            "done=created" => Some("created"),
            "done=saved" => Some("saved"),
            _ => None,
        };
        let register = register_of::<R>();
        let done = done.map(|verb| sentence(&format!("the {} was {verb}.", register.noun())));
        let view = Detail {
            register,
            section: section_of(R::KIND),
            row: &row,
            history: &history,
            done: done.as_deref(),
            may_edit: has_form(R::KIND) && viewer.role.permits(Permission::ChangeRecords),
            may_read_audit_log: viewer.role.permits(Permission::ReadAuditLog),
        };
        Ok(page_response(StatusCode::OK, detail(&viewer, &view)).with_subject(Subject::from_id(stored.meta.id)))
    })
}
