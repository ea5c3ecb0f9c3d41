//! The risks whose subjects are findings.

use std::collections::HashMap;

use findings::Finding;
use import::{
    MAX_DOCUMENT_RECORDS,
    oscal::export::{finding_of, risk_uuid},
};
use kernel::{Id, Stored};
use registers::Risk;

use crate::failure::Failure;

/// A risk whose subject is a finding.
#[derive(Clone, Debug)]
pub(super) struct LinkedRisk {
    pub(super) id: Id<Risk>,
    uuid: String,
}

/// The risks whose subjects are findings, by the keys or the identifiers of these.
#[derive(Debug, Default)]
pub(super) struct LinkedRisks {
    by_finding: HashMap<String, Vec<LinkedRisk>>,
    count: usize,
}

impl LinkedRisks {
    /// Adds a risk if its subject is a finding.
    ///
    /// # Errors
    /// If there are too many.
    pub(super) fn add(&mut self, stored: &Stored<Risk>) -> Result<(), Failure> {
        let Some(finding) = finding_of(&stored.record) else { return Ok(()) };
        self.count += 1;
        if self.count > MAX_DOCUMENT_RECORDS {
            return Err(Failure::new(format!(
                "more than {MAX_DOCUMENT_RECORDS} risks have a finding as their subject, which no import of OSCAL takes; \
                 export with --format jsonl"
            )));
        }
        let risk = LinkedRisk { id: stored.meta.id, uuid: risk_uuid(stored) };
        self.by_finding.entry(finding.to_owned()).or_default().push(risk);
        Ok(())
    }

    /// The risks whose subject is the finding.
    pub(super) fn of<'l>(&'l self, finding: &Stored<Finding>) -> impl Iterator<Item = &'l LinkedRisk> {
        let names = [finding.record.key.to_string(), finding.meta.id.to_string()];
        names.into_iter().filter_map(|name| self.by_finding.get(&name)).flatten()
    }

    /// The UUIDs of the risks whose subject is the finding.
    pub(super) fn uuids_of(&self, finding: &Stored<Finding>) -> Vec<String> {
        self.of(finding).map(|risk| risk.uuid.clone()).collect()
    }
}
