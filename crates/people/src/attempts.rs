//! The back-off after failed attempts.
//!
//! A failure is charged to the user from the network, and to the network. So an attacker uses up only the buckets of their
//! own networks. On a device on which the user signed in before, which a signed cookie proves, only that device and all
//! such devices of the user together are charged: attackers in the network of the user slow nobody down there, and who has
//! cookies of many sign-ins has no more guesses. An attempt is charged before it is checked, so that
//! concurrent ones can't exceed the limit, and a successful one is refunded.

use std::net::{IpAddr, Ipv4Addr};

use auth::{TrustedDevice, UserId};
use kernel::{OrganizationId, Ulid};
use limits::{BucketKey, Charge, Decision, Peer, Quota};

use crate::{author::Client, error::PeopleError, people::People};

/// The wrong second factors of one user in a minute, over all networks: after the right password, an attacker with many
/// networks has few guesses at a million codes.
const SECOND_FACTORS_PER_MINUTE: u32 = 3;

/// The step of a sign-in that an attempt is about.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// A password. The identifier is that of the user, or one that stands for a user who does not exist.
    Password(Option<OrganizationId>, Ulid),
    /// A second factor after the right password.
    SecondFactor(OrganizationId, UserId),
    /// An answer of an OpenID Connect provider or of a passkey, which names nobody yet.
    Unnamed,
}

/// An attempt that was charged.
pub(crate) struct Attempt {
    charges: Vec<Charge>,
}

impl People {
    /// Charges an attempt.
    ///
    /// # Errors
    /// [`PeopleError::TooManyAttempts`], or the limits can't be read.
    pub(crate) async fn begin_attempt(&self, step: Step, client: &Client) -> Result<Attempt, PeopleError> {
        let charges = self.charges(step, client);
        match self.parts.limits.charge(&charges, self.now()).await? {
            Decision::Allowed { .. } => Ok(Attempt { charges }),
            Decision::Refused { retry_after, .. } => Err(PeopleError::TooManyAttempts { retry_after }),
        }
    }

    /// Returns the charge of an attempt that did not fail.
    pub(crate) fn refund(&self, attempt: &Attempt) {
        self.parts.limits.refund(&attempt.charges, self.now());
    }

    fn charges(&self, step: Step, client: &Client) -> Vec<Charge> {
        let network = Peer::network_of(client.address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)));
        let of_network = Charge {
            key: BucketKey::SignInFailureNetwork(network),
            quota: Quota::per_minute(self.settings.failures_per_network),
        };
        let (organization, user) = match step {
            Step::Password(organization, user) => (organization, user),
            Step::SecondFactor(organization, user) => (Some(organization), user.ulid()),
            Step::Unnamed => return vec![of_network],
        };
        let per_user = Quota::per_minute(self.settings.failures_per_user);
        if let Some(device) = organization.and_then(|organization| self.trusted_device(client, organization, user)) {
            let of_device =
                Charge { key: BucketKey::SignInFailureDevice(device.organization, device.id), quota: per_user };
            let of_devices = match step {
                Step::SecondFactor(organization, user) => Charge {
                    key: BucketKey::SecondFactorFailureDevices(organization, user.ulid()),
                    quota: Quota::per_minute(SECOND_FACTORS_PER_MINUTE),
                },
                Step::Password(..) | Step::Unnamed => Charge {
                    key: BucketKey::SignInFailureDevices(device.organization, user),
                    quota: Quota::per_minute(self.settings.failures_per_user.saturating_mul(2)),
                },
            };
            return vec![of_device, of_devices];
        }
        let mut charges = vec![Charge { key: BucketKey::SignInFailure(user, network), quota: per_user }, of_network];
        if let Step::SecondFactor(organization, user) = step {
            charges.push(Charge {
                key: BucketKey::SecondFactorFailure(organization, user.ulid()),
                quota: Quota::per_minute(SECOND_FACTORS_PER_MINUTE),
            });
        }
        charges
    }

    /// The device of the client, if the user signed in on it before.
    pub(crate) fn trusted_device(
        &self,
        client: &Client,
        organization: OrganizationId,
        user: Ulid,
    ) -> Option<TrustedDevice> {
        let device = self.parts.devices.verify(client.device_cookie.as_deref()?)?;
        device.is_of(organization, UserId::new(user), self.now()).then_some(device)
    }

    /// The cookie of the client's device, on which the user has just signed in.
    pub(crate) fn device_cookie(&self, client: &Client, organization: OrganizationId, user: UserId) -> String {
        let now = self.now();
        let earlier = self.trusted_device(client, organization, user.ulid()).map(|device| device.id);
        let id = earlier.unwrap_or_else(|| self.parts.entropy.ulid(now));
        self.parts.devices.sign(&TrustedDevice { organization, user, id, issued_at: now })
    }
}
