//! The kinds of records that people create and edit in the generic form.

use import::RecordKind;
use kernel::Kind;

/// The kinds whose records have rules of their own, so that no form changes them.
const WITHOUT_FORM: &[Kind] =
    &[Kind::FindingEvent, Kind::EvidenceClaim, Kind::SubmissionEvent, Kind::MonitorRun, Kind::MonitorRunItem];

/// Whether tables of this kind are imported: only those whose records people may create and edit without further rules.
pub(crate) fn is_importable(kind: Kind) -> bool {
    has_form(kind) && RecordKind::of(kind).is_some()
}

/// Whether people create records of this kind, in the generic form or in one of their own.
pub(crate) fn may_be_created(kind: Kind) -> bool {
    has_form(kind) || kind == Kind::EvidenceClaim
}

/// Whether records of this kind are created and edited in the generic form.
pub(crate) fn has_form(kind: Kind) -> bool {
    !WITHOUT_FORM.contains(&kind)
}
