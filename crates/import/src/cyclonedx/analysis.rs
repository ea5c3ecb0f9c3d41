//! The analysis of a vulnerability (VEX): whether it can be used in the product, and what is done.

use registers::VulnerabilityStatus;

use crate::object::Object;

/// The status that the analysis, or another statement of the vulnerability, leads to; `None` without one.
pub(super) fn status(vulnerability: &Object<'_>) -> Option<VulnerabilityStatus> {
    const STATES: &[&str] =
        &["resolved", "resolved_with_pedigree", "exploitable", "in_triage", "false_positive", "not_affected"];
    let state = vulnerability.object("analysis").and_then(|analysis| analysis.word("state", STATES));
    match state {
        Some("resolved" | "resolved_with_pedigree") => Some(VulnerabilityStatus::Patched),
        Some("exploitable") => Some(VulnerabilityStatus::RequiresPatch),
        Some("in_triage") => Some(VulnerabilityStatus::UnderAssessment),
        Some("false_positive" | "not_affected") => Some(VulnerabilityStatus::FalsePositive),
        // The record of the vulnerability itself was rejected.
        _ if vulnerability.member("rejected").is_some() => Some(VulnerabilityStatus::FalsePositive),
        _ => None,
    }
}

/// Whether every version that an affected component lists is unaffected.
pub(super) fn is_unaffected(affected: &Object<'_>) -> bool {
    const STATUSES: &[&str] = &["affected", "unaffected", "unknown"];
    let mut versions = affected.present_objects("versions").peekable();
    versions.peek().is_some() && versions.all(|version| version.word("status", STATUSES) == Some("unaffected"))
}
