//! A whole collection in one stream, against reading all its pages.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use crate::{
    context::BenchContext,
    failure::{Failure, Outcome},
    figures::Series,
    http::{Connection, Request},
    pause,
    report::{Row, Table, Target, Unit},
    sections::{Section, postgres, workload::LIST},
    servers::{MeasuredProgram, Novantra, Process},
};

pub(super) const FINDINGS: usize = 1_000_000;
const ROUNDS: usize = 3;
const MEBIBYTE: f64 = 1024.0 * 1024.0;
/// The interval at which memory is measured while a stream is open.
const POLL_INTERVAL: Duration = Duration::from_millis(20);
/// The default page size, and the largest one.
const DEFAULT_PAGE_SIZE: usize = 50;
const MAX_PAGE_SIZE: usize = 200;

/// Measures over SQLite.
pub(super) fn measure(bench: &BenchContext) -> Outcome<Table> {
    let stock = bench.small()?.with_copied_findings(FINDINGS)?;
    let server = stock.serve(&[])?;
    let token = server.issue_token(&stock.account)?;
    Ok(Table {
        name: "streams",
        title: Section::Streams.title(),
        method: method(),
        rows: measure_rows(&server, &token)?,
    })
}

/// Measures over PostgreSQL.
pub(super) fn measure_postgres(bench: &BenchContext) -> Outcome<Table> {
    let served = postgres::flat::with_many_findings(bench, "novantra_bench_streams", FINDINGS)?;
    let rows = measure_rows(&served.server, &served.token)?;
    Ok(Table { name: "postgres-streams", title: Section::PostgresStreams.title(), method: method(), rows })
}

fn method() -> String {
    format!(
        "All of 10⁶ findings, one client that keeps nothing, durable audit; the client shares the machine's cores with the \
         server. Pages are read once, one after the other over one connection; medians of {ROUNDS} streams."
    )
}

fn measure_rows(server: &Novantra, token: &str) -> Outcome<Vec<Row>> {
    let usual = ReadResult::measure(server, || read_pages(server, token, DEFAULT_PAGE_SIZE, FINDINGS / 10))?;
    let largest = ReadResult::measure(server, || read_pages(server, token, MAX_PAGE_SIZE, FINDINGS))?;
    let (mut rate, mut cpu, mut growth) = (Series::default(), Series::default(), Series::default());
    for _ in 0..ROUNDS {
        let before = server.process().resident()?;
        let (run, peak) =
            with_peak_memory(server.process(), || ReadResult::measure(server, || read_stream(server, token)))?;
        rate.push(run.rate());
        cpu.push(run.cpu());
        growth.push(peak.saturating_sub(before) as f64 / MEBIBYTE);
    }
    let ratio = |paged: &ReadResult| rate.median() / paged.rate();
    Ok(vec![
        Row::new("pages of 50, records", usual.rate(), Unit::PerSecond),
        Row::new("pages of 200, records", largest.rate(), Unit::PerSecond),
        Row::new("stream, records", rate.median(), Unit::PerSecond).spread(rate.spread()),
        Row::new("stream ÷ pages of 50", ratio(&usual), Unit::Times).with_target(Target::at_least(5.0)),
        Row::new("stream ÷ pages of 200", ratio(&largest), Unit::Times).with_target(Target::at_least(5.0)),
        Row::new("pages of 50: CPU per record", usual.cpu(), Unit::Micros),
        Row::new("pages of 200: CPU per record", largest.cpu(), Unit::Micros),
        Row::new("stream: CPU per record", cpu.median(), Unit::Micros).spread(cpu.spread()),
        Row::new("memory a stream adds", growth.median(), Unit::Mebibytes).with_target(Target::at_most(32.0)),
    ])
}

/// The number of records that were read, and the time and CPU time that took.
struct ReadResult {
    records: usize,
    elapsed: Duration,
    cpu_time: Duration,
}

impl ReadResult {
    fn measure(server: &Novantra, pull: impl FnOnce() -> Outcome<usize>) -> Outcome<Self> {
        server.wait_until_idle()?;
        let (before, started) = (server.process().usage()?, Instant::now());
        let records = pull()?;
        let elapsed = started.elapsed();
        server.wait_until_idle()?;
        Ok(Self { records, elapsed, cpu_time: server.process().usage()?.since(&before).total })
    }

    fn rate(&self) -> f64 {
        self.records as f64 / self.elapsed.as_secs_f64()
    }

    /// Returns the server's CPU time per record, in microseconds.
    fn cpu(&self) -> f64 {
        self.cpu_time.as_secs_f64() * 1e6 / self.records as f64
    }
}

/// Reads pages of this size until `wanted` records have been read.
fn read_pages(server: &Novantra, token: &str, size: usize, wanted: usize) -> Outcome<usize> {
    const NEXT: &str = "\"nextCursor\":\"";
    let mut connection = Connection::open(server.host()?)?;
    let mut path = format!("{LIST}?limit={size}");
    let mut count = 0;
    loop {
        let page = connection.call(&Request::get(path).bearer(token))?.expect_status(200)?.body;
        let next = page.rfind(NEXT).and_then(|index| page[index + NEXT.len()..].split('"').next());
        // The records of a page are only counted on the last page, which may be short.
        count += if next.is_some() { size } else { page.matches("\"findingKey\":").count() };
        match next {
            Some(cursor) if count < wanted => path = format!("{LIST}?limit={size}&cursor={cursor}"),
            _ if count < wanted => return Err(Failure::new(format!("the pages had {count} of {wanted} findings"))),
            _ => return Ok(count),
        }
    }
}

/// Reads all findings in one stream.
fn read_stream(server: &Novantra, token: &str) -> Outcome<usize> {
    let request = Request::get(LIST).bearer(token).header("accept", "application/x-ndjson");
    let lines = Connection::open(server.host()?)?.count_lines(&request)?;
    match lines.count - 1 {
        FINDINGS if lines.last == "{\"pagination\":{}}" => Ok(FINDINGS),
        records => Err(Failure::new(format!("a stream had {records} findings and ended with {:?}", lines.last))),
    }
}

/// Does the work, and returns its result and the peak resident memory of the process meanwhile, in bytes.
pub(super) fn with_peak_memory<T: Send>(process: &Process, work: impl FnOnce() -> Outcome<T>) -> Outcome<(T, u64)> {
    let done = &AtomicBool::new(false);
    let measure_peak = || {
        let mut peak = process.resident()?;
        while !done.load(Ordering::Relaxed) {
            peak = peak.max(process.resident()?);
            pause::sleep(POLL_INTERVAL);
        }
        Ok::<_, Failure>(peak)
    };
    thread::scope(|scope| {
        let watcher = scope.spawn(measure_peak);
        let result = work();
        done.store(true, Ordering::Relaxed);
        let peak = watcher.join().map_err(|_| Failure::new("the memory watcher panicked"))??;
        Ok((result?, peak))
    })
}
