//! The transitions of a claim: reviews, the withdrawal, and the end of its validity.

use kernel::{Action, Change, Changeset, Description, Kind, Stored, Subject, WriteContext, WriteTimestamp};

use crate::{
    change::{ClaimChangeKind, EventRenderer, publish},
    claim::{EvidenceClaim, EvidenceClaimStatus},
    error::EvidenceError,
};

impl EvidenceClaimStatus {
    /// The statuses that a claim with this status can get. A claim that was rejected, withdrawn or has expired keeps its
    /// status: new evidence is a new claim.
    #[must_use]
    pub const fn allowed_next(self) -> &'static [Self] {
        match self {
            Self::Pending => &[Self::Approved, Self::Rejected, Self::Expired, Self::Withdrawn],
            Self::Approved => &[Self::Expired, Self::Withdrawn],
            Self::Rejected | Self::Expired | Self::Withdrawn => &[],
        }
    }
}

/// Approves a claim that is pending.
///
/// # Errors
/// [`EvidenceError`] if the claim is not pending, or its validity has ended.
pub fn approve(
    context: &WriteContext<'_>,
    renderer: &dyn EventRenderer,
    timestamp: WriteTimestamp,
    current: &Stored<EvidenceClaim>,
    note: Option<Description>,
) -> Result<(Changeset, Stored<EvidenceClaim>), EvidenceError> {
    let approved = current.record.with_status(EvidenceClaimStatus::Approved)?;
    if let Some(ended) = current.record.valid_until.filter(|valid_until| *valid_until <= timestamp.clock()) {
        return Err(EvidenceError::ValidityEnded(ended));
    }
    Ok(review(context, renderer, timestamp, current, (approved, note), ClaimChangeKind::Approved))
}

/// Rejects a claim that is pending.
///
/// # Errors
/// [`EvidenceError::Transition`] if the claim is not pending.
pub fn reject(
    context: &WriteContext<'_>,
    renderer: &dyn EventRenderer,
    timestamp: WriteTimestamp,
    current: &Stored<EvidenceClaim>,
    note: Option<Description>,
) -> Result<(Changeset, Stored<EvidenceClaim>), EvidenceError> {
    let rejected = current.record.with_status(EvidenceClaimStatus::Rejected)?;
    Ok(review(context, renderer, timestamp, current, (rejected, note), ClaimChangeKind::Rejected))
}

/// Records the review of a claim. `reviewed` is the claim with its new status.
fn review(
    context: &WriteContext<'_>,
    renderer: &dyn EventRenderer,
    timestamp: WriteTimestamp,
    current: &Stored<EvidenceClaim>,
    (reviewed, note): (EvidenceClaim, Option<Description>),
    kind: ClaimChangeKind,
) -> (Changeset, Stored<EvidenceClaim>) {
    let timestamp = timestamp.after([current]);
    let reviewed = EvidenceClaim { reviewed_at: Some(timestamp.at()), review_note: note, ..reviewed };
    let (mut changeset, claim) = change_status(context, timestamp, current, reviewed);
    publish(context, renderer, &mut changeset, &claim, kind);
    (changeset, claim)
}

/// Withdraws a claim that is pending or approved. Its review stays on record.
///
/// # Errors
/// [`EvidenceError::Transition`] if the claim has another status.
pub fn withdraw(
    context: &WriteContext<'_>,
    timestamp: WriteTimestamp,
    current: &Stored<EvidenceClaim>,
) -> Result<(Changeset, Stored<EvidenceClaim>), EvidenceError> {
    let timestamp = timestamp.after([current]);
    let withdrawn = current.record.with_status(EvidenceClaimStatus::Withdrawn)?;
    Ok(change_status(context, timestamp, current, withdrawn))
}

/// Lets a claim expire whose validity has ended by the clock.
///
/// # Errors
/// [`EvidenceError`] if the claim is neither pending nor approved, or is still valid.
pub fn expire(
    context: &WriteContext<'_>,
    timestamp: WriteTimestamp,
    current: &Stored<EvidenceClaim>,
) -> Result<(Changeset, Stored<EvidenceClaim>), EvidenceError> {
    let timestamp = timestamp.after([current]);
    let expired = current.record.with_status(EvidenceClaimStatus::Expired)?;
    if current.record.valid_until.is_none_or(|valid_until| valid_until > timestamp.clock()) {
        return Err(EvidenceError::StillValid);
    }
    Ok(change_status(context, timestamp, current, expired))
}

impl EvidenceClaim {
    /// Checks that an import may put this claim in the place of `current`, from which it differs.
    ///
    /// # Errors
    /// [`EvidenceError::Settled`] if that one is not pending any more.
    pub fn check_import_onto(&self, current: &Self) -> Result<(), EvidenceError> {
        match current.status {
            EvidenceClaimStatus::Pending => Ok(()),
            _ if self == current => Ok(()),
            settled => Err(EvidenceError::Settled(settled)),
        }
    }

    fn with_status(&self, to: EvidenceClaimStatus) -> Result<Self, EvidenceError> {
        if self.status.allowed_next().contains(&to) {
            Ok(Self { status: to, ..self.clone() })
        } else {
            Err(EvidenceError::Transition { from: self.status, to })
        }
    }
}

/// Changes the claim, with the audit entry that is named after its new status. The timestamp must be after its last change.
fn change_status(
    context: &WriteContext<'_>,
    timestamp: WriteTimestamp,
    current: &Stored<EvidenceClaim>,
    after: EvidenceClaim,
) -> (Changeset, Stored<EvidenceClaim>) {
    let action = Action::on_record(Kind::EvidenceClaim, after.status.name());
    let claim = current.changed(timestamp.at(), after);
    let mut changeset = context.begin(timestamp, action, Some(Subject::from_id(claim.meta.id)));
    changeset.set_changes(Change::between(Some(&current.record), &claim.record));
    changeset.update(current, &claim);
    (changeset, claim)
}
