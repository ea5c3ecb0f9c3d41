//! The chain of custody of a claim, which is a part of the audit log.

/// The kinds of events in the chain of custody of a claim, with the actions of their entries in the audit log.
pub const CUSTODY_EVENTS: [(&str, &str); 11] = [
    ("uploaded", "evidence_attachment.created"),
    ("linked", "evidence_attachment.linked"),
    ("downloaded", "evidence_attachment.downloaded"),
    ("download_aborted", "evidence_attachment.download_aborted"),
    ("bytes_replaced", "evidence_content.replaced"),
    ("claimed", "evidence_claim.created"),
    ("changed", "evidence_claim.updated"),
    ("approved", "evidence_claim.approved"),
    ("rejected", "evidence_claim.rejected"),
    ("withdrawn", "evidence_claim.withdrawn"),
    ("expired", "evidence_claim.expired"),
];
