//! The addresses of a provider that requests are sent to.

use std::net::IpAddr;

use url::{Host, Url};

/// The text is no address of a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it must be an https URL without user, password and fragment; plain http is allowed to this machine only")]
pub struct ForbiddenUrl;

/// Parses the address of a provider or of one of its endpoints. Secrets are sent to it, so it must be encrypted, unless it
/// is on this machine.
///
/// # Errors
/// [`ForbiddenUrl`].
pub fn parse_provider_url(text: &str) -> Result<Url, ForbiddenUrl> {
    let url = Url::parse(text).map_err(|_| ForbiddenUrl)?;
    let is_plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    let is_encrypted = url.scheme() == "https" && url.host().is_some();
    let is_local = url.scheme() == "http" && url.host().is_some_and(is_loopback);
    if is_plain && (is_encrypted || is_local) { Ok(url) } else { Err(ForbiddenUrl) }
}

fn is_loopback(host: Host<&str>) -> bool {
    match host {
        Host::Domain(name) => name == "localhost",
        Host::Ipv4(address) => IpAddr::from(address).is_loopback(),
        Host::Ipv6(address) => IpAddr::from(address).is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_encrypted_addresses_and_those_of_this_machine_are_allowed() {
        for allowed in [
            "https://login.example.org",
            "https://login.example.org:8443/realms/staff",
            "http://127.0.0.1:8080/realms/staff",
            "http://localhost",
            "http://[::1]:9",
        ] {
            assert!(parse_provider_url(allowed).is_ok(), "{allowed}");
        }
        for refused in [
            "http://login.example.org",
            "http://localhost.example.org",
            "http://10.0.0.1",
            "https://user@login.example.org",
            "https://user:secret@login.example.org",
            "https://login.example.org/#part",
            "ftp://login.example.org",
            "login.example.org",
            "https://",
            "",
        ] {
            assert_eq!(parse_provider_url(refused), Err(ForbiddenUrl), "{refused}");
        }
    }
}
