//! The page of a framework, with its versions.

use axum::http::StatusCode;
use futures_util::future::BoxFuture;
use http_api::{
    handlers::find,
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use kernel::{Filter, PageRequest, Reader, Stored};
use maud::{Markup, html};
use registers::{Framework, FrameworkVersion};

use crate::{
    components::{NONE, TableColumn, card, status, table},
    pages::{
        register_detail::{load_history, respond},
        viewer,
    },
    registers::Slots,
    viewer::Viewer,
};

/// Handles the request for a framework.
pub(super) fn open<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let framework = find::<Framework>(app, request).await?;
        let organization = framework.meta.organization;
        let filter = Filter::<FrameworkVersion>::default().with("framework_id", [framework.meta.id]);
        let page = PageRequest::default();
        let versions = Reader::<FrameworkVersion>::list(&*app.services.store, organization, &filter, &page).await?;
        let history = load_history(app, organization, &framework.meta.id.to_string()).await?;
        let slots = Slots { cards: versions_card(&viewer(request)?, &versions.items), ..Slots::default() };
        respond(app, request, StatusCode::OK, &framework, &history, slots).await
    })
}

fn versions_card(viewer: &Viewer, versions: &[Stored<FrameworkVersion>]) -> Markup {
    let heading = |title: &'static str, class: &'static str| TableColumn { title: title.into(), class };
    let columns = [heading("Version", "p"), heading("Key", ""), heading("Status", ""), heading("In force from", "num")];
    let rows = html! {
        @for version in versions {
            @let FrameworkVersion { key, version_label, effective_at, .. } = &version.record;
            tr role="row" {
                th.p scope="row" role="rowheader" { a.prime dir="auto" href={ "/app/framework-versions/" (version.meta.id) } { (version_label.as_str()) } }
                td role="cell" data-l="Key" { span.key { (key.as_str()) } }
                td role="cell" { (status(version.record.status.name())) }
                td.num role="cell" data-l="In force from" {
                    @if let Some(at) = effective_at { (viewer.zone.date(*at)) } @else { span.muted { "Not stated" } }
                }
            }
        }
    };
    let body = html! {
        @if versions.is_empty() { div.body { p.muted { "No version yet. Import one from OSCAL or a table." } } }
        @else { div.body.flush { (table("Versions of the framework", false, &columns, &rows)) } }
    };
    card("versions", "Versions", &NONE, &body)
}
