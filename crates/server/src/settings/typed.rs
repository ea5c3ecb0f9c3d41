//! The parsed settings.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use auth::TokenLifetime;
use limits_redis::RedisUrl;
use secrecy::SecretString;
use store_sql::DatabaseOptions;

use crate::{
    settings::{
        Setting,
        forms::{address, mebibytes, one_of, parse_span, positive},
        sources::{Given, Origin},
        table,
        webhooks::WebhookSettings,
    },
    tls::CertificateFiles,
};

/// The parsed values of all settings.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) listen: SocketAddr,
    pub(crate) admin_listen: SocketAddr,
    /// `None` if the API is served without TLS.
    pub(crate) tls: Option<CertificateFiles>,
    pub(crate) data_dir: PathBuf,
    pub(crate) database: Database,
    pub(crate) database_options: DatabaseOptions,
    pub(crate) master_key_file: PathBuf,
    /// `None` if keys are rotated only by command.
    pub(crate) signing_key_lifetime: Option<Duration>,
    /// `None` if rate limits are stored in the database or in memory.
    pub(crate) rate_limit_url: Option<RedisUrl>,
    pub(crate) max_connections: usize,
    pub(crate) webhooks: WebhookSettings,
    pub(crate) log_format: LogFormat,
    /// `None` for the default, which differs between the server and other commands.
    pub(crate) log_level: Option<String>,
    pub(crate) api: api::ApiSettings,
}

/// The database that stores the records.
#[derive(Clone, Debug)]
pub(crate) enum Database {
    /// The memory of this process.
    Memory,
    /// A SQLite file.
    Sqlite(PathBuf),
    /// A PostgreSQL URL, which may contain a password.
    Postgres(SecretString),
}

/// The format of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    Auto,
    Text,
    Json,
}

impl Settings {
    /// Parses the raw values.
    ///
    /// # Errors
    /// All invalid values, each with its origin.
    pub(crate) fn understand(given: &BTreeMap<&'static str, Given>) -> Result<Self, Vec<String>> {
        let mut reader = Reading { given, faults: Vec::new() };
        let data_dir = reader.take(&table::DATA_DIR, path);
        let settings = reader.settings(data_dir.as_deref().unwrap_or(Path::new("")));
        match settings {
            Some(settings) if reader.faults.is_empty() => Ok(settings),
            _ => Err(reader.faults),
        }
    }

    /// Warnings about valid but risky values.
    pub(crate) fn doubts(&self) -> Vec<String> {
        let day = Duration::from_secs(24 * 60 * 60);
        let short = [
            (self.api.idempotency_retention, &table::IDEMPOTENCY_RETENTION),
            (self.api.cursor_lifetime, &table::CURSOR_LIFETIME),
        ]
        .into_iter()
        .filter(|(span, _)| *span < day)
        .map(|(span, setting)| {
            format!("{} is {}s, but the API promises its clients 24h", setting.name, span.as_secs())
        });
        let everybody = self.api.trusted_proxies.include_everybody().then(|| {
            format!("{} contains all addresses, so every client can claim any address", table::TRUSTED_PROXY.name)
        });
        let in_clear = (self.tls.is_none() && !self.listen.ip().is_loopback() && self.api.trusted_proxies.is_empty())
            .then(|| {
                format!(
                    "{} is {} without {} or {}, so secrets and tokens cross the network unencrypted",
                    table::LISTEN.name,
                    self.listen,
                    table::TLS_CERT.name,
                    table::TRUSTED_PROXY.name
                )
            });
        short.chain(everybody).chain(in_clear).chain(self.webhooks.doubts()).collect()
    }
}

/// Parses raw values and collects the errors.
pub(super) struct Reading<'a> {
    given: &'a BTreeMap<&'static str, Given>,
    faults: Vec<String>,
}

