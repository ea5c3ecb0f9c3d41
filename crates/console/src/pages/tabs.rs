//! The lists that belong together, as tabs above each of them.

use kernel::Kind;
use maud::Markup;

use crate::components::{NONE, tabs};

/// The lists of evidence.
const EVIDENCE: [(&str, &str); 3] = [
    ("/app/evidence", "To review"),
    ("/app/evidence-claims", "All claims"),
    ("/app/evidence-requirements", "Requirements"),
];

/// The lists of submissions.
const SUBMISSIONS: [(&str, &str); 3] = [
    ("/app/submissions", "Calendar"),
    ("/app/submission-packages", "All packages"),
    ("/app/submission-requirements", "Requirements"),
];

/// The tabs of evidence, at this address.
pub(crate) fn evidence_tabs(current: &str) -> Markup {
    tabs("Lists of evidence", &EVIDENCE, current)
}

/// The tabs of submissions, at this address.
pub(crate) fn submission_tabs(current: &str) -> Markup {
    tabs("Lists of submissions", &SUBMISSIONS, current)
}

/// The tabs above the list of a register.
pub(super) fn tabs_of(kind: Kind) -> Markup {
    match kind {
        Kind::EvidenceClaim => evidence_tabs("/app/evidence-claims"),
        Kind::EvidenceRequirement => evidence_tabs("/app/evidence-requirements"),
        Kind::SubmissionPackage => submission_tabs("/app/submission-packages"),
        Kind::SubmissionRequirement => submission_tabs("/app/submission-requirements"),
        _ => NONE,
    }
}
