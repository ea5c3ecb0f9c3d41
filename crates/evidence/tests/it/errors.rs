use evidence::{EvidenceClaimStatus, EvidenceError, EvidenceRequirementStatus};
use kernel::{Id, Ulid};

use crate::harness::time;

#[test]
fn errors_name_the_condition_and_what_is_allowed() {
    for (error, expected) in [
        (
            EvidenceError::Transition { from: EvidenceClaimStatus::Approved, to: EvidenceClaimStatus::Rejected },
            "an evidence claim with status approved can't become rejected; allowed from here: expired, withdrawn",
        ),
        (
            EvidenceError::Transition { from: EvidenceClaimStatus::Expired, to: EvidenceClaimStatus::Approved },
            "an evidence claim with status expired can't become approved; allowed from here: nothing",
        ),
        (
            EvidenceError::RequirementNotActive(EvidenceRequirementStatus::Retired),
            "a claim can't be made for an evidence requirement with status retired: it must be active",
        ),
        (
            EvidenceError::AttachmentLinked(Id::new(Ulid(1))),
            "the attachment evatt_00000000000000000000000001 is linked to a claim already: upload the file again; its \
             bytes are stored only once",
        ),
        (
            EvidenceError::ValidityEnded(time(0)),
            "the validity of the evidence claim ended at 2026-05-25T14:08:33.000Z, so it can't be approved: the claim is \
             about to expire",
        ),
    ] {
        assert_eq!(error.to_string(), expected);
    }
}
