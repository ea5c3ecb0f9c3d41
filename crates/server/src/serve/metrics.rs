//! The Prometheus metrics of the server.

mod certificate;
mod rate_limits;
mod webhooks;

use std::time::Duration;

use kernel::Timestamp;
use prometheus::{
    Gauge, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, Opts, Registry, TextEncoder, core::Collector,
};

use crate::failure::Failure;

pub(crate) use certificate::CertificateMetrics;
pub(crate) use rate_limits::MeteredBuckets;
pub(crate) use webhooks::WebhookMetrics;

/// Histogram buckets in seconds, from a cache hit to a request that waits for a busy disk.
const BUCKETS: &[f64] = &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// The registry with the metrics of HTTP requests and of the process.
pub(crate) struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    durations: HistogramVec,
    in_flight: IntGauge,
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
        let metrics = Self {
            registry: Registry::new(),
            requests: IntCounterVec::new(requests, &["method", "route", "status"])?,
            durations: HistogramVec::new(durations.buckets(BUCKETS.to_vec()), &["method", "route"])?,
            in_flight: IntGauge::new("novantra_http_requests_in_flight", "HTTP requests being processed.")?,
            unsealed: IntGauge::new("novantra_audit_unsealed_entries", "Audit entries that are not sealed yet.")?,
            sealing_lag: Gauge::new(
                "novantra_audit_sealing_lag_seconds",
                "Age in seconds of the oldest audit entry that is not sealed yet.",
            )?,
            pending: IntGauge::new(
                "novantra_outbox_pending_events",
                "Events in the outbox that are not fanned out to deliveries yet.",
            )?,
            memory: IntGauge::new("process_resident_memory_bytes", "Resident memory size in bytes.")?,
        };
        let Self { registry, requests, durations, in_flight, unsealed, sealing_lag, pending, memory } = &metrics;
        let all: [Box<dyn Collector>; 7] = [
            Box::new(requests.clone()),
            Box::new(durations.clone()),
            Box::new(in_flight.clone()),
            Box::new(unsealed.clone()),
            Box::new(sealing_lag.clone()),
            Box::new(pending.clone()),
            Box::new(memory.clone()),
        ];
        for collector in all {
            registry.register(collector)?;
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

    /// Counts a request as in flight until the guard is dropped.
    pub(crate) fn start_request(&self) -> InFlight {
        self.in_flight.inc();
        InFlight(self.in_flight.clone())
    }

    /// Sets the age of the oldest audit entry that is not sealed yet, if there is one.
    pub(crate) fn set_sealing_lag(&self, oldest: Option<Timestamp>, now: Timestamp) {
        self.sealing_lag.set(age_in_seconds(oldest, now));
    }

    /// Encodes all metrics in the Prometheus text format, with these numbers of unsealed audit entries and pending
    /// events.
    ///
    /// # Errors
    /// If the metrics can't be encoded.
    pub(crate) fn encode(&self, unsealed: u64, pending: u64) -> Result<String, Failure> {
        self.unsealed.set(i64::try_from(unsealed).unwrap_or(i64::MAX));
        self.pending.set(i64::try_from(pending).unwrap_or(i64::MAX));
        self.memory.set(resident_bytes().unwrap_or_default());
        Ok(TextEncoder::new().encode_to_string(&self.registry.gather())?)
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
        let text = metrics.encode(3, 4).unwrap();
        for line in [
            "novantra_http_requests_total{method=\"GET\",route=\"/api/v1/organization\",status=\"200\"} 1",
            "novantra_http_requests_total{method=\"other\",route=\"unmatched\",status=\"405\"} 1",
            "novantra_audit_unsealed_entries 3",
            "novantra_outbox_pending_events 4",
        ] {
            assert!(text.contains(line), "{line} is missing in\n{text}");
        }
    }
}
