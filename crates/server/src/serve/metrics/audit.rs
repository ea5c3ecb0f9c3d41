//! The metrics of the audit log.

use prometheus::{IntCounter, IntGauge};

use super::Metrics;
use crate::failure::Failure;

/// The metrics of the tasks that seal the audit log and make its stored form smaller.
pub(crate) struct AuditMetrics {
    sealed: IntCounter,
    refused: IntCounter,
    missing: IntCounter,
    compacted: IntCounter,
    unconverted: IntGauge,
}

impl AuditMetrics {
    /// Registers the metrics.
    ///
    /// # Errors
    /// If metrics with these names are registered already.
    pub(crate) fn register(metrics: &Metrics) -> Result<Self, Failure> {
        let counter = |name, help| -> Result<IntCounter, Failure> {
            let counter = IntCounter::new(name, help)?;
            metrics.register(Box::new(counter.clone()))?;
            Ok(counter)
        };
        let unconverted = IntGauge::new(
            "novantra_audit_unconverted_entries",
            "Audit entries in the form of an earlier version that are not converted yet.",
        )?;
        metrics.register(Box::new(unconverted.clone()))?;
        Ok(Self {
            sealed: counter("novantra_audit_sealed_entries_total", "Audit entries that this server has sealed.")?,
            refused: counter(
                "novantra_audit_refused_rows_total",
                "Rows of audit entries that this server has refused to seal, because no server wrote them as they are.",
            )?,
            missing: counter(
                "novantra_audit_missing_rows_total",
                "Rows of audit entries that a server that still runs has stored, and that went missing before they were sealed.",
            )?,
            compacted: counter(
                "novantra_audit_compacted_runs_total",
                "Runs of audit entries that this server has made parts of a segment.",
            )?,
            unconverted,
        })
    }

    /// Records a round of sealing.
    pub(crate) fn record_sealed(&self, entries: u64, refused: u64, missing: u64) {
        self.sealed.inc_by(entries);
        self.refused.inc_by(refused);
        self.missing.inc_by(missing);
    }

    /// Records that this number of runs became parts of segments.
    pub(crate) fn record_compacted(&self, runs: u64) {
        self.compacted.inc_by(runs);
    }

    /// Sets the number of entries that are left to convert.
    pub(crate) fn set_unconverted(&self, entries: u64) {
        self.unconverted.set(i64::try_from(entries).unwrap_or(i64::MAX));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_and_runs_are_counted() {
        let metrics = Metrics::new().unwrap();
        let audit = AuditMetrics::register(&metrics).unwrap();
        audit.record_sealed(7, 2, 1);
        audit.record_compacted(16);
        audit.set_unconverted(12_288);
        let text = metrics.encode(&[]).unwrap();
        for line in [
            "novantra_audit_sealed_entries_total 7",
            "novantra_audit_refused_rows_total 2",
            "novantra_audit_missing_rows_total 1",
            "novantra_audit_compacted_runs_total 16",
            "novantra_audit_unconverted_entries 12288",
        ] {
            assert!(text.contains(line), "{line} is missing in\n{text}");
        }
    }
}
