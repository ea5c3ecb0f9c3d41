//! Redactions that are due: those whose records this process has sealed, and those that another process has left undone.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use audit::{AuditFilter, AuditLog, AuditTables, ENTRY_REDACTED};
use audit_store::{Redacted, Redactor};
use kernel::{Clock, Entry, Id, OrganizationId, PageLimit, PageRequest, StoreError, Timestamp};
use store::DynStore;

use super::report::report_redaction;

/// Interval of looking through the records of all logs.
const LOOK_INTERVAL: Duration = Duration::from_secs(60 * 60);

/// The number of logs that one step looks through.
const LOGS_PER_STEP: usize = 8;

/// The maximum number of records of a log that are looked at, the newest first.
const MAX_RECORDS: usize = 1_000;

/// The redactions of an installation.
pub(super) struct Redactions {
    store: Arc<DynStore>,
    tables: Arc<dyn AuditTables>,
    clock: Arc<dyn Clock>,
    redactor: Redactor,
    /// The entries that record a redaction which may be due.
    due: VecDeque<(OrganizationId, Id<Entry>)>,
    /// The logs whose records are still to be looked through.
    unseen: VecDeque<OrganizationId>,
    looks_at: Timestamp,
}

impl Redactions {
    pub(super) fn new(store: &Arc<DynStore>, clock: &Arc<dyn Clock>, redactor: Redactor) -> Self {
        Self {
            store: Arc::clone(store),
            tables: store.audit_tables(),
            clock: Arc::clone(clock),
            redactor,
            due: VecDeque::new(),
            unseen: VecDeque::new(),
            looks_at: clock.now(),
        }
    }

    /// Adds records that were sealed.
    pub(super) fn extend(&mut self, records: &[(OrganizationId, Id<Entry>)]) {
        self.due.extend(records);
    }

    /// Looks through the records of some logs, which needs no lease. Returns whether a redaction may be due.
    ///
    /// # Errors
    /// If the store fails.
    pub(super) async fn look(&mut self) -> Result<bool, StoreError> {
        let now = self.clock.now();
        // A time that is further ahead is one from before the clock was set back.
        if now >= self.looks_at || self.looks_at > now + LOOK_INTERVAL {
            self.unseen = self.tables.organizations().await?.into();
            self.looks_at = now + LOOK_INTERVAL;
        }
        for _ in 0..LOGS_PER_STEP {
            let Some(log) = self.unseen.front().copied() else { break };
            match self.records(log).await {
                Ok(records) => self.due.extend(records),
                Err(StoreError::Corrupt(error)) => {
                    tracing::warn!(%log, %error, "can't look for redactions in an audit log; trying again in 1 h");
                }
                Err(error) => return Err(error),
            }
            self.unseen.pop_front();
        }
        Ok(!self.due.is_empty())
    }

    async fn records(&self, log: OrganizationId) -> Result<Vec<(OrganizationId, Id<Entry>)>, StoreError> {
        let filter = AuditFilter { actions: [ENTRY_REDACTED.as_str().to_owned()].into(), ..AuditFilter::default() };
        let mut page = PageRequest { limit: PageLimit::clamped(200), ..PageRequest::default() };
        let mut records = Vec::new();
        loop {
            let found = AuditLog::entries(&*self.store, log, &filter, &page).await?;
            let sealed = found.items.iter().filter(|stored| stored.seal.is_some());
            records.extend(sealed.map(|stored| (log, stored.entry.id)));
            match found.next {
                Some(next) if records.len() < MAX_RECORDS => page.after = Some(next),
                _ => return Ok(records),
            }
        }
    }

    /// Does the first redaction that is due, under the lease. Returns the log that has changed by it.
    ///
    /// # Errors
    /// If the store fails. What was due is still due then.
    pub(super) async fn run_once(&mut self) -> Result<Option<OrganizationId>, StoreError> {
        let Some((log, record)) = self.due.front().copied() else { return Ok(None) };
        match self.redactor.run(log, record).await {
            // Something was moved at the same time: it is tried again after the others.
            Ok(Redacted::Refused) => self.due.push_back((log, record)),
            Ok(redacted) => report_redaction(record, &redacted),
            Err(StoreError::Corrupt(error)) => {
                tracing::error!(%record, %error, "can't redact the entry that this entry names; trying again in 1 h");
            }
            Err(error) => return Err(error),
        }
        self.due.pop_front();
        Ok(Some(log))
    }

    /// Redacts the entry that a record names, under the lease.
    ///
    /// # Errors
    /// If the store fails, or the log is not as it was stored.
    pub(super) async fn redact(&self, log: OrganizationId, record: Id<Entry>) -> Result<Redacted, StoreError> {
        self.redactor.run(log, record).await
    }
}
