//! The time from a call to the arrival of its webhook, at a rate at which deliveries do not wait for each other.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{DeliverySetup, SUBSCRIPTION_COUNT};
use crate::{
    failure::{Context, Outcome},
    http::{Request, call},
    pause, sample,
    sections::workload::LIST,
};

const WINDOW: Duration = Duration::from_secs(10);

/// Latencies in milliseconds.
pub(super) struct Latency {
    pub(super) p50: f64,
    pub(super) p99: f64,
}

/// Measures while findings are recorded at a rate that causes a tenth of `rate` deliveries per second.
pub(super) fn measure_at_tenth_of(setup: &mut DeliverySetup, rate: f64) -> Outcome<Latency> {
    measure_at_interval(setup, Duration::from_secs_f64(SUBSCRIPTION_COUNT as f64 / (rate / 10.0)), WINDOW)
}

/// Records a finding every `each` for `window`.
pub(super) fn measure_at_interval(setup: &mut DeliverySetup, each: Duration, window: Duration) -> Outcome<Latency> {
    let received_before = setup.receiver.count();
    setup.receiver.start_recording();
    let mut sent: HashMap<String, Instant> = HashMap::new();
    let started = Instant::now();
    while started.elapsed() < window {
        let body = sample::single(setup.next);
        setup.next += 1;
        let request = Request::post(LIST, body).bearer(&setup.served.token);
        let at = Instant::now();
        let created = call(setup.served.server.host()?, &request)?.expect_status(201)?.json()?;
        let id = created["finding"]["id"].as_str().context(|| format!("no id in {created}"))?;
        sent.insert(id.to_owned(), at);
        pause::sleep(each.saturating_sub(at.elapsed()));
    }
    setup.wait_for_deliveries(received_before + (sent.len() * SUBSCRIPTION_COUNT) as u64)?;
    let mut latencies = Vec::new();
    for (at, body) in setup.receiver.take_arrivals() {
        let event: Value = serde_json::from_slice(&body)?;
        let id = event["data"]["finding"]["id"].as_str().unwrap_or_default();
        let sent = sent.get(id).context(|| format!("an event of an unknown finding: {event}"))?;
        latencies.push((at - *sent).as_secs_f64() * 1e3);
    }
    latencies.sort_unstable_by(f64::total_cmp);
    let at = |share: usize| latencies.get(latencies.len() * share / 100).copied().unwrap_or(f64::NAN);
    Ok(Latency { p50: at(50), p99: at(99) })
}
