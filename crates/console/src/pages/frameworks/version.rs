//! The page of a version of a framework: its requirements as a tree, and the one that is chosen.

use std::collections::BTreeSet;

use auth::Permission;
use axum::http::StatusCode;
use futures_util::future::BoxFuture;
use http_api::{
    handlers::find,
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use maud::{Markup, html};
use registers::{FrameworkVersion, NodeKind};

use super::{
    covering::covering,
    tree::{MAX_OPEN, Tree},
};
use crate::{
    components::{Icon, NONE, card, prose},
    pages::{
        register_detail::{load_history, respond},
        viewer,
    },
    registers::Slots,
    words::sentence,
};

/// Handles the request for a version.
pub(super) fn open<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let version = find::<FrameworkVersion>(app, request).await?;
        let (organization, id) = (version.meta.organization, version.meta.id);
        let pairs: Vec<(String, String)> = form_urlencoded::parse(request.query().as_bytes()).into_owned().collect();
        let open = pairs.iter().filter(|(name, _)| name == "open").map(|(_, key)| key.clone());
        let open: BTreeSet<String> = open.take(MAX_OPEN).collect();
        let selected = pairs.iter().find(|(name, _)| name == "node").map_or("", |(_, key)| key.as_str());
        let shows_gaps = pairs.iter().any(|(name, value)| name == "show" && value == "uncovered");
        let tree = Tree::load(app, organization, id, open, shows_gaps).await?;
        let history = load_history(app, organization, &id.to_string()).await?;
        let may_cover = viewer(request)?.role.permits(Permission::ChangeRecords);
        let cards = cards(&format!("/app/framework-versions/{id}"), &tree, selected, may_cover);
        respond(app, request, StatusCode::OK, &version, &history, Slots { cards, ..Slots::default() }).await
    })
}

fn cards(path: &str, tree: &Tree, selected: &str, may_cover: bool) -> Markup {
    let version = path.rsplit('/').next().unwrap_or_default();
    let all = html! {
        @if tree.shows_gaps() { a href=(tree.address(path, selected, false)) { "Show all" } }
        @else if tree.version_coverage().is_some() { a href=(tree.address(path, selected, true)) { "Show what is not covered" } }
        a href={ "/app/framework-nodes?frameworkVersionId=" (version) } { "As a list" }
    };
    let body = html! {
        @if tree.is_empty() { div.body { p.muted { "No requirement yet. Import them from OSCAL or a table." } } }
        @else {
            @if let Some(coverage) = tree.version_coverage() {
                div.body { p.small.muted {
                    (coverage.all.text()) "."
                    @if tree.shows_gaps() && coverage.all.covered == coverage.all.requirements { " Nothing is left to cover." }
                    @else if tree.shows_gaps() { " Only what nothing covers is shown, with the groups above it." }
                } }
            }
            div.body.flush { (tree.table(path, selected)) }
        }
    };
    html! {
        @if let Some(node) = tree.node(selected) {
            (card("node", &format!("{} {}", node.record.key, node.record.title), &html! { a href={ "/app/framework-nodes/" (node.meta.id) } { "Open its page" } }, &html! {
                div.body.stack {
                    div.row { span.b { (sentence(node.record.node_kind.name())) } (tree.coverage(node)) }
                    @if !node.record.text.as_str().is_empty() { div.prose { (prose(node.record.text.as_str())) } }
                    h3 { "Covered by" }
                    @if tree.links(node).next().is_none() { p.muted { "Nothing yet." } }
                    @if may_cover && node.record.node_kind != NodeKind::Group {
                        p { a.btn href={ "/app/coverage-links/new?frameworkVersionId=" (version) "&nodeId=" (node.meta.id) } { (Icon::Plus) "Cover it…" } }
                    }
                    ul.stack.small {
                        @for link in tree.links(node) {
                            li.row { (covering(&link.record, &tree.targets)) }
                        }
                    }
                }
            }))
        }
        (card("tree", "Requirements", &if tree.is_empty() { NONE } else { all }, &body))
    }
}
