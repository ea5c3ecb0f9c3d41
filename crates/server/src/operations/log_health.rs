//! The health of the audit logs, for `novantra check` and `novantra audit verify`: rows that nobody may seal, incidents that
//! the sealer has recorded, and heads that are not what was signed.

use std::time::Duration;

use audit::{
    AuditFilter, AuditLog, AuditTables,
    tables::{StoredHead, WaitingKey},
};
use audit_store::{
    ROW_REFUSED, ROWS_MISSING, ReadHeads, SealerKeys, WRITER_STATE_ALTERED, read_all_heads, read_heads, read_row,
    verify_head,
};
use kernel::{Entry, FieldValue, OrganizationId, PageLimit, PageRequest, StoreError, TimeRange, Timestamp};

use crate::compose::Installation;

/// The field that is set if the process that wrote missing rows was killed about then.
const ENDED: &str = "ended";

/// The field with the number of missing rows.
const ROWS_COUNT: &str = "rows";

/// Number of rows, and of their bytes, that are read at a time.
const ROWS: usize = 256;
const BYTES: usize = 8 * 1024 * 1024;

/// Number of times that a head is read which a server moves on.
const MAX_ATTEMPTS: usize = 5;

/// Maximum number of incidents that are counted.
const MAX_INCIDENTS: usize = 1000;

/// How far the clock may have been wrong without it being reported.
const MAX_LATENESS: Duration = Duration::from_secs(60 * 60);

/// A row of entries that is refused, because no server of this installation wrote it as it is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct UnacceptedRow {
    pub(crate) key: WaitingKey,
    pub(crate) reason: String,
}

/// The numbers of incidents that the installation's log records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Incidents {
    /// Rows that are missing although the process that stored them goes on.
    pub(crate) missing: u64,
    /// Rows that are missing since a process was killed, which may not have stored them.
    pub(crate) lost: u64,
    /// Rows that were refused.
    pub(crate) refused: u64,
    /// Altered states of processes.
    pub(crate) altered: u64,
}

impl Incidents {
    /// Whether there is one that somebody must have caused.
    pub(crate) fn shows_tampering(&self) -> bool {
        self.missing + self.refused + self.altered > 0
    }

    /// Describes them for people.
    pub(crate) fn description(&self) -> String {
        let Self { missing, lost, refused, altered } = self;
        let parts = [(missing, ROWS_MISSING), (refused, ROW_REFUSED), (altered, WRITER_STATE_ALTERED)];
        let mut texts: Vec<String> = parts
            .iter()
            .filter(|(count, _)| **count > 0)
            .map(|(count, action)| format!("{count} of {action}"))
            .collect();
        if *lost > 0 {
            texts.push(format!("{lost} of {ROWS_MISSING} after a process was killed"));
        }
        texts.join(", ")
    }
}

/// The state of the heads of all logs.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct HeadFaults {
    /// The logs whose head is not the one that was signed.
    pub(crate) changed: Vec<OrganizationId>,
    /// The logs with entries that came very late, and the furthest of them in milliseconds.
    pub(crate) late: Vec<(OrganizationId, i64)>,
    /// The logs with entries of an earlier version that are not converted yet, and their number.
    pub(crate) unconverted: Vec<(OrganizationId, i64)>,
}

/// Returns the rows that wait to be sealed and never will be, as far as they can be told by themselves.
///
/// # Errors
/// If the store fails.
pub(crate) async fn refused_rows(installation: &Installation) -> Result<Vec<UnacceptedRow>, StoreError> {
    let (tables, key) = (installation.store.audit_tables(), &installation.audit_logs.rows);
    let (mut refused, mut after) = (Vec::new(), None);
    loop {
        let rows = tables.waiting(after, ROWS, BYTES).await?;
        let Some(last) = rows.last() else { return Ok(refused) };
        after = Some(last.key);
        // A row without a body only keeps its key occupied.
        for row in rows.iter().filter(|row| row.entries != 0 || !row.body.is_empty()) {
            if let Err(fault) = read_row(row, Some(&**key)) {
                refused.push(UnacceptedRow { key: row.key, reason: fault.to_string() });
            }
        }
    }
}

/// Returns the numbers of incidents that the installation's log records since this time, or ever.
///
/// # Errors
/// If the store fails.
pub(crate) async fn recorded_incidents(
    installation: &Installation,
    since: Option<Timestamp>,
) -> Result<Incidents, StoreError> {
    let actions = [ROWS_MISSING, ROW_REFUSED, WRITER_STATE_ALTERED].map(|action| action.as_str().to_owned()).into();
    let filter = AuditFilter { actions, ..AuditFilter::default() };
    let time_range = TimeRange { created_after: since, ..TimeRange::default() };
    let mut page = PageRequest { limit: PageLimit::clamped(200), time_range, ..PageRequest::default() };
    let (mut incidents, mut count) = (Incidents::default(), 0);
    loop {
        let found = AuditLog::entries(&*installation.store, OrganizationId::INSTALLATION, &filter, &page).await?;
        count += found.items.len();
        for stored in &found.items {
            let entry = &stored.entry;
            if entry.action == ROW_REFUSED {
                incidents.refused += 1;
            } else if entry.action == WRITER_STATE_ALTERED {
                incidents.altered += 1;
            } else if is_of_killed_process(entry) {
                incidents.lost += missing_rows(entry);
            } else {
                incidents.missing += missing_rows(entry);
            }
        }
        match found.next {
            Some(next) if count < MAX_INCIDENTS => page.after = Some(next),
            _ => return Ok(incidents),
        }
    }
}

fn is_of_killed_process(entry: &Entry) -> bool {
    entry.changes.iter().any(|change| change.field == ENDED && change.after == FieldValue::Bool(true))
}

/// The number of rows in an entry about missing ones.
fn missing_rows(entry: &Entry) -> u64 {
    let rows = entry.changes.iter().find(|change| change.field == ROWS_COUNT).map(|change| &change.after);
    match rows {
        Some(FieldValue::Integer(rows)) => u64::try_from(*rows).unwrap_or(1),
        _ => 1,
    }
}

/// Whether a head is not what this installation has stored. A server may move it on meanwhile.
async fn is_changed(tables: &dyn AuditTables, keys: &SealerKeys, head: &StoredHead) -> Result<bool, StoreError> {
    let mut head = head.clone();
    for _ in 0..MAX_ATTEMPTS {
        match verify_head(tables, keys, &head).await {
            Ok(()) => return Ok(false),
            Err(StoreError::Corrupt(_)) => {}
            Err(error) => return Err(error),
        }
        match read_heads(tables, &[head.organization]).await?.heads.pop() {
            Some(now) if now != head => head = now,
            _ => break,
        }
    }
    Ok(true)
}

/// Returns what is wrong with the heads of the logs.
///
/// # Errors
/// If the store fails.
pub(crate) async fn head_faults(installation: &Installation) -> Result<HeadFaults, StoreError> {
    let (tables, keys) = (installation.store.audit_tables(), installation.sealer_keys());
    let ReadHeads { heads, unreadable } = read_all_heads(&*tables).await?;
    let mut faults = HeadFaults::default();
    faults.changed.extend(unreadable.into_iter().map(|(organization, _)| organization));
    for head in heads {
        if is_changed(&*tables, &keys, &head).await? {
            faults.changed.push(head.organization);
        }
        if u128::try_from(head.late_ms).is_ok_and(|late| late > MAX_LATENESS.as_millis()) {
            faults.late.push((head.organization, head.late_ms));
        }
        if head.old_through > 0 {
            faults.unconverted.push((head.organization, head.old_through));
        }
    }
    Ok(faults)
}
