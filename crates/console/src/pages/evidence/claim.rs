//! The page of a claim: its requirement, its files, its custody, and the review.

use auth::Permission;
use evidence::{AttachedFile, EvidenceClaim, EvidenceClaimStatus, EvidenceRequirement};
use futures_util::future::BoxFuture;
use http_api::{
    handlers::find,
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use kernel::{Reader, Stored};
use maud::{Markup, html};

use super::{
    custody::Custody,
    review_card::{options, review_card},
};
use crate::{
    components::{Icon, NONE, TableColumn, card, distance, prose, table},
    pages::{
        attempt::{Attempt, Decision},
        register_detail::{load_history, respond as respond_with_detail},
        viewer,
    },
    registers::Slots,
    viewer::Viewer,
};

/// Handles the request for a claim.
pub(super) fn open<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let claim = find::<EvidenceClaim>(app, request).await?;
        respond(app, request, &claim, &Attempt::default()).await
    })
}

/// Responds with the page of a claim, and with what went wrong with the review.
pub(super) async fn respond(
    app: &App,
    request: &ApiRequest,
    claim: &Stored<EvidenceClaim>,
    attempt: &Attempt<'_>,
) -> Result<ApiResponse, Problem> {
    let viewer = viewer(request)?;
    let organization = claim.meta.organization;
    let id = claim.record.evidence_requirement_id;
    let requirement = Reader::<EvidenceRequirement>::get(&*app.services.store, organization, id).await?;
    let custody = Custody::load(app, claim).await?;
    let history = load_history(app, organization, &claim.meta.id.to_string()).await?;
    let now = app.services.clock.now();
    let options = options(claim.record.status);
    let absent: &[_] = match claim.record.status {
        EvidenceClaimStatus::Pending => &[],
        _ if options.is_empty() => &[("note", "Note"), ("reason", "Reason")],
        _ => &[("note", "Note")],
    };
    let slots = Slots {
        notice: attempt.notice_on(&Decision { name: "decision", options: &options, absent }),
        meta: html! {
            @if let Some(until) = claim.record.valid_until {
                span { "Valid until " b { (viewer.zone.date(until)) } ", " span.bad[until < now] { (distance(&viewer.zone, until, now)) } }
            }
        },
        cards: html! {
            @if viewer.role.permits(Permission::ReviewEvidence) { (review_card(&viewer, claim, attempt)) }
            (requirement_card(requirement.as_ref()))
            (files_card(&viewer, claim))
        },
        last_cards: custody.card(&viewer),
        has_problem: attempt.has_problem(),
        ..Slots::default()
    };
    respond_with_detail(app, request, attempt.status(), claim, &history, slots).await
}

fn requirement_card(requirement: Option<&Stored<EvidenceRequirement>>) -> Markup {
    let Some(requirement) = requirement else { return NONE };
    let EvidenceRequirement { title, description, .. } = &requirement.record;
    let body = html! {
        div.body {
            p { a href={ "/app/evidence-requirements/" (requirement.meta.id) } { (title.as_str()) } }
            @if !description.as_str().is_empty() { div.prose { (prose(description.as_str())) } }
        }
    };
    card("requirement", "What it must show", &NONE, &body)
}

fn files_card(viewer: &Viewer, claim: &Stored<EvidenceClaim>) -> Markup {
    let files: Vec<AttachedFile> = claim.record.attachments.iter().collect();
    let heading = |title: &'static str, class: &'static str| TableColumn { title: title.into(), class };
    let columns = [heading("File", "p"), heading("Size", "num"), heading("Download", "")];
    let rows = html! {
        @for file in &files {
            @let address = format!("/app/evidence-claims/{}/files/{}", claim.meta.id, file.id);
            tr role="row" {
                th.p scope="row" role="rowheader" {
                    (file.file_name.as_str())
                    span.sub { span { (file.content_type.as_str()) } span { "Uploaded " (viewer.zone.minute(file.created_at)) } }
                    span.sub { span.key title="SHA-256 of the bytes" { (file.sha256.as_str()) } }
                }
                td.num role="cell" data-l="Size" { (size(file.size)) }
                td role="cell" { a.btn.sm href=(address) download { (Icon::Download) "Download" span.vh { " " (file.file_name.as_str()) } } }
            }
        }
    };
    let body = html! {
        @if files.is_empty() { div.body { p.muted { "No file is attached." } } } @else {
            div.body.flush { (table("Files of the claim", false, &columns, &rows)) }
            footer { span.small.muted { "Each download is verified by the hash of the file, and is recorded in the chain of custody." } }
        }
    };
    card("files", "Files", &NONE, &body)
}

/// A number of bytes in the unit that a reader expects.
pub(super) fn size(bytes: i64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} bytes");
    }
    let (mut whole, mut tenths, mut unit) = (bytes / 1024, bytes % 1024 * 10 / 1024, 0);
    while whole >= 1024 && unit + 1 < UNITS.len() {
        (whole, tenths, unit) = (whole / 1024, whole % 1024 * 10 / 1024, unit + 1);
    }
    format!("{whole}.{tenths} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_the_unit_that_a_reader_expects() {
        assert_eq!(size(17), "17 bytes");
        assert_eq!(size(48_211), "47.0 KiB");
        assert_eq!(size(5 * 1024 * 1024 + 512 * 1024), "5.5 MiB");
        assert_eq!(size(i64::MAX), "8388607.9 TiB");
    }
}
