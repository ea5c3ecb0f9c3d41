//! Evidence: what an organization must be able to show, the claims by which it shows it, and the files attached to them.
//!
//! This crate holds pure rules: functions that take a command and the current state, and return a changeset or an
//! error. Requirements and claims are registers, which bundles import; only commands change the status of a claim. The
//! bytes of attachments are in an object store; [`EvidenceContent`] says under which key.

mod attached_file;
mod attachment;
mod change;
mod claim;
mod content;
mod content_record;
mod create_claim;
mod custody;
mod error;
mod file;
mod lifecycle;
mod ports;
mod remove;
mod requirement;
mod stored_bytes;
mod upload;

pub use attached_file::AttachedFile;
pub use attachment::{AttachmentStatus, EvidenceAttachment};
pub use change::{ClaimChange, ClaimChangeKind, EventRenderer};
pub use claim::{ClaimSource, EvidenceClaim, EvidenceClaimStatus};
pub use content::{
    ContentDamage, ContentError, ContentHash, ContentKey, ContentReader, ContentStore, ContentUpload, FinishedUpload,
    ListedObject, MalformedContentName, ObjectName, StoredContent,
};
pub use content_record::EvidenceContent;
pub use create_claim::{ClaimFiles, MAX_ATTACHMENTS, NewClaim, create_claim};
pub use custody::CUSTODY_EVENTS;
pub use error::EvidenceError;
pub use file::{ContentType, ContentTypeRule, FileName, FileNameRule, ObjectKey, ObjectKeyRule, Sha256, Sha256Rule};
pub use lifecycle::{approve, expire, reject, withdraw};
pub use ports::DueEvidence;
pub use remove::{Removal, remove};
pub use requirement::{EvidenceRequirement, EvidenceRequirementStatus};
pub use stored_bytes::is_stored;
pub use upload::{NewAttachment, record_replacement, upload, write_content};
