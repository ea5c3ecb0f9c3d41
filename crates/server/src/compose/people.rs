//! The use cases of people over an installation.

use std::sync::Arc;

use crypto::Argon2PasswordHasher;
use delivery::Roots;
use limits::{LimitStore, MemoryLimits};
use openid::OpenIdProvider;
use people::{OpenIdConnect, People, PeopleObserver, PeopleParts};

use super::Installation;
use crate::settings::Settings;

/// The number of rate-limit buckets of a command, which checks no password.
const COMMAND_BUCKETS: usize = 16;

impl Installation {
    /// The use cases for a command, in which nobody signs in.
    pub(crate) fn people(&self, settings: &Settings) -> People {
        let people = People::new(self.people_parts(Arc::new(MemoryLimits::new(COMMAND_BUCKETS))), settings.people);
        self.with_openid(people, settings)
    }

    /// The use cases for a server, with these rate limits.
    pub(super) fn observed_people(
        &self,
        settings: &Settings,
        limits: Arc<dyn LimitStore>,
        observer: Arc<dyn PeopleObserver>,
    ) -> People {
        self.with_openid(People::observed_by(observer, self.people_parts(limits), settings.people), settings)
    }

    fn with_openid(&self, people: People, settings: &Settings) -> People {
        match (&settings.openid, self.openid_provider(settings)) {
            (Some(openid), Some(provider)) => people.with_openid(OpenIdConnect {
                provider: Arc::new(provider),
                flows: Arc::new(self.keys.openid_flows()),
                settings: openid.people.clone(),
            }),
            _ => people,
        }
    }

    fn people_parts(&self, limits: Arc<dyn LimitStore>) -> PeopleParts {
        PeopleParts {
            store: Arc::clone(&self.store),
            clock: Arc::clone(&self.clock),
            entropy: Arc::clone(&self.entropy),
            limits,
            passwords: Arc::new(Argon2PasswordHasher::new(Arc::clone(&self.entropy))),
            second_factors: Arc::new(self.keys.second_factors()),
            devices: Arc::new(self.keys.device_cookies()),
            challenges: Arc::new(self.keys.passkey_challenges()),
        }
    }

    /// The client of the OpenID Connect provider, if there is one. Nothing is read from it yet.
    pub(crate) fn openid_provider(&self, settings: &Settings) -> Option<OpenIdProvider> {
        let openid = settings.openid.as_ref()?;
        Some(OpenIdProvider::new(openid.provider.clone(), Roots::System, Arc::clone(&self.clock)))
    }
}
