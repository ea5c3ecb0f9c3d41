//! Transitions of many findings in one call, as a scan causes them for those that it no longer reports, or reports again.

use kernel::{Change, Changeset, Id, Stored, Subject, Timestamp, WriteContext, WriteTimestamp};

use crate::{
    batch::BATCH_WRITTEN,
    change::{EventRenderer, Publisher},
    finding::{Finding, Status},
    update::UPDATED,
};

/// A transition of many findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BulkTransition {
    /// The problem is gone: the finding is closed.
    Close,
    /// The problem stays and the risk is taken: the finding is accepted.
    Accept,
    /// The problem is back: a closed finding is open again.
    Reopen,
}

impl BulkTransition {
    /// Returns the statuses that a finding passes through. Empty if it has the last one already, or the lifecycle does
    /// not lead there: a verified finding can't be accepted. What is being remediated is verified first by its absence.
    #[must_use]
    pub const fn steps(self, from: Status) -> &'static [Status] {
        use Status::{Accepted, Archived, Closed, Open, Remediating, RemediationPlanned, Triaged, Verified};
        match (self, from) {
            (Self::Close, Open | Triaged | RemediationPlanned | Verified) => &[Closed],
            (Self::Close, Remediating) => &[Verified, Closed],
            (Self::Accept, Open | Triaged | RemediationPlanned | Remediating) => &[Accepted],
            (Self::Reopen, Closed) => &[Open],
            (Self::Accept, Verified)
            | (Self::Close | Self::Accept, Closed | Accepted | Archived)
            | (Self::Reopen, _) => &[],
        }
    }
}

/// Changes the status of those of the findings that have a way there, with one audit entry for the call and one for each
/// finding that changes. Returns the identifiers of the latter. The reason of `context` is that of every change.
#[must_use]
pub fn transition_batch(
    context: &WriteContext<'_>,
    renderer: &dyn EventRenderer,
    timestamp: WriteTimestamp,
    findings: &[Stored<Finding>],
    transition: BulkTransition,
) -> (Changeset, Vec<Id<Finding>>) {
    let publisher = Publisher { context, renderer };
    let mut changeset = context.begin(timestamp.after(findings), BATCH_WRITTEN, None);
    let at = changeset.at();
    let mut changed = Vec::new();
    for current in findings {
        let states = states(&current.record, transition, at);
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
        changed.push(after.meta.id);
    }
    (changeset, changed)
}

fn states(current: &Finding, transition: BulkTransition, at: Timestamp) -> Vec<Finding> {
    let mut states: Vec<Finding> = Vec::new();
    for status in transition.steps(current.status) {
        let before = states.last().unwrap_or(current);
        states.push(before.with_status(*status, at));
    }
    states
}
