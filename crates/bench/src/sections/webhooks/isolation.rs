//! The effect of receivers that accept every connection and never respond on other receivers.

use std::time::Duration;

use super::{DeliverySetup, SUBSCRIPTION_COUNT, latency};
use crate::{
    context::BenchContext,
    failure::Outcome,
    receiver::UnresponsiveReceiver,
    report::{Row, Table, Target, Unit},
    sections::Section,
};

const UNRESPONSIVE_SUBSCRIPTIONS: usize = 900;
/// The interval at which findings are recorded.
const INTERVAL: Duration = Duration::from_millis(500);
const WINDOW: Duration = Duration::from_secs(20);
/// The timeout of an attempt: by then the first attempts at all unresponsive receivers have failed.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(15);

pub(in crate::sections) fn measure(bench: &BenchContext) -> Outcome<Table> {
    let mut setup = DeliverySetup::start_with(bench, "novantra_bench_isolation", SUBSCRIPTION_COUNT, &[])?;
    latency::measure_at_interval(&mut setup, INTERVAL, INTERVAL * 4)?;
    let alone = latency::measure_at_interval(&mut setup, INTERVAL, WINDOW)?;
    let hanging = UnresponsiveReceiver::start()?;
    setup.subscribe(&hanging.url(), UNRESPONSIVE_SUBSCRIPTIONS)?;
    let beside = latency::measure_at_interval(&mut setup, INTERVAL, WINDOW + ATTEMPT_TIMEOUT)?;
    let version = setup.served.postgres.version()?;

    let plain = |label: &str, figure: f64| Row::new(label, figure, Unit::Millis);
    let ratio =
        |label: &str, one: f64, other: f64| Row::new(label, one / other, Unit::Times).with_target(Target::at_most(2.0));
    let rows = vec![
        plain("100 responsive receivers alone: p50", alone.p50),
        plain("100 responsive receivers alone: p99", alone.p99),
        plain("beside 900 that never respond: p50", beside.p50),
        plain("beside 900 that never respond: p99", beside.p99),
        ratio("beside ÷ alone: p50", beside.p50, alone.p50),
        ratio("beside ÷ alone: p99", beside.p99, alone.p99),
    ];
    Ok(Table {
        name: "postgres-isolation",
        title: Section::PostgresIsolation.title(),
        method: format!(
            "{version}; server, receivers and database share the machine. A finding every {} ms, delivered to \
             {SUBSCRIPTION_COUNT} subscriptions, and then also to {UNRESPONSIVE_SUBSCRIPTIONS} whose receiver accepts connections and never responds; \
             from the call to the arrival.",
            INTERVAL.as_millis()
        ),
        rows,
    })
}
