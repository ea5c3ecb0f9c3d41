//! Errors of commands on evidence claims.

use kernel::{FieldError, Id, Timestamp};

use crate::{attachment::EvidenceAttachment, claim::EvidenceClaimStatus, requirement::EvidenceRequirementStatus};

/// The reason why a command on a claim is rejected. Nothing has been changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvidenceError {
    /// Fields of the command are invalid.
    #[error("the request is invalid")]
    Invalid(Vec<FieldError>),
    /// The requirement is not in force.
    #[error(
        "a claim can't be made for an evidence requirement with status {}: it must be {}",
        .0.name(), EvidenceRequirementStatus::Active.name()
    )]
    RequirementNotActive(EvidenceRequirementStatus),
    /// Attachments that the account can't link: they do not exist, others uploaded them, or they were removed. The
    /// indexes are those of the attachments in the command.
    #[error("{} attachments can't be linked", .0.len())]
    UnknownAttachments(Vec<usize>),
    /// The attachment belongs to another claim.
    #[error("the attachment {0} is linked to a claim already: upload the file again; its bytes are stored only once")]
    AttachmentLinked(Id<EvidenceAttachment>),
    /// The lifecycle does not allow the transition.
    #[error(
        "an evidence claim with status {} can't become {}; allowed from here: {}",
        .from.name(), .to.name(), names(.from.allowed_next())
    )]
    Transition {
        /// The current status.
        from: EvidenceClaimStatus,
        /// The requested status.
        to: EvidenceClaimStatus,
    },
    /// The claim is not pending any more, and what was reviewed must stay as it was.
    #[error(
        "an evidence claim with status {} is not changed by imports, only one that is {}: make a new claim with another key",
        .0.name(), EvidenceClaimStatus::Pending.name()
    )]
    Settled(EvidenceClaimStatus),
    /// The validity of the claim has ended, so it can't be approved.
    #[error("the validity of the evidence claim ended at {0}, so it can't be approved: the claim is about to expire")]
    ValidityEnded(Timestamp),
    /// The validity of the claim has not ended, so it can't expire.
    #[error("the validity of the evidence claim has not ended")]
    StillValid,
}

fn names(statuses: &[EvidenceClaimStatus]) -> String {
    if statuses.is_empty() {
        return "nothing".to_owned();
    }
    statuses.iter().map(|status| status.name()).collect::<Vec<_>>().join(", ")
}
