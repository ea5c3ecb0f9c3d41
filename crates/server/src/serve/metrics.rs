//! The Prometheus metrics of the server.

mod attachments;
mod audit;
mod certificate;
mod people;
mod rate_limits;
mod rollups;
mod search;
mod webhooks;

use std::time::Duration;

use ::audit::UnsealedStats;
use kernel::Timestamp;
use prometheus::{
    Gauge, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts, Registry, TextEncoder,
    core::Collector,
};

use crate::failure::Failure;

pub(crate) use attachments::MeteredContents;
pub(crate) use audit::AuditMetrics;
pub(crate) use certificate::CertificateMetrics;
pub(crate) use people::PeopleMetrics;
pub(crate) use rate_limits::MeteredBuckets;
pub(crate) use rollups::RollupMetrics;
pub(crate) use search::SearchMetrics;
pub(crate) use webhooks::WebhookMetrics;

/// Histogram buckets in seconds, from a cache hit to a request that waits for a busy disk.
const BUCKETS: &[f64] = &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// The names of the metrics of unsealed audit entries.
const UNSEALED: [&str; 2] = ["novantra_audit_unsealed_entries", "novantra_audit_sealing_lag_seconds"];
/// The name of the metric of pending events.
const PENDING: [&str; 1] = ["novantra_outbox_pending_events"];

/// The registry with the metrics of HTTP requests and of the process.
pub(crate) struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    durations: HistogramVec,
    in_flight: IntGauge,
    ready: IntGauge,
    refused_connections: IntCounterVec,
    unsealed: IntGauge,
    sealing_lag: Gauge,
    pending: IntGauge,
    memory: IntGauge,
}

/// A guard of the gauge of requests in flight.
pub(crate) struct InFlight(IntGauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Metrics {
    /// Creates and registers the metrics.
    ///
    /// # Errors
    /// If two metrics have the same name.
    pub(crate) fn new() -> Result<Self, Failure> {
        let requests = Opts::new("novantra_http_requests_total", "HTTP requests answered.");
        let durations = HistogramOpts::new(
            "novantra_http_request_duration_seconds",
            "Duration of HTTP requests until the response, in seconds.",
        );
        let refused = Opts::new(
            "novantra_http_connections_refused_total",
            "Connections closed because their address has used up its share of them.",
        );
        let metrics = Self {
            registry: Registry::new(),
            requests: IntCounterVec::new(requests, &["method", "route", "status"])?,
            durations: HistogramVec::new(durations.buckets(BUCKETS.to_vec()), &["method", "route"])?,
            in_flight: IntGauge::new("novantra_http_requests_in_flight", "HTTP requests being processed.")?,
            ready: IntGauge::new("novantra_ready", "1 if /readyz reports that the server is ready, otherwise 0.")?,
            refused_connections: IntCounterVec::new(refused, &["listener"])?,
            unsealed: IntGauge::new(UNSEALED[0], "Audit entries that are not sealed yet.")?,
            sealing_lag: Gauge::new(UNSEALED[1], "Age in seconds of the oldest audit entry that is not sealed yet.")?,
            pending: IntGauge::new(PENDING[0], "Events in the outbox that are not fanned out to deliveries yet.")?,
            memory: IntGauge::new("process_resident_memory_bytes", "Resident memory size in bytes.")?,
        };
        let Self { registry, requests, durations, in_flight, ready, refused_connections, .. } = &metrics;
        let Self { unsealed, sealing_lag, pending, memory, .. } = &metrics;
        let all: [Box<dyn Collector>; 9] = [
            Box::new(requests.clone()),
            Box::new(durations.clone()),
            Box::new(in_flight.clone()),
            Box::new(ready.clone()),
            Box::new(refused_connections.clone()),
            Box::new(unsealed.clone()),
            Box::new(sealing_lag.clone()),
            Box::new(pending.clone()),
            Box::new(memory.clone()),
        ];
        for collector in all {
            registry.register(collector)?;
        }
        // The series exist from the start, so that their first increase is seen.
        for listener in ["api", "admin"] {
            metrics.refused_connections(listener);
        }
        Ok(metrics)
    }

    /// Registers another metric.
    ///
    /// # Errors
    /// If a metric of this name is registered already.
    pub(crate) fn register(&self, collector: Box<dyn Collector>) -> Result<(), Failure> {
        Ok(self.registry.register(collector)?)
    }

    /// The counter of the connections of this listener that were closed for the share of their address.
    pub(crate) fn refused_connections(&self, listener: &str) -> IntCounter {
        self.refused_connections.with_label_values(&[listener])
    }

    /// Counts a request as in flight until the guard is dropped.
    pub(crate) fn start_request(&self) -> InFlight {
        self.in_flight.inc();
        InFlight(self.in_flight.clone())
    }

    /// Sets whether the server is ready.
    pub(crate) fn set_ready(&self, ready: bool) {
        self.ready.set(ready.into());
    }

    /// Sets the gauges of unsealed audit entries. Returns the names of those whose value could not be read.
    pub(crate) fn set_unsealed(&self, stats: Option<UnsealedStats>, now: Timestamp) -> &'static [&'static str] {
        let Some(stats) = stats else { return &UNSEALED };
        self.unsealed.set(i64::try_from(stats.entries).unwrap_or(i64::MAX));
        self.sealing_lag.set(age_in_seconds(stats.oldest, now));
        &[]
    }

    /// Sets the gauge of pending events. Returns its name if its value could not be read.
    pub(crate) fn set_pending(&self, events: Option<u64>) -> &'static [&'static str] {
        let Some(events) = events else { return &PENDING };
        self.pending.set(i64::try_from(events).unwrap_or(i64::MAX));
        &[]
    }

    /// Encodes the metrics in the Prometheus text format, except those with the names in `unread`: a missing figure must
    /// not look like a zero, and the others are needed all the more.
    ///
    /// # Errors
    /// If the metrics can't be encoded.
    pub(crate) fn encode(&self, unread: &[&str]) -> Result<String, Failure> {
        self.memory.set(resident_bytes().unwrap_or_default());
        let mut families = self.registry.gather();
        families.retain(|family| !unread.contains(&family.name()));
        Ok(TextEncoder::new().encode_to_string(&families)?)
    }
}

