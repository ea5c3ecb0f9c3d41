//! The URL of a Redis or Valkey.

use std::{fmt, str::FromStr};

use redis::{Client, ConnectionInfo, IntoConnectionInfo as _, RedisError};

/// The URL of a Redis or Valkey with its credentials: `redis://[user:password@]host[:port][/database]`, or `rediss://`
/// for TLS, which trusts the certificate authorities of the system. The `Debug` output is redacted, since the URL may
/// contain a password.
#[derive(Clone)]
pub struct RedisUrl(ConnectionInfo);

/// The text is not such a URL. The error does not repeat it, since it may contain a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a URL of the form redis://[user:password@]host[:port][/database], or rediss:// for TLS")]
pub struct MalformedRedisUrl;

impl RedisUrl {
    pub(crate) fn client(&self) -> Result<Client, RedisError> {
        Client::open(self.0.clone())
    }
}

impl FromStr for RedisUrl {
    type Err = MalformedRedisUrl;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // The client accepts more forms, one of which disables the verification of certificates.
        let has_scheme = text.starts_with("redis://") || text.starts_with("rediss://");
        if !has_scheme || text.contains('#') {
            return Err(MalformedRedisUrl);
        }
        text.into_connection_info().map(Self).map_err(|_| MalformedRedisUrl)
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RedisUrl")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_may_have_credentials_a_port_and_a_database() {
        for valid in ["redis://localhost", "redis://:secret@[::1]:6380/3", "rediss://user:secret@cache.example:6380"] {
            assert!(valid.parse::<RedisUrl>().is_ok(), "{valid}");
        }
    }

    #[test]
    fn other_schemes_and_tls_without_certificate_verification_are_rejected() {
        for invalid in
            ["", "localhost:6379", "http://localhost", "valkey://x", "rediss://localhost#insecure", "redis://h/x"]
        {
            assert!(invalid.parse::<RedisUrl>().is_err(), "{invalid}");
        }
    }

    #[test]
    fn a_password_is_not_printed() {
        assert_eq!(format!("{:?}", "redis://:secret@localhost".parse::<RedisUrl>().unwrap()), "RedisUrl");
    }
}
