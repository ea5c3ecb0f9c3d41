//! The addresses that deliveries may go to: globally reachable unicast addresses according to IANA's special-purpose
//! registries, and the networks that an operator allowed.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// The addresses that deliveries may go to. The default allows only the public internet.
#[derive(Clone, Debug, Default)]
pub struct AddressPolicy {
    /// Private networks that the operator allows as targets in addition.
    pub allowed: Vec<IpNet>,
    /// Whether plain `http` to the loopback interface is allowed, for development.
    pub loopback: bool,
}

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(high: u128, prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::from_bits(high), prefix)
}

/// IPv4 networks that are not globally reachable unicast (IANA IPv4 Special-Purpose Address Registry, RFC 6890 and
/// later).
const SPECIAL_V4: [Ipv4Net; 16] = [
    v4(0, 0, 0, 0, 8),
    v4(10, 0, 0, 0, 8),
    v4(100, 64, 0, 0, 10),
    v4(127, 0, 0, 0, 8),
    // Link-local, where cloud providers serve instance metadata.
    v4(169, 254, 0, 0, 16),
    v4(172, 16, 0, 0, 12),
    v4(192, 0, 0, 0, 24),
    v4(192, 0, 2, 0, 24),
    v4(192, 88, 99, 0, 24),
    v4(192, 168, 0, 0, 16),
    v4(198, 18, 0, 0, 15),
    v4(198, 51, 100, 0, 24),
    v4(203, 0, 113, 0, 24),
    // Multicast and reserved.
    v4(224, 0, 0, 0, 4),
    v4(240, 0, 0, 0, 4),
    // The DNS resolver and metadata address of Azure, which is not link-local.
    v4(168, 63, 129, 16, 32),
];

/// The IPv6 range that is assigned for global unicast.
const GLOBAL_V6: Ipv6Net = v6(0x2000 << 112, 3);

/// The networks within [`GLOBAL_V6`] that are not globally reachable (IANA IPv6 Special-Purpose Address Registry).
const SPECIAL_V6: [Ipv6Net; 3] = [
    // Protocol assignments: Teredo, benchmarking, ORCHID and the like.
    v6(0x2001 << 112, 23),
    // Documentation.
    v6(0x2001_0db8 << 96, 32),
    v6(0x3fff << 112, 20),
];

const SIX_TO_FOUR: Ipv6Net = v6(0x2002 << 112, 16);
const NAT64: Ipv6Net = v6(0x0064_ff9b << 96, 96);

impl AddressPolicy {
    /// Whether deliveries may go to this address.
    #[must_use]
    pub fn allows(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.allowed.iter().any(|network| network.contains(&address))
            || (self.loopback && address.is_loopback())
            || is_global_unicast(address)
    }

    /// Whether deliveries by plain `http` may go to this address.
    #[must_use]
    pub fn allows_plain_http_to(&self, address: IpAddr) -> bool {
        self.loopback && address.to_canonical().is_loopback()
    }
}

fn is_global_unicast(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_global_v4(address),
        IpAddr::V6(address) => is_global_v6(address),
    }
}

fn is_global_v4(address: Ipv4Addr) -> bool {
    !SPECIAL_V4.iter().any(|network| network.contains(&address))
}

fn is_global_v6(address: Ipv6Addr) -> bool {
    let bits = address.to_bits();
    if let Some(mapped) = address.to_ipv4_mapped() {
        return is_global_v4(mapped);
    }
    if NAT64.contains(&address) {
        return is_global_v4(Ipv4Addr::from_bits(low_32_bits(bits)));
    }
    if SIX_TO_FOUR.contains(&address) {
        return is_global_v4(Ipv4Addr::from_bits(low_32_bits(bits >> 80)));
    }
    GLOBAL_V6.contains(&address) && !SPECIAL_V6.iter().any(|network| network.contains(&address))
}

/// Returns the lowest 32 bits.
#[expect(clippy::cast_possible_truncation, reason = "only the lowest 32 bits are wanted")]
const fn low_32_bits(bits: u128) -> u32 {
    bits as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(text: &str) -> bool {
        AddressPolicy::default().allows(text.parse().unwrap())
    }

    #[test]
    fn the_public_internet_is_allowed() {
        for address in
            ["1.1.1.1", "8.8.8.8", "93.184.216.34", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00:1450::1"]
        {
            assert!(allows(address), "{address}");
        }
    }

    #[test]
    fn no_special_purpose_address_is_allowed() {
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "239.1.1.1",
            "240.0.0.1",
            "255.255.255.255",
            "168.63.129.16",
            "::",
            "::1",
            "::7f00:1",
            "fe80::1",
            "fec0::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "100::1",
            "2001::1",
            "2001:2::1",
            "2001:10::1",
            "2001:db8::1",
            "3fff::1",
            "5f00::1",
            "4000::1",
        ] {
            assert!(!allows(address), "{address}");
        }
    }

    #[test]
    fn an_embedded_ipv4_address_is_checked_like_a_plain_one() {
        for address in [
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:a9fe:a9fe",
            "64:ff9b::7f00:1",
            "64:ff9b::10.1.2.3",
            "64:ff9b:1::8.8.8.8",
            "2002:7f00:1::",
            "2002:a00:1::1",
            "2002:a9fe:a9fe::",
        ] {
            assert!(!allows(address), "{address}");
        }
        for address in ["::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1"] {
            assert!(allows(address), "{address}");
        }
    }

    #[test]
    fn a_private_network_is_allowed_once_the_operator_lists_it() {
        let policy = AddressPolicy { allowed: vec!["10.20.0.0/16".parse().unwrap()], loopback: false };
        assert!(policy.allows("10.20.3.4".parse().unwrap()));
        assert!(policy.allows("::ffff:10.20.3.4".parse().unwrap()));
        assert!(!policy.allows("10.21.0.1".parse().unwrap()));
        assert!(!policy.allows("127.0.0.1".parse().unwrap()));
    }
}
