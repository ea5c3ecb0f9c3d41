//! How webhooks go, for Prometheus.

use kernel::Timestamp;
use prometheus::{Gauge, IntCounter, IntCounterVec, IntGauge, Opts, core::Collector};
use webhooks::{DisabledReason, Lag, Outcome};

use crate::{failure::Failure, serve::metrics::Metrics};

/// What is counted and measured of webhooks.
pub(crate) struct WebhookMetrics {
    attempts: IntCounterVec,
    exhausted: IntCounter,
    disabled: IntCounterVec,
    in_flight: IntGauge,
    oldest_event: Gauge,
    oldest_due: Gauge,
    lanes_due: IntGauge,
}

impl WebhookMetrics {
    /// All at nothing.
    ///
    /// # Errors
    /// When something else has one of the names.
    pub(crate) fn among(metrics: &Metrics) -> Result<Self, Failure> {
        let attempts = Opts::new("novantra_webhook_attempts_total", "Webhook attempts, by what came of them.");
        let disabled = Opts::new("novantra_webhook_subscriptions_disabled_total", "Subscriptions the server disabled.");
        let own = Self {
            attempts: IntCounterVec::new(attempts, &["outcome"])?,
            exhausted: IntCounter::new(
                "novantra_webhook_exhausted_total",
                "Deliveries that failed for the last time.",
            )?,
            disabled: IntCounterVec::new(disabled, &["reason"])?,
            in_flight: IntGauge::new("novantra_webhook_attempts_in_flight", "Webhook attempts being made.")?,
            oldest_event: Gauge::new(
                "novantra_webhook_distribution_lag_seconds",
                "Age of the oldest event that was not distributed to subscriptions.",
            )?,
            oldest_due: Gauge::new(
                "novantra_webhook_delivery_lag_seconds",
                "How long the longest-waiting delivery has been due.",
            )?,
            lanes_due: IntGauge::new("novantra_webhook_subscriptions_due", "Subscriptions with a delivery due.")?,
        };
        let Self { attempts, exhausted, disabled, in_flight, oldest_event, oldest_due, lanes_due } = &own;
        let all: [Box<dyn Collector>; 7] = [
            Box::new(attempts.clone()),
            Box::new(exhausted.clone()),
            Box::new(disabled.clone()),
            Box::new(in_flight.clone()),
            Box::new(oldest_event.clone()),
            Box::new(oldest_due.clone()),
            Box::new(lanes_due.clone()),
        ];
        for one in all {
            metrics.add(one)?;
        }
        Ok(own)
    }

    /// Notes what waits, as the store just said.
    pub(crate) fn wait(&self, lag: &Lag, now: Timestamp) {
        let age = |since: Option<Timestamp>| since.map_or(0.0, |since| now.since(since).as_secs_f64());
        self.oldest_event.set(age(lag.oldest_event));
        self.oldest_due.set(age(lag.oldest_due));
        self.lanes_due.set(i64::try_from(lag.lanes_due).unwrap_or(i64::MAX));
    }
}

impl delivery::Observer for WebhookMetrics {
    fn began(&self) {
        self.in_flight.inc();
    }

    fn ended(&self, outcome: &Outcome) {
        self.in_flight.dec();
        let word = outcome.failure.map_or("delivered", webhooks::Failure::name);
        self.attempts.with_label_values(&[word]).inc();
    }

    fn exhausted(&self) {
        self.exhausted.inc();
    }

    fn disabled(&self, reason: DisabledReason) {
        self.disabled.with_label_values(&[reason.name()]).inc();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use delivery::Observer;

    use super::*;

    #[test]
    fn an_attempt_is_counted_by_what_came_of_it() {
        let metrics = Metrics::new().unwrap();
        let webhooks = WebhookMetrics::among(&metrics).unwrap();
        let delivered =
            Outcome { took: Duration::ZERO, status: Some(200), answer: None, failure: None, retry_after: None };
        let failed = Outcome { failure: Some(webhooks::Failure::Untrusted), ..delivered.clone() };
        for outcome in [&delivered, &failed] {
            webhooks.began();
            webhooks.ended(outcome);
        }
        webhooks.disabled(DisabledReason::Gone);
        let now = Timestamp::from_millis(10_000);
        webhooks.wait(&Lag { oldest_due: Some(Timestamp::from_millis(2_500)), ..Lag::default() }, now);
        let text = metrics.text(0, 0).unwrap();
        for line in [
            "novantra_webhook_attempts_total{outcome=\"delivered\"} 1",
            "novantra_webhook_attempts_total{outcome=\"tls\"} 1",
            "novantra_webhook_attempts_in_flight 0",
            "novantra_webhook_subscriptions_disabled_total{reason=\"gone\"} 1",
            "novantra_webhook_delivery_lag_seconds 7.5",
            "novantra_webhook_distribution_lag_seconds 0",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }
}
