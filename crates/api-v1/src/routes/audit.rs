//! The endpoints of the audit log.

use axum::http::Method;
use http_api::{
    endpoints::Operation,
    request::{Access, Charge, MediaType},
};
use scopes::Scope;

use super::JSON_OR_NDJSON;
use crate::resources::{audit_entry, audit_log};

/// The media type of notes and proofs.
const TEXT: &[MediaType] = &[MediaType::Text];

/// The media type of tiles.
const BYTES: &[MediaType] = &[MediaType::Bytes];

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation {
            method: Method::GET,
            path: "/api/v1/audit/entries",
            id: "listAuditEntries",
            tag: "Audit log",
            summary: "List entries of the audit log",
            description: "Returns an entry for every request of every service account, including rejected requests. The newest \
                          come first, or with `order=updated` the oldest.",
            access: Access::Scope(Scope::AuditRead),
            charge: Charge::Read,
            media_types: JSON_OR_NDJSON,
            action: "audit_entry.listed",
            handler: audit_entry::list,
            document: audit_entry::document,
        },
        Operation {
            method: Method::GET,
            path: "/api/v1/audit/entries/{entryId}/proof",
            id: "getAuditEntryProof",
            tag: "Audit log",
            summary: "Get the proof of an entry",
            description: "Returns the proof that the log has the entry, in the format `tlog-proof` of C2SP. With it, the entry and the verifier \
                          key of the log, anyone can verify the entry without this server: the leaf of the tree is the `hash` of the \
                          entry. There is no proof until the entry is sealed, about a second after its request, nor while the \
                          entries of an earlier version are converted; the response is a 404 that says so.",
            access: Access::Scope(Scope::AuditRead),
            charge: Charge::Read,
            media_types: TEXT,
            action: "audit_proof.read",
            handler: audit_log::get_proof,
            document: audit_log::proof_document,
        },
        Operation {
            method: Method::GET,
            path: "/api/v1/audit/log/checkpoint",
            id: "getAuditLogCheckpoint",
            tag: "Audit log",
            summary: "Get the signed head of the log",
            description: "Returns the name of the log, its number of entries and the root of its tree, as a signed note in the format \
                          `tlog-checkpoint` of C2SP. Keep it elsewhere: it proves if entries up to it are changed or removed later. With \
                          `cosigned=true` it is one of the log of the installation, with the signatures of witnesses: who are \
                          independent, and sign only what continues all that they have signed before.",
            access: Access::Scope(Scope::AuditRead),
            charge: Charge::Read,
            media_types: TEXT,
            action: "audit_checkpoint.read",
            handler: audit_log::get_checkpoint,
            document: audit_log::checkpoint_document,
        },
        Operation {
            method: Method::GET,
            path: "/api/v1/audit/log/consistency",
            id: "getAuditLogConsistency",
            tag: "Audit log",
            summary: "Get the proof that one head continues another",
            description: "Returns the proof of consistency (RFC 6962) that the log with `to` entries begins with the one that had `from`: hashes in \
                          base64, one a line, as `tlog-witness` of C2SP has them. It is empty if they are equal, or `from` is 0. A \
                          size beyond the head of the log is answered with 404.",
            access: Access::Scope(Scope::AuditRead),
            charge: Charge::Read,
            media_types: TEXT,
            action: "audit_consistency.read",
            handler: audit_log::get_consistency,
            document: audit_log::consistency_document,
        },
        Operation {
            method: Method::GET,
            path: "/api/v1/audit/log/tile/{level}/{path}",
            id: "getAuditLogTile",
            tag: "Audit log",
            summary: "Get a tile of the tree",
            description: "Returns hashes of the tree of the log as `tlog-tiles` of C2SP has them: 256 of 32 bytes, or fewer in a partial tile \
                          (`.p/W` at the end of the path). The path may contain slashes: `x001/x234/067`. At the level `entries` the \
                          tiles have the `hash` of each entry after its length in two bytes, and not what the entry says. Clients of \
                          static logs take `/api/v1/audit/log` as the address of the log. A full tile never changes.",
            access: Access::Scope(Scope::AuditRead),
            charge: Charge::Read,
            media_types: BYTES,
            action: "audit_tile.read",
            handler: audit_log::get_tile,
            document: audit_log::tile_document,
        },
    ]
}
