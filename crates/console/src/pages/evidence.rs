//! The pages of evidence: the queue of claims that wait for a review, a claim with its files and its custody, and the form
//! in which people make one.

mod claim;
mod custody;
mod file;
mod new_claim;
mod queue;
mod received_form;
mod review;
mod review_card;

use auth::Permission;
use http_api::{
    endpoints::Operation,
    request::{Access, MediaType},
};

use crate::page_operation::{form_at, page_at, upload_at};

/// The address of a file of a claim.
const FILE: &str = "/app/evidence-claims/{id}/files/{attachmentId}";

/// Returns the endpoints.
pub(crate) fn operations() -> Vec<Operation> {
    let read = Access::Permission(Permission::ReadRecords);
    let review = Access::Permission(Permission::ReviewEvidence);
    let change = Access::Permission(Permission::ChangeRecords);
    vec![
        page_at("/app/evidence", read, "evidence_claim.listed", queue::handle),
        page_at("/app/evidence-claims/new", change, "evidence_claim.form_opened", new_claim::open),
        upload_at("/app/evidence-claims", change, "evidence_claim.created", new_claim::submit),
        page_at("/app/evidence-claims/{id}", read, "evidence_claim.read", claim::open),
        Operation {
            media_types: &[MediaType::Any],
            ..page_at(FILE, read, "evidence_attachment.downloaded", file::download)
        },
        form_at("/app/evidence-claims/{id}/review", review, "evidence_claim.reviewed", review::submit),
    ]
}
