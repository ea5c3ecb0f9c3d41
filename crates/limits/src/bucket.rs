//! The kinds of buckets and their keys.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use kernel::OrganizationId;
use ulid::Ulid;

/// A kind of bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bucket {
    /// The reads of one service account.
    TokenRead,
    /// The writes of one service account.
    TokenWrite,
    /// All calls of one organization.
    Organization,
    /// The tokens issued to one client id for valid credentials.
    TokenIssue,
    /// The failed token calls with one client id from one address.
    TokenFailure,
    /// The failed token calls from one address.
    TokenFailureAddress,
    /// The other calls from one address without valid credentials.
    Unauthenticated,
    /// The failed sign-ins of one user from one network.
    SignInFailure,
    /// The failed sign-ins from one network.
    SignInFailureNetwork,
    /// The failed sign-ins on one device on which the user signed in before.
    SignInFailureDevice,
    /// The failed sign-ins of one user on all devices on which they signed in before.
    SignInFailureDevices,
    /// The wrong second factors after the right password of one user, on devices on which they did not sign in before.
    SecondFactorFailure,
    /// The wrong second factors of one user on all devices on which they signed in before.
    SecondFactorFailureDevices,
    /// The answers of an OpenID Connect provider from one network that signed nobody in.
    OpenIdFailureNetwork,
    /// The answers of an OpenID Connect provider on one device on which a user signed in before that signed nobody in.
    OpenIdFailureDevice,
    /// The requests for pages without a sign-in from one address.
    PublicPage,
    /// The requests for pages without a sign-in on one device on which a user signed in before.
    PublicPageDevice,
}

impl Bucket {
    /// All kinds.
    pub const ALL: &'static [Self] = &[
        Self::TokenRead,
        Self::TokenWrite,
        Self::Organization,
        Self::TokenIssue,
        Self::TokenFailure,
        Self::TokenFailureAddress,
        Self::Unauthenticated,
        Self::SignInFailure,
        Self::SignInFailureNetwork,
        Self::SignInFailureDevice,
        Self::SignInFailureDevices,
        Self::SecondFactorFailure,
        Self::SecondFactorFailureDevices,
        Self::OpenIdFailureNetwork,
        Self::OpenIdFailureDevice,
        Self::PublicPage,
        Self::PublicPageDevice,
    ];

    /// The name of the bucket in responses.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TokenRead => "token-read",
            Self::TokenWrite => "token-write",
            Self::Organization => "org",
            Self::TokenIssue => "token-issue",
            Self::TokenFailure => "token-failure",
            Self::TokenFailureAddress => "token-failure-address",
            Self::Unauthenticated => "unauthenticated",
            Self::SignInFailure => "sign-in-failure",
            Self::SignInFailureNetwork => "sign-in-failure-network",
            Self::SignInFailureDevice => "sign-in-failure-device",
            Self::SignInFailureDevices => "sign-in-failure-devices",
            Self::SecondFactorFailure => "second-factor-failure",
            Self::SecondFactorFailureDevices => "second-factor-failure-devices",
            Self::OpenIdFailureNetwork => "openid-failure-network",
            Self::OpenIdFailureDevice => "openid-failure-device",
            Self::PublicPage => "public-page",
            Self::PublicPageDevice => "public-page-device",
        }
    }
}

/// The network address of a caller: an IPv4 address, or the /64 network of an IPv6 address, since one host commonly has
/// a whole /64 network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Peer(IpAddr);

impl From<IpAddr> for Peer {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from(u128::from(address) >> 64 << 64)),
            address @ IpAddr::V4(_) => address,
        })
    }
}

impl Peer {
    /// The network that an address probably shares with others of the same owner: the /24 network of an IPv4 address,
    /// or the /48 network of an IPv6 address.
    #[must_use]
    pub fn network_of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from(u128::from(address) >> 80 << 80)),
            IpAddr::V4(address) => IpAddr::V4(Ipv4Addr::from(u32::from(address) >> 8 << 8)),
        })
    }
}

/// The key of one bucket of an installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BucketKey {
    /// [`Bucket::TokenRead`] of this service account.
    TokenRead(OrganizationId, Ulid),
    /// [`Bucket::TokenWrite`] of this service account.
    TokenWrite(OrganizationId, Ulid),
    /// [`Bucket::Organization`] of this organization.
    Organization(OrganizationId),
    /// [`Bucket::TokenIssue`] of this service account.
    TokenIssue(OrganizationId, Ulid),
    /// [`Bucket::TokenFailure`] of this client id, which may not exist, from this address. An attacker who knows a
    /// client id can use up only the bucket of their own address.
    TokenFailure(Ulid, Peer),
    /// [`Bucket::TokenFailureAddress`] of this address.
    TokenFailureAddress(Peer),
    /// [`Bucket::Unauthenticated`] of this service account, or the nil ULID if the call names none, from this address.
    Unauthenticated(Ulid, Peer),
    /// [`Bucket::SignInFailure`] of this user, who may not exist, from this network. An attacker can use up only the
    /// buckets of their own networks.
    SignInFailure(Ulid, Peer),
    /// [`Bucket::SignInFailureNetwork`] of this network.
    SignInFailureNetwork(Peer),
    /// [`Bucket::SignInFailureDevice`] of the device with this identifier, which is part of a signed cookie.
    SignInFailureDevice(OrganizationId, Ulid),
    /// [`Bucket::SignInFailureDevices`] of this user.
    SignInFailureDevices(OrganizationId, Ulid),
    /// [`Bucket::SecondFactorFailure`] of this user.
    SecondFactorFailure(OrganizationId, Ulid),
    /// [`Bucket::SecondFactorFailureDevices`] of this user.
    SecondFactorFailureDevices(OrganizationId, Ulid),
    /// [`Bucket::OpenIdFailureNetwork`] of this network.
    OpenIdFailureNetwork(Peer),
    /// [`Bucket::OpenIdFailureDevice`] of the device with this identifier.
    OpenIdFailureDevice(OrganizationId, Ulid),
    /// [`Bucket::PublicPage`] of this address.
    PublicPage(Peer),
    /// [`Bucket::PublicPageDevice`] of the device with this identifier.
    PublicPageDevice(OrganizationId, Ulid),
}

