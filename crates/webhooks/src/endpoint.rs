//! The URLs that deliveries go to.

use std::{fmt, net::IpAddr};

use url::{Host, Url};

use crate::address::AddressPolicy;

/// Maximum length of a URL, in characters.
const MAX_URL_LENGTH: usize = 2048;

/// The text that stands for a masked value.
const MASK: &str = "***";

/// A URL that deliveries may go to, checked as far as is possible without resolving its host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointUrl(Url);

/// The reason why a URL is not accepted as an endpoint, with a message fit for an API response.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// It is not a valid absolute URL, or too long.
    #[error("must be an absolute URL of at most 2,048 characters")]
    Malformed,
    /// No host follows its scheme: `https:///path`, `https:path`.
    #[error("must have two slashes and a host after its scheme, such as https://hook.example/path")]
    NoHost,
    /// Its host is no name that can be looked up in the DNS.
    #[error("must have a host name of at most 253 characters, with 1 to 63 characters between its dots")]
    InvalidHostName,
    /// Its port is 0, to which nothing can connect.
    #[error("must have a port from 1 to 65535")]
    PortZero,
    /// It is not written as it would be sent, so that another URL than the given one would be called.
    #[error("must be written in its normal form, which is {normal_form}")]
    NotNormalized {
        /// The URL as it would be sent.
        normal_form: String,
    },
    /// Its scheme is not `https`.
    #[error("must begin with https://")]
    Insecure,
    /// It contains a user name or password.
    #[error("must not contain a user name or password: deliveries are authenticated by their signature")]
    Credentials,
    /// It contains a fragment, which is never sent.
    #[error("must not contain a fragment")]
    Fragment,
    /// Its host is an address that webhooks may not go to.
    #[error("must name a host that is reachable from the public internet")]
    Forbidden,
}

impl EndpointUrl {
    /// Parses a URL that deliveries may go to under this policy. Unusual spellings of addresses (`0x7f.1`,
    /// `2130706433`, `127.1`) are parsed to the address that HTTP clients would connect to.
    ///
    /// # Errors
    /// [`UrlError`] when deliveries may not go there.
    pub fn parse(text: &str, policy: &AddressPolicy) -> Result<Self, UrlError> {
        let url = Self::from_stored(text).ok_or(UrlError::Malformed)?;
        // The parser takes the first segment of the path as the host if there is none.
        let authority = split(text).map(|(_, authority, _)| authority);
        let authority = authority
            .filter(|authority| !authority.is_empty() && !authority.starts_with('\\'))
            .ok_or(UrlError::NoHost)?;
        match url.0.scheme() {
            "https" => {}
            "http" if url.allows_plain_http(policy) => {}
            _ => return Err(UrlError::Insecure),
        }
        if authority.contains('@') {
            return Err(UrlError::Credentials);
        }
        if url.0.fragment().is_some() {
            return Err(UrlError::Fragment);
        }
        if url.0.port() == Some(0) {
            return Err(UrlError::PortZero);
        }
        if url.host_name().is_some_and(|name| !is_dns_name(name)) {
            return Err(UrlError::InvalidHostName);
        }
        match url.address() {
            Some(address) if !policy.allows(address) => Err(UrlError::Forbidden),
            _ if !url.is_written_as(text) => Err(UrlError::NotNormalized { normal_form: url.to_string() }),
            _ => Ok(url),
        }
    }

    /// Whether the text is this URL in its normal form. It may leave out the default port and an empty path, and may write
    /// the scheme and the host in upper case.
    fn is_written_as(&self, text: &str) -> bool {
        let (Some((scheme, authority, rest)), Some((_, normal_authority, normal_rest))) =
            (split(text), split(self.as_str()))
        else {
            return false;
        };
        let default_port = if self.0.scheme() == "https" { ":443" } else { ":80" };
        let authority = authority.strip_suffix(default_port).unwrap_or(authority);
        scheme.eq_ignore_ascii_case(self.0.scheme())
            && authority.eq_ignore_ascii_case(normal_authority)
            && (rest == normal_rest || (!rest.starts_with('/') && normal_rest.strip_prefix('/') == Some(rest)))
    }

