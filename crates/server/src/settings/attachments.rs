//! The settings of attachments.

use std::path::Path;

use api_v1::AttachmentLimits;
use attachments::{BucketOptions, Location, MalformedLocation};
use secrecy::SecretString;

use super::{database::Database, reader::SettingsReader, table};
use crate::archive::ATTACHMENTS;

/// The parsed settings of attachments.
#[derive(Clone, Debug)]
pub(crate) struct AttachmentSettings {
    pub(crate) location: Location,
    /// Whether the setting names the location. Otherwise it is the installation's own.
    pub(crate) is_named: bool,
    /// The options of the bucket, if the location is one.
    pub(crate) bucket: BucketOptions,
    pub(crate) limits: AttachmentLimits,
    /// The bytes of the disk of the SQLite database that uploads leave free.
    pub(crate) disk_reserve: u64,
}

impl AttachmentSettings {
    pub(super) fn read(reader: &mut SettingsReader<'_>, data_dir: &Path, database: Option<&Database>) -> Option<Self> {
        let parse = |text: &str| text.parse().map(Some).map_err(|error: MalformedLocation| error.to_string());
        let named = reader.value_or(&table::ATTACHMENTS_URL, parse, || None);
        let endpoint = reader.value_or(&table::ATTACHMENTS_ENDPOINT, parse_endpoint, || None);
        let access_key = reader.value_or(&table::ATTACHMENTS_ACCESS_KEY, parse_access_key, || None);
        let secret = reader.value_or(&table::ATTACHMENTS_SECRET, parse_secret, || None);
        let limits = read_limits(reader);
        let disk_reserve = reader.value(&table::ATTACHMENTS_DISK_RESERVE, parse_storage);
        let (named, is_in_memory) = (named?, matches!(database?, Database::Memory));
        let bucket = BucketOptions { endpoint: endpoint?, access_key: access_key?, secret: secret? };
        let is_named = named.is_some();
        let location = match named {
            Some(Location::Memory) if !is_in_memory => {
                return reader.error(
                    "attachments_url is memory:, but the database is not: its records would outlive the bytes of attachments",
                );
            }
            Some(location) => location,
            None if is_in_memory => Location::Memory,
            None => Location::Folder(data_dir.join(ATTACHMENTS)),
        };
        let has_options = bucket.endpoint.is_some() || bucket.access_key.is_some() || bucket.secret.is_some();
        if has_options && !matches!(location, Location::Bucket(_)) {
            return reader.error(
                "attachments_endpoint, attachments_access_key and attachments_secret are for buckets: set attachments_url to one, such as s3://bucket/prefix",
            );
        }
        Some(Self { location, is_named, bucket, limits: limits?, disk_reserve: disk_reserve? })
    }

    /// Changes the location to the folder of an installation in `data_dir`.
    pub(crate) fn use_folder_in(&mut self, data_dir: &Path) {
        self.location = Location::Folder(data_dir.join(ATTACHMENTS));
        (self.is_named, self.bucket) = (false, BucketOptions::default());
    }

    /// The same settings for another store. If it is a bucket, its options are those of the environment alone.
    ///
    /// # Errors
    /// If the URL names no store that outlives the process.
    pub(crate) fn at(&self, url: &str) -> Result<Self, String> {
        let location: Location = url.parse().map_err(|error: MalformedLocation| error.to_string())?;
        match location {
            _ if location == self.location => Ok(self.clone()),
            Location::Memory => Err("memory: exists only inside its server process and can't be copied".to_owned()),
            _ => Ok(Self { location, is_named: true, bucket: BucketOptions::default(), ..self.clone() }),
        }
    }

    /// The folder of the attachments, if they are in one.
    pub(crate) fn folder(&self) -> Option<&Path> {
        match &self.location {
            Location::Folder(folder) => Some(folder),
            _ => None,
        }
    }

    /// A warning about a risky value.
    pub(super) fn warnings(&self) -> Option<String> {
        let endpoint = self.bucket.endpoint.as_deref()?;
        let host = endpoint.strip_prefix("http://")?.split(['/', ':']).next()?;
        let is_loopback = host == "localhost" || host.starts_with("127.");
        (!is_loopback).then(|| {
            format!("{} is plain HTTP, so attachments cross the network unencrypted", table::ATTACHMENTS_ENDPOINT.name)
        })
    }
}

