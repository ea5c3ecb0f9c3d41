//! Compaction and conversion between rounds of sealing, a step at a time.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use audit::{AuditTables, Checkpoint};
use audit_store::{Compacted, Compactor, Converted, Converter, LeaseOwner, SealerKeys, read_all_heads};
use kernel::{Clock, OrganizationId, StoreError, Timestamp};

use super::UpkeepSummary;

/// The number of runs that a segment replaces.
const RUNS_OF_SEGMENT: u64 = 16;

/// Interval of looking for entries to convert although there were none: a chain that can't be converted is tried again.
const CONVERSION_INTERVAL: Duration = Duration::from_secs(60 * 60);

/// Compacts and converts the chains of an installation.
pub(super) struct Upkeep {
    tables: Arc<dyn AuditTables>,
    clock: Arc<dyn Clock>,
    compactor: Compactor,
    converter: Converter,
    /// The sequences of the newest heads that were sealed here.
    heads: BTreeMap<OrganizationId, i64>,
    /// The sequences up to which entries of chains are of an earlier version, and up to which they are converted; `None`
    /// before they were read.
    unconverted: Option<BTreeMap<OrganizationId, (i64, i64)>>,
    /// The time before which there is nothing to convert.
    converts_at: Timestamp,
    compacted_runs: u64,
}

impl Upkeep {
    pub(super) fn new(
        tables: Arc<dyn AuditTables>,
        clock: Arc<dyn Clock>,
        lease: LeaseOwner,
        keys: SealerKeys,
    ) -> Self {
        Self {
            compactor: Compactor::new(Arc::clone(&tables), Arc::clone(&clock), lease.clone()),
            converter: Converter::new(Arc::clone(&tables), Arc::clone(&clock), lease, keys),
            tables,
            converts_at: clock.now(),
            clock,
            heads: BTreeMap::new(),
            unconverted: None,
            compacted_runs: 0,
        }
    }

    /// Looks at all chains again, after another process has held the lease.
    pub(super) fn take_over(&mut self) {
        self.compactor.take_over();
        self.converter.take_over();
        self.heads.clear();
        self.unconverted = None;
        self.converts_at = self.clock.now();
    }

    /// Records the heads of chains that were sealed.
    pub(super) fn record_heads(&mut self, checkpoints: &[Checkpoint]) {
        for Checkpoint { organization, sequence, .. } in checkpoints {
            let before = self.heads.insert(*organization, *sequence).unwrap_or(0);
            self.compactor.report(*organization, before, *sequence);
        }
    }

    /// Whether a step may find something.
    pub(super) fn is_due(&self) -> bool {
        self.compactor.has_more() || self.clock.now() >= self.converts_at
    }

    /// Does a step of each. Returns the chain whose conversion has ended, and whose head has changed by that.
    ///
    /// # Errors
    /// If the store fails.
    pub(super) async fn run_once(&mut self) -> Result<Option<OrganizationId>, StoreError> {
        self.compacted_runs = 0;
        if self.compactor.has_more()
            && let Compacted::Segment { .. } = self.compactor.run_once().await?
        {
            self.compacted_runs = RUNS_OF_SEGMENT;
        }
        if self.clock.now() < self.converts_at {
            return Ok(None);
        }
        if self.unconverted.is_none() {
            self.unconverted = Some(read_unconverted(&*self.tables).await?);
        }
        let unconverted = self.unconverted.get_or_insert_default();
        match self.converter.run_once().await? {
            Converted::Step { organization, last_sequence } => {
                if let Some((_, through)) = unconverted.get_mut(&organization) {
                    *through = last_sequence;
                }
            }
            Converted::Finished { organization } => {
                unconverted.remove(&organization);
                self.compactor.report_converted(organization);
                return Ok(Some(organization));
            }
            Converted::Nothing => self.converts_at = self.clock.now() + CONVERSION_INTERVAL,
            Converted::Damaged(_) | Converted::Refused => {}
        }
        Ok(None)
    }

    pub(super) fn summary(&mut self) -> UpkeepSummary {
        let entries = |(last, through): &(i64, i64)| u64::try_from(last - through).unwrap_or(0);
        UpkeepSummary {
            compacted_runs: std::mem::take(&mut self.compacted_runs),
            unconverted: self.unconverted.iter().flat_map(BTreeMap::values).map(entries).sum(),
        }
    }
}

/// Returns the chains that have entries of an earlier version, with the sequence of the last of them. How far they are
/// converted shows with the first step.
async fn read_unconverted(tables: &dyn AuditTables) -> Result<BTreeMap<OrganizationId, (i64, i64)>, StoreError> {
    let mut unconverted = BTreeMap::new();
    let heads = read_all_heads(tables).await?.heads;
    let old = heads.iter().filter(|head| head.old_through > 0);
    unconverted.extend(old.map(|head| (head.organization, (head.old_through, head.removed.sequence))));
    Ok(unconverted)
}
