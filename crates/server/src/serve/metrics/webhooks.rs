//! The Prometheus metrics of webhooks.

use kernel::Timestamp;
use prometheus::{Gauge, IntCounter, IntCounterVec, IntGauge, Opts, core::Collector};
use webhooks::{AttemptFailure, AttemptOutcome, DeliveryLag, DisabledReason};

use super::{Metrics, age_in_seconds};
use crate::failure::Failure;

/// The outcome of an attempt that did not fail.
const DELIVERED: &str = "delivered";

/// The names of the metrics of waiting events and deliveries.
const LAG: [&str; 3] = [
    "novantra_webhook_distribution_lag_seconds",
    "novantra_webhook_delivery_lag_seconds",
    "novantra_webhook_subscriptions_due",
];

/// The name of the metric of paused webhooks.
const PAUSED: [&str; 1] = ["novantra_webhooks_paused"];

/// The metrics of webhook deliveries.
pub(crate) struct WebhookMetrics {
    attempts: IntCounterVec,
    exhausted: IntCounter,
    disabled: IntCounterVec,
    in_flight: IntGauge,
    oldest_event: Gauge,
    oldest_due: Gauge,
    due_partitions: IntGauge,
    paused: IntGauge,
}

impl WebhookMetrics {
    /// Creates and registers the metrics.
    ///
    /// # Errors
    /// If a metric with one of the names is registered already.
    pub(crate) fn register(metrics: &Metrics) -> Result<Self, Failure> {
        let attempts = Opts::new("novantra_webhook_attempts_total", "Webhook delivery attempts, by outcome.");
        let disabled = Opts::new(
            "novantra_webhook_subscriptions_disabled_total",
            "Webhook subscriptions that the server disabled, by reason.",
        );
        let webhook_metrics = Self {
            attempts: IntCounterVec::new(attempts, &["outcome"])?,
            exhausted: IntCounter::new(
                "novantra_webhook_exhausted_total",
                "Webhook deliveries whose last attempt failed.",
            )?,
            disabled: IntCounterVec::new(disabled, &["reason"])?,
            in_flight: IntGauge::new("novantra_webhook_attempts_in_flight", "Webhook delivery attempts in flight.")?,
            oldest_event: Gauge::new(
                LAG[0],
                "Age in seconds of the oldest event that is not fanned out to deliveries yet.",
            )?,
            oldest_due: Gauge::new(LAG[1], "Seconds since the oldest due delivery became due.")?,
            due_partitions: IntGauge::new(LAG[2], "Webhook subscriptions with a due delivery.")?,
            paused: IntGauge::new(
                PAUSED[0],
                "1 if webhooks are paused, because the installation is a copy of another one, otherwise 0.",
            )?,
        };
        let Self { attempts, exhausted, disabled, in_flight, oldest_event, oldest_due, due_partitions, paused } =
            &webhook_metrics;
        let all: [Box<dyn Collector>; 8] = [
            Box::new(attempts.clone()),
            Box::new(exhausted.clone()),
            Box::new(disabled.clone()),
            Box::new(in_flight.clone()),
            Box::new(oldest_event.clone()),
            Box::new(oldest_due.clone()),
            Box::new(due_partitions.clone()),
            Box::new(paused.clone()),
        ];
        for collector in all {
            metrics.register(collector)?;
        }
        // Prometheus sees no increase between the absence of a series and its first value, so all exist from the start.
        for outcome in AttemptFailure::ALL.iter().map(|failure| failure.name()).chain([DELIVERED]) {
            attempts.with_label_values(&[outcome]);
        }
        for reason in [DisabledReason::Gone, DisabledReason::Failing] {
            disabled.with_label_values(&[reason.name()]);
        }
        Ok(webhook_metrics)
    }

    /// Sets the gauges of waiting events and deliveries. Returns the names of those whose value could not be read.
    pub(crate) fn set_lag(&self, lag: Option<DeliveryLag>, now: Timestamp) -> &'static [&'static str] {
        let Some(lag) = lag else { return &LAG };
        self.oldest_event.set(age_in_seconds(lag.oldest_event, now));
        self.oldest_due.set(age_in_seconds(lag.oldest_due, now));
        self.due_partitions.set(i64::try_from(lag.due_partitions).unwrap_or(i64::MAX));
        &[]
    }

    /// Sets the gauge of paused webhooks. Returns its name if it could not be read whether they are.
    pub(crate) fn set_paused(&self, paused: Option<bool>) -> &'static [&'static str] {
        let Some(paused) = paused else { return &PAUSED };
        self.paused.set(paused.into());
        &[]
    }
}

impl delivery::DeliveryObserver for WebhookMetrics {
    fn attempt_started(&self) {
        self.in_flight.inc();
    }

    fn attempt_ended(&self, outcome: &AttemptOutcome) {
        self.in_flight.dec();
        let label = outcome.failure.map_or(DELIVERED, AttemptFailure::name);
        self.attempts.with_label_values(&[label]).inc();
    }

    fn delivery_exhausted(&self) {
        self.exhausted.inc();
    }

    fn subscription_disabled(&self, reason: DisabledReason) {
        self.disabled.with_label_values(&[reason.name()]).inc();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use delivery::DeliveryObserver;

    use super::*;

    #[test]
    fn every_outcome_and_every_reason_is_exposed_before_it_occurs() {
        let metrics = Metrics::new().unwrap();
        WebhookMetrics::register(&metrics).unwrap();
        let text = metrics.encode(&[]).unwrap();
        for outcome in AttemptFailure::ALL.iter().map(|failure| failure.name()).chain([DELIVERED]) {
            let line = format!("novantra_webhook_attempts_total{{outcome=\"{outcome}\"}} 0");
            assert!(text.contains(&line), "{line} is missing in\n{text}");
        }
        for reason in ["gone", "failing"] {
            let line = format!("novantra_webhook_subscriptions_disabled_total{{reason=\"{reason}\"}} 0");
            assert!(text.contains(&line), "{line} is missing in\n{text}");
        }
    }

    #[test]
    fn an_attempt_is_counted_by_its_outcome() {
        let metrics = Metrics::new().unwrap();
        let webhooks = WebhookMetrics::register(&metrics).unwrap();
        let delivered = AttemptOutcome {
            duration: Duration::ZERO,
            status: Some(200),
            response_body: None,
            failure: None,
            retry_after: None,
        };
        let failed = AttemptOutcome { failure: Some(webhooks::AttemptFailure::Untrusted), ..delivered.clone() };
        for outcome in [&delivered, &failed] {
            webhooks.attempt_started();
            webhooks.attempt_ended(outcome);
        }
        webhooks.subscription_disabled(DisabledReason::Gone);
        let now = Timestamp::from_millis(10_000);
        let lag = DeliveryLag { oldest_due: Some(Timestamp::from_millis(2_500)), ..DeliveryLag::default() };
        let unread = [webhooks.set_lag(Some(lag), now), webhooks.set_paused(None)];
        let text = metrics.encode(&unread.concat()).unwrap();
        assert!(!text.contains(PAUSED[0]), "{text}");
        for line in [
            "novantra_webhook_attempts_total{outcome=\"delivered\"} 1",
            "novantra_webhook_attempts_total{outcome=\"tls\"} 1",
            "novantra_webhook_attempts_in_flight 0",
            "novantra_webhook_subscriptions_disabled_total{reason=\"gone\"} 1",
            "novantra_webhook_delivery_lag_seconds 7.5",
            "novantra_webhook_distribution_lag_seconds 0",
        ] {
            assert!(text.contains(line), "{line} is missing in\n{text}");
        }
    }
}
