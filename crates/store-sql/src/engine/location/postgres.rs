//! The address of a PostgreSQL server and the security of connections to it. The parameters are those of libpq.

use std::{fmt, path::PathBuf};

use tokio_postgres::{
    Config,
    config::{Host, SslMode},
};

/// The address of a PostgreSQL server and the security of connections to it.
#[derive(Clone)]
pub struct PostgresUrl {
    pub(crate) config: Config,
    pub(crate) security: Security,
}

/// The security of connections, where they are encrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Security {
    pub(crate) verification: Verification,
    pub(crate) roots: Roots,
    /// The client certificate and its key.
    pub(crate) identity: Option<(PathBuf, PathBuf)>,
}

/// The checks of the server's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verification {
    /// No checks.
    None,
    /// The certificate must descend from a trusted root.
    Chain,
    /// As [`Self::Chain`], and the certificate must be valid for the host's name.
    Full,
}

/// The trusted root certificates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Roots {
    /// The roots of the operating system.
    System,
    /// The roots in a PEM file.
    File(PathBuf),
}

/// The parameters that libpq has and the driver lacks.
#[derive(Default)]
struct Parameters {
    mode: Option<String>,
    root: Option<String>,
    certificate: Option<String>,
    key: Option<String>,
}

impl PostgresUrl {
    /// Parses the address. An error describes the problem without repeating the address.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (address, query) = text.split_once('?').unwrap_or((text, ""));
        let mut parameters = Parameters::default();
        let others: Vec<&str> = query.split('&').filter(|pair| !pair.is_empty() && !parameters.take(pair)).collect();
        let rest = if others.is_empty() { address.to_owned() } else { format!("{address}?{}", others.join("&")) };
        let mut config: Config = rest.parse().map_err(|_| "it can't be parsed".to_owned())?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err("it has no host".to_owned());
        }
        config.ssl_mode(parameters.ssl_mode()?);
        Ok(Self { config, security: parameters.security()? })
    }
}

impl Parameters {
    /// Stores the parameter if it is one of these, and returns whether it is.
    fn take(&mut self, pair: &str) -> bool {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let slot = match name {
            "sslmode" => &mut self.mode,
            "sslrootcert" => &mut self.root,
            "sslcert" => &mut self.certificate,
            "sslkey" => &mut self.key,
            _ => return false,
        };
        *slot = Some(percent_encoding::percent_decode_str(value).decode_utf8_lossy().into_owned());
        true
    }

    fn ssl_mode(&self) -> Result<SslMode, String> {
        match self.mode.as_deref() {
            Some("disable") => Ok(SslMode::Disable),
            None | Some("prefer") => Ok(SslMode::Prefer),
            Some("require" | "verify-ca" | "verify-full") => Ok(SslMode::Require),
            Some(_) => Err("sslmode must be one of disable, prefer, require, verify-ca and verify-full".to_owned()),
        }
    }

    fn security(self) -> Result<Security, String> {
        let verification = match (self.mode.as_deref(), &self.root) {
            (Some("verify-full"), Some(_)) => Verification::Full,
            // As in libpq, a named root is verified even with `require`.
            (Some("verify-ca" | "require"), Some(_)) => Verification::Chain,
            (Some("verify-ca" | "verify-full"), None) => {
                return Err("verification requires a root: add sslrootcert=FILE or sslrootcert=system".to_owned());
            }
            _ => Verification::None,
        };
        let roots = match self.root {
            Some(file) if file != "system" => Roots::File(file.into()),
            _ => Roots::System,
        };
        if roots == Roots::System && verification == Verification::Chain {
            // Anybody can get a certificate for some name from a public authority.
            return Err("sslrootcert=system requires sslmode=verify-full".to_owned());
        }
        let identity = match (self.certificate, self.key) {
            (Some(certificate), Some(key)) => Some((certificate.into(), key.into())),
            (None, None) => None,
            _ => return Err("sslcert and sslkey must be set together".to_owned()),
        };
        Ok(Security { verification, roots, identity })
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts: Vec<String> = self
            .config
            .get_hosts()
            .iter()
            .map(|host| match host {
                Host::Tcp(name) => name.clone(),
                #[cfg(unix)]
                Host::Unix(folder) => folder.display().to_string(),
            })
            .collect();
        write!(f, "postgres://{}/{}", hosts.join(","), self.config.get_dbname().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn security(query: &str) -> Result<Security, String> {
        PostgresUrl::parse(&format!("postgres://u@h/d?{query}")).map(|url| url.security)
    }

    fn parse_error(query: &str) -> String {
        security(query).unwrap_err()
    }

    #[test]
    fn the_ssl_modes_of_libpq_are_parsed() {
        for (query, verification) in [
            ("", Verification::None),
            ("sslmode=disable", Verification::None),
            ("sslmode=prefer&sslrootcert=/r.pem", Verification::None),
            ("sslmode=require", Verification::None),
            ("sslmode=require&sslrootcert=/r.pem", Verification::Chain),
            ("sslmode=verify-ca&sslrootcert=/r.pem", Verification::Chain),
            ("sslmode=verify-full&sslrootcert=system", Verification::Full),
        ] {
            assert_eq!(security(query).map(|security| security.verification), Ok(verification), "{query}");
        }
        let encrypted = PostgresUrl::parse("postgres://u@h/d?sslmode=verify-full&sslrootcert=/r").unwrap();
        assert_eq!(encrypted.config.get_ssl_mode(), SslMode::Require);
    }

    #[test]
    fn percent_encoded_paths_of_files_are_decoded() {
        let both = security("sslmode=require&sslcert=/a%20b.pem&sslkey=/k.pem&application_name=x").unwrap();
        assert_eq!(both.identity, Some(("/a b.pem".into(), "/k.pem".into())));
        assert_eq!(security("sslmode=verify-ca&sslrootcert=/r+1.pem").unwrap().roots, Roots::File("/r+1.pem".into()));
    }

    #[test]
    fn contradictory_parameters_are_rejected() {
        assert!(parse_error("sslmode=loud").contains("verify-full"));
        assert!(parse_error("sslmode=verify-full").contains("sslrootcert"));
        assert!(parse_error("sslmode=verify-ca&sslrootcert=system").contains("verify-full"));
        assert!(parse_error("sslcert=/c.pem").contains("sslkey"));
        assert!(parse_error("what=ever").contains("can't be parsed"));
    }
}
