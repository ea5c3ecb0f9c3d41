//! The catalogue of events that can be subscribed to, each with the scope that reading its resource requires. A new
//! module adds its lines here; the format of their `data` is declared in `api-v1`, in `webhook_event_type/payload.rs`.

use std::{fmt, str::FromStr};

use scopes::Scope;

/// The event that is sent on demand to test an endpoint. It can't be subscribed to.
pub const TEST_EVENT: &str = "webhook.test";

/// The text is not the name of an event that can be subscribed to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown event {0:?}")]
pub struct UnknownEventType(pub String);

macro_rules! events {
    ($($event:ident = $name:literal, $scope:ident, $description:literal;)*) => {
        /// A type of event that subscriptions can select.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum EventType {
            $(#[doc = $description] $event,)*
        }

        impl EventType {
            /// All event types, in the order of the catalogue.
            pub const ALL: &'static [Self] = &[$(Self::$event,)*];

            /// The name in subscriptions and message bodies.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$event => $name,)* }
            }

            /// A description of when the event is published, for people.
            #[must_use]
            pub const fn description(self) -> &'static str {
                match self { $(Self::$event => $description,)* }
            }

            /// The scope that an account must have to receive the event.
            #[must_use]
            pub const fn scope(self) -> Scope {
                match self { $(Self::$event => Scope::$scope,)* }
            }
        }
    };
}

events! {
    FindingCreated = "finding.created", FindingsRead, "A finding was created, in any way.";
    FindingUpdated = "finding.updated", FindingsRead, "A finding's severity, status, owner or due date changed.";
    FindingStatusChanged = "finding.status_changed", FindingsRead, "A finding's status changed.";
    FindingClosed = "finding.closed", FindingsRead, "A finding became closed or accepted.";
    EvidenceClaimCreated = "evidence.claim.created", EvidenceRead, "An evidence claim was made.";
    EvidenceClaimApproved = "evidence.claim.approved", EvidenceRead, "An evidence claim was approved.";
    EvidenceClaimRejected = "evidence.claim.rejected", EvidenceRead, "An evidence claim was rejected.";
    SubmissionPackageStatusChanged = "submission.package.status_changed", SubmissionsRead, "A submission package's status changed.";
    SubmissionPackageEventRecorded = "submission.package.event_recorded", SubmissionsRead, "An event was recorded about a submission package.";
    AssessmentCompleted = "assessment.completed", AssessmentsRead, "An assessment was completed, in any way.";
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for EventType {
    type Err = UnknownEventType;

    fn from_str(text: &str) -> Result<Self, UnknownEventType> {
        Self::ALL.iter().copied().find(|event| event.name() == text).ok_or_else(|| UnknownEventType(text.to_owned()))
    }
}
