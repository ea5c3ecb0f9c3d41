//! What receivers that take everything and never answer cost those beside them.

use std::time::Duration;

use super::{Delivering, LANES, latency};
use crate::{
    failure::Outcome,
    receiver::Hanging,
    report::{Bar, Row, Table, Unit},
    sections::{Bench, Section},
};

const DEAD: usize = 900;
/// A finding is recorded so often.
const EACH: Duration = Duration::from_millis(500);
const WINDOW: Duration = Duration::from_secs(20);
/// How long a receiver may take to answer: then the first attempts at the dead ones have all failed together.
const ATTEMPT: Duration = Duration::from_secs(15);

pub(in crate::sections) fn measure(bench: &Bench) -> Outcome<Table> {
    let mut delivering = Delivering::with(bench, "novantra_bench_isolation", LANES, &[])?;
    latency::of_one_each(&mut delivering, EACH, EACH * 4)?;
    let alone = latency::of_one_each(&mut delivering, EACH, WINDOW)?;
    let hanging = Hanging::start()?;
    delivering.subscribe(&hanging.url(), DEAD)?;
    let beside = latency::of_one_each(&mut delivering, EACH, WINDOW + ATTEMPT)?;
    let version = delivering.served.postgres.version()?;

    let plain = |what: &str, figure: f64| Row::new(what, figure, Unit::Millis);
    let ratio = |what: &str, one: f64, other: f64| Row::new(what, one / other, Unit::Times).held_to(Bar::at_most(2.0));
    let rows = vec![
        plain("100 live ones alone: p50", alone.half),
        plain("100 live ones alone: p99", alone.most),
        plain("beside 900 that never answer: p50", beside.half),
        plain("beside 900 that never answer: p99", beside.most),
        ratio("beside ÷ alone: p50", beside.half, alone.half),
        ratio("beside ÷ alone: p99", beside.most, alone.most),
    ];
    Ok(Table {
        name: "postgres-isolation",
        title: Section::PostgresIsolation.title(),
        how: format!(
            "{version}; server, receivers and database share the machine. A finding every {} ms, which is told to {LANES} \
             subscriptions, and then to {DEAD} more whose receiver takes connections and never answers; from the call to the \
             receipt.",
            EACH.as_millis()
        ),
        rows,
    })
}
