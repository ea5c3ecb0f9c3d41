//! The effect of receivers that accept every connection and never respond on other receivers.

use std::time::Duration;

use super::{Delivering, LANES, latency};
use crate::{
    failure::Outcome,
    receiver::Hanging,
    report::{Bar, Row, Table, Unit},
    sections::{Bench, Section},
};

const DEAD: usize = 900;
/// The interval at which findings are recorded.
const EACH: Duration = Duration::from_millis(500);
const WINDOW: Duration = Duration::from_secs(20);
/// The timeout of an attempt: by then the first attempts at all unresponsive receivers have failed.
const ATTEMPT: Duration = Duration::from_secs(15);

pub(in crate::sections) fn measure(bench: &Bench) -> Outcome<Table> {
    let mut delivering = Delivering::with(bench, "novantra_bench_isolation", LANES, &[])?;
    latency::of_one_each(&mut delivering, EACH, EACH * 4)?;
    let alone = latency::of_one_each(&mut delivering, EACH, WINDOW)?;
    let hanging = Hanging::start()?;
    delivering.subscribe(&hanging.url(), DEAD)?;
    let beside = latency::of_one_each(&mut delivering, EACH, WINDOW + ATTEMPT)?;
    let version = delivering.served.postgres.version()?;

    let plain = |label: &str, figure: f64| Row::new(label, figure, Unit::Millis);
    let ratio =
        |label: &str, one: f64, other: f64| Row::new(label, one / other, Unit::Times).held_to(Bar::at_most(2.0));
    let rows = vec![
        plain("100 responsive receivers alone: p50", alone.half),
        plain("100 responsive receivers alone: p99", alone.most),
        plain("beside 900 that never respond: p50", beside.half),
        plain("beside 900 that never respond: p99", beside.most),
        ratio("beside ÷ alone: p50", beside.half, alone.half),
        ratio("beside ÷ alone: p99", beside.most, alone.most),
    ];
    Ok(Table {
        name: "postgres-isolation",
        title: Section::PostgresIsolation.title(),
        how: format!(
            "{version}; server, receivers and database share the machine. A finding every {} ms, delivered to \
             {LANES} subscriptions, and then also to {DEAD} whose receiver accepts connections and never responds; \
             from the call to the arrival.",
            EACH.as_millis()
        ),
        rows,
    })
}
