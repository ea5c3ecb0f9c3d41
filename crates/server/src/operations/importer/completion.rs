//! Updates by drafts that state a part of a record: those of tables, and those of documents, which never change what people
//! decided.

use evidence::{EvidenceClaim, EvidenceClaimStatus};
use findings::{Finding, NewFinding};
use import::{CheckedDraft, cyclonedx};
use kernel::{AnyRecord as _, OwnedScalar, Record, Stored};
use registers::{Asset, AssetStatus, Vulnerability};

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
        let shared = if draft.keeps_decisions { shared_source(&record, stored) } else { None };
        let record = record.keeping(stored, &draft.kept_columns);
        let record = match shared {
            Some(source) => with_source(&record, source),
            None => record,
        };
        let decision = if draft.keeps_decisions { Decision::about(stored) } else { None };
        let Some(Decision { status, columns }) = decision else { return Self { record, settled: None } };
        let updated = record.merged_onto(stored);
        let differs = columns.iter().any(|column| updated.value(*column) != stored.value(*column));
        // A component whose asset is retired may be in use again, whatever the document says of it: people decide.
        let is_reported = differs || retired(stored).is_some();
        Self { record: updated.keeping(stored, &columns), settled: is_reported.then_some(status) }
    }
}

/// The source that a stored asset gets because the bill of materials of another product has it, too.
fn shared_source<R: Record>(drafted: &R, stored: &R) -> Option<&'static str> {
    let [drafted, stored] = [drafted, stored].map(|record| record.as_any().downcast_ref::<Asset>());
    cyclonedx::shared_source(stored?.source_kind.as_str(), drafted?.source_kind.as_str())
}

/// The asset with this source.
fn with_source<R: Record>(record: &R, source: &str) -> R {
    let values = R::COLUMNS.iter().zip(record.values()).map(|(column, value)| match column.name {
        "source_kind" => OwnedScalar::Text(source.to_owned()),
        _ => value.to_owned(),
    });
    R::from_values(values.collect()).unwrap_or_else(|_| record.clone())
}

/// The decision of people about a record.
struct Decision {
    status: &'static str,
    /// The columns that only people change from then on.
    columns: Vec<usize>,
}

impl Decision {
    fn about<R: Record>(stored: &R) -> Option<Self> {
        let all = || (0..R::COLUMNS.len()).collect();
        let status_column = || R::COLUMNS.iter().position(|column| column.name == "status").into_iter().collect();
        let record = stored.as_any();
        let vulnerability = record.downcast_ref::<Vulnerability>().filter(|record| record.status.is_settled());
        // A review is about the evidence as it was.
        let claim = record.downcast_ref::<EvidenceClaim>().filter(|claim| claim.status != EvidenceClaimStatus::Pending);
        let of_vulnerability =
            vulnerability.map(|record| Self { status: record.status.name(), columns: status_column() });
        let of_claim = || claim.map(|claim| Self { status: claim.status.name(), columns: all() });
        let of_asset = || retired(stored).map(|asset| Self { status: asset.status.name(), columns: status_column() });
        of_vulnerability.or_else(of_claim).or_else(of_asset)
    }
}

/// The asset, if it is retired.
fn retired<R: Record>(stored: &R) -> Option<&Asset> {
    stored.as_any().downcast_ref::<Asset>().filter(|asset| asset.status == AssetStatus::Retired)
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
