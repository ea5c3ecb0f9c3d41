//! The settings of people who sign in to the web app.

use std::time::Duration;

use auth::{MAX_STORED_FOR, SessionLifetimes};
use http_api::pipeline::SessionCookie;
use people::PeopleSettings;
use url::{Host, Url};

use super::{
    parsers::{parse_duration, parse_positive},
    reader::SettingsReader,
    table::{self, Setting},
};

/// The address at which people reach the server, without a slash at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PublicUrl(String);

impl PublicUrl {
    /// The cookie of sessions: browsers send it over TLS only, unless people reach the server without TLS.
    pub(super) fn session_cookie(&self) -> SessionCookie {
        if self.0.starts_with("https:") { SessionCookie::Secure } else { SessionCookie::Plain }
    }

    /// The URL of this path, which begins with a slash.
    pub(crate) fn join(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }

    /// Returns the URL of a server that has bound this address: the port 0 stands for a free one, which is known only
    /// then.
    pub(crate) fn of_bound(self, url: &str) -> Self {
        match (self.0.strip_suffix(":0"), url.rsplit_once(':')) {
            (Some(host), Some((_, port))) => Self::of_address(format!("{host}:{port}")),
            _ => self,
        }
    }

    /// The URL of an address, as browsers write it: without the port that the scheme has anyway.
    fn of_address(url: String) -> Self {
        parse_public_url(&url).unwrap_or(Self(url))
    }

    /// Reads the setting. By default it is the address that the server listens at.
    pub(super) fn read(
        reader: &mut SettingsReader<'_>,
        listen: Option<std::net::SocketAddr>,
        has_tls: bool,
    ) -> Option<Self> {
        let by_default = || {
            let scheme = if has_tls { "https" } else { "http" };
            let address = listen.map(|listen| match listen.ip().is_unspecified() {
                true => format!("localhost:{}", listen.port()),
                false => listen.to_string(),
            });
            Self::of_address(format!("{scheme}://{}", address.unwrap_or_default()))
        };
        reader.value_or(&table::PUBLIC_URL, parse_public_url, by_default)
    }
}

/// Parses the URL. Browsers keep cookies and passkeys apart by scheme, host and port, and nothing else is in it.
fn parse_public_url(text: &str) -> Result<PublicUrl, String> {
    let error = || format!("{text:?} is not a URL such as https://novantra.example.org, without a path");
    let url = Url::parse(text).map_err(|_| error())?;
    let is_origin = url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    let has_host = matches!(url.host(), Some(Host::Domain(_) | Host::Ipv4(_) | Host::Ipv6(_)));
    if !matches!(url.scheme(), "http" | "https") || !is_origin || !has_host {
        return Err(error());
    }
    Ok(PublicUrl(url.origin().ascii_serialization()))
}

pub(super) fn read(reader: &mut SettingsReader<'_>) -> Option<PeopleSettings> {
    let idle = bounded(reader, &table::SESSION_IDLE_TIMEOUT, Duration::from_secs(5 * 60));
    let absolute = bounded(reader, &table::SESSION_LIFETIME, Duration::from_secs(10 * 60));
    let invitation_lifetime = bounded(reader, &table::INVITATION_LIFETIME, Duration::from_secs(60 * 60));
    let hashing_concurrency = reader.value(&table::PASSWORD_CONCURRENCY, |text| match parse_positive(text)? {
        number if number <= 64 => Ok(number),
        _ => Err(format!("{text} is more than 64")),
    });
    let failures_per_user = reader.value(&table::RATE_LIMIT_SIGN_IN, parse_positive);
    let failures_per_network = reader.value(&table::RATE_LIMIT_SIGN_IN_NETWORK, parse_positive);
    Some(PeopleSettings {
        sessions: SessionLifetimes { idle: idle?, absolute: absolute? },
        invitation_lifetime: invitation_lifetime?,
        hashing_concurrency: usize::try_from(hashing_concurrency?).ok()?,
        failures_per_user: failures_per_user?,
        failures_per_network: failures_per_network?,
    })
}