    /// The URL as audit entries and exports show it: the values of its query, which may be secrets, are masked.
    #[must_use]
    pub fn masked(&self) -> String {
        let Some((start, query)) = self.as_str().split_once('?') else { return self.to_string() };
        let masked = query.split('&').map(|parameter| match parameter.split_once('=') {
            Some((name, value)) if !value.trim_matches('=').is_empty() => format!("{name}={MASK}"),
            // A parameter without a name and a value of its own may be a secret as a whole, such as base64 with padding.
            _ if !parameter.is_empty() => MASK.to_owned(),
            _ => parameter.to_owned(),
        });
        format!("{start}?{}", masked.collect::<Vec<_>>().join("&"))
    }

    /// Parses a stored URL without applying a policy: it may have been accepted under another one, and is checked again
    /// before each attempt.
    #[must_use]
    pub fn from_stored(text: &str) -> Option<Self> {
        if text.chars().count() > MAX_URL_LENGTH {
            return None;
        }
        let url = Url::parse(text).ok()?;
        (matches!(url.scheme(), "http" | "https") && url.host().is_some()).then_some(Self(url))
    }

    /// Whether the policy allows plain `http` for this URL.
    #[must_use]
    pub fn allows_plain_http(&self, policy: &AddressPolicy) -> bool {
        match self.address() {
            Some(address) => policy.allows_plain_http_to(address),
            None => policy.loopback && self.host_name() == Some("localhost"),
        }
    }

    /// The parsed URL.
    #[must_use]
    pub fn as_url(&self) -> &Url {
        &self.0
    }

    /// The URL as it is stored and displayed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The host, if it is an IP address.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        match self.0.host()? {
            Host::Ipv4(address) => Some(IpAddr::V4(address)),
            Host::Ipv6(address) => Some(IpAddr::V6(address)),
            Host::Domain(_) => None,
        }
    }

    /// The host, if it is a name.
    #[must_use]
    pub fn host_name(&self) -> Option<&str> {
        self.0.domain()
    }
}

/// Whether the name, in ASCII, is within the limits of the DNS (RFC 1035 § 2.3.4). It may end with the dot of the root.
fn is_dns_name(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    name.len() <= 253 && name.split('.').all(|label| (1..=63).contains(&label.len()))
}

/// Splits a URL into its scheme, its authority, and the rest.
fn split(url: &str) -> Option<(&str, &str, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at(end);
    Some((scheme, authority, rest))
}

impl fmt::Display for EndpointUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unusual_spellings_of_an_address_are_parsed_like_http_clients_parse_them() {
        let policy = AddressPolicy::default();
        for url in [
            "https://2130706433/",
            "https://0x7f.1/",
            "https://0177.0.0.1/",
            "https://127.1/",
            "https://0/",
            "https://0xa9fea9fe/",
            "https://[::ffff:7f00:1]/",
            "https://[0:0:0:0:0:0:0:1]/",
            "https://①②⑦.0.0.1/",
            "https://127.0.0.1./",
        ] {
            assert_eq!(EndpointUrl::parse(url, &policy), Err(UrlError::Forbidden), "{url}");
        }
    }

    #[test]
    fn plain_http_is_accepted_only_for_loopback_and_only_when_enabled() {
        let development = AddressPolicy { loopback: true, ..AddressPolicy::default() };
        for url in ["http://127.0.0.1:9000/", "http://localhost/hook", "http://[::1]:1/"] {
            assert!(EndpointUrl::parse(url, &development).is_ok(), "{url}");
            assert_eq!(EndpointUrl::parse(url, &AddressPolicy::default()), Err(UrlError::Insecure), "{url}");
        }
        assert_eq!(EndpointUrl::parse("http://example.com/", &development), Err(UrlError::Insecure));
    }
}
