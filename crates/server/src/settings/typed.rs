//! The parsed settings.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use auth::TokenLifetime;
use limits_redis::RedisUrl;
use store_sql::DatabaseOptions;

use super::{
    attachments::AttachmentSettings,
    audit_log::{AuditArchiveSettings, AuditRetentionPeriods, InstallationLogLimits},
    audit_witnesses::WitnessSettings,
    database::{Database, parse_database_url, read_database_options},
    openid::{self, OpenIdSettings},
    parsers::{parse_address, parse_duration, parse_mebibytes, parse_one_of, parse_origin, parse_positive},
    people::{self, PublicUrl},
    reader::SettingsReader,
    sources::RawSetting,
    table,
    webhooks::WebhookSettings,
};
use crate::tls::CertificateFiles;

/// The parsed values of all settings.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) listen: SocketAddr,
    pub(crate) admin_listen: SocketAddr,
    /// `None` if the API is served without TLS.
    pub(crate) tls: Option<CertificateFiles>,
    pub(crate) public_url: PublicUrl,
    pub(crate) data_dir: PathBuf,
    pub(crate) database: Database,
    pub(crate) database_options: DatabaseOptions,
    pub(crate) master_key_file: PathBuf,
    pub(crate) attachments: AttachmentSettings,
    /// `None` if keys are rotated only by command.
    pub(crate) signing_key_lifetime: Option<Duration>,
    /// `None` if rate limits are stored in the database or in memory.
    pub(crate) rate_limit_url: Option<RedisUrl>,
    /// The name of the installation in the notes of its audit logs. `None` for its identifier.
    pub(crate) audit_origin: Option<String>,
    /// The witnesses of the installation's log.
    pub(crate) witnesses: WitnessSettings,
    pub(crate) installation_log: InstallationLogLimits,
    pub(crate) audit_retention: AuditRetentionPeriods,
    /// `None` if all entries stay in the database.
    pub(crate) audit_archive: Option<AuditArchiveSettings>,
    pub(crate) max_connections: usize,
    pub(crate) webhooks: WebhookSettings,
    pub(crate) log_format: LogFormat,
    /// `None` for the default, which differs between the server and other commands.
    pub(crate) log_level: Option<String>,
    pub(crate) people: ::people::PeopleSettings,
    /// `None` if people sign in with passwords only.
    pub(crate) openid: Option<OpenIdSettings>,
    pub(crate) api: http_api::ApiSettings,
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
    pub(crate) fn parse(values: &BTreeMap<&'static str, RawSetting>) -> Result<Self, Vec<String>> {
        let mut reader = SettingsReader::new(values);
        let data_dir = reader.value(&table::DATA_DIR, parse_path);
        let settings = Self::read(&mut reader, data_dir.as_deref().unwrap_or(Path::new("")));
        reader.finish(settings)
    }

    fn read(reader: &mut SettingsReader<'_>, data_dir: &Path) -> Option<Self> {
        let listen = reader.value(&table::LISTEN, parse_address);
        let admin_listen = reader.value(&table::ADMIN_LISTEN, parse_address);
        let tls = read_tls(reader);
        let public_url = PublicUrl::read(reader, listen, tls.as_ref().is_some_and(Option::is_some));
        let database = reader
            .value_or(&table::DATABASE_URL, parse_database_url, || Database::Sqlite(data_dir.join("novantra.db")));
        let attachments = AttachmentSettings::read(reader, data_dir, database.as_ref());
        let database_options = read_database_options(reader);
        let master_key_file = reader.value_or(&table::MASTER_KEY_FILE, parse_path, || data_dir.join("master.key"));
        let signing_key_lifetime = reader.value(&table::SIGNING_KEY_LIFETIME, parse_key_lifetime);
        let rate_limit_url = reader.value_or(&table::RATE_LIMIT_URL, parse_redis_url, || None);
        let audit_origin = reader.value_or(&table::AUDIT_ORIGIN, |text| parse_origin(text).map(Some), || None);
        let witnesses = WitnessSettings::read(reader);
        let installation_log = InstallationLogLimits::read(reader);
        let audit_retention = AuditRetentionPeriods::read(reader);
        let audit_archive = AuditArchiveSettings::read(reader, attachments.as_ref());
        let max_connections = reader.value(&table::MAX_CONNECTIONS, parse_positive);
        let log_format = reader.value(&table::LOG_FORMAT, |text| {
            parse_one_of(text, &[("auto", LogFormat::Auto), ("text", LogFormat::Text), ("json", LogFormat::Json)])
        });
        let log_level = reader.value_or(&table::LOG_LEVEL, |text| parse_log_filter(text).map(Some), || None);
        let webhooks = WebhookSettings::read(reader);
        let people = people::read(reader);
        let openid = openid::read(reader, public_url.as_ref());
        let api = read_api(reader, public_url.as_ref());
        Some(Self {
            listen: listen?,
            admin_listen: admin_listen?,
            tls: tls?,
            public_url: public_url?,
            data_dir: data_dir.to_owned(),
            database: database?,
            database_options: database_options?,
            master_key_file: master_key_file?,
            attachments: attachments?,
            signing_key_lifetime: signing_key_lifetime?,
            rate_limit_url: rate_limit_url?,
            audit_origin: audit_origin?,
            witnesses: witnesses?,
            installation_log: installation_log?,
            audit_retention: audit_retention?,
            audit_archive: audit_archive?,
            max_connections: usize::try_from(max_connections?).ok()?,
            webhooks: webhooks?,
            log_format: log_format?,
            log_level: log_level?,
            people: people?,
            openid: openid?,
            api: api?,
        })
    }

    /// Warnings about valid but risky values.
    pub(crate) fn warnings(&self) -> Vec<String> {
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
        let everybody = self.api.trusted_proxies.include_all_addresses().then(|| {
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
        short
            .chain(everybody)
            .chain(in_clear)
            .chain(self.webhooks.warnings())
            .chain(self.attachments.warnings())
            .collect()
    }
}

/// Reads the files of certificate and key, which must be given together.
fn read_tls(reader: &mut SettingsReader<'_>) -> Option<Option<CertificateFiles>> {
    let certificate = reader.value_or(&table::TLS_CERT, |text| parse_path(text).map(Some), || None)?;
    let key = reader.value_or(&table::TLS_KEY, |text| parse_path(text).map(Some), || None)?;
    match (certificate, key) {
        (Some(certificate), Some(key)) => Some(Some(CertificateFiles { certificate, key })),
        (None, None) => Some(None),
        (Some(_), None) => reader.error("tls_cert is set without tls_key; set both"),
        (None, Some(_)) => reader.error("tls_key is set without tls_cert; set both"),
    }
}

fn read_api(reader: &mut SettingsReader<'_>, public_url: Option<&PublicUrl>) -> Option<http_api::ApiSettings> {
    let token_lifetime = reader.value(&table::TOKEN_LIFETIME, |text| {
        TokenLifetime::new(parse_duration(text)?).ok_or_else(|| format!("{text} is not from 60s to 1h"))
    });
    let idempotency_retention = reader.value(&table::IDEMPOTENCY_RETENTION, parse_positive_duration);
    let idempotency_storage = reader.value(&table::IDEMPOTENCY_STORAGE, parse_mebibytes);
    let cursor_lifetime = reader.value(&table::CURSOR_LIFETIME, parse_positive_duration);
    let durable_read_audit =
        reader.value(&table::AUDIT_READS, |text| parse_one_of(text, &[("durable", true), ("buffered", false)]));
    let trusted_proxies = reader.value_or(&table::TRUSTED_PROXY, str::parse, http_api::TrustedProxies::default);
    let body_memory = reader.value(&table::REQUEST_BODY_MEMORY, parse_mebibytes);
    let response_memory = reader.value(&table::RESPONSE_BODY_MEMORY, parse_mebibytes);
    let download_memory = reader.value(&table::DOWNLOAD_MEMORY, parse_mebibytes);
    let token_read = reader.value(&table::RATE_LIMIT_TOKEN_READ, parse_positive);
    let token_write = reader.value(&table::RATE_LIMIT_TOKEN_WRITE, parse_positive);
    let organization = reader.value(&table::RATE_LIMIT_ORGANIZATION, parse_positive);
    let token_endpoint = reader.value(&table::RATE_LIMIT_TOKEN_ENDPOINT, parse_positive);
    let token_endpoint_address = reader.value(&table::RATE_LIMIT_TOKEN_ENDPOINT_ADDRESS, parse_positive);
    let unauthenticated = reader.value(&table::RATE_LIMIT_UNAUTHENTICATED, parse_positive);
    Some(http_api::ApiSettings {
        token_lifetime: token_lifetime?,
        idempotency_retention: idempotency_retention?,
        idempotency_storage: idempotency_storage? as u64,
        cursor_lifetime: cursor_lifetime?,
        quotas: http_api::Quotas {
            token_read: token_read?,
            token_write: token_write?,
            organization: organization?,
            token_endpoint: token_endpoint?,
            token_endpoint_address: token_endpoint_address?,
            unauthenticated: unauthenticated?,
        },
        durable_read_audit: durable_read_audit?,
        trusted_proxies: trusted_proxies?,
        body_memory: body_memory?,
        response_memory: response_memory?,
        download_memory: download_memory?,
        session_cookie: public_url?.session_cookie(),
        public_url: public_url?.join(""),
    })
}

fn parse_path(text: &str) -> Result<PathBuf, String> {
    if text.is_empty() { Err("the path is empty".to_owned()) } else { Ok(PathBuf::from(text)) }
}

fn parse_positive_duration(text: &str) -> Result<Duration, String> {
    parse_duration(text)
        .and_then(|span| if span.is_zero() { Err("the duration must be at least 1s".to_owned()) } else { Ok(span) })
}

fn parse_key_lifetime(text: &str) -> Result<Option<Duration>, String> {
    match parse_duration(text)? {
        Duration::ZERO => Ok(None),
        span if span >= Duration::from_secs(3600) => Ok(Some(span)),
        _ => Err(format!("{text} is neither 0s nor at least 1h")),
    }
}

/// Parses a log level or a filter. A filter may name targets, but a word by itself has to be a level: taken for a target,
/// a misspelled level would silence the log.
fn parse_log_filter(text: &str) -> Result<String, String> {
    let is_level = |word: &str| !word.is_empty() && word.parse::<tracing::level_filters::LevelFilter>().is_ok();
    let words = text.split(',').map(str::trim).filter(|part| !part.contains(['=', '[']));
    if let Some(word) = words.into_iter().find(|word| !is_level(word)) {
        return Err(format!("{word:?} is not a log level: use error, warn, info, debug, trace or off"));
    }
    text.parse::<tracing_subscriber::EnvFilter>().map(|_| text.to_owned()).map_err(|error| error.to_string())
}

fn parse_redis_url(text: &str) -> Result<Option<RedisUrl>, String> {
    text.parse().map(Some).map_err(|error: limits_redis::MalformedRedisUrl| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Sources, TABLE, collect};

    fn parse(environment: &[(&str, &str)]) -> Result<Settings, Vec<String>> {
        let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Settings::parse(&collect(&Sources { environment, ..Sources::default() }).unwrap())
    }

    #[test]
    fn a_word_that_is_no_log_level_is_refused() {
        for accepted in ["warn", "INFO", "off", "info,novantra=debug", "novantra=trace, warn"] {
            assert_eq!(parse_log_filter(accepted).as_deref(), Ok(accepted));
        }
        for refused in ["warning", "verbose", "", "info,novantra", "info,,debug", "novantra=loud"] {
            assert!(parse_log_filter(refused).is_err(), "{refused:?} was accepted");
        }
    }

    #[test]
    fn without_settings_the_defaults_apply() {
        let settings = parse(&[]).unwrap();
        assert_eq!(settings.listen.to_string(), "127.0.0.1:8080");
        assert!(
            matches!(settings.database, Database::Sqlite(file) if file == Path::new("./novantra-data/novantra.db"))
        );
        assert_eq!(settings.master_key_file, Path::new("./novantra-data/master.key"));
        assert_eq!(settings.api.quotas.token_write, 60);
        assert!(settings.api.durable_read_audit);
    }

    #[test]
    fn every_invalid_value_is_reported_with_its_origin() {
        let errors = parse(&[("NOVANTRA_TOKEN_LIFETIME", "59s"), ("NOVANTRA_LISTEN", "nowhere")]).unwrap_err();
        assert_eq!(
            errors,
            [
                "listen (from NOVANTRA_LISTEN): \"nowhere\" is not an address and port such as 127.0.0.1:8080",
                "token_lifetime (from NOVANTRA_TOKEN_LIFETIME): 59s is not from 60s to 1h",
            ]
        );
    }

    #[test]
    fn an_invalid_database_url_is_not_shown() {
        let errors = parse(&[("NOVANTRA_DATABASE_URL", "mysql://root:hunter2@host")]).unwrap_err();
        assert!(!errors[0].contains("hunter2"), "{errors:?}");
    }

    #[test]
    fn every_setting_of_the_table_is_parsed() {
        for setting in TABLE.iter().filter(|setting| !matches!(setting.unit, "FOLDER" | "FILE")) {
            let variable = setting.variable();
            assert!(parse(&[(&variable, "=no value=")]).is_err(), "{} accepts any value", setting.name);
        }
    }

    #[test]
    fn every_setting_of_the_file_for_systemd_is_valid_even_those_that_are_commented_out() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/deploy/novantra.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        let uncommented: String = text
            .lines()
            .map(|line| line.strip_prefix("# ").filter(|line| line.contains(" = ")).unwrap_or(line).to_owned() + "\n")
            .collect();
        let settings =
            Settings::parse(&collect(&Sources { file: Some((path, uncommented)), ..Sources::default() }).unwrap())
                .unwrap();
        assert!(settings.tls.is_some());
        assert_eq!(settings.data_dir, Path::new("/var/lib/novantra"));
    }

    #[test]
    fn a_certificate_without_its_key_and_a_key_without_its_certificate_are_errors() {
        let [certificate, key] = [("NOVANTRA_TLS_CERT", "a.crt"), ("NOVANTRA_TLS_KEY", "a.key")];
        assert_eq!(parse(&[certificate, key]).unwrap().tls.unwrap().key, Path::new("a.key"));
        assert_eq!(parse(&[certificate]).unwrap_err(), ["tls_cert is set without tls_key; set both"]);
        assert_eq!(parse(&[key]).unwrap_err(), ["tls_key is set without tls_cert; set both"]);
    }

    #[test]
    fn trusting_all_proxies_is_allowed_with_a_warning() {
        for (proxies, warnings) in [("10.0.0.0/8,::1", 0), ("10.0.0.0/8,0.0.0.0/0", 1), ("::/0", 1)] {
            let settings = parse(&[("NOVANTRA_TRUSTED_PROXY", proxies)]).unwrap();
            assert_eq!(settings.warnings().len(), warnings, "{proxies}");
        }
    }

    #[test]
    fn plain_http_beyond_loopback_gives_a_warning_unless_a_proxy_is_trusted() {
        let everywhere = ("NOVANTRA_LISTEN", "0.0.0.0:8080");
        assert_eq!(parse(&[everywhere]).unwrap().warnings().len(), 1);
        assert!(parse(&[everywhere, ("NOVANTRA_TRUSTED_PROXY", "10.0.0.1")]).unwrap().warnings().is_empty());
        assert!(parse(&[("NOVANTRA_LISTEN", "[::1]:8080")]).unwrap().warnings().is_empty());
    }

    #[test]
    fn a_retention_shorter_than_promised_is_allowed_with_a_warning() {
        for setting in ["NOVANTRA_IDEMPOTENCY_RETENTION", "NOVANTRA_CURSOR_LIFETIME"] {
            assert_eq!(parse(&[(setting, "1s")]).unwrap().warnings().len(), 1, "{setting}");
        }
        assert!(parse(&[]).unwrap().warnings().is_empty());
    }

    #[test]
    fn webhooks_to_all_addresses_are_allowed_with_a_warning() {
        for (networks, warnings) in [("10.0.0.0/8", 0), ("0.0.0.0/0", 1), ("10.0.0.0/8,::/0", 1)] {
            let settings = parse(&[("NOVANTRA_WEBHOOKS_ALLOW_ADDRESSES", networks)]).unwrap();
            assert_eq!(settings.warnings().len(), warnings, "{networks}");
        }
    }
}
