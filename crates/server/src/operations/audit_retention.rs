//! The bounds of audit logs: of the installation's own, to which strangers can write, and of workspaces, if they have a
//! period of retention.
//!
//! The oldest entries of a log are removed in two steps: an entry that records the removal is sealed first, and the entries
//! are removed on the next run. If the server is killed in between, the next one finds the record.

mod bounds;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use audit::{AuditFilter, ENTRIES_REMOVED, Head, Removal, StoredEntry, pending_removal, recorded_removal};
use audit_store::{ArchiveError, remove_prefix};
use kernel::{
    Actor, ActorKind, Clock, Entropy, Entry, Id, OrganizationId, Origin, PageLimit, PageRequest, StoreError, Timestamp,
};
use store::DynStore;

use crate::{
    compose::Installation,
    settings::{AuditRetentionPeriods, InstallationLogLimits, Settings},
};

use bounds::LogBounds;

const INSTALLATION: OrganizationId = OrganizationId::INSTALLATION;

/// Time after which a log without anything to remove is looked at again.
const CHECK_INTERVAL: Duration = Duration::from_secs(60 * 60);

/// Removes the entries of audit logs that are beyond their bounds.
pub(crate) struct AuditRetention {
    store: Arc<DynStore>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    installation: InstallationLogLimits,
    periods: AuditRetentionPeriods,
    /// When each log of a workspace is looked at again.
    next_checks: BTreeMap<OrganizationId, Timestamp>,
}

/// The result of one step of one log.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum RetentionOutcome {
    /// No entry is beyond the bounds.
    Nothing,
    /// The removal of entries was recorded.
    Recorded,
    /// The record is not sealed yet.
    Waiting,
    /// This many entries were removed.
    Removed(i64),
}

impl AuditRetention {
    pub(crate) fn new(installation: &Installation, settings: &Settings) -> Self {
        Self {
            store: Arc::clone(&installation.store),
            clock: Arc::clone(&installation.clock),
            entropy: Arc::clone(&installation.entropy),
            installation: settings.installation_log,
            periods: settings.audit_retention.clone(),
            next_checks: BTreeMap::new(),
        }
    }

    /// Removes the entries whose removal is recorded, and records the next removal of each log that is due. A log that
    /// fails is logged, and does not keep the others from it.
    ///
    /// # Errors
    /// If the workspaces can't be read, or the installation's log fails.
    pub(crate) async fn run_once(&mut self) -> Result<(), StoreError> {
        let bounds = LogBounds::of_installation(self.installation);
        while let RetentionOutcome::Removed(_) = self.step(INSTALLATION, &bounds).await? {}
        if self.periods.is_for_ever() {
            return Ok(());
        }
        let now = self.clock.now();
        // A time that is further ahead is one from before the clock was set back.
        self.next_checks.retain(|_, next| now < *next && *next <= now + CHECK_INTERVAL);
        for workspace in self.store.organizations().await? {
            let organization = Id::new(workspace.meta.ulid());
            let Some(period) = self.periods.period(workspace.record.slug.as_str()) else { continue };
            if self.next_checks.contains_key(&organization) {
                continue;
            }
            let bounds = LogBounds::of_workspace(period);
            let outcome = loop {
                match self.step(organization, &bounds).await {
                    Ok(RetentionOutcome::Removed(_)) => {}
                    other => break other,
                }
            };
            match outcome {
                Ok(RetentionOutcome::Nothing) => {
                    self.next_checks.insert(organization, now + CHECK_INTERVAL);
                }
                Ok(_) => {}
                Err(error @ StoreError::Unavailable(_)) if !ArchiveError::is_cause_of(&error) => return Err(error),
                Err(error) => {
                    tracing::error!(%organization, %error, "can't remove the oldest entries of an audit log; trying again in 1 h");
                    self.next_checks.insert(organization, now + CHECK_INTERVAL);
                }
            }
        }
        Ok(())
    }

    /// Does the next step of a log, if there is one.
    async fn step(&self, log: OrganizationId, bounds: &LogBounds) -> Result<RetentionOutcome, StoreError> {
        let start = self.store.removed(log).await?;
        let mut pending = None;
        if let Some(recorded) = self.last_record(log).await? {
            pending = pending_removal(&recorded, start);
            if let Some(last) = pending
                && let Some(outcome) = self.remove(log, start, last).await?
            {
                return Ok(outcome);
            }
            if recorded.seal.is_none() && recorded_removal(&recorded.entry).is_some() {
                return Ok(RetentionOutcome::Waiting);
            }
        }
        let removal = bounds.next_removal(&*self.store, log, start, self.clock.now()).await?;
        // What was recorded, but can't be removed, is not recorded once more.
        match removal.filter(|removal| pending != Some(removal.last)) {
            Some(removal) => self.record(log, &removal).await,
            None => Ok(RetentionOutcome::Nothing),
        }
    }

    async fn last_record(&self, log: OrganizationId) -> Result<Option<StoredEntry>, StoreError> {
        let filter = AuditFilter { actions: [ENTRIES_REMOVED.as_str().to_owned()].into(), ..AuditFilter::default() };
        let mut page = PageRequest { limit: PageLimit::clamped(1), ..PageRequest::default() };
        loop {
            // A page may be empty although there are further ones, because it scans a bounded number of entries.
            let found = self.store.entries(log, &filter, &page).await?;
            match (found.items.into_iter().next(), found.next) {
                (Some(entry), _) => return Ok(Some(entry)),
                (None, Some(next)) => page.after = Some(next),
                (None, None) => return Ok(None),
            }
        }
    }

    /// Removes what was recorded. Returns `None` if it can't be removed: the blocks at its end may have become a segment
    /// since then, or the record is of a version that could remove any number of entries.
    async fn remove(
        &self,
        log: OrganizationId,
        start: Head,
        last: Head,
    ) -> Result<Option<RetentionOutcome>, StoreError> {
        if !remove_prefix(&*self.store.audit_tables(), log, start, last).await? {
            // Another server may have been faster.
            let is_removed = self.store.removed(log).await? != start;
            return Ok(is_removed.then_some(RetentionOutcome::Nothing));
        }
        let removed = last.sequence - start.sequence;
        tracing::info!(
            %log,
            entries = removed,
            through = last.sequence,
            "removed the oldest entries of an audit log, as the log records"
        );
        Ok(Some(RetentionOutcome::Removed(removed)))
    }

    async fn record(&self, log: OrganizationId, removal: &Removal) -> Result<RetentionOutcome, StoreError> {
        let timestamp = self.store.begin_entry();
        let at = timestamp.at();
        let entry = Entry {
            id: Id::new(self.entropy.ulid(at)),
            organization: log,
            occurred_at: at,
            wall_clock: timestamp.differing_clock(),
            actor: Actor { kind: ActorKind::System, id: None, name: "novantra".into() },
            action: ENTRIES_REMOVED,
            subject: None,
            reason: None,
            changes: removal.changes(),
            origin: Origin {
                request_id: Id::new(self.entropy.ulid(at)),
                method: None,
                route: Some("audit retention".into()),
                source_address: None,
                user_agent: None,
            },
            status: None,
        };
        self.store.append(entry, timestamp).await?;
        tracing::warn!(
            %log,
            from = removal.first_sequence,
            through = removal.last.sequence,
            policy = removal.policy,
            "the oldest entries of an audit log are beyond its bounds and will be removed within two minutes; export them before with novantra audit export, or raise the setting"
        );
        Ok(RetentionOutcome::Recorded)
    }
}