/// Parses the URL of a server: scheme, host and port, and possibly a path.
fn parse_endpoint(text: &str) -> Result<Option<String>, String> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or_default();
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:/[]".contains(&byte);
    if rest.is_empty() || rest.starts_with('/') || !rest.bytes().all(is_allowed) {
        return Err(format!("{text:?} is not the URL of a server, such as https://minio.example.org:9000"));
    }
    Ok(Some(text.trim_end_matches('/').to_owned()))
}

fn parse_access_key(text: &str) -> Result<Option<String>, String> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.@+/".contains(&byte);
    if text.is_empty() || !text.bytes().all(is_allowed) {
        return Err(format!("{text:?} is not the name of an access key or of a storage account"));
    }
    Ok(Some(text.to_owned()))
}

/// Parses a secret access key, or the JSON of a service account.
fn parse_secret(text: &str) -> Result<Option<SecretString>, String> {
    let is_key = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    let is_service_account = text.trim_start().starts_with('{');
    if is_key || is_service_account { Ok(Some(text.into())) } else { Err("it is not a key".to_owned()) }
}

fn read_limits(reader: &mut SettingsReader<'_>) -> Option<AttachmentLimits> {
    let limit = |bytes: u64| (bytes > 0).then_some(bytes);
    let max_bytes = reader.value(&table::ATTACHMENTS_MAX_SIZE, parse_max_size);
    let unlinked = reader.value(&table::ATTACHMENTS_UNLINKED_STORAGE, parse_storage);
    let organization = reader.value(&table::ATTACHMENTS_ORGANIZATION_STORAGE, parse_storage);
    let (max_bytes, unlinked, organization) = (max_bytes?, limit(unlinked?), limit(organization?));
    for (setting, max) in
        [(&table::ATTACHMENTS_UNLINKED_STORAGE, unlinked), (&table::ATTACHMENTS_ORGANIZATION_STORAGE, organization)]
    {
        if max.is_some_and(|max| max < max_bytes) {
            return reader.error(&format!(
                "{} is less than {}, so that no attachment of that size could be uploaded: raise the one, or lower the other",
                setting.name,
                table::ATTACHMENTS_MAX_SIZE.name
            ));
        }
    }
    Some(AttachmentLimits { max_bytes, max_unlinked_bytes: unlinked, max_organization_bytes: organization })
}

/// Parses a number of mebibytes, of which 0 is none, and returns it in bytes.
fn parse_storage(text: &str) -> Result<u64, String> {
    const MAX: u64 = 1 << 40;
    let number = text.parse().ok().filter(|number| *number <= MAX);
    number
        .map(|mebibytes: u64| mebibytes * 1024 * 1024)
        .ok_or_else(|| format!("{text:?} is not a whole number from 0 to {MAX}"))
}

/// Parses a number of mebibytes and returns it in bytes.
fn parse_max_size(text: &str) -> Result<u64, String> {
    let number = text.parse().ok().filter(|number| (1..=4096).contains(number));
    number
        .map(|mebibytes: u64| mebibytes * 1024 * 1024)
        .ok_or_else(|| format!("{text:?} is not a whole number from 1 to 4096"))
}

#[cfg(test)]
mod tests {
    use crate::settings::{Settings, Sources, collect};

    fn parse(environment: &[(&str, &str)]) -> Result<Settings, Vec<String>> {
        let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Settings::parse(&collect(&Sources { environment, ..Sources::default() }).unwrap())
    }

    fn location(environment: &[(&str, &str)]) -> String {
        parse(environment).unwrap().attachments.location.to_string()
    }

    #[test]
    fn attachments_are_beside_the_database_unless_a_store_is_named() {
        assert_eq!(location(&[]), "file:./novantra-data/attachments");
        assert_eq!(location(&[("NOVANTRA_DATA_DIR", "/srv/n")]), "file:/srv/n/attachments");
        assert_eq!(location(&[("NOVANTRA_DATABASE_URL", "memory:")]), "memory:");
        for url in ["file:/srv/attachments", "s3://bucket/prefix", "gs://bucket", "az://container/prefix"] {
            assert_eq!(location(&[("NOVANTRA_ATTACHMENTS_URL", url)]), url);
        }
    }

