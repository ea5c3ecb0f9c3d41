//! A whole collection in one stream, against a walk through its pages.

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
/// How often memory is looked at while a stream is open.
const LOOK: Duration = Duration::from_millis(20);
/// A page as a client asks for it that knows no better, and the largest there is.
const USUAL: usize = 50;
const LARGEST: usize = 200;

/// Over SQLite.
pub(super) fn measure(bench: &Bench) -> Outcome<Table> {
    let stock = bench.small()?.multiplied(FINDINGS)?;
    let server = stock.serve(&[])?;
    let token = server.token(&stock.account)?;
    Ok(Table { name: "streams", title: Section::Streams.title(), how: how(), rows: compared(&server, &token)? })
}

/// Over PostgreSQL.
pub(super) fn measure_postgres(bench: &Bench) -> Outcome<Table> {
    let served = postgres::flat::of_many(bench, "novantra_bench_streams", FINDINGS)?;
    let rows = compared(&served.server, &served.token)?;
    Ok(Table { name: "postgres-streams", title: Section::PostgresStreams.title(), how: how(), rows })
}

fn how() -> String {
    format!(
        "All of 10⁶ findings, one client that keeps nothing, durable audit; the client shares the machine's cores with the \
         server. Walks take one page after the other over one connection, once; medians of {ROUNDS} streams."
    )
}

fn compared(server: &Novantra, token: &str) -> Outcome<Vec<Row>> {
    let usual = Pulled::by(server, || walk(server, token, USUAL, FINDINGS / 10))?;
    let largest = Pulled::by(server, || walk(server, token, LARGEST, FINDINGS))?;
    let (mut rate, mut cpu, mut growth) = (Series::default(), Series::default(), Series::default());
    for _ in 0..ROUNDS {
        let before = server.process().resident()?;
        let (pulled, most) = watched(server.process(), || Pulled::by(server, || stream(server, token)))?;
        rate.push(pulled.rate());
        cpu.push(pulled.cpu());
        growth.push(most.saturating_sub(before) as f64 / MEBIBYTE);
    }
    let ratio = |walked: &Pulled| rate.median() / walked.rate();
    Ok(vec![
        Row::new("walk in pages of 50, records", usual.rate(), Unit::PerSecond),
        Row::new("walk in pages of 200, records", largest.rate(), Unit::PerSecond),
        Row::new("stream, records", rate.median(), Unit::PerSecond).spread(rate.spread()),
        Row::new("stream ÷ walk in pages of 50", ratio(&usual), Unit::Times).held_to(Bar::at_least(5.0)),
        Row::new("stream ÷ walk in pages of 200", ratio(&largest), Unit::Times).held_to(Bar::at_least(5.0)),
        Row::new("walk in pages of 50: CPU of a record", usual.cpu(), Unit::Micros),
        Row::new("walk in pages of 200: CPU of a record", largest.cpu(), Unit::Micros),
        Row::new("stream: CPU of a record", cpu.median(), Unit::Micros).spread(cpu.spread()),
        Row::new("memory a stream adds", growth.median(), Unit::Mebibytes).held_to(Bar::at_most(32.0)),
    ])
}

/// Records that were pulled, and what that took.
struct Pulled {
    records: usize,
    took: Duration,
    used: Duration,
}

impl Pulled {
    fn by(server: &Novantra, pull: impl FnOnce() -> Outcome<usize>) -> Outcome<Self> {
        server.settle()?;
        let (before, began) = (server.process().usage()?, Instant::now());
        let records = pull()?;
        let took = began.elapsed();
        server.settle()?;
        Ok(Self { records, took, used: server.process().usage()?.since(&before).total })
    }

    fn rate(&self) -> f64 {
        self.records as f64 / self.took.as_secs_f64()
    }

    /// Of the server for one record, in microseconds.
    fn cpu(&self) -> f64 {
        self.used.as_secs_f64() * 1e6 / self.records as f64
    }
}

/// Walks through pages of this size until it has met so many records.
fn walk(server: &Novantra, token: &str, size: usize, most: usize) -> Outcome<usize> {
    const NEXT: &str = "\"nextCursor\":\"";
    let mut connection = Connection::open(server.host()?)?;
    let mut path = format!("{LIST}?limit={size}");
    let mut met = 0;
    loop {
        let page = connection.call(&Request::get(path).bearer(token))?.expect(200)?.body;
        let next = page.rfind(NEXT).and_then(|place| page[place + NEXT.len()..].split('"').next());
        // What a page holds is only counted where it may be less than was asked for.
        met += if next.is_some() { size } else { page.matches("\"findingKey\":").count() };
        match next {
            Some(cursor) if met < most => path = format!("{LIST}?limit={size}&cursor={cursor}"),
            _ if met < most => return Err(Failure::new(format!("a walk met {met} of {most} findings"))),
            _ => return Ok(met),
        }
    }
}

/// Streams them all.
fn stream(server: &Novantra, token: &str) -> Outcome<usize> {
    let request = Request::get(LIST).bearer(token).header("accept", "application/x-ndjson");
    let lines = Connection::open(server.host()?)?.count_lines(&request)?;
    match lines.count - 1 {
        FINDINGS if lines.last == "{\"pagination\":{}}" => Ok(FINDINGS),
        records => Err(Failure::new(format!("a stream had {records} findings and ended with {:?}", lines.last))),
    }
}

/// Does it, and says how much memory the process had at most meanwhile, in bytes.
fn watched<T: Send>(process: &Process, work: impl FnOnce() -> Outcome<T>) -> Outcome<(T, u64)> {
    let over = &AtomicBool::new(false);
    let look = || {
        let mut most = process.resident()?;
        while !over.load(Ordering::Relaxed) {
            most = most.max(process.resident()?);
            pause::rest(LOOK);
        }
        Ok::<_, Failure>(most)
    };
    thread::scope(|scope| {
        let watching = scope.spawn(look);
        let done = work();
        over.store(true, Ordering::Relaxed);
        let most = watching.join().map_err(|_| Failure::new("the look at its memory broke off"))??;
        Ok((done?, most))
    })
}
