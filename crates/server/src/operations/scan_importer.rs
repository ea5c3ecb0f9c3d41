//! The operations of an import of a scan beside the writes of its findings: the lookup of the findings that exist, and
//! the resolution of those that the scan no longer reports.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    ops::Range,
    sync::Arc,
    time::Duration,
};

use audit::AuditFilter;
use findings::{BulkTransition, Finding, FindingFilter, SourceKind, Status, transition_batch};
use import::sarif::PresentFinding;
use kernel::{
    Attribution, Entry, FieldValue, MAX_RECORDS_IN_KEY_RANGES, PageLimit, PageRequest, Reader, Reason, RecordKey,
    Stored, TimeRange, WriteContext, is_allowed_in_line,
};

use super::{
    importer::{BATCH, Importer},
    scan_lease::ScanLeases,
    scan_series::ScanSeries,
};
use crate::{compose::Installation, failure::Failure};

impl Importer<'_> {
    /// Returns the findings with keys in these ranges, as far as the keys of a scan depend on them. There are at most
    /// [`kernel::MAX_KEY_RANGES`].
    ///
    /// # Errors
    /// If the store fails.
    pub(crate) async fn present_findings(&self, ranges: &[Range<String>]) -> Result<Vec<PresentFinding>, Failure> {
        let store = &self.operator.installation.store;
        let mut present: Vec<PresentFinding> = Vec::new();
        loop {
            let last = present.last().map(|finding| finding.key.clone());
            let start = last.as_ref().map_or("", RecordKey::as_str);
            let ranges: Vec<Range<&str>> = ranges
                .iter()
                .map(|range| start.max(&range.start)..range.end.as_str())
                .filter(|range| range.start < range.end)
                .collect();
            let found = Reader::<Finding>::get_by_key_ranges(&**store, self.organization.id, &ranges).await?;
            let is_last = found.len() < MAX_RECORDS_IN_KEY_RANGES;
            present.extend(found.into_iter().map(|Stored { record, .. }| PresentFinding {
                key: record.key,
                subject_resource_id: record.subject.map(|subject| subject.resource_id),
                title: record.title,
                description: record.description,
                severity: record.severity,
                status: record.status,
            }));
            if is_last {
                return Ok(present);
            }
        }
    }

    /// Returns the numbers of those of the findings with these keys that a scan should no longer report, by their status: nobody looks
    /// after them any more.
    ///
    /// # Errors
    /// If the store fails.
    pub(crate) async fn settled(&self, keys: &[RecordKey]) -> Result<BTreeMap<&'static str, usize>, Failure> {
        let mut settled = BTreeMap::new();
        for batch in keys.chunks(BATCH) {
            for Stored { record: Finding { status, .. }, .. } in self.findings_by_key(batch).await? {
                if matches!(status, Status::Verified | Status::Closed | Status::Accepted | Status::Archived) {
                    *settled.entry(status.name()).or_insert(0) += 1;
                }
            }
        }
        Ok(settled)
    }

    /// Returns the keys of the findings of each of the series that can be closed and are not among the reported ones.
    ///
    /// # Errors
    /// If the store fails.
    pub(crate) async fn unreported(
        &self,
        series: &HashSet<&ScanSeries>,
        reported: &HashSet<RecordKey>,
    ) -> Result<HashMap<ScanSeries, Vec<RecordKey>>, Failure> {
        let store = &self.operator.installation.store;
        let unresolved = Status::ALL.iter().copied().filter(|status| !BulkTransition::Close.steps(*status).is_empty());
        let filter =
            FindingFilter::default().with("source_kind", [SourceKind::ModuleSignal]).with("status", unresolved);
        let mut request =
            PageRequest { limit: PageLimit::clamped(u64::from(PageLimit::MAX)), ..PageRequest::default() };
        let mut unreported: HashMap<ScanSeries, Vec<RecordKey>> = HashMap::new();
        if series.is_empty() {
            return Ok(unreported);
        }
        loop {
            let page = Reader::<Finding>::list(&**store, self.organization.id, &filter, &request).await?;
            for Finding { key, source, .. } in page.items.into_iter().map(|stored| stored.record) {
                let of_finding = ScanSeries { tool: source.module_key, scope: source.scope };
                if series.contains(&of_finding) && !reported.contains(&key) {
                    unreported.entry(of_finding).or_default().push(key);
                }
            }
            match page.next {
                Some(position) => request.after = Some(position),
                None => return Ok(unreported),
            }
        }
    }

    /// Acquires the leases of these series; a dry run needs none.
    ///
    /// # Errors
    /// If another import of one of them is running, or the store fails.
    pub(crate) async fn lease(
        &self,
        series: impl IntoIterator<Item = &ScanSeries>,
    ) -> Result<Option<ScanLeases>, Failure> {
        if self.dry_run {
            return Ok(None);
        }
        let Installation { store, clock, entropy, .. } = &self.operator.installation;
        let owner = entropy.ulid(clock.now()).to_string();
        ScanLeases::acquire(Arc::clone(store), Arc::clone(clock), owner, self.organization.id, series).await.map(Some)
    }

    /// Changes the status of the findings with these keys whose lifecycle allows it. Returns the keys of those. Only
    /// findings that an import has closed are reopened.
    ///
    /// # Errors
    /// If the store fails. The batches before are stored already.
    pub(crate) async fn transition(
        &self,
        keys: &[RecordKey],
        transition: BulkTransition,
        reason: &Reason,
    ) -> Result<Vec<RecordKey>, Failure> {
        let mut changed = Vec::new();
        for batch in keys.chunks(BATCH) {
            let mut affected = self.affected(batch, transition).await?;
            if !self.dry_run && !affected.is_empty() {
                affected = self.transition_batch(batch, transition, reason).await?;
            }
            changed.extend(affected.into_iter().map(|stored| stored.record.key));
        }
        Ok(changed)
    }

    async fn transition_batch(
        &self,
        keys: &[RecordKey],
        transition: BulkTransition,
        reason: &Reason,
    ) -> Result<Vec<Stored<Finding>>, Failure> {
        let context = self.operator.write_context(&self.organization, &self.attribution);
        let context = WriteContext { reason: Some(reason), ..context };
        self.operator
            .write(async || {
                // Others may have changed the findings since: they are read anew in each try.
                let affected = self.affected(keys, transition).await?;
                let timestamp = self.operator.installation.store.begin_write();
                let (changeset, _) =
                    transition_batch(&context, &api_v1::PayloadRenderer, timestamp, &affected, transition);
                Ok((changeset, affected))
            })
            .await
    }

    /// Returns those of the findings with these keys that the transition changes.
    async fn affected(&self, keys: &[RecordKey], transition: BulkTransition) -> Result<Vec<Stored<Finding>>, Failure> {
        let mut affected = Vec::new();
        for stored in self.findings_by_key(keys).await? {
            let has_steps = !transition.steps(stored.record.status).is_empty();
            if has_steps && (transition != BulkTransition::Reopen || self.was_closed_by_import(&stored).await?) {
                affected.push(stored);
            }
        }
        Ok(affected)
    }

    /// Whether the closing that the finding is in was made by an import like this one, and by no person or integration:
    /// the entry of the audit log about the finding at the time of its closing names the command. A duplicate of another
    /// finding stays closed: somebody has decided so.
    async fn was_closed_by_import(&self, finding: &Stored<Finding>) -> Result<bool, Failure> {
        let Some(closed_at) = finding.record.closed_at.filter(|_| finding.record.duplicate_of.is_none()) else {
            return Ok(false);
        };
        let filter = AuditFilter { subjects: [finding.meta.id.to_string()].into(), ..AuditFilter::default() };
        let created_before = Some(closed_at + Duration::from_millis(1));
        let time_range = TimeRange { created_after: Some(closed_at), created_before, ..TimeRange::default() };
        let mut request = PageRequest { time_range, ..PageRequest::default() };
        let Attribution { actor, origin, .. } = &self.attribution;
        let closes = |entry: &Entry| {
            let closed = FieldValue::Text(Status::Closed.name().to_owned());
            entry.actor == *actor
                && entry.origin.route == origin.route
                && entry.changes.iter().any(|change| change.field == "status" && change.after == closed)
        };
        loop {
            let page = self.operator.installation.store.entries(self.organization.id, &filter, &request).await?;
            if page.items.iter().any(|stored| closes(&stored.entry)) {
                return Ok(true);
            }
            let Some(next) = page.next else { return Ok(false) };
            request.after = Some(next);
        }
    }

    /// Returns a reason that begins with `detail` and also has the reason of the command. If both are too long together,
    /// each is cut.
    pub(crate) fn reason_with(&self, detail: &str) -> Reason {
        let own = format!(" ({})", self.operator.reason());
        let room = MAX_REASON_LENGTH.saturating_sub(own.chars().count()).max(MAX_REASON_LENGTH / 2);
        let is_text = |character: &char| is_allowed_in_line(*character);
        let detail = detail.chars().filter(is_text).take(room);
        let reason: String = detail.chain(own.chars()).take(MAX_REASON_LENGTH).collect();
        Reason::parse(&reason).unwrap_or_else(|_| self.operator.reason().clone())
    }

    async fn findings_by_key(&self, keys: &[RecordKey]) -> Result<Vec<Stored<Finding>>, Failure> {
        let keys: Vec<&str> = keys.iter().map(RecordKey::as_str).collect();
        let store = &self.operator.installation.store;
        Ok(Reader::<Finding>::get_by_keys(&**store, self.organization.id, &keys).await?)
    }
}

/// The maximum length of a reason in characters.
const MAX_REASON_LENGTH: usize = 1000;
