//! The client address of a request that came through proxies (the setting `--trusted-proxy`).

use std::{net::IpAddr, str::FromStr};

use axum::http::{HeaderMap, HeaderName};
use ipnet::IpNet;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The maximum number of addresses of a header that are read. A chain of trusted proxies is short.
const MAX_HOPS: usize = 32;

/// The proxies whose `X-Forwarded-For` is trusted; none by default. `Forwarded` (RFC 7239) is not read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// Whether no proxy is trusted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one of the networks contains a whole address family, so that every client's header is trusted.
    #[must_use]
    pub fn include_all_addresses(&self) -> bool {
        self.0.iter().any(|network| network.prefix_len() == 0)
    }

    /// Returns the client address of a request, given the peer of its connection.
    ///
    /// Each proxy appends the address it was called from to the list, so the list is read from its end as long as a
    /// trusted proxy wrote the entry. The first address that is not a trusted proxy is the client's. The entries before
    /// it were sent by the client and are ignored. An invalid entry ends the search at the last valid address.
    pub(crate) fn client_address(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut source = peer.to_canonical();
        if self.0.is_empty() {
            return source;
        }
        let lines = headers.get_all(FORWARDED_FOR).iter().rev();
        let hops = lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
        for hop in hops.take(MAX_HOPS) {
            if !self.contains(source) {
                break;
            }
            match address(hop) {
                Some(before) => source = before,
                None => break,
            }
        }
        source
    }

    /// Whether this is the address of a trusted proxy.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// Parses a comma-separated list of networks, such as `10.0.0.0/8`, and single addresses.
impl FromStr for TrustedProxies {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.split(',').map(str::trim).map(network).collect::<Result<_, _>>().map(Self)
    }
}

fn network(text: &str) -> Result<IpNet, String> {
    let error = || format!("{text:?} is neither a network, such as 10.0.0.0/8 or 2001:db8::/32, nor an IP address");
    let network = match text.parse::<IpNet>() {
        Ok(network) => network,
        Err(_) => IpNet::from(text.parse::<IpAddr>().map_err(|_| error())?),
    };
    // Addresses are compared in their canonical form, so an IPv4-mapped IPv6 network becomes an IPv4 network.
    let canonical = match (network.addr().to_canonical(), network) {
        (IpAddr::V4(address), IpNet::V6(mapped)) => {
            let prefix = mapped.prefix_len().checked_sub(96).ok_or_else(error)?;
            IpNet::new(IpAddr::V4(address), prefix).map_err(|_| error())?
        }
        _ => network,
    };
    Ok(canonical.trunc())
}

