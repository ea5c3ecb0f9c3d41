//! The bounds of one log.

use std::time::Duration;

use audit::{Head, Removal};
use audit_store::{CutRule, find_cut};
use kernel::{OrganizationId, StoreError, Timestamp};
use store::DynStore;

use crate::settings::InstallationLogLimits;

/// Time that an entry may be too old before it is removed, so that one record stands for the entries of a day.
const MAX_OVERDUE: Duration = Duration::from_secs(24 * 60 * 60);

/// The bounds of one log.
#[derive(Clone, Copy, Debug)]
pub(super) struct LogBounds {
    /// Maximum number of sealed entries.
    entries: Option<i64>,
    /// Maximum age of an entry.
    age: Duration,
    /// The setting of the age.
    age_setting: &'static str,
}

impl LogBounds {
    pub(super) fn of_installation(limits: InstallationLogLimits) -> Self {
        let entries = Some(i64::try_from(limits.entries).unwrap_or(i64::MAX));
        Self { entries, age: limits.age, age_setting: "installation_log_retention" }
    }

    pub(super) fn of_workspace(age: Duration) -> Self {
        Self { entries: None, age, age_setting: "audit_retention" }
    }

    /// Returns the removal of the entries beyond the bounds, as many as one removal has.
    pub(super) async fn next_removal(
        &self,
        store: &DynStore,
        log: OrganizationId,
        start: Head,
        now: Timestamp,
    ) -> Result<Option<Removal>, StoreError> {
        let tables = store.audit_tables();
        let mut by_number = None;
        if let Some(max) = self.entries
            && store.head(log).await?.sequence - start.sequence > max
        {
            // A tenth more than necessary is removed. Otherwise each record would itself be an entry too many.
            let rule = CutRule::Keep(max - max / 10);
            by_number = find_cut(&*tables, log, rule, &format!("installation_log_entries is {max}")).await?;
        }
        let oldest = now - self.age;
        let policy = format!("{} is {}s", self.age_setting, self.age.as_secs());
        let by_age = find_cut(&*tables, log, CutRule::Before(oldest), &policy).await?;
        let by_age = by_age.filter(|removal| removal.first_at + MAX_OVERDUE < oldest);
        Ok(by_age.into_iter().chain(by_number).max_by_key(|removal| removal.last.sequence))
    }
}
