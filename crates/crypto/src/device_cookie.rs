//! Cookies of devices on which users signed in before.

use auth::{CredentialsFingerprint, DeviceCookies, TrustedDevice};
use kernel::{Id, Timestamp, Ulid};

use crate::{
    cursor::CursorKey,
    master_key::{MasterKey, Purpose},
};

/// Signs and verifies the cookies with a key derived from the master key.
#[derive(Debug)]
pub struct DeviceCookieKey(CursorKey);

impl DeviceCookieKey {
    /// Creates the key of the installation with this master key.
    #[must_use]
    pub fn new(master: &MasterKey) -> Self {
        Self(CursorKey::for_purpose(master, Purpose::DeviceCookies))
    }
}

impl DeviceCookies for DeviceCookieKey {
    fn sign(&self, device: &TrustedDevice) -> String {
        let TrustedDevice { organization, user, id, issued_at, credentials } = device;
        let ids = [organization.ulid(), user.ulid(), *id].map(|id| id.to_bytes());
        self.0.sign(&[ids.as_flattened(), &credentials.0, &issued_at.millis().to_be_bytes()].concat())
    }

    fn verify(&self, cookie: &str) -> Option<TrustedDevice> {
        let payload = self.0.verify(cookie)?;
        let (organization, rest) = payload.split_first_chunk::<16>()?;
        let (user, rest) = rest.split_first_chunk::<16>()?;
        let (id, rest) = rest.split_first_chunk::<16>()?;
        let (credentials, issued_at) = rest.split_first_chunk::<{ CredentialsFingerprint::LENGTH }>()?;
        Some(TrustedDevice {
            organization: Id::new(Ulid::from_bytes(*organization)),
            user: Id::new(Ulid::from_bytes(*user)),
            id: Ulid::from_bytes(*id),
            issued_at: Timestamp::from_millis(i64::from_be_bytes(issued_at.try_into().ok()?)),
            credentials: CredentialsFingerprint(*credentials),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::master_key;

    #[test]
    fn a_cookie_is_read_back_by_the_installation_that_signed_it_and_by_no_other() {
        let device = TrustedDevice {
            organization: Id::new(Ulid(1)),
            user: Id::new(Ulid(2)),
            id: Ulid(3),
            issued_at: Timestamp::from_millis(-4),
            credentials: CredentialsFingerprint([5; 16]),
        };
        let key = DeviceCookieKey::new(&master_key(1));
        let cookie = key.sign(&device);
        assert_eq!(key.verify(&cookie), Some(device));
        assert_eq!(DeviceCookieKey::new(&master_key(2)).verify(&cookie), None);
        assert_eq!(key.verify(&cookie[1..]), None);
    }

    #[test]
    fn a_cursor_is_no_cookie_of_a_device() {
        let payload = [0; 72];
        assert_eq!(DeviceCookieKey::new(&master_key(1)).verify(&CursorKey::new(&master_key(1)).sign(&payload)), None);
    }
}
