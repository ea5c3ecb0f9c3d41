//! Resolving many findings in one call, as a scan does with those that it no longer reports.

use kernel::{Change, Changeset, Id, Stored, Subject, Timestamp, WriteContext, WriteTimestamp};

use crate::{
    batch::BATCH_WRITTEN,
    change::{EventRenderer, Publisher},
    finding::{Finding, Status},
    update::UPDATED,
};

/// The way in which findings are resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// The problem is gone: the finding is closed.
    Closed,
    /// The problem stays and the risk is taken: the finding is accepted.
    Accepted,
}

impl Resolution {
    /// Returns the statuses that a finding passes through. Empty if it is resolved already, or the lifecycle does not
    /// lead there: a verified finding can't be accepted. What is being remediated is verified first by its absence.
    #[must_use]
    pub const fn steps(self, from: Status) -> &'static [Status] {
        use Status::{Accepted, Archived, Closed, Open, Remediating, RemediationPlanned, Triaged, Verified};
        match (self, from) {
            (Self::Closed, Open | Triaged | RemediationPlanned | Verified) => &[Closed],
            (Self::Closed, Remediating) => &[Verified, Closed],
            (Self::Accepted, Open | Triaged | RemediationPlanned | Remediating) => &[Accepted],
            (Self::Accepted, Verified) | (_, Closed | Accepted | Archived) => &[],
        }
    }
}

/// Resolves those of the findings that can be resolved in this way, with one audit entry for the call and one for each
/// finding that changes. Returns the identifiers of the latter. The reason of `context` is that of every change.
#[must_use]
pub fn resolve_batch(
    context: &WriteContext<'_>,
    renderer: &dyn EventRenderer,
    timestamp: WriteTimestamp,
    findings: &[Stored<Finding>],
    resolution: Resolution,
) -> (Changeset, Vec<Id<Finding>>) {
    let publisher = Publisher { context, renderer };
    let mut changeset = context.begin(timestamp, BATCH_WRITTEN, None);
    let at = changeset.at();
    let mut resolved = Vec::new();
    for current in findings {
        let states = states(&current.record, resolution, at);
        let Some(last) = states.last() else { continue };
        let after = current.changed(at, last.clone());
        changeset.update(current, &after);
        let changes = Change::between(Some(&current.record), &after.record);
        changeset.add_entry(context.entropy, UPDATED, Some(Subject::from_id(after.meta.id)), changes);
        let mut before = &current.record;
        for state in &states {
            publisher.publish_changes(&mut changeset, before, &Stored { meta: after.meta, record: state.clone() });
            before = state;
        }
        resolved.push(after.meta.id);
    }
    (changeset, resolved)
}

fn states(current: &Finding, resolution: Resolution, at: Timestamp) -> Vec<Finding> {
    let mut states: Vec<Finding> = Vec::new();
    for status in resolution.steps(current.status) {
        let before = states.last().unwrap_or(current);
        states.push(before.with_status(*status, at));
    }
    states
}
