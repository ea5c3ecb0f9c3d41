//! Every event there is to subscribe to, each with the scope that reading its resource takes. A module that arrives adds
//! its lines here; what their `data` looks like is declared beside the module's shapes, in `http`.

use std::{fmt, str::FromStr};

use scopes::Scope;

/// What is sent on demand, to see whether an endpoint answers. Nobody subscribes to it.
pub const TEST_EVENT: &str = "webhook.test";

/// The text names no event one can subscribe to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no event {0:?}")]
pub struct UnknownEventType(pub String);

macro_rules! events {
    ($($event:ident = $name:literal, $scope:ident, $says:literal;)*) => {
        /// Something that happens to a record, as subscribers name it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum EventType {
            $(#[doc = $says] $event,)*
        }

        impl EventType {
            /// All of them, in the order of the catalogue.
            pub const ALL: &'static [Self] = &[$(Self::$event,)*];

            /// As subscriptions and bodies spell it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$event => $name,)* }
            }

            /// When it fires, for people.
            #[must_use]
            pub const fn says(self) -> &'static str {
                match self { $(Self::$event => $says,)* }
            }

            /// What an account must be allowed to read, to be told of it.
            #[must_use]
            pub const fn scope(self) -> Scope {
                match self { $(Self::$event => Scope::$scope,)* }
            }
        }
    };
}

events! {
    FindingCreated = "finding.created", FindingsRead, "A finding was recorded, by any way in.";
    FindingUpdated = "finding.updated", FindingsRead, "A finding's severity, status, owner or due date changed.";
    FindingStatusChanged = "finding.status_changed", FindingsRead, "A finding's status changed.";
    FindingClosed = "finding.closed", FindingsRead, "A finding became closed or accepted.";
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