impl http_api::Observer for Metrics {
    fn record_response(&self, method: &str, route: &'static str, status: u16, duration: Duration) {
        // A client can send any method name, and each would become a time series.
        let method = match method {
            "GET" | "HEAD" | "POST" | "PATCH" | "PUT" | "DELETE" | "OPTIONS" => method,
            _ => "other",
        };
        let mut digits = [0; 3];
        self.requests.with_label_values(&[method, route, status_text(status, &mut digits)]).inc();
        self.durations.with_label_values(&[method, route]).observe(duration.as_secs_f64());
    }
}

/// The time in seconds since this moment, or 0 if there is none.
fn age_in_seconds(since: Option<Timestamp>, now: Timestamp) -> f64 {
    since.map_or(0.0, |since| now.since(since).as_secs_f64())
}

/// Formats a status without an allocation.
fn status_text(status: u16, digits: &mut [u8; 3]) -> &str {
    let mut rest = status;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + u8::try_from(rest % 10).unwrap_or_default();
        rest /= 10;
    }
    str::from_utf8(digits).unwrap_or_default()
}

/// Resident memory of this process in bytes, if `/proc` shows it.
fn resident_bytes() -> Option<i64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<i64>().ok().map(|kibibytes| kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use http_api::Observer;

    use super::*;

    #[test]
    fn a_request_is_counted_by_route_and_an_unknown_method_as_other() {
        let metrics = Metrics::new().unwrap();
        metrics.record_response("GET", "/api/v1/organization", 200, Duration::from_millis(2));
        metrics.record_response("BREW", "unmatched", 405, Duration::from_millis(2));
        let stats = UnsealedStats { entries: 3, oldest: Some(Timestamp::from_millis(2_500)) };
        let unread = [metrics.set_unsealed(Some(stats), Timestamp::from_millis(10_000)), metrics.set_pending(Some(4))];
        let text = metrics.encode(&unread.concat()).unwrap();
        for line in [
            "novantra_http_requests_total{method=\"GET\",route=\"/api/v1/organization\",status=\"200\"} 1",
            "novantra_http_requests_total{method=\"other\",route=\"unmatched\",status=\"405\"} 1",
            "novantra_audit_unsealed_entries 3",
            "novantra_outbox_pending_events 4",
        ] {
            assert!(text.contains(line), "{line} is missing in\n{text}");
        }
    }

    #[test]
    fn figures_that_could_not_be_read_are_left_out_of_the_metrics() {
        let metrics = Metrics::new().unwrap();
        let unread = [metrics.set_unsealed(None, Timestamp::from_millis(0)), metrics.set_pending(Some(4))];
        let text = metrics.encode(&unread.concat()).unwrap();
        assert!(UNSEALED.iter().all(|name| !text.contains(name)), "{text}");
        assert!(text.contains("novantra_outbox_pending_events 4"), "{text}");
    }
}
