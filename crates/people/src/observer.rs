//! The observation of sign-ins, for metrics: their outcomes, and how long passwords wait until they are hashed.

use std::time::Duration;

use kernel::string_enum;

string_enum! {
    /// The outcome of a step of a sign-in.
    SignInStep {
        /// The person has signed in.
        Completed = "completed",
        /// The password was right, and a second factor is missing.
        Continued = "continued",
        /// Something of what was typed is wrong.
        Refused = "refused",
        /// There were too many failures before.
        Limited = "limited",
    }
}

string_enum! {
    /// The limit under which a password is hashed.
    HashingPriority {
        /// That of everybody.
        Common = "common",
        /// That of those who proved something: a known device, a session or a link.
        Trusted = "trusted",
    }
}

/// Observes sign-ins and the hashing of passwords.
pub trait PeopleObserver: Send + Sync {
    /// Records a step of a sign-in.
    fn record_step(&self, step: SignInStep);

    /// Records how long a password waited for its turn. `is_hashed` is false if it was given up.
    fn record_hashing_wait(&self, priority: HashingPriority, wait: Duration, is_hashed: bool);
}

/// Observes nothing, as in commands.
pub(crate) struct NoObserver;

impl PeopleObserver for NoObserver {
    fn record_step(&self, _: SignInStep) {}

    fn record_hashing_wait(&self, _: HashingPriority, _: Duration, _: bool) {}
}
