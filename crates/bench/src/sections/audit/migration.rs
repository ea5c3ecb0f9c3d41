//! The entries of an earlier version's audit log, which are converted in the background while the server is read.

use std::time::{Duration, Instant};

use super::{BUFFERED, READ, READERS, gets, read_at_least, stored};
use crate::{
    context::BenchContext,
    failure::{Context, Failure, Outcome},
    figures::Series,
    http::Load,
    report::{Row, Table, Unit},
    sections::{Section, postgres::PostgresServer},
    servers::{DataSet, MeasuredProgram, Novantra},
};

const WINDOW: Duration = Duration::from_secs(1);
/// The number of windows that are measured after the conversion.
const AFTER: usize = 10;
const TIMEOUT: Duration = Duration::from_secs(3600);

/// The figures of one engine.
#[derive(Default)]
struct Figures {
    /// The number of entries of the earlier version, at least.
    earlier: u64,
    /// The number of calls that were answered since.
    calls: u64,
    converted: Duration,
    rate: Series,
    latency: Series,
    rate_after: Series,
    latency_after: Series,
    verified: Duration,
}

pub(in crate::sections) fn measure(bench: &BenchContext) -> Outcome<Table> {
    let other =
        bench.compared().context(|| "this section needs --compared, an earlier build of the server".to_owned())?;
    let mut rows = Vec::new();

    let stock = DataSet::empty(other, bench.folder())?.with_findings(READ)?;
    let earlier = stock.serve(&[BUFFERED])?;
    let entries = fill(bench, &earlier, &earlier.issue_token(&stock.account)?)?;
    let server = Novantra::start(bench.binary(), earlier.stop()?, &[BUFFERED])?;
    let token = server.issue_token(&stock.account)?;
    let figures = Figures::measure(&server, &token, entries, || stored::unconverted_on_sqlite(&server))?;
    rows.extend(figures.rows("SQLite"));

    let served = PostgresServer::start_program(bench, other, "novantra_bench_migration", &[BUFFERED])?;
    served.fill(READ)?;
    let entries = fill(bench, &served.server, &served.token)?;
    let served = served.restart_with(bench, &[BUFFERED])?;
    let unconverted = || stored::unconverted_on_postgres(&served.postgres);
    rows.extend(Figures::measure(&served.server, &served.token, entries, unconverted)?.rows("PostgreSQL"));
    Ok(Table {
        name: "audit-migration",
        title: Section::AuditMigration.title(),
        method: format!(
            "The other build answers gets of {READ} findings, audit buffered; then this build starts on its database, and \
             {READERS} keep-alive connections get findings from the first second until no entry of the old form is left, \
             and {AFTER} s longer. The command verifies the log then: every entry, and that there are as many. Medians of windows of {} s.",
            WINDOW.as_secs()
        ),
        rows,
    })
}

/// Makes entries. Returns how many, at least.
fn fill(bench: &BenchContext, server: &Novantra, token: &str) -> Outcome<u64> {
    let load = load(server, token)?;
    let mut calls = 0;
    while calls < bench.records() as u64 {
        calls += read_at_least(&load, 20_000)?;
        server.wait_until_idle()?;
    }
    Ok(calls)
}

fn load(server: &Novantra, token: &str) -> Outcome<Load> {
    Ok(Load { host: server.host()?, requests: gets(server, token, READ)?, connections: READERS, expected: 200 })
}

impl Figures {
    fn measure(server: &Novantra, token: &str, earlier: u64, unconverted: impl Fn() -> Outcome<i64>) -> Outcome<Self> {
        let load = load(server, token)?;
        let mut figures = Self { earlier, ..Self::default() };
        let started = Instant::now();
        while unconverted()? > 0 {
            let result = load.run(WINDOW)?;
            figures.calls += result.calls;
            figures.rate.push(result.rate());
            figures.latency.push(result.high_latency() / 1e3);
            if started.elapsed() > TIMEOUT {
                return Err(Failure::new("the conversion does not end"));
            }
        }
        figures.converted = started.elapsed();
        for _ in 0..AFTER {
            let result = load.run(WINDOW)?;
            figures.calls += result.calls;
            figures.rate_after.push(result.rate());
            figures.latency_after.push(result.high_latency() / 1e3);
        }
        server.wait_until_idle()?;
        let (finished, entries) = server.verify_audit_log()?;
        figures.verified = finished.elapsed;
        let expected = earlier + figures.calls;
        if entries < expected {
            return Err(Failure::new(format!("the log has {entries} entries, of at least {expected}")));
        }
        Ok(figures)
    }

    fn rows(&self, engine: &str) -> Vec<Row> {
        let row = |label: &str, series: &Series, unit| {
            Row::new(format!("{engine}: {label}"), series.median(), unit).spread(series.spread())
        };
        vec![
            Row::new(format!("{engine}: entries of the earlier version"), self.earlier as f64, Unit::Count),
            Row::new(format!("{engine}: until all are converted"), self.converted.as_secs_f64() * 1e3, Unit::Millis),
            row("gets meanwhile", &self.rate, Unit::PerSecond),
            row("gets after it", &self.rate_after, Unit::PerSecond),
            Row::new(
                format!("{engine}: meanwhile ÷ after it"),
                self.rate.median() / self.rate_after.median(),
                Unit::Times,
            ),
            row("p99 of gets meanwhile", &self.latency, Unit::Millis),
            row("p99 of gets after it", &self.latency_after, Unit::Millis),
            Row::new(format!("{engine}: verification after it"), self.verified.as_secs_f64() * 1e3, Unit::Millis),
        ]
    }
}
