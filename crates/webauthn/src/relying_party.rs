//! The site that credentials belong to.

use sha2::{Digest as _, Sha256};
use url::{Host, Url};

/// A relying party: the site whose pages may use the credentials that it registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelyingParty {
    id: String,
    origin: String,
}

impl RelyingParty {
    /// The relying party at this URL, whose host is its identifier. `None` if browsers offer no passkeys there: they do
    /// over TLS at hosts with a name, and without TLS at `localhost` only.
    #[must_use]
    pub fn at(url: &str) -> Option<Self> {
        let url = Url::parse(url).ok()?;
        let Some(Host::Domain(host)) = url.host() else { return None };
        let is_local = host == "localhost";
        let is_offered = url.scheme() == "https" || (url.scheme() == "http" && is_local);
        is_offered.then(|| Self { id: host.to_owned(), origin: url.origin().ascii_serialization() })
    }

    /// The relying party of a request to this `Host`. It is the one at the public URL, whatever the host is. If people
    /// reach the server on its own machine only, by a loopback address, it is `localhost` with the port of the request, so
    /// that passkeys can be tried without any setting.
    #[must_use]
    pub fn of_request(public_url: &str, host: &str) -> Option<Self> {
        let url = Url::parse(public_url).ok()?;
        let is_loopback = match url.host()? {
            Host::Domain(domain) => domain == "localhost",
            Host::Ipv4(address) => address.is_loopback(),
            Host::Ipv6(address) => address.is_loopback(),
        };
        if !is_loopback {
            return Self::at(public_url);
        }
        Self::at(&format!("{}://{host}", url.scheme())).filter(|party| party.id == "localhost")
    }

    /// The identifier: a domain.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The origin of the pages.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The hash that authenticators sign for this party.
    pub(crate) fn id_hash(&self) -> [u8; 32] {
        Sha256::digest(&self.id).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(party: Option<RelyingParty>) -> Option<(String, String)> {
        party.map(|party| (party.id, party.origin))
    }

    #[test]
    fn passkeys_are_offered_over_tls_at_a_name_and_without_tls_at_localhost() {
        for (url, id, origin) in [
            ("https://grc.example.org", "grc.example.org", "https://grc.example.org"),
            ("https://GRC.example.org:8443/", "grc.example.org", "https://grc.example.org:8443"),
            ("http://localhost:8080", "localhost", "http://localhost:8080"),
            ("https://localhost", "localhost", "https://localhost"),
            ("https://intranet", "intranet", "https://intranet"),
        ] {
            assert_eq!(parts(RelyingParty::at(url)), Some((id.to_owned(), origin.to_owned())), "{url}");
        }
        for url in [
            "http://grc.example.org",
            "https://192.0.2.1",
            "https://[::1]:8443",
            "http://127.0.0.1:8080",
            "ftp://localhost",
            "localhost",
            "",
        ] {
            assert_eq!(RelyingParty::at(url), None, "{url}");
        }
    }

    #[test]
    fn the_host_of_a_request_counts_only_on_the_own_machine() {
        let origin = |url, host| RelyingParty::of_request(url, host).map(|party| party.origin);
        assert_eq!(origin("http://127.0.0.1:8080", "localhost:9000").as_deref(), Some("http://localhost:9000"));
        assert_eq!(origin("http://localhost:8080", "localhost:8080").as_deref(), Some("http://localhost:8080"));
        assert_eq!(origin("https://grc.example.org", "localhost:1").as_deref(), Some("https://grc.example.org"));
        for (url, host) in [
            ("http://127.0.0.1:8080", "127.0.0.1:8080"),
            ("http://127.0.0.1:8080", "evil.example"),
            ("http://127.0.0.1:8080", "localhost.evil.example"),
            ("http://127.0.0.1:8080", ""),
            ("https://192.0.2.1", "localhost"),
        ] {
            assert_eq!(origin(url, host), None, "{url} {host}");
        }
    }
}
