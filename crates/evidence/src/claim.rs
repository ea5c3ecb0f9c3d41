//! Evidence claims: the assertion, with files attached, that a requirement is fulfilled for a time.

use kernel::{Description, GroupList, Id, RecordKey, Reference, Timestamp, Title, record, string_enum};

use crate::{attached_file::AttachedFile, requirement::EvidenceRequirement};

record! {
    /// An evidence claim. Imports set its status and its review when they create it; later only commands do. They change
    /// nothing of a claim that is not pending any more.
    #[record(kind = EvidenceClaim, prefix = "evclm", plural = "evidence_claims")]
    pub struct EvidenceClaim {
        /// The requirement that the claim fulfills.
        #[column(filter(Few), example("evreq_01KSFQEHQ80000000000000002"))]
        pub evidence_requirement_id: Id<EvidenceRequirement>,
        /// The key of the claim, unique in the organization.
        #[column(label("claim_key"), key, example("backup-restore-test-2026-05"))]
        pub key: RecordKey,
        /// The title of the claim.
        #[column(title, example("Restore test of May 2026"))]
        pub title: Title,
        /// The description of the evidence.
        #[column(example("All 412 tables were restored within 38 minutes."))]
        pub description: Option<Description>,
        /// The status of the claim. A review, a withdrawal or the end of its validity changes it.
        #[column(filter(Many), create_only, example("approved"))]
        pub status: EvidenceClaimStatus,
        /// The time from which the evidence is valid.
        #[column(example("2026-05-25T00:00:00.000Z"))]
        pub valid_from: Timestamp,
        /// The time at which the evidence ceases to be valid. The claim expires within a minute after it.
        #[column(after("valid_from", "the beginning of the validity"), example("2026-08-23T00:00:00.000Z"))]
        pub valid_until: Option<Timestamp>,
        /// The kind of source that made the claim.
        #[column(example("integration"))]
        pub source_kind: ClaimSource,
        /// The identifier of the evidence in the system that it comes from.
        #[column(example("backup-job/88123"))]
        pub source_reference: Option<Reference>,
        /// The attached files, as they were when the claim was made.
        #[column(derived)]
        pub attachments: GroupList<AttachedFile>,
        /// The time at which the claim was approved or rejected.
        #[column(create_only, example("2026-05-25T14:08:33.000Z"))]
        pub reviewed_at: Option<Timestamp>,
        /// The reviewer's note.
        #[column(create_only, example("Matches the job log."))]
        pub review_note: Option<Description>,
    }
}

string_enum! {
    /// The status of an evidence claim in its lifecycle.
    EvidenceClaimStatus = Pending {
        /// It waits for its review.
        Pending = "pending",
        /// A reviewer approved it.
        Approved = "approved",
        /// A reviewer rejected it.
        Rejected = "rejected",
        /// Its validity has ended.
        Expired = "expired",
        /// It was withdrawn.
        Withdrawn = "withdrawn",
    }
}

impl EvidenceClaimStatus {
    /// The statuses in which a claim expires at the end of its validity.
    pub const UNTIL_EXPIRY: &'static [Self] = &[Self::Pending, Self::Approved];
}

string_enum! {
    /// The kind of source that made a claim.
    ClaimSource = Manual {
        /// A person, or an import by an operator.
        Manual = "manual",
        /// An integration, through the API.
        Integration = "integration",
    }
}
