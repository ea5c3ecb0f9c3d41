//! The effect of each event on the status and the times of a package (contract v1, resources: submissions).

use kernel::Timestamp;

use crate::{
    error::SubmissionError,
    event::{SubmissionEvent, SubmissionEventKind},
    package::{SubmissionPackage, SubmissionPackageStatus},
};

impl SubmissionEventKind {
    /// The statuses in which an event of this kind can be recorded.
    #[must_use]
    pub const fn allowed_from(self) -> &'static [SubmissionPackageStatus] {
        use SubmissionPackageStatus::{Acknowledged, Ready, Rejected, Submitted, Withdrawn};
        match self {
            Self::Submission => &[Ready],
            Self::Receipt => &[Submitted],
            Self::Acceptance | Self::Rejection => &[Submitted, Acknowledged],
            Self::Withdrawal => &[Submitted, Acknowledged, Rejected],
            Self::Resubmission => &[Rejected, Withdrawn],
            Self::Comment => SubmissionPackageStatus::ALL,
        }
    }

    /// The status that an event of this kind leads to; `None` if it leaves the package as it is.
    #[must_use]
    pub const fn resulting_status(self) -> Option<SubmissionPackageStatus> {
        match self {
            Self::Submission | Self::Resubmission => Some(SubmissionPackageStatus::Submitted),
            Self::Receipt => Some(SubmissionPackageStatus::Acknowledged),
            Self::Acceptance => Some(SubmissionPackageStatus::Accepted),
            Self::Rejection => Some(SubmissionPackageStatus::Rejected),
            Self::Withdrawal => Some(SubmissionPackageStatus::Withdrawn),
            Self::Comment => None,
        }
    }
}

impl SubmissionPackageStatus {
    /// The statuses in which a package is to be submitted: those before its submission, and that after its rejection.
    pub const AWAITING_SUBMISSION: [Self; 4] = [Self::Draft, Self::InReview, Self::Ready, Self::Rejected];

    /// Whether a package with this status is to be submitted, for the first time or again.
    #[must_use]
    pub fn awaits_submission(self) -> bool {
        Self::AWAITING_SUBMISSION.contains(&self)
    }

    /// The kinds of events that can be recorded about a package with this status.
    pub fn allowed_events(self) -> impl Iterator<Item = SubmissionEventKind> {
        SubmissionEventKind::ALL.iter().copied().filter(move |kind| kind.allowed_from().contains(&self))
    }
}

impl SubmissionPackage {
    /// The event that an event of this kind follows, which can't be later: its time, and its kind in a word. Integrations
    /// state the times of other systems, which are recorded as they are; where people type a time, an earlier one is a mistake.
    #[must_use]
    pub fn followed_by(&self, kind: SubmissionEventKind) -> Option<(Timestamp, &'static str)> {
        use SubmissionEventKind::{Acceptance, Comment, Receipt, Rejection, Resubmission, Submission, Withdrawal};
        let submission = || Some((self.submitted_at?, "submission"));
        match kind {
            Receipt | Acceptance | Rejection | Withdrawal => submission(),
            Resubmission => self.decided_at.map(|at| (at, "decision")).or_else(submission),
            Submission | Comment => None,
        }
    }

    /// Returns the package after the event. The times are those of the last submission, so that a resubmission clears
    /// the receipt and the decision of the one before. The recipient's reference stays until an event has another one.
    pub(crate) fn after(&self, event: &SubmissionEvent) -> Result<Self, SubmissionError> {
        use SubmissionEventKind::{Acceptance, Comment, Receipt, Rejection, Resubmission, Submission, Withdrawal};
        if !event.kind.allowed_from().contains(&self.status) {
            return Err(SubmissionError { event: event.kind, from: self.status });
        }
        let Some(status) = event.kind.resulting_status() else { return Ok(self.clone()) };
        let recipient_reference = event.recipient_reference.clone().or_else(|| self.recipient_reference.clone());
        let after = Self { status, recipient_reference, ..self.clone() };
        let at = Some(event.occurred_at);
        Ok(match event.kind {
            Submission | Resubmission => Self { submitted_at: at, acknowledged_at: None, decided_at: None, ..after },
            Receipt => Self { acknowledged_at: at, ..after },
            Acceptance | Rejection => Self { decided_at: at, ..after },
            Withdrawal | Comment => after,
        })
    }
}