impl BucketKey {
    /// The kind of the bucket.
    #[must_use]
    pub const fn bucket(&self) -> Bucket {
        match self {
            Self::TokenRead(..) => Bucket::TokenRead,
            Self::TokenWrite(..) => Bucket::TokenWrite,
            Self::Organization(_) => Bucket::Organization,
            Self::TokenIssue(..) => Bucket::TokenIssue,
            Self::TokenFailure(..) => Bucket::TokenFailure,
            Self::TokenFailureAddress(_) => Bucket::TokenFailureAddress,
            Self::Unauthenticated(..) => Bucket::Unauthenticated,
            Self::SignInFailure(..) => Bucket::SignInFailure,
            Self::SignInFailureNetwork(_) => Bucket::SignInFailureNetwork,
            Self::SignInFailureDevice(..) => Bucket::SignInFailureDevice,
            Self::SignInFailureDevices(..) => Bucket::SignInFailureDevices,
            Self::SecondFactorFailure(..) => Bucket::SecondFactorFailure,
            Self::SecondFactorFailureDevices(..) => Bucket::SecondFactorFailureDevices,
            Self::OpenIdFailureNetwork(_) => Bucket::OpenIdFailureNetwork,
            Self::OpenIdFailureDevice(..) => Bucket::OpenIdFailureDevice,
            Self::PublicPage(_) => Bucket::PublicPage,
            Self::PublicPageDevice(..) => Bucket::PublicPageDevice,
        }
    }

    /// The organization that the bucket belongs to, if any.
    #[must_use]
    pub const fn organization(&self) -> Option<OrganizationId> {
        match self {
            Self::TokenRead(organization, _)
            | Self::TokenWrite(organization, _)
            | Self::TokenIssue(organization, _)
            | Self::SignInFailureDevice(organization, _)
            | Self::SignInFailureDevices(organization, _)
            | Self::SecondFactorFailure(organization, _)
            | Self::SecondFactorFailureDevices(organization, _)
            | Self::OpenIdFailureDevice(organization, _)
            | Self::PublicPageDevice(organization, _)
            | Self::Organization(organization) => Some(*organization),
            Self::TokenFailure(..)
            | Self::TokenFailureAddress(_)
            | Self::Unauthenticated(..)
            | Self::SignInFailure(..)
            | Self::SignInFailureNetwork(_)
            | Self::OpenIdFailureNetwork(_)
            | Self::PublicPage(_) => None,
        }
    }

    /// A text that identifies the bucket among those of its kind and organization: at most 80 ASCII characters.
    #[must_use]
    pub fn subject(&self) -> String {
        match self {
            Self::TokenRead(_, id)
            | Self::TokenWrite(_, id)
            | Self::TokenIssue(_, id)
            | Self::SignInFailureDevice(_, id)
            | Self::SignInFailureDevices(_, id)
            | Self::SecondFactorFailure(_, id)
            | Self::SecondFactorFailureDevices(_, id)
            | Self::OpenIdFailureDevice(_, id)
            | Self::PublicPageDevice(_, id) => id.to_string(),
            Self::Organization(_) => String::new(),
            Self::TokenFailure(id, Peer(address))
            | Self::Unauthenticated(id, Peer(address))
            | Self::SignInFailure(id, Peer(address)) => format!("{id} {address}"),
            Self::TokenFailureAddress(Peer(address))
            | Self::SignInFailureNetwork(Peer(address))
            | Self::OpenIdFailureNetwork(Peer(address))
            | Self::PublicPage(Peer(address)) => address.to_string(),
        }
    }

    /// Returns whether unauthenticated callers can create buckets of this kind, without limit. The other kinds belong
    /// to authenticated callers.
    #[must_use]
    pub const fn is_unauthenticated(&self) -> bool {
        matches!(
            self,
            Self::TokenFailure(..)
                | Self::TokenFailureAddress(_)
                | Self::Unauthenticated(..)
                | Self::SignInFailure(..)
                | Self::SignInFailureNetwork(_)
                | Self::OpenIdFailureNetwork(_)
                | Self::PublicPage(_)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(address: &str) -> Peer {
        Peer::from(address.parse::<IpAddr>().unwrap())
    }

    #[test]
    fn addresses_of_one_ipv6_network_are_one_peer() {
        assert_eq!(peer("2001:db8:1:2::1"), peer("2001:db8:1:2:ffff::9"));
        assert_ne!(peer("2001:db8:1:2::1"), peer("2001:db8:1:3::1"));
    }

    #[test]
    fn each_ipv4_address_is_one_peer_also_when_mapped_to_ipv6() {
        assert_eq!(peer("::ffff:192.0.2.1"), peer("192.0.2.1"));
        assert_ne!(peer("192.0.2.1"), peer("192.0.2.2"));
    }
}