impl Reading<'_> {
    fn settings(&mut self, data_dir: &Path) -> Option<Settings> {
        let listen = self.take(&table::LISTEN, address);
        let admin_listen = self.take(&table::ADMIN_LISTEN, address);
        let tls = self.tls();
        let database = self.take_or(&table::DATABASE_URL, database, || Database::Sqlite(data_dir.join("novantra.db")));
        let database_options = self.database_options();
        let master_key_file = self.take_or(&table::MASTER_KEY_FILE, path, || data_dir.join("master.key"));
        let signing_key_lifetime = self.take(&table::SIGNING_KEY_LIFETIME, key_lifetime);
        let rate_limit_url = self.take_or(&table::RATE_LIMIT_URL, redis, || None);
        let max_connections = self.take(&table::MAX_CONNECTIONS, positive);
        let log_format = self.take(&table::LOG_FORMAT, |text| {
            one_of(text, &[("auto", LogFormat::Auto), ("text", LogFormat::Text), ("json", LogFormat::Json)])
        });
        let log_level = self.take_or(&table::LOG_LEVEL, |text| log_filter(text).map(Some), || None);
        let webhooks = WebhookSettings::read(self);
        let api = self.api();
        Some(Settings {
            listen: listen?,
            admin_listen: admin_listen?,
            tls: tls?,
            data_dir: data_dir.to_owned(),
            database: database?,
            database_options: database_options?,
            master_key_file: master_key_file?,
            signing_key_lifetime: signing_key_lifetime?,
            rate_limit_url: rate_limit_url?,
            max_connections: usize::try_from(max_connections?).ok()?,
            webhooks: webhooks?,
            log_format: log_format?,
            log_level: log_level?,
            api: api?,
        })
    }

    /// The files of certificate and key, which must be given together.
    fn tls(&mut self) -> Option<Option<CertificateFiles>> {
        let certificate = self.take_or(&table::TLS_CERT, |text| path(text).map(Some), || None)?;
        let key = self.take_or(&table::TLS_KEY, |text| path(text).map(Some), || None)?;
        match (certificate, key) {
            (Some(certificate), Some(key)) => Some(Some(CertificateFiles { certificate, key })),
            (None, None) => Some(None),
            (Some(_), None) => self.fault("tls_cert is set without tls_key; set both"),
            (None, Some(_)) => self.fault("tls_key is set without tls_cert; set both"),
        }
    }

    fn fault<T>(&mut self, error: &str) -> Option<T> {
        self.faults.push(error.to_owned());
        None
    }

    fn database_options(&mut self) -> Option<DatabaseOptions> {
        let connections = self.take(&table::DATABASE_CONNECTIONS, |text| {
            let number = positive(text).ok().filter(|number| (5..=1000).contains(number));
            number.ok_or_else(|| format!("{text:?} is not a whole number from 5 to 1000"))
        });
        let statement_timeout = self.take(&table::DATABASE_STATEMENT_TIMEOUT, |text| {
            let span = parse_span(text)?;
            let is_valid = (Duration::from_secs(1)..=Duration::from_secs(60 * 60)).contains(&span);
            if is_valid { Ok(span) } else { Err(format!("{text} is not from 1s to 1h")) }
        });
        Some(DatabaseOptions { connections: connections?, statement_timeout: statement_timeout? })
    }

    fn api(&mut self) -> Option<api::ApiSettings> {
        let token_lifetime = self.take(&table::TOKEN_LIFETIME, |text| {
            TokenLifetime::new(parse_span(text)?).ok_or_else(|| format!("{text} is not from 60s to 1h"))
        });
        let idempotency_retention = self.take(&table::IDEMPOTENCY_RETENTION, some_time);
        let cursor_lifetime = self.take(&table::CURSOR_LIFETIME, some_time);
        let durable_read_audit =
            self.take(&table::AUDIT_READS, |text| one_of(text, &[("durable", true), ("buffered", false)]));
        let trusted_proxies = self.take_or(&table::TRUSTED_PROXY, str::parse, api::TrustedProxies::default);
        let body_memory = self.take(&table::REQUEST_BODY_MEMORY, mebibytes);
        let token_read = self.take(&table::RATE_LIMIT_TOKEN_READ, positive);
        let token_write = self.take(&table::RATE_LIMIT_TOKEN_WRITE, positive);
        let organization = self.take(&table::RATE_LIMIT_ORGANIZATION, positive);
        let token_endpoint = self.take(&table::RATE_LIMIT_TOKEN_ENDPOINT, positive);
        let token_endpoint_address = self.take(&table::RATE_LIMIT_TOKEN_ENDPOINT_ADDRESS, positive);
        Some(api::ApiSettings {
            token_lifetime: token_lifetime?,
            idempotency_retention: idempotency_retention?,
            cursor_lifetime: cursor_lifetime?,
            quotas: api::Quotas {
                token_read: token_read?,
                token_write: token_write?,
                organization: organization?,
                token_endpoint: token_endpoint?,
                token_endpoint_address: token_endpoint_address?,
            },
            durable_read_audit: durable_read_audit?,
            trusted_proxies: trusted_proxies?,
            body_memory: body_memory?,
        })
    }

    /// Parses the value of a setting or its default. Returns `None` after recording an error.
    pub(super) fn take<T>(&mut self, setting: &Setting, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let (value, origin) = match (self.given.get(setting.name), setting.default) {
            (Some(raw), _) => (raw.value.as_str(), &raw.origin),
            (None, default) => (default.unwrap_or_default(), &Origin::Default),
        };
        match parse(value) {
            Ok(value) => Some(value),
            Err(error) => {
                // The value of a secret must not appear in the message.
                let error =
                    if setting.secret { "the value is invalid (it is secret and not shown)".to_owned() } else { error };
                self.faults.push(format!("{} (from {origin}): {error}", setting.name));
                None
            }
        }
    }

    /// Parses the value of a setting, or computes its default if it is not set.
    pub(super) fn take_or<T>(
        &mut self,
        setting: &Setting,
        parse: impl FnOnce(&str) -> Result<T, String>,
        default: impl FnOnce() -> T,
    ) -> Option<T> {
        if self.given.contains_key(setting.name) { self.take(setting, parse) } else { Some(default()) }
    }
}

