//! Updates by drafts of documents: a document changes only what it states, and never what people decided.

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
    /// Completes the record that the draft would create. The stored one also keeps these columns.
    pub(super) fn new(draft: &CheckedDraft, kept_columns: &[usize], record: R, stored: &R) -> Self {
        let mut kept = [&draft.kept_columns[..], kept_columns].concat();
        let settled = if draft.kept_columns.is_empty() { None } else { settled_status(stored) };
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

/// The findings with what the stored ones have and the drafts don't state.
pub(super) fn completed_findings(
    findings: &[NewFinding],
    drafts: &[CheckedDraft],
    existing: &[Stored<Finding>],
) -> Result<Vec<NewFinding>, Failure> {
    let mut findings = findings.to_vec();
    for (finding, draft) in findings.iter_mut().zip(drafts).filter(|(_, draft)| !draft.kept_columns.is_empty()) {
        let Some(stored) = existing.iter().find(|stored| stored.record.key == finding.key) else { continue };
        let completed = draft.clone().into_finding_onto(&stored.record);
        *finding = completed.map_err(|errors| {
            let key = &stored.record.key;
            Failure::new(format!(
                "the finding {key} can't be completed with what the workspace has: {}",
                errors.join("; ")
            ))
        })?;
    }
    Ok(findings)
}