/// Parses an entry of the header: an address, or an address with a port, as some proxies write it.
fn address(hop: &[u8]) -> Option<IpAddr> {
    let hop = str::from_utf8(hop).ok()?.trim_matches([' ', '\t']);
    let bare = hop.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).filter(|inner| inner.contains(':'));
    let address = match bare.unwrap_or(hop).parse::<IpAddr>() {
        Ok(address) => address,
        Err(_) => hop.parse::<std::net::SocketAddr>().ok()?.ip(),
    };
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    /// Returns the client address of a request from `peer` with these `X-Forwarded-For` lines. The networks 10.0.0.0/8
    /// and 2001:db8::/32 are trusted.
    fn client_address(peer: &str, lines: &[&str]) -> String {
        let trusted: TrustedProxies = "10.0.0.0/8, 2001:db8::/32".parse().unwrap();
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_FOR, HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        trusted.client_address(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn the_header_of_an_untrusted_peer_is_ignored() {
        assert_eq!(client_address("192.0.2.7", &["203.0.113.9"]), "192.0.2.7");
        assert_eq!(client_address("192.0.2.7", &["203.0.113.9, 10.0.0.1"]), "192.0.2.7");
        let none = TrustedProxies::default();
        let headers = HeaderMap::from_iter([(FORWARDED_FOR, HeaderValue::from_static("203.0.113.9"))]);
        assert_eq!(none.client_address("10.0.0.1".parse().unwrap(), &headers).to_string(), "10.0.0.1");
    }

    #[test]
    fn the_last_address_that_is_not_a_trusted_proxy_is_the_client_address() {
        assert_eq!(client_address("10.0.0.1", &["203.0.113.9"]), "203.0.113.9");
        assert_eq!(client_address("10.0.0.1", &["203.0.113.9, 10.1.2.3,10.3.2.1"]), "203.0.113.9");
        assert_eq!(client_address("10.0.0.1", &["198.51.100.1, 203.0.113.9, 10.1.2.3"]), "203.0.113.9");
        assert_eq!(client_address("2001:db8::1", &["2001:db9::9, 10.1.2.3"]), "2001:db9::9");
    }

    #[test]
    fn several_headers_are_one_list() {
        assert_eq!(client_address("10.0.0.1", &["198.51.100.1", "203.0.113.9", "10.1.2.3"]), "203.0.113.9");
    }

    #[test]
    fn the_first_address_is_the_client_address_if_all_are_trusted_proxies() {
        assert_eq!(client_address("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(client_address("10.0.0.1", &["10.0.0.3, 10.0.0.2"]), "10.0.0.3");
    }

    #[test]
    fn an_invalid_address_ends_the_search_at_the_last_valid_one() {
        for bad in ["unknown", "", "203.0.113.999", "[203.0.113.9]", "fe80::1%eth0", "203.0.113.9:x", "\"203.0.113.9\""]
        {
            assert_eq!(client_address("10.0.0.1", &[&format!("198.51.100.1, {bad}, 10.1.2.3")]), "10.1.2.3", "{bad:?}");
            assert_eq!(client_address("10.0.0.1", &[bad]), "10.0.0.1", "{bad:?}");
        }
        assert_eq!(client_address("10.0.0.1", &["203.0.113.9, \u{fffd}"]), "10.0.0.1");
    }

    #[test]
    fn an_address_may_be_written_with_a_port_or_in_brackets() {
        for (written, address) in [
            ("203.0.113.9:1234", "203.0.113.9"),
            ("[2001:db9::9]:1234", "2001:db9::9"),
            ("[2001:db9::9]", "2001:db9::9"),
            ("\t203.0.113.9 ", "203.0.113.9"),
        ] {
            assert_eq!(client_address("10.0.0.1", &[written]), address);
        }
    }

    #[test]
    fn an_ipv4_address_written_as_ipv6_is_the_ipv4_address() {
        assert_eq!(client_address("::ffff:192.0.2.7", &["203.0.113.9"]), "192.0.2.7");
        assert_eq!(client_address("::ffff:10.0.0.1", &["::ffff:203.0.113.9"]), "203.0.113.9");
        let mapped: TrustedProxies = "::ffff:10.0.0.0/104".parse().unwrap();
        assert_eq!(mapped, "10.0.0.0/8".parse().unwrap());
    }

    #[test]
    fn a_long_list_is_read_only_up_to_the_limit() {
        let list = vec!["10.1.1.1"; 10_000].join(",");
        assert_eq!(client_address("10.0.0.1", &[&format!("203.0.113.9,{list}")]), "10.1.1.1");
    }

    #[test]
    fn an_invalid_network_is_rejected() {
        for text in ["", "10.0.0.0/33", "10.0.0/8", "proxy", "10.0.0.0/8,", "10.0.0.0/8;::1", "::ffff:10.0.0.0/90"] {
            assert!(text.parse::<TrustedProxies>().is_err(), "{text:?}");
        }
        assert_eq!("10.1.2.3/8".parse::<TrustedProxies>(), "10.0.0.0/8".parse());
        assert_eq!("10.1.2.3".parse::<TrustedProxies>(), "10.1.2.3/32".parse());
    }
}