    #[test]
    fn records_never_outlive_the_bytes_of_attachments_in_memory() {
        let errors = parse(&[("NOVANTRA_ATTACHMENTS_URL", "memory:")]).unwrap_err();
        assert!(errors[0].contains("would outlive"), "{errors:?}");
        parse(&[("NOVANTRA_ATTACHMENTS_URL", "memory:"), ("NOVANTRA_DATABASE_URL", "memory:")]).unwrap();
    }

    #[test]
    fn options_of_buckets_without_a_bucket_are_refused() {
        for (name, value) in [
            ("NOVANTRA_ATTACHMENTS_ENDPOINT", "https://minio.example.org"),
            ("NOVANTRA_ATTACHMENTS_ACCESS_KEY", "AKIAIOSFODNN7EXAMPLE"),
            ("NOVANTRA_ATTACHMENTS_SECRET", "hunter2"),
        ] {
            let errors = parse(&[(name, value)]).unwrap_err();
            assert!(errors[0].contains("are for buckets"), "{errors:?}");
            parse(&[(name, value), ("NOVANTRA_ATTACHMENTS_URL", "s3://bucket")]).unwrap();
        }
    }

    #[test]
    fn a_plain_endpoint_beyond_loopback_gives_a_warning() {
        for (endpoint, warnings) in
            [("https://minio.example.org", 0), ("http://127.0.0.1:9000", 0), ("http://minio:9000/", 1)]
        {
            let bucket = ("NOVANTRA_ATTACHMENTS_URL", "s3://bucket");
            let settings = parse(&[bucket, ("NOVANTRA_ATTACHMENTS_ENDPOINT", endpoint)]).unwrap();
            assert_eq!(settings.warnings().len(), warnings, "{endpoint}");
        }
    }

    #[test]
    fn what_may_be_stored_is_limited_unless_the_limit_is_0_and_never_to_less_than_one_attachment() {
        const MIB: u64 = 1024 * 1024;
        let limits = |environment: &[(&str, &str)]| {
            let attachments = parse(environment).unwrap().attachments;
            let limits = attachments.limits;
            (limits.max_unlinked_bytes, limits.max_organization_bytes, attachments.disk_reserve)
        };
        assert_eq!(limits(&[]), (Some(4096 * MIB), Some(102_400 * MIB), 1024 * MIB));
        let (unlinked, organization) =
            ("NOVANTRA_ATTACHMENTS_UNLINKED_STORAGE", "NOVANTRA_ATTACHMENTS_ORGANIZATION_STORAGE");
        let reserve = ("NOVANTRA_ATTACHMENTS_DISK_RESERVE", "0");
        assert_eq!(limits(&[(unlinked, "0"), (organization, "0"), reserve]), (None, None, 0));
        assert_eq!(limits(&[(unlinked, "256"), (organization, "256")]).0, Some(256 * MIB));
        for name in [unlinked, organization] {
            let errors = parse(&[(name, "255")]).unwrap_err();
            assert!(errors[0].contains("is less than attachments_max_size"), "{errors:?}");
            for value in ["-1", "1.5", "1099511627777", ""] {
                parse(&[(name, value)]).unwrap_err();
            }
        }
    }

    #[test]
    fn a_secret_is_never_shown() {
        let secret = ("NOVANTRA_ATTACHMENTS_SECRET", "hunter2 with blanks");
        let errors = parse(&[("NOVANTRA_ATTACHMENTS_URL", "s3://bucket"), secret]).unwrap_err();
        assert!(!errors[0].contains("hunter2"), "{errors:?}");
        let settings =
            parse(&[("NOVANTRA_ATTACHMENTS_URL", "s3://bucket"), ("NOVANTRA_ATTACHMENTS_SECRET", "hunter2")]);
        assert!(!format!("{:?}", settings.unwrap()).contains("hunter2"));
    }
}
