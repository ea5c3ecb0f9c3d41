//! Recording an event about a finding, which may change its status (contract v1, resources: findings).

use kernel::{
    Action, Change, Changeset, Description, FieldError, Id, Reader, Reference, StoreError, Stored, Subject, Timestamp,
    WriteContext, WriteTimestamp,
};

use crate::{
    change::{EventRenderer, Publisher},
    create::new_id,
    error::FindingError,
    event::{EventKind, FindingEvent},
    finding::{Finding, Status},
};

const EVENT_RECORDED: Action = Action::new("finding.event_recorded");

/// Maximum length of a chain of duplicates.
const MAX_CHAIN_LENGTH: usize = 100;

/// The fields of a new event.
#[derive(Clone, Debug, PartialEq)]
pub struct NewFindingEvent {
    /// The kind of event.
    pub kind: EventKind,
    /// A note by the reporter.
    pub note: Option<Description>,
    /// A reference in an external system.
    pub external_reference: Option<Reference>,
    /// The original finding, for a duplicate.
    pub duplicate_of: Option<Id<Finding>>,
    /// The time of the event; `None` means now.
    pub occurred_at: Option<Timestamp>,
}

impl NewFindingEvent {
    /// Checks the event without reading other records: a duplicate must have exactly one original, a finding or an
    /// external reference, and other events must not refer to an original finding.
    ///
    /// # Errors
    /// [`FindingError::Invalid`] otherwise.
    pub fn check(&self) -> Result<(), FindingError> {
        let is_duplicate = self.kind == EventKind::VerifiedAsDuplicate;
        let fault = match (is_duplicate, self.duplicate_of.is_some(), self.external_reference.is_some()) {
            (true, true, true) | (true, false, false) => Some(FieldError::new(
                "duplicate_of_finding_id",
                "verified_as_duplicate requires exactly one of duplicateOfFindingId and externalReference",
            )),
            (false, true, _) => Some(FieldError::new(
                "duplicate_of_finding_id",
                "only verified_as_duplicate may have a duplicateOfFindingId",
            )),
            _ => None,
        };
        fault.map_or(Ok(()), |fault| Err(FindingError::Invalid(vec![fault])))
    }
}

/// Loads the chain of duplicates that begins with `original`: that finding, its original, and so on. Empty if
/// `original` does not exist. Stops after one finding more than the maximum length of a chain.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub async fn load_duplicate_chain<S: Reader<Finding> + ?Sized>(
    store: &S,
    context: &WriteContext<'_>,
    original: Id<Finding>,
) -> Result<Vec<Stored<Finding>>, StoreError> {
    let mut chain: Vec<Stored<Finding>> = Vec::new();
    let mut next = Some(original);
    while let Some(id) = next.filter(|_| chain.len() <= MAX_CHAIN_LENGTH) {
        let Some(finding) = store.get(context.organization.id, id).await? else { break };
        next = finding.record.duplicate_of;
        chain.push(finding);
    }
    Ok(chain)
}

/// Records an event about a finding, and changes its status if the event implies that. `originals` is the chain that
/// [`load_duplicate_chain`] returned for the original, if the event has one.
///
/// # Errors
/// [`FindingError::Event`] if the event can't be reported in the current status; [`FindingError::Invalid`] if the
/// original does not exist, is the finding itself, or is a duplicate of it.
pub fn record_event(
    context: &WriteContext<'_>,
    renderer: &dyn EventRenderer,
    timestamp: WriteTimestamp,
    current: &Stored<Finding>,
    new: NewFindingEvent,
    originals: &[Stored<Finding>],
) -> Result<(Changeset, Stored<FindingEvent>, Stored<Finding>), FindingError> {
    new.check()?;
    let timestamp = timestamp.after([current]);
    let at = timestamp.at();
    if let Some(original) = new.duplicate_of {
        check_original(current, original, originals)?;
    }
    let states = implied_transitions(&current.record, &new, at)?;
    let event = Stored::new(
        context.organization.id,
        new_id(context.entropy, at),
        at,
        FindingEvent {
            finding_id: current.meta.id,
            kind: new.kind,
            note: new.note,
            external_reference: new.external_reference,
            duplicate_of: new.duplicate_of,
            occurred_at: new.occurred_at.unwrap_or(at),
        },
    );
    let mut changeset = context.begin(timestamp, EVENT_RECORDED, Some(Subject::from_id(current.meta.id)));
    changeset.create(&event);
    let mut changes = Change::of_event(&event, "finding_id");
    // Two concurrent events can't create a cycle of duplicates: each requires that the finding of the other is
    // unchanged.
    originals.iter().for_each(|original| changeset.require_unchanged(original));
    let after = match states.last() {
        Some(last) if *last != current.record => {
            let after = current.changed(at, last.clone());
            changes.extend(Change::between(Some(&current.record), &after.record));
            changeset.update(current, &after);
            after
        }
        _ => {
            changeset.require_unchanged(current);
            current.clone()
        }
    };
    changeset.set_changes(changes);
    let mut before = &current.record;
    for state in &states {
        Publisher { context, renderer }.publish_changes(
            &mut changeset,
            before,
            &Stored { meta: after.meta, record: state.clone() },
        );
        before = state;
    }
    Ok((changeset, event, after))
}

fn check_original(
    current: &Stored<Finding>,
    original: Id<Finding>,
    originals: &[Stored<Finding>],
) -> Result<(), FindingError> {
    let fault = if original == current.meta.id {
        Some("a finding can't be a duplicate of itself")
    } else if originals.is_empty() {
        Some("the finding does not exist")
    } else if originals.iter().any(|link| link.meta.id == current.meta.id) {
        Some("that finding is a duplicate of this one")
    } else if originals.len() > MAX_CHAIN_LENGTH {
        Some("that finding is part of a chain of duplicates that is too long")
    } else {
        None
    };
    fault.map_or(Ok(()), |fault| Err(FindingError::Invalid(vec![FieldError::new("duplicate_of_finding_id", fault)])))
}

/// Returns the states that the finding passes through; empty if the event does not change it.
fn implied_transitions(current: &Finding, new: &NewFindingEvent, at: Timestamp) -> Result<Vec<Finding>, FindingError> {
    use Status::{Archived, Closed, Open, Remediating, Triaged, Verified};
    let allowed = new.kind.allowed_from();
    if !allowed.contains(&current.status) {
        return Err(FindingError::Event { event: new.kind, from: current.status, allowed });
    }
    debug_assert!(new.kind != EventKind::VerifiedAsDuplicate || current.status != Archived);
    Ok(match new.kind {
        EventKind::Acknowledged => vec![current.with_status(Triaged, at)],
        EventKind::RemediationReported => vec![current.with_status(Remediating, at)],
        EventKind::VerifiedAsDuplicate => {
            vec![Finding { duplicate_of: new.duplicate_of, ..current.with_status(Closed, at) }]
        }
        EventKind::VerifiedAsResolved if current.status == Remediating => {
            let verified = current.with_status(Verified, at);
            let closed = verified.with_status(Closed, at);
            vec![verified, closed]
        }
        EventKind::VerifiedAsResolved => vec![current.with_status(Closed, at)],
        EventKind::Reopened => vec![current.with_status(Open, at)],
        EventKind::Comment => Vec::new(),
    })
}
