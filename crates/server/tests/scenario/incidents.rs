//! The mirror's own tickets: one incident for each finding.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use serde_json::Value;

#[derive(Default)]
pub(crate) struct Incidents {
    by_finding: BTreeMap<String, Incident>,
}

struct Incident {
    key: String,
    open: bool,
    /// The `updatedAt` of the finding when it was last received.
    updated_at: String,
}

impl Incidents {
    /// Creates the incident of a finding, unless it exists.
    pub(crate) fn open(&mut self, finding: &Value) {
        let incident =
            Incident { key: text(finding, "findingKey"), open: true, updated_at: text(finding, "updatedAt") };
        self.by_finding.entry(text(finding, "id")).or_insert(incident);
    }

    /// Updates the incident of a changed finding; returns whether the change was new.
    pub(crate) fn update(&mut self, finding: &Value) -> bool {
        let incident = self.by_finding.get_mut(&text(finding, "id")).expect("an incident of each finding");
        incident.open = finding["closedAt"].is_null();
        let updated_at = text(finding, "updatedAt");
        std::mem::replace(&mut incident.updated_at, updated_at.clone()) != updated_at
    }

    pub(crate) fn mirrored_keys(&self) -> BTreeSet<String> {
        let keys: BTreeSet<String> = self.by_finding.values().map(|incident| incident.key.clone()).collect();
        assert_eq!(keys.len(), self.by_finding.len(), "a finding was mirrored twice");
        keys
    }

    pub(crate) fn ids(&self, range: Range<usize>) -> Vec<String> {
        self.by_finding.keys().skip(range.start).take(range.len()).cloned().collect()
    }

    pub(crate) fn closed_findings(&self) -> BTreeSet<String> {
        self.by_finding.iter().filter(|(_, incident)| !incident.open).map(|(id, _)| id.clone()).collect()
    }
}

fn text(finding: &Value, member: &str) -> String {
    finding[member].as_str().expect("a text").to_owned()
}
