//! Reporting something about a finding, which may move it (contract v1, resources: findings).

use kernel::{
    Action, Change, Changeset, Description, FieldValue, Id, Invalid, Reader, Reference, Stamp, StoreError, Stored,
    Subject, Timestamp,
};

use crate::{
    create::fresh_id,
    event::{EventKind, FindingEvent},
    finding::{Finding, Status},
    notice::Desk,
    refusal::Refusal,
};

const RECORDED: Action = Action::new("finding.event_recorded");

/// How many findings a chain of duplicates may run through.
const LONGEST_CHAIN: usize = 100;

/// Something to be reported.
#[derive(Clone, Debug, PartialEq)]
pub struct NewEvent {
    /// What it is.
    pub kind: EventKind,
    /// In the reporter's words.
    pub note: Option<Description>,
    /// What names it outside.
    pub external_reference: Option<Reference>,
    /// Which finding is repeated.
    pub duplicate_of: Option<Id<Finding>>,
    /// When it happened; now, where it is not said.
    pub occurred_at: Option<Timestamp>,
}

impl NewEvent {
    /// Checks what can be told without looking anything up: that exactly one original is named where one is repeated, and
    /// none elsewhere.
    ///
    /// # Errors
    /// [`Refusal::Invalid`].
    pub fn check(&self) -> Result<(), Refusal> {
        let duplicate = self.kind == EventKind::VerifiedAsDuplicate;
        let fault = match (duplicate, self.duplicate_of.is_some(), self.external_reference.is_some()) {
            (true, true, true) | (true, false, false) => Some(Invalid::new(
                "duplicate_of_finding_id",
                "verified_as_duplicate takes exactly one of duplicateOfFindingId and externalReference",
            )),
            (false, true, _) => Some(Invalid::new(
                "duplicate_of_finding_id",
                "only verified_as_duplicate names a finding that is repeated",
            )),
            _ => None,
        };
        fault.map_or(Ok(()), |fault| Err(Refusal::Invalid(vec![fault])))
    }
}

/// Follows a finding to the one it repeats, and that to the one it repeats, to the end: the first is `original` itself.
/// Empty where there is no such finding.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub async fn originals<S: Reader<Finding> + ?Sized>(
    store: &S,
    desk: &Desk<'_>,
    original: Id<Finding>,
) -> Result<Vec<Stored<Finding>>, StoreError> {
    let mut chain: Vec<Stored<Finding>> = Vec::new();
    let mut next = Some(original);
    while let Some(id) = next.filter(|_| chain.len() <= LONGEST_CHAIN) {
        let Some(finding) = store.get(desk.tenant.organization, id).await? else { break };
        next = finding.record.duplicate_of;
        chain.push(finding);
    }
    Ok(chain)
}

/// Records an event about a finding, and moves the finding where the event implies it. `originals` is what
/// [`originals`] found for the finding that is repeated, if the event names one.
///
/// # Errors
/// [`Refusal::Event`] where the present status does not allow it; [`Refusal::Invalid`] where an original is missing, is
/// the finding itself, or repeats it in turn.
pub fn report(
    desk: &Desk<'_>,
    stamp: Stamp,
    present: &Stored<Finding>,
    new: NewEvent,
    originals: &[Stored<Finding>],
) -> Result<(Changeset, Stored<FindingEvent>, Stored<Finding>), Refusal> {
    new.check()?;
    let at = stamp.at();
    if let Some(original) = new.duplicate_of {
        check_original(present, original, originals)?;
    }
    let steps = steps(&present.record, &new, at)?;
    let event = Stored::new(
        desk.tenant.organization,
        fresh_id(desk.entropy, at),
        at,
        FindingEvent {
            finding: present.meta.id,
            kind: new.kind,
            note: new.note,
            external_reference: new.external_reference,
            duplicate_of: new.duplicate_of,
            occurred_at: new.occurred_at.unwrap_or(at),
        },
    );
    let mut changeset = desk.open(stamp, RECORDED, Some(Subject::of(present.meta.id)));
    changeset.create(&event);
    let mut changes = vec![Change {
        field: "event_id".into(),
        before: FieldValue::Null,
        after: FieldValue::Text(event.meta.id.to_string()),
    }];
    changes.extend(Change::between(None, &event.record));
    // Two reports that make a circle of duplicates can't both be stored: each expects the other's finding as it read it.
    originals.iter().for_each(|original| changeset.expect(original));
    let after = match steps.last() {
        Some(last) if *last != present.record => {
            let after = present.changed(at, last.clone());
            changes.extend(Change::between(Some(&present.record), &after.record));
            changeset.update(present, &after);
            after
        }
        _ => {
            changeset.expect(present);
            present.clone()
        }
    };
    changeset.changes(changes);
    let mut before = &present.record;
    for step in &steps {
        desk.tell_difference(&mut changeset, before, &Stored { meta: after.meta, record: step.clone() });
        before = step;
    }
    Ok((changeset, event, after))
}

fn check_original(
    present: &Stored<Finding>,
    original: Id<Finding>,
    originals: &[Stored<Finding>],
) -> Result<(), Refusal> {
    let fault = if original == present.meta.id {
        Some("a finding can't repeat itself")
    } else if originals.is_empty() {
        Some("there is no such finding")
    } else if originals.iter().any(|link| link.meta.id == present.meta.id) {
        Some("that finding repeats this one")
    } else if originals.len() > LONGEST_CHAIN {
        Some("that finding is at the end of too long a chain of duplicates")
    } else {
        None
    };
    fault.map_or(Ok(()), |fault| Err(Refusal::Invalid(vec![Invalid::new("duplicate_of_finding_id", fault)])))
}

/// The states the finding goes through, none where it stays.
fn steps(present: &Finding, new: &NewEvent, at: Timestamp) -> Result<Vec<Finding>, Refusal> {
    use Status::{Accepted, Archived, Closed, Open, Remediating, RemediationPlanned, Triaged, Verified};
    let allowed: &'static [Status] = match new.kind {
        EventKind::Acknowledged => &[Open],
        EventKind::RemediationReported => &[Open, Triaged, RemediationPlanned],
        EventKind::VerifiedAsDuplicate => &[Open, Triaged, RemediationPlanned, Remediating, Verified, Closed, Accepted],
        EventKind::VerifiedAsResolved => &[Remediating, Verified],
        EventKind::Reopened => &[Closed, Accepted],
        EventKind::Comment => Status::ALL,
    };
    if !allowed.contains(&present.status) {
        return Err(Refusal::Event { event: new.kind, from: present.status, allowed });
    }
    debug_assert!(new.kind != EventKind::VerifiedAsDuplicate || present.status != Archived);
    Ok(match new.kind {
        EventKind::Acknowledged => vec![present.put(Triaged, at)],
        EventKind::RemediationReported => vec![present.put(Remediating, at)],
        EventKind::VerifiedAsDuplicate => vec![Finding { duplicate_of: new.duplicate_of, ..present.put(Closed, at) }],
        EventKind::VerifiedAsResolved if present.status == Remediating => {
            let verified = present.put(Verified, at);
            let closed = verified.put(Closed, at);
            vec![verified, closed]
        }
        EventKind::VerifiedAsResolved => vec![present.put(Closed, at)],
        EventKind::Reopened => vec![present.put(Open, at)],
        EventKind::Comment => Vec::new(),
    })
}
