//! Which buckets there are, and whose.

use std::net::{IpAddr, Ipv6Addr};

use kernel::OrganizationId;
use ulid::Ulid;

/// A sort of bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bucket {
    /// Reads of one service account.
    TokenRead,
    /// Writes of one service account.
    TokenWrite,
    /// Everything one organization does.
    Organization,
    /// Tokens issued to one client id for good credentials.
    TokenIssue,
    /// Failed token calls that name one client id from one place.
    TokenFailure,
    /// Failed token calls from one place.
    TokenFailurePlace,
}

impl Bucket {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::TokenRead,
        Self::TokenWrite,
        Self::Organization,
        Self::TokenIssue,
        Self::TokenFailure,
        Self::TokenFailurePlace,
    ];

    /// The word that tells a caller which bucket it met.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TokenRead => "token-read",
            Self::TokenWrite => "token-write",
            Self::Organization => "org",
            Self::TokenIssue => "token-issue",
            Self::TokenFailure => "token-failure",
            Self::TokenFailurePlace => "token-failure-address",
        }
    }
}

/// Where a call comes from, as far as one place can be told from another: an IPv4 address, or the /64 network of an IPv6
/// address, of which one host commonly has the whole.
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

/// Names one bucket of an installation.
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
    /// [`Bucket::TokenFailure`] of this client id, known or not, from this place: who merely knows a client id uses up a
    /// bucket of their own.
    TokenFailure(Ulid, Peer),
    /// [`Bucket::TokenFailurePlace`] of this place.
    TokenFailurePlace(Peer),
}

impl BucketKey {
    /// Which sort of bucket it names.
    #[must_use]
    pub const fn bucket(&self) -> Bucket {
        match self {
            Self::TokenRead(..) => Bucket::TokenRead,
            Self::TokenWrite(..) => Bucket::TokenWrite,
            Self::Organization(_) => Bucket::Organization,
            Self::TokenIssue(..) => Bucket::TokenIssue,
            Self::TokenFailure(..) => Bucket::TokenFailure,
            Self::TokenFailurePlace(_) => Bucket::TokenFailurePlace,
        }
    }

    /// The organization it belongs to, where it belongs to one.
    #[must_use]
    pub const fn organization(&self) -> Option<OrganizationId> {
        match self {
            Self::TokenRead(organization, _)
            | Self::TokenWrite(organization, _)
            | Self::TokenIssue(organization, _)
            | Self::Organization(organization) => Some(*organization),
            Self::TokenFailure(..) | Self::TokenFailurePlace(_) => None,
        }
    }

    /// Which of the buckets of its sort and organization it is, in words: at most 80 characters of ASCII.
    #[must_use]
    pub fn subject(&self) -> String {
        match self {
            Self::TokenRead(_, account) | Self::TokenWrite(_, account) | Self::TokenIssue(_, account) => {
                account.to_string()
            }
            Self::Organization(_) => String::new(),
            Self::TokenFailure(client, Peer(address)) => format!("{client} {address}"),
            Self::TokenFailurePlace(Peer(address)) => address.to_string(),
        }
    }

    /// Whether anybody at all can bring the bucket into being, as often as they like: the owners of the others had to
    /// prove who they are.
    #[must_use]
    pub const fn is_strangers(&self) -> bool {
        matches!(self, Self::TokenFailure(..) | Self::TokenFailurePlace(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(address: &str) -> Peer {
        Peer::from(address.parse::<IpAddr>().unwrap())
    }

    #[test]
    fn addresses_of_one_ipv6_network_are_one_place() {
        assert_eq!(peer("2001:db8:1:2::1"), peer("2001:db8:1:2:ffff::9"));
        assert_ne!(peer("2001:db8:1:2::1"), peer("2001:db8:1:3::1"));
    }

    #[test]
    fn each_ipv4_address_is_a_place_however_it_is_written() {
        assert_eq!(peer("::ffff:192.0.2.1"), peer("192.0.2.1"));
        assert_ne!(peer("192.0.2.1"), peer("192.0.2.2"));
    }
}
