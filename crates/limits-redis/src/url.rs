//! Where Redis is.

use std::{fmt, str::FromStr};

use redis::{Client, ConnectionInfo, IntoConnectionInfo as _, RedisError};

/// Where a Redis or Valkey is and how to log in there: `redis://[user:password@]host[:port][/database]`, or `rediss://`
/// for TLS, which trusts the certificate authorities of the system. Its `Debug` says nothing of it, since it may hold a
/// password.
#[derive(Clone)]
pub struct RedisUrl(ConnectionInfo);

/// The text is not such a URL. It may hold a password, so it is not repeated.
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
        // The client knows more forms, one of which turns the check of certificates off.
        let plain = text.starts_with("redis://") || text.starts_with("rediss://");
        if !plain || text.contains('#') {
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
    fn a_url_names_a_host_a_login_and_a_database() {
        for good in ["redis://localhost", "redis://:secret@[::1]:6380/3", "rediss://user:secret@cache.example:6380"] {
            assert!(good.parse::<RedisUrl>().is_ok(), "{good}");
        }
    }

    #[test]
    fn another_scheme_and_tls_without_a_check_are_refused() {
        for bad in
            ["", "localhost:6379", "http://localhost", "valkey://x", "rediss://localhost#insecure", "redis://h/x"]
        {
            assert!(bad.parse::<RedisUrl>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_password_is_not_printed() {
        assert_eq!(format!("{:?}", "redis://:secret@localhost".parse::<RedisUrl>().unwrap()), "RedisUrl");
    }
}
