//! Updates by drafts that state a part of a record: those of tables, and those of documents, which never change what people
//! decided.

use findings::{Finding, NewFinding};
use import::CheckedDraft;
use kernel::{AnyRecord as _, Record, Stored};
use registers::Vulnerability;

use crate::failure::Failure;

/// The record with which a draft updates a stored one.
pub(super) struct Completed<R> {
    pub(super) record: R,
    /// The status that the record keeps although the document states another.
    pub(super) settled: Option<&'static str>,
}

impl<R: Record> Completed<R> {
    /// Completes the record that the draft would create.
    pub(super) fn new(draft: &CheckedDraft, record: R, stored: &R) -> Self {
        let mut kept = draft.kept_columns.clone();
        let settled = if draft.keeps_decisions { settled_status(stored) } else { None };
        let status = R::COLUMNS.iter().position(|column| column.name == "status");
        let differs = status.filter(|status| !kept.contains(status) && record.value(*status) != stored.value(*status));
        match (settled, differs) {
            (Some(settled), Some(status)) => {
                kept.push(status);
                Self { record: record.keeping(stored, &kept), settled: Some(settled) }
            }
            _ => Self { record: record.keeping(stored, &kept), settled: None },
        }
    }
}

/// The status of a record about which people have decided.
fn settled_status<R: Record>(stored: &R) -> Option<&'static str> {
    let vulnerability = stored.as_any().downcast_ref::<Vulnerability>()?;
    vulnerability.status.is_settled().then(|| vulnerability.status.name())
}

/// The findings with what the stored ones have and the drafts don't state; `None` for one that does not exist and that its
/// draft can't create.
pub(super) fn completed_findings(
    findings: &[NewFinding],
    drafts: &[CheckedDraft],
    existing: &[Stored<Finding>],
) -> Result<Vec<Option<NewFinding>>, Failure> {
    let mut completed: Vec<Option<NewFinding>> = findings.iter().cloned().map(Some).collect();
    let incomplete = completed.iter_mut().zip(findings).zip(drafts).filter(|(_, draft)| draft.needs_completion());
    for ((completed, finding), draft) in incomplete {
        let Some(stored) = existing.iter().find(|stored| stored.record.key == finding.key) else {
            if !draft.missing_fields().is_empty() {
                *completed = None;
            }
            continue;
        };
        let result = draft.clone().into_finding_onto(&stored.record);
        *completed = Some(result.map_err(|errors| {
            let key = &stored.record.key;
            Failure::new(format!(
                "the finding {key} can't be completed with what the workspace has: {}",
                errors.join("; ")
            ))
        })?);
    }
    Ok(completed)
}
