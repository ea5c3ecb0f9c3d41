//! Where deliveries go.

use std::{fmt, net::IpAddr};

use url::{Host, Url};

use crate::address::AddressPolicy;

/// The longest URL, in characters.
const LONGEST: usize = 2048;

/// A URL that deliveries may go to, as far as that can be told without resolving its host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointUrl(Url);

/// Why deliveries don't go to a URL, in words fit for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlFault {
    /// It is none.
    #[error("must be an absolute URL of at most 2,048 characters")]
    Malformed,
    /// It is not `https`.
    #[error("must begin with https://")]
    Insecure,
    /// It holds a name or password.
    #[error("must hold no user name or password: deliveries are signed instead")]
    Credentials,
    /// It holds a fragment, which is never sent.
    #[error("must hold no fragment")]
    Fragment,
    /// Its host is an address that webhooks don't go to.
    #[error("must name a host that is reachable from the public internet")]
    Forbidden,
}

impl EndpointUrl {
    /// The URL, if deliveries may go there. Odd spellings of addresses (`0x7f.1`, `2130706433`, `127.1`) are read as what
    /// every client takes them for.
    ///
    /// # Errors
    /// [`UrlFault`].
    pub fn parse(text: &str, policy: &AddressPolicy) -> Result<Self, UrlFault> {
        let url = Self::of_stored(text).ok_or(UrlFault::Malformed)?;
        match url.0.scheme() {
            "https" => {}
            "http" if policy.allows_plain(&url) => {}
            _ => return Err(UrlFault::Insecure),
        }
        if !url.0.username().is_empty() || url.0.password().is_some() {
            return Err(UrlFault::Credentials);
        }
        if url.0.fragment().is_some() {
            return Err(UrlFault::Fragment);
        }
        match url.address() {
            Some(address) if !policy.allows(address) => Err(UrlFault::Forbidden),
            _ => Ok(url),
        }
    }

    /// A URL that was accepted before, though it might not be today: it is judged anew when it is sent to.
    #[must_use]
    pub fn of_stored(text: &str) -> Option<Self> {
        if text.chars().count() > LONGEST {
            return None;
        }
        let url = Url::parse(text).ok()?;
        (matches!(url.scheme(), "http" | "https") && url.host().is_some()).then_some(Self(url))
    }

    /// The URL.
    #[must_use]
    pub fn as_url(&self) -> &Url {
        &self.0
    }

    /// As it is kept and shown.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The address, where the host is one and not a name.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        match self.0.host()? {
            Host::Ipv4(address) => Some(IpAddr::V4(address)),
            Host::Ipv6(address) => Some(IpAddr::V6(address)),
            Host::Domain(_) => None,
        }
    }

    /// The name, where the host is one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.0.domain()
    }
}

impl fmt::Display for EndpointUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
