//! The use cases of people over an installation.

use std::sync::Arc;

use crypto::Argon2PasswordHasher;
use limits::{LimitStore, MemoryLimits};
use people::{People, PeopleParts};

use super::Installation;
use crate::settings::Settings;

/// The number of rate-limit buckets of a command, which checks no password.
const COMMAND_BUCKETS: usize = 16;

impl Installation {
    /// The use cases for a command, in which nobody signs in.
    pub(crate) fn people(&self, settings: &Settings) -> People {
        self.people_with_limits(settings, Arc::new(MemoryLimits::new(COMMAND_BUCKETS)))
    }

    /// The use cases with these rate limits.
    pub(super) fn people_with_limits(&self, settings: &Settings, limits: Arc<dyn LimitStore>) -> People {
        let parts = PeopleParts {
            store: Arc::clone(&self.store),
            clock: Arc::clone(&self.clock),
            entropy: Arc::clone(&self.entropy),
            limits,
            passwords: Arc::new(Argon2PasswordHasher::new(Arc::clone(&self.entropy))),
            second_factors: Arc::new(self.keys.second_factors()),
            devices: Arc::new(self.keys.device_cookies()),
            challenges: Arc::new(self.keys.passkey_challenges()),
        };
        People::new(parts, settings.people)
    }
}
