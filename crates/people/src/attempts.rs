//! The back-off after failed attempts.
//!
//! A failure is charged to the user from the network, and to the network. So an attacker uses up only the buckets of their
//! own networks. On a device on which the user signed in before with their present credentials, which a signed cookie
//! proves, only that device and all such devices of the user together are charged: attackers in the network of the user
//! slow nobody down there, and who has cookies of many sign-ins has no more guesses. An attempt is charged before it is
//! checked, so that concurrent ones can't exceed the limit, and a successful one is refunded.

use std::net::{IpAddr, Ipv4Addr};

use auth::{CredentialsFingerprint, TrustedDevice, UserId};
use kernel::{OrganizationId, StoreError, Ulid};
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
    /// An answer of a passkey that names nobody.
    UnnamedPasskey,
    /// An answer of an OpenID Connect provider, which names nobody yet. It holds nothing that can be guessed: the limit
    /// protects the provider, and is apart from those of passwords.
    OpenId,
}

/// An attempt that was charged.
pub(crate) struct Attempt {
    charges: Vec<Charge>,
    /// Whether it was made on a device on which the user signed in before.
    pub(crate) is_on_trusted_device: bool,
}

impl People {
    /// Charges an attempt.
    ///
    /// # Errors
    /// [`PeopleError::TooManyAttempts`], or the limits or the credentials can't be read.
    pub(crate) async fn begin_attempt(&self, step: Step, client: &Client) -> Result<Attempt, PeopleError> {
        let device = self.trusted_device(step, client).await?;
        let is_on_trusted_device = device.is_some();
        let charges = match device {
            Some(device) => self.charges_of_device(step, &device),
            None => self.charges_of_stranger(step, client),
        };
        match self.parts.limits.charge(&charges, self.now()).await? {
            Decision::Allowed { .. } => Ok(Attempt { charges, is_on_trusted_device }),
            Decision::Refused { retry_after, .. } => Err(PeopleError::TooManyAttempts { retry_after }),
        }
    }

    /// Returns the charge of an attempt that did not fail.
    pub(crate) fn refund(&self, attempt: &Attempt) {
        self.parts.limits.refund(&attempt.charges, self.now());
    }

    fn charges_of_device(&self, step: Step, device: &TrustedDevice) -> Vec<Charge> {
        let TrustedDevice { organization, user, id, .. } = *device;
        let per_device = Quota::per_minute(self.settings.failures_per_user);
        let of_devices = match step {
            Step::OpenId => {
                return vec![Charge { key: BucketKey::OpenIdFailureDevice(organization, id), quota: per_device }];
            }
            Step::SecondFactor(..) => Charge {
                key: BucketKey::SecondFactorFailureDevices(organization, user.ulid()),
                quota: Quota::per_minute(SECOND_FACTORS_PER_MINUTE),
            },
            Step::Password(..) | Step::UnnamedPasskey => Charge {
                key: BucketKey::SignInFailureDevices(organization, user.ulid()),
                quota: Quota::per_minute(self.settings.failures_per_user.saturating_mul(2)),
            },
        };
        vec![Charge { key: BucketKey::SignInFailureDevice(organization, id), quota: per_device }, of_devices]
    }

    fn charges_of_stranger(&self, step: Step, client: &Client) -> Vec<Charge> {
        let network = Peer::network_of(client.address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)));
        let per_network = Quota::per_minute(self.settings.failures_per_network);
        let of_network = Charge { key: BucketKey::SignInFailureNetwork(network), quota: per_network };
        let user = match step {
            Step::Password(_, user) => user,
            Step::SecondFactor(_, user) => user.ulid(),
            Step::UnnamedPasskey => return vec![of_network],
            Step::OpenId => return vec![Charge { key: BucketKey::OpenIdFailureNetwork(network), quota: per_network }],
        };
        let per_user = Quota::per_minute(self.settings.failures_per_user);
        let mut charges = vec![Charge { key: BucketKey::SignInFailure(user, network), quota: per_user }, of_network];
        if let Step::SecondFactor(organization, user) = step {
            charges.push(Charge {
                key: BucketKey::SecondFactorFailure(organization, user.ulid()),
                quota: Quota::per_minute(SECOND_FACTORS_PER_MINUTE),
            });
        }
        charges
    }

    /// The device of the client, if the user of the step, or of the cookie if the step names nobody, signed in on it before
    /// with their present credentials. Only who has a cookie of the user causes a read.
    async fn trusted_device(&self, step: Step, client: &Client) -> Result<Option<TrustedDevice>, StoreError> {
        let Some(device) = self.signed_device(client.device_cookie.as_deref()) else { return Ok(None) };
        let is_of_user = match step {
            Step::Password(organization, user) => {
                organization.is_some_and(|organization| device.is_of(organization, UserId::new(user), self.now()))
            }
            Step::SecondFactor(organization, user) => device.is_of(organization, user, self.now()),
            Step::UnnamedPasskey | Step::OpenId => true,
        };
        if !is_of_user {
            return Ok(None);
        }
        let credentials = self.parts.store.credentials(device.organization, device.user).await?;
        let is_trusted = device.credentials == CredentialsFingerprint::of(credentials.as_ref());
        Ok(is_trusted.then_some(device))
    }

    /// The device that a cookie states, if somebody signed in on it in the last 90 days, with whatever
    /// credentials.
    fn signed_device(&self, cookie: Option<&str>) -> Option<TrustedDevice> {
        let device = self.parts.devices.verify(cookie?)?;
        device.is_live_at(self.now()).then_some(device)
    }

    /// Identifies the device of a cookie on which somebody signed in in the last 90 days, so that requests on it can be
    /// counted apart from those of strangers. It proves nothing else: the credentials may have changed since.
    #[must_use]
    pub fn recognized_device(&self, cookie: &str) -> Option<(OrganizationId, Ulid)> {
        self.signed_device(Some(cookie)).map(|device| (device.organization, device.id))
    }

    /// The cookie of the client's device, on which the user has just signed in and has these credentials.
    pub(crate) fn device_cookie(
        &self,
        client: &Client,
        (organization, user): (OrganizationId, UserId),
        credentials: CredentialsFingerprint,
    ) -> String {
        let now = self.now();
        let earlier =
            self.signed_device(client.device_cookie.as_deref()).filter(|device| device.is_of(organization, user, now));
        let id = earlier.map_or_else(|| self.parts.entropy.ulid(now), |device| device.id);
        self.parts.devices.sign(&TrustedDevice { organization, user, id, issued_at: now, credentials })
    }
}