fn path(text: &str) -> Result<PathBuf, String> {
    if text.is_empty() { Err("the path is empty".to_owned()) } else { Ok(PathBuf::from(text)) }
}

fn some_time(text: &str) -> Result<Duration, String> {
    parse_span(text)
        .and_then(|span| if span.is_zero() { Err("the duration must be at least 1s".to_owned()) } else { Ok(span) })
}

fn key_lifetime(text: &str) -> Result<Option<Duration>, String> {
    match parse_span(text)? {
        Duration::ZERO => Ok(None),
        span if span >= Duration::from_secs(3600) => Ok(Some(span)),
        _ => Err(format!("{text} is neither 0s nor at least 1h")),
    }
}

fn log_filter(text: &str) -> Result<String, String> {
    text.parse::<tracing_subscriber::EnvFilter>().map(|_| text.to_owned()).map_err(|error| error.to_string())
}

fn redis(text: &str) -> Result<Option<RedisUrl>, String> {
    text.parse().map(Some).map_err(|error: limits_redis::MalformedRedisUrl| error.to_string())
}

/// Parses a database URL.
///
/// # Errors
/// If the URL names no file, or its scheme is unknown.
pub(crate) fn database(text: &str) -> Result<Database, String> {
    if text == "memory:" {
        return Ok(Database::Memory);
    }
    if let Some(file) = text.strip_prefix("sqlite:") {
        let file = file.strip_prefix("//").unwrap_or(file);
        return if file.is_empty() {
            Err("the URL names no file".to_owned())
        } else {
            Ok(Database::Sqlite(file.into()))
        };
    }
    if text.starts_with("postgres://") || text.starts_with("postgresql://") {
        return Ok(Database::Postgres(SecretString::from(text)));
    }
    Err("the URL must be memory: or start with sqlite: or postgres://".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Sources, TABLE, gather};

    fn understand(environment: &[(&str, &str)]) -> Result<Settings, Vec<String>> {
        let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Settings::understand(&gather(&Sources { environment, ..Sources::default() }).unwrap())
    }

    #[test]
    fn without_any_settings_the_defaults_stand() {
        let settings = understand(&[]).unwrap();
        assert_eq!(settings.listen.to_string(), "127.0.0.1:8080");
        assert!(
            matches!(settings.database, Database::Sqlite(file) if file == Path::new("./novantra-data/novantra.db"))
        );
        assert_eq!(settings.master_key_file, Path::new("./novantra-data/master.key"));
        assert_eq!(settings.api.quotas.token_write, 60);
        assert!(settings.api.durable_read_audit);
    }

    #[test]
    fn every_bad_value_is_reported_with_where_it_came_from() {
        let errors = understand(&[("NOVANTRA_TOKEN_LIFETIME", "59s"), ("NOVANTRA_LISTEN", "nowhere")]).unwrap_err();
        assert_eq!(
            errors,
            [
                "listen (from NOVANTRA_LISTEN): \"nowhere\" is not an address and port such as 127.0.0.1:8080",
                "token_lifetime (from NOVANTRA_TOKEN_LIFETIME): 59s is not from 60s to 1h",
            ]
        );
    }

    #[test]
    fn a_bad_database_url_is_not_repeated() {
        let errors = understand(&[("NOVANTRA_DATABASE_URL", "mysql://root:hunter2@host")]).unwrap_err();
        assert!(!errors[0].contains("hunter2"), "{errors:?}");
    }

    #[test]
    fn every_setting_of_the_table_is_understood_and_not_only_listed() {
        for setting in TABLE.iter().filter(|setting| !matches!(setting.unit, "FOLDER" | "FILE")) {
            let variable = setting.variable();
            assert!(understand(&[(&variable, "=no value=")]).is_err(), "{} accepts any value", setting.name);
        }
    }

    #[test]
    fn a_certificate_and_its_key_are_given_together_or_not_at_all() {
        let [certificate, key] = [("NOVANTRA_TLS_CERT", "a.crt"), ("NOVANTRA_TLS_KEY", "a.key")];
        assert_eq!(understand(&[certificate, key]).unwrap().tls.unwrap().key, Path::new("a.key"));
        assert_eq!(understand(&[certificate]).unwrap_err(), ["tls_cert is set without tls_key; set both"]);
        assert_eq!(understand(&[key]).unwrap_err(), ["tls_key is set without tls_cert; set both"]);
    }

    #[test]
    fn believing_everybody_is_allowed_but_doubted() {
        for (proxies, warnings) in [("10.0.0.0/8,::1", 0), ("10.0.0.0/8,0.0.0.0/0", 1), ("::/0", 1)] {
            let settings = understand(&[("NOVANTRA_TRUSTED_PROXY", proxies)]).unwrap();
            assert_eq!(settings.doubts().len(), warnings, "{proxies}");
        }
    }

    #[test]
    fn plain_http_for_more_than_this_machine_is_doubted_unless_a_proxy_is_named() {
        let everywhere = ("NOVANTRA_LISTEN", "0.0.0.0:8080");
        assert_eq!(understand(&[everywhere]).unwrap().doubts().len(), 1);
        assert!(understand(&[everywhere, ("NOVANTRA_TRUSTED_PROXY", "10.0.0.1")]).unwrap().doubts().is_empty());
        assert!(understand(&[("NOVANTRA_LISTEN", "[::1]:8080")]).unwrap().doubts().is_empty());
    }

    #[test]
    fn keeping_less_than_is_promised_is_allowed_but_doubted() {
        let settings = understand(&[("NOVANTRA_IDEMPOTENCY_RETENTION", "2s")]).unwrap();
        assert_eq!(settings.doubts().len(), 1);
        assert!(understand(&[]).unwrap().doubts().is_empty());
    }
}
