//! A whole collection in one stream, against reading all its pages.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use crate::{
    failure::{Failure, Outcome},
    figures::Series,
    http::{Connection, Request},
    pause,
    report::{Bar, Row, Table, Unit},
    sections::{Bench, Section, postgres, reads::LIST},
    servers::{Novantra, Process, Subject},
};

pub(super) const FINDINGS: usize = 1_000_000;
const ROUNDS: usize = 3;
const MEBIBYTE: f64 = 1024.0 * 1024.0;
/// The interval at which memory is measured while a stream is open.
const LOOK: Duration = Duration::from_millis(20);
/// The default page size, and the largest one.
const USUAL: usize = 50;
const LARGEST: usize = 200;

/// Measures over SQLite.
pub(super) fn measure(bench: &Bench) -> Outcome<Table> {
    let stock = bench.small()?.multiplied(FINDINGS)?;
    let server = stock.serve(&[])?;
    let token = server.token(&stock.account)?;
    Ok(Table { name: "streams", title: Section::Streams.title(), how: how(), rows: compared(&server, &token)? })
}

/// Measures over PostgreSQL.
pub(super) fn measure_postgres(bench: &Bench) -> Outcome<Table> {
    let served = postgres::flat::of_many(bench, "novantra_bench_streams", FINDINGS)?;
    let rows = compared(&served.server, &served.token)?;
    Ok(Table { name: "postgres-streams", title: Section::PostgresStreams.title(), how: how(), rows })
}

fn how() -> String {
    format!(
        "All of 10⁶ findings, one client that keeps nothing, durable audit; the client shares the machine's cores with the \
         server. Pages are read once, one after the other over one connection; medians of {ROUNDS} streams."
    )
}

fn compared(server: &Novantra, token: &str) -> Outcome<Vec<Row>> {
    let usual = Pulled::by(server, || walk(server, token, USUAL, FINDINGS / 10))?;
    let largest = Pulled::by(server, || walk(server, token, LARGEST, FINDINGS))?;
    let (mut rate, mut cpu, mut growth) = (Series::default(), Series::default(), Series::default());
    for _ in 0..ROUNDS {
        let before = server.process().resident()?;
        let (run, peak) = watched(server.process(), || Pulled::by(server, || stream(server, token)))?;
        rate.push(run.rate());
        cpu.push(run.cpu());
        growth.push(peak.saturating_sub(before) as f64 / MEBIBYTE);
    }
    let ratio = |paged: &Pulled| rate.median() / paged.rate();
    Ok(vec![
        Row::new("pages of 50, records", usual.rate(), Unit::PerSecond),
        Row::new("pages of 200, records", largest.rate(), Unit::PerSecond),
        Row::new("stream, records", rate.median(), Unit::PerSecond).spread(rate.spread()),
        Row::new("stream ÷ pages of 50", ratio(&usual), Unit::Times).held_to(Bar::at_least(5.0)),
        Row::new("stream ÷ pages of 200", ratio(&largest), Unit::Times).held_to(Bar::at_least(5.0)),
        Row::new("pages of 50: CPU per record", usual.cpu(), Unit::Micros),
        Row::new("pages of 200: CPU per record", largest.cpu(), Unit::Micros),
        Row::new("stream: CPU per record", cpu.median(), Unit::Micros).spread(cpu.spread()),
        Row::new("memory a stream adds", growth.median(), Unit::Mebibytes).held_to(Bar::at_most(32.0)),
    ])
}

/// The number of records that were read, and the time and CPU time that took.
struct Pulled {
    records: usize,
    took: Duration,
    used: Duration,
}

impl Pulled {
    fn by(server: &Novantra, pull: impl FnOnce() -> Outcome<usize>) -> Outcome<Self> {
        server.settle()?;
        let (before, started) = (server.process().usage()?, Instant::now());
        let records = pull()?;
        let took = started.elapsed();
        server.settle()?;
        Ok(Self { records, took, used: server.process().usage()?.since(&before).total })
    }

    fn rate(&self) -> f64 {
        self.records as f64 / self.took.as_secs_f64()
    }

    /// Returns the server's CPU time per record, in microseconds.
    fn cpu(&self) -> f64 {
        self.used.as_secs_f64() * 1e6 / self.records as f64
    }
}

/// Reads pages of this size until `most` records have been read.
fn walk(server: &Novantra, token: &str, size: usize, wanted: usize) -> Outcome<usize> {
    const NEXT: &str = "\"nextCursor\":\"";
    let mut connection = Connection::open(server.host()?)?;
    let mut path = format!("{LIST}?limit={size}");
    let mut count = 0;
    loop {
        let page = connection.call(&Request::get(path).bearer(token))?.expect(200)?.body;
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
fn stream(server: &Novantra, token: &str) -> Outcome<usize> {
    let request = Request::get(LIST).bearer(token).header("accept", "application/x-ndjson");
    let lines = Connection::open(server.host()?)?.count_lines(&request)?;
    match lines.count - 1 {
        FINDINGS if lines.last == "{\"pagination\":{}}" => Ok(FINDINGS),
        records => Err(Failure::new(format!("a stream had {records} findings and ended with {:?}", lines.last))),
    }
}

/// Does the work, and returns its result and the peak resident memory of the process meanwhile, in bytes.
fn watched<T: Send>(process: &Process, work: impl FnOnce() -> Outcome<T>) -> Outcome<(T, u64)> {
    let done = &AtomicBool::new(false);
    let measure_peak = || {
        let mut peak = process.resident()?;
        while !done.load(Ordering::Relaxed) {
            peak = peak.max(process.resident()?);
            pause::rest(LOOK);
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
