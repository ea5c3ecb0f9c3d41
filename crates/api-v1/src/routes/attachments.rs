//! The endpoints of attachments, of new claims, and of the custody of evidence.

use axum::http::Method;
use http_api::{
    endpoints::Operation,
    request::{Access, Charge, MediaType},
};
use scopes::Scope;

use super::{JSON, JSON_OR_NDJSON};
use crate::resources::{attachment, custody, evidence_claim};

/// The media type of files, which have one of their own.
const ANY: &[MediaType] = &[MediaType::Any];

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation {
            method: Method::POST,
            path: "/api/v1/governance/evidence/attachments",
            id: "uploadEvidenceAttachment",
            tag: "Evidence",
            summary: "Upload a file",
            description: "The body is the file itself, of any media type. Its name is in `Content-Disposition`. The attachment can then be linked to a \
                          claim by the account that uploaded it; if it is not linked within 24 hours, it is removed. Files with the same bytes are \
                          stored once. An empty file is refused, and a file that is larger than the server allows, 256 MiB unless the operator has \
                          set another limit, is answered with 413.",
            access: Access::Scope(Scope::EvidenceWrite),
            charge: Charge::Write,
            media_types: JSON,
            action: "evidence_attachment.created",
            handler: attachment::post,
            document: attachment::post_document,
        },
        Operation {
            method: Method::POST,
            path: "/api/v1/governance/evidence/claims",
            id: "createEvidenceClaim",
            tag: "Evidence",
            summary: "Make an evidence claim",
            description: "The requirement must be active, otherwise the response is a 422. Files are either uploaded before and named in \
                          `attachmentIds`, or sent in `attachments`, if the whole request is no larger than 1 MiB. The claim is pending \
                          until a reviewer approves or rejects it. A claim that is pending or approved expires within a minute after \
                          `validUntil`.",
            access: Access::Scope(Scope::EvidenceWrite),
            charge: Charge::Write,
            media_types: JSON,
            action: "evidence_claim.created",
            handler: evidence_claim::post,
            document: evidence_claim::post_document,
        },
        Operation {
            method: Method::GET,
            path: "/api/v1/governance/evidence/attachments/{attachmentId}/content",
            id: "downloadEvidenceAttachment",
            tag: "Evidence",
            summary: "Download a file",
            description: "The bytes are sent as they were uploaded. Their SHA-256 hash is verified while they are sent: if they were altered in the \
                          store, the connection is closed before the last of them. Before a range is sent, all bytes are verified, unless they \
                          were within the last ten minutes; if they were altered, the response is a 500. `Repr-Digest` of a range is the hash \
                          of all bytes.",
            access: Access::Scope(Scope::EvidenceRead),
            charge: Charge::Read,
            media_types: ANY,
            action: "evidence_attachment.downloaded",
            handler: attachment::content::get,
            document: attachment::content::document,
        },
        Operation {
            method: Method::GET,
            path: "/api/v1/governance/evidence/claims/{claimId}/custody",
            id: "listEvidenceCustody",
            tag: "Evidence",
            summary: "List the chain of custody of a claim",
            description: "Returns what has happened to the claim and its files, from the audit log: uploads, links, reviews, changes by imports, \
                          and downloads. A download that did not reach its end is followed by `download_aborted` with the same `requestId`. The \
                          newest events come first, or with `order=updated` the oldest. The sequence and the hash of an event are those of its \
                          entry in the audit log.",
            access: Access::Scope(Scope::EvidenceRead),
            charge: Charge::Read,
            media_types: JSON_OR_NDJSON,
            action: "evidence_claim.custody_listed",
            handler: custody::list,
            document: custody::document,
        },
    ]
}