/// Reads a duration from `min` to 30 days.
fn bounded(reader: &mut SettingsReader<'_>, setting: &'static Setting, min: Duration) -> Option<Duration> {
    const MAX: Duration = Duration::from_secs(30 * 24 * 60 * 60);
    const { assert!(MAX.as_secs() < MAX_STORED_FOR.as_secs()) };
    reader.value(setting, |text| {
        let span = parse_duration(text)?;
        match (min..=MAX).contains(&span) {
            true => Ok(span),
            false => Err(format!("{text} is not from {}m to 30d", min.as_secs() / 60)),
        }
    })
}

#[cfg(test)]
mod tests {
    use auth::LinkPurpose;

    use super::*;
    use crate::settings::{Settings, Sources, collect};

    fn parse(environment: &[(&str, &str)]) -> Result<Settings, Vec<String>> {
        let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Settings::parse(&collect(&Sources { environment, ..Sources::default() }).unwrap())
    }

    #[test]
    fn the_defaults_of_the_table_are_those_of_the_use_cases() {
        let settings = parse(&[]).unwrap();
        assert_eq!(settings.people, PeopleSettings::default());
        assert_eq!(settings.people.invitation_lifetime, LinkPurpose::Invitation.default_lifetime());
    }

    #[test]
    fn the_public_url_is_an_origin_and_by_default_the_address_of_the_server() {
        for (environment, expected) in [
            (&[][..], "http://127.0.0.1:8080/app"),
            (&[("NOVANTRA_LISTEN", "0.0.0.0:80")], "http://localhost/app"),
            (
                &[("NOVANTRA_TLS_CERT", "a"), ("NOVANTRA_TLS_KEY", "b"), ("NOVANTRA_LISTEN", "[::1]:8443")],
                "https://[::1]:8443/app",
            ),
            // As browsers name the origin of its pages.
            (&[("NOVANTRA_LISTEN", "192.0.2.7:80")], "http://192.0.2.7/app"),
            (
                &[("NOVANTRA_TLS_CERT", "a"), ("NOVANTRA_TLS_KEY", "b"), ("NOVANTRA_LISTEN", "192.0.2.7:443")],
                "https://192.0.2.7/app",
            ),
            (&[("NOVANTRA_PUBLIC_URL", "https://GRC.example.org/")], "https://grc.example.org/app"),
            (&[("NOVANTRA_PUBLIC_URL", "https://grc.example.org:443")], "https://grc.example.org/app"),
        ] {
            assert_eq!(parse(environment).unwrap().public_url.join("/app"), expected);
        }
        for bad in ["grc.example.org", "ftp://a", "https://a/path", "https://a?x", "https://u@a", "https://a/#x", ""] {
            assert!(parse(&[("NOVANTRA_PUBLIC_URL", bad)]).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_port_of_the_public_url_is_the_one_that_was_bound() {
        let url = |text: &str| PublicUrl(text.to_owned()).of_bound("http://127.0.0.1:4711").join("/app");
        assert_eq!(url("http://127.0.0.1:0"), "http://127.0.0.1:4711/app");
        assert_eq!(url("http://localhost:0"), "http://localhost:4711/app");
        assert_eq!(url("https://grc.example.org"), "https://grc.example.org/app");
    }

    #[test]
    fn lifetimes_are_bounded() {
        for (name, low, high) in [
            ("NOVANTRA_SESSION_IDLE_TIMEOUT", "299s", "5m"),
            ("NOVANTRA_SESSION_LIFETIME", "9m", "10m"),
            ("NOVANTRA_INVITATION_LIFETIME", "59m", "1h"),
        ] {
            assert!(parse(&[(name, low)]).is_err() && parse(&[(name, "31d")]).is_err(), "{name}");
            assert!(parse(&[(name, high)]).is_ok() && parse(&[(name, "30d")]).is_ok(), "{name}");
        }
        assert!(parse(&[("NOVANTRA_PASSWORD_CONCURRENCY", "65")]).is_err());
    }
}
