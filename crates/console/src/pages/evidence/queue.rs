//! The queue of claims that wait for a review.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use evidence::{EvidenceClaim, EvidenceClaimStatus, EvidenceRequirement};
use futures_util::future::{BoxFuture, try_join_all};
use http_api::{
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use kernel::{Filter, Id, Order, PageLimit, PageRequest, Reader, Stored, Timestamp};
use maud::{Markup, html};

use crate::{
    components::{Head, Icon, TableColumn, blank, distance, heading, page, table},
    pages::{claim_button::new_claim_button, tabs::evidence_tabs, viewer},
    response::page_response,
    viewer::Viewer,
    words::{counted, sentence},
};

/// The most claims that the queue shows. Who reviews some sees the next ones.
const SHOWN: u64 = 50;

/// Handles the request.
pub(super) fn handle<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let organization = request.principal()?.organization();
        let store = &*app.services.store;
        let pending = Filter::<EvidenceClaim>::default().with("status", [EvidenceClaimStatus::Pending]);
        let page = PageRequest { limit: PageLimit::clamped(SHOWN), order: Order::Changed, ..PageRequest::default() };
        let page = Reader::<EvidenceClaim>::list(store, organization, &pending, &page).await?;
        let mut claims = page.items;
        claims.sort_by_key(|claim| claim.record.valid_until.unwrap_or(Timestamp::MAX));
        let mut ids: Vec<Id<EvidenceRequirement>> =
            claims.iter().map(|claim| claim.record.evidence_requirement_id).collect();
        ids.sort_unstable();
        ids.dedup();
        let loads = ids.into_iter().map(|id| Reader::<EvidenceRequirement>::get(store, organization, id));
        let requirements = try_join_all(loads).await?.into_iter().flatten();
        let titles = requirements.map(|found| (found.meta.id.to_string(), found.record.title.to_string())).collect();
        let now = app.services.clock.now();
        Ok(page_response(StatusCode::OK, queue(&viewer(request)?, &claims, &titles, page.next.is_some(), now)))
    })
}

fn queue(
    viewer: &Viewer,
    claims: &[Stored<EvidenceClaim>],
    requirements: &BTreeMap<String, String>,
    has_more: bool,
    now: Timestamp,
) -> Markup {
    let heading_of = |title: &'static str, class: &'static str| TableColumn { title: title.into(), class };
    let columns = [
        heading_of("Claim", "p w-title"),
        heading_of("Requirement", "t2"),
        heading_of("Valid until", ""),
        heading_of("Files", "num"),
        heading_of("From", "t2"),
        heading_of("Waiting since", "num"),
    ];
    let rows = html! {
        @for claim in claims {
            @let EvidenceClaim { evidence_requirement_id, key, title, valid_until, source_kind, .. } = &claim.record;
            @let requirement = evidence_requirement_id.to_string();
            tr role="row" {
                th.p.w-title scope="row" role="rowheader" {
                    a.prime dir="auto" href={ "/app/evidence-claims/" (claim.meta.id) } { (title.as_str()) }
                    span.sub { span.key { (key.as_str()) } }
                }
                td.t2 role="cell" {
                    a href={ "/app/evidence-requirements/" (requirement) } { (requirements.get(&requirement).map_or(requirement.as_str(), String::as_str)) }
                }
                td role="cell" data-l="Valid until" { (validity(viewer, *valid_until, now)) }
                td.num role="cell" data-l="Files" { (claim.record.attachments.iter().count()) }
                td.t2 role="cell" data-l="From" { (sentence(source_kind.name())) }
                td.num role="cell" data-l="Waiting since" { span.muted.nowrap { (viewer.zone.day(claim.meta.created_at, now)) } }
            }
        }
    };
    let content = html! {
        (heading("Evidence to review", &html! { p { "Claims that nobody has decided on, those whose validity ends soonest first." } }, &new_claim_button(viewer, None)))
        (evidence_tabs("/app/evidence"))
        section.card aria-label="Evidence to review" {
            @if claims.is_empty() {
                @let all = html! { a.btn href="/app/evidence-claims" { "All claims" } };
                (blank(Icon::Evidence, "Nothing waits for a review", "People make claims here, and integrations with the API. They appear here until somebody approves or rejects them.", &all))
            } @else {
                (table("Evidence to review, soonest first", viewer.has_compact_rows, &columns, &rows))
                nav.pager aria-label="Pages" {
                    @if has_more {
                        span { "The " (claims.len()) " that have waited longest. More follow when these are decided." }
                        a.btn.sm href="/app/evidence-claims?status=pending" { "All that wait" }
                    } @else { span { (counted(claims.len(), "claim waits", "claims wait")) ", soonest first" } }
                }
            }
        }
    };
    page(viewer, &Head { title: "Evidence", section: "/app/evidence", ..Head::default() }, &content)
}

/// The end of a validity, and how far away it is.
fn validity(viewer: &Viewer, until: Option<Timestamp>, now: Timestamp) -> Markup {
    html! {
        @if let Some(until) = until {
            span.nowrap.bad[until < now] { (viewer.zone.day(until, now)) }
            span.sub.nw { span.bad[until < now] { (distance(&viewer.zone, until, now)) } }
        } @else { span.muted { "No end" } }
    }
}
