//! The operations of an import of a scan beside the writes of its findings: the lookup of the findings that exist, and
//! the resolution of those that the scan no longer reports.

use std::collections::{BTreeMap, HashMap, HashSet};

use findings::{Finding, FindingFilter, NewFinding, Resolution, SourceKind, Status, resolve_batch};
use import::sarif::PresentFinding;
use kernel::{PageLimit, PageRequest, Reader, Reason, RecordKey, Reference, Stored, WriteContext, is_allowed_in_line};

use super::importer::{BATCH, Importer};
use crate::failure::Failure;

/// The tool of a scan and what it was run on. A scan says which findings of its series exist, and nothing about others.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ScanSeries {
    pub(crate) tool: Option<Reference>,
    pub(crate) scope: Option<Reference>,
}

impl Importer<'_> {
    /// Returns the findings with these keys that exist, as far as the keys of a scan depend on them.
    ///
    /// # Errors
    /// If the store fails.
    pub(crate) async fn present_findings(
        &self,
        keys: &[RecordKey],
    ) -> Result<HashMap<RecordKey, PresentFinding>, Failure> {
        let mut present = HashMap::new();
        for batch in keys.chunks(BATCH) {
            for Stored { record, .. } in self.findings_by_key(batch).await? {
                let subject_resource_id = record.subject.map(|subject| subject.resource_id);
                present.insert(record.key, PresentFinding { subject_resource_id, description: record.description });
            }
        }
        Ok(present)
    }

    /// Returns the numbers of those of the findings that a scan should no longer report, by their status: nobody looks
    /// after them any more.
    ///
    /// # Errors
    /// If the store fails.
    pub(crate) async fn settled(&self, findings: &[NewFinding]) -> Result<BTreeMap<&'static str, usize>, Failure> {
        let keys: Vec<RecordKey> = findings.iter().map(|finding| finding.key.clone()).collect();
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
        let unresolved = Status::ALL.iter().copied().filter(|status| !Resolution::Closed.steps(*status).is_empty());
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

    /// Resolves the findings with these keys whose lifecycle allows it. Returns the number of those.
    ///
    /// # Errors
    /// If the store fails. The batches before are stored already.
    pub(crate) async fn resolve(
        &self,
        keys: &[RecordKey],
        resolution: Resolution,
        reason: &Reason,
    ) -> Result<usize, Failure> {
        let mut resolved = 0;
        for batch in keys.chunks(BATCH) {
            if self.dry_run {
                let existing = self.findings_by_key(batch).await?;
                resolved += existing.iter().filter(|stored| can_be_resolved(stored, resolution)).count();
            } else {
                resolved += self.resolve_batch(batch, resolution, reason).await?;
            }
        }
        Ok(resolved)
    }

    async fn resolve_batch(
        &self,
        keys: &[RecordKey],
        resolution: Resolution,
        reason: &Reason,
    ) -> Result<usize, Failure> {
        let mut existing = self.findings_by_key(keys).await?;
        existing.retain(|stored| can_be_resolved(stored, resolution));
        if existing.is_empty() {
            return Ok(0);
        }
        let context = self.operator.write_context(&self.organization, &self.attribution);
        let context = WriteContext { reason: Some(reason), ..context };
        self.operator
            .write(async || {
                // Others may have changed the findings since: they are read anew in each try.
                let existing = self.findings_by_key(keys).await?;
                let timestamp = self.operator.installation.store.begin_write();
                let (changeset, resolved) =
                    resolve_batch(&context, &api_v1::PayloadRenderer, timestamp, &existing, resolution);
                Ok((changeset, resolved.len()))
            })
            .await
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

fn can_be_resolved(stored: &Stored<Finding>, resolution: Resolution) -> bool {
    !resolution.steps(stored.record.status).is_empty()
}
