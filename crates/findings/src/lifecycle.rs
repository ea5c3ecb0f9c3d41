//! The transitions between the statuses of a finding (contract v1, resources: findings).

use kernel::Timestamp;

use crate::{
    error::FindingError,
    finding::{Finding, Status},
};

impl Status {
    /// The statuses of open findings: those whose remediation has not been verified yet.
    pub const AWAITING_REMEDIATION: [Self; 4] =
        [Self::Open, Self::Triaged, Self::RemediationPlanned, Self::Remediating];

    /// The statuses that may follow this one.
    #[must_use]
    pub const fn allowed_next(self) -> &'static [Self] {
        use Status::{Accepted, Archived, Closed, Open, Remediating, RemediationPlanned, Triaged, Verified};
        match self {
            Open => &[Triaged, RemediationPlanned, Remediating, Accepted, Closed],
            Triaged => &[RemediationPlanned, Remediating, Accepted, Closed],
            RemediationPlanned => &[Remediating, Accepted, Closed],
            Remediating => &[RemediationPlanned, Verified, Accepted],
            Verified => &[Closed, Remediating],
            Accepted => &[Open, Closed, Archived],
            Closed => &[Open, Archived],
            Archived => &[],
        }
    }

    /// Whether the finding requires no further action: closed or accepted.
    #[must_use]
    pub const fn is_resolved(self) -> bool {
        matches!(self, Self::Closed | Self::Accepted)
    }
}

impl Finding {
    /// Returns the finding in another status, if the lifecycle allows the transition.
    pub(crate) fn transition(&self, to: Status, at: Timestamp) -> Result<Self, FindingError> {
        if self.status.allowed_next().contains(&to) {
            Ok(self.with_status(to, at))
        } else {
            Err(FindingError::Transition { from: self.status, to })
        }
    }

    /// Returns the finding in another status, without checking the transition. `closed_at` is set on entering a
    /// resolved status, cleared on leaving it, and set anew on a transition from one resolved status to the other.
    pub(crate) fn with_status(&self, status: Status, at: Timestamp) -> Self {
        let closed_at = match (status.is_resolved(), status == self.status) {
            (false, _) => None,
            (true, true) => self.closed_at,
            (true, false) => Some(at),
        };
        // A duplicate that is reopened, in any way, is no longer a duplicate.
        let duplicate_of = self.duplicate_of.filter(|_| status.is_resolved() || status == Status::Archived);
        Self { status, closed_at, duplicate_of, ..self.clone() }
    }
}
