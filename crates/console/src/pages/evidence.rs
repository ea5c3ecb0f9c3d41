//! The pages of evidence: the queue of claims that wait for a review, and a claim with its files and its custody.

mod claim;
mod custody;
mod file;
mod queue;
mod review;
mod review_card;

use auth::Permission;
use axum::http::Method;
use http_api::{
    endpoints::Operation,
    request::{Access, Charge, MediaType},
};

use crate::page_operation::page_operation;

/// Returns the endpoints.
pub(crate) fn operations() -> Vec<Operation> {
    let read = Access::Permission(Permission::ReadRecords);
    let review = Access::Permission(Permission::ReviewEvidence);
    vec![
        Operation {
            handler: queue::handle,
            ..page_operation(Method::GET, "/app/evidence", read, "evidence_claim.listed")
        },
        Operation {
            handler: claim::open,
            ..page_operation(Method::GET, "/app/evidence-claims/{id}", read, "evidence_claim.read")
        },
        Operation {
            handler: file::download,
            media_types: &[MediaType::Any],
            ..page_operation(
                Method::GET,
                "/app/evidence-claims/{id}/files/{attachmentId}",
                read,
                "evidence_attachment.downloaded",
            )
        },
        Operation {
            handler: review::submit,
            charge: Charge::Write,
            ..page_operation(Method::POST, "/app/evidence-claims/{id}/review", review, "evidence_claim.reviewed")
        },
    ]
}
