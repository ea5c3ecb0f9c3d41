//! The settings of how long entries of audit logs are stored.

use std::{collections::BTreeMap, time::Duration};

use attachments::{BucketOptions, Location, MalformedLocation};

use super::{
    attachments::AttachmentSettings,
    parsers::{parse_duration, parse_positive},
    reader::SettingsReader,
    table,
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The bounds of the installation's own audit log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InstallationLogLimits {
    /// Maximum number of sealed entries.
    pub(crate) entries: u64,
    /// Maximum age of an entry.
    pub(crate) age: Duration,
}

/// How long entries of the logs of workspaces are stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct AuditRetentionPeriods {
    /// The period for all; `None` for ever.
    default: Option<Duration>,
    /// The longer periods of workspaces, by their slugs; `None` for ever.
    longer: BTreeMap<String, Option<Duration>>,
}

impl AuditRetentionPeriods {
    #[cfg(test)]
    pub(crate) fn new(default: Duration, longer: impl IntoIterator<Item = (String, Option<Duration>)>) -> Self {
        Self { default: Some(default), longer: longer.into_iter().collect() }
    }

    /// The period of the workspace with this slug; `None` for ever.
    pub(crate) fn period(&self, slug: &str) -> Option<Duration> {
        self.longer.get(slug).copied().unwrap_or(self.default)
    }

    /// Whether all entries of all workspaces are stored for ever.
    pub(crate) fn is_for_ever(&self) -> bool {
        self.default.is_none()
    }

    pub(super) fn read(reader: &mut SettingsReader<'_>) -> Option<Self> {
        let default = reader.value_or(&table::AUDIT_RETENTION, |text| parse_days(text).map(Some), || None);
        let longer = reader.value_or(&table::AUDIT_RETENTION_LONGER, parse_longer, BTreeMap::new);
        let (default, longer) = (default?, longer?);
        if longer.is_empty()
            || default
                .is_some_and(|default| longer.values().all(|period| period.is_none_or(|period| period >= default)))
        {
            return Some(Self { default, longer });
        }
        reader.error(
            "audit_retention_longer needs audit_retention, without which entries are stored for ever, and no period in it may be shorter",
        )
    }
}

/// The archive of old segments.
#[derive(Clone, Debug)]
pub(crate) struct AuditArchiveSettings {
    pub(crate) location: Location,
    /// The options of the bucket, if the location is one: those of attachments, if they are in one, too.
    pub(crate) bucket: BucketOptions,
    /// The age from which on entries are archived.
    pub(crate) after: Duration,
}

impl AuditArchiveSettings {
    pub(super) fn read(
        reader: &mut SettingsReader<'_>,
        attachments: Option<&AttachmentSettings>,
    ) -> Option<Option<Self>> {
        let parse = |text: &str| match text.parse() {
            Ok(Location::Memory) => Err("memory: does not outlive the process".to_owned()),
            Ok(location) => Ok(Some(location)),
            Err(error) => Err(MalformedLocation::to_string(&error)),
        };
        let location = reader.value_or(&table::AUDIT_ARCHIVE_URL, parse, || None);
        let after = reader.value(&table::AUDIT_ARCHIVE_AFTER, parse_duration)?;
        let bucket = attachments.map(|attachments| attachments.bucket.clone()).unwrap_or_default();
        Some(location?.map(|location| Self { location, bucket, after }))
    }
}

impl InstallationLogLimits {
    pub(super) fn read(reader: &mut SettingsReader<'_>) -> Option<Self> {
        let entries = reader.value(&table::INSTALLATION_LOG_ENTRIES, |text| match parse_positive(text)? {
            entries if entries >= 1000 => Ok(entries),
            _ => Err(format!("{text} is less than 1000")),
        });
        let age = reader.value(&table::INSTALLATION_LOG_RETENTION, parse_days);
        Some(Self { entries: entries?.into(), age: age? })
    }
}

fn parse_days(text: &str) -> Result<Duration, String> {
    match parse_duration(text)? {
        age if age >= DAY => Ok(age),
        _ => Err(format!("{text} is less than 1d")),
    }
}

fn parse_longer(text: &str) -> Result<BTreeMap<String, Option<Duration>>, String> {
    let parse_one = |text: &str| {
        let (slug, period) = text.split_once('=').filter(|(slug, _)| !slug.trim().is_empty()).ok_or_else(|| {
            format!("{text:?} is not a workspace and a duration such as cedar-valley=3652d or cedar-valley=forever")
        })?;
        let period = match period.trim() {
            "forever" => None,
            period => Some(parse_days(period)?),
        };
        Ok((slug.trim().to_owned(), period))
    };
    text.split(',').map(str::trim).filter(|text| !text.is_empty()).map(parse_one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn days(days: u64) -> Duration {
        Duration::from_secs(days * 24 * 60 * 60)
    }

    #[test]
    fn a_workspace_may_have_a_period_of_its_own() {
        let longer = parse_longer("cedar-valley=3652d, prairie = 400d,north=forever").unwrap();
        let periods = AuditRetentionPeriods { default: Some(days(365)), longer };
        assert_eq!(periods.period("cedar-valley"), Some(days(3652)));
        assert_eq!(periods.period("prairie"), Some(days(400)));
        assert_eq!(periods.period("north"), None);
        assert_eq!(periods.period("another"), Some(days(365)));
        assert_eq!(AuditRetentionPeriods::default().period("another"), None);
    }

    #[test]
    fn a_period_without_a_workspace_or_of_less_than_a_day_is_refused() {
        for text in ["400d", "=400d", "a=", "a=23h", "a=400", "a=400d,b"] {
            assert!(parse_longer(text).is_err(), "{text:?} was accepted");
        }
        assert_eq!(parse_longer(""), Ok(BTreeMap::new()));
    }
}
