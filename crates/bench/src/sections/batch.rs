//! Batch import against the speed of the database engine itself.

use std::{
    net::SocketAddr,
    thread,
    time::{Duration, Instant},
};

use crate::{
    context::BenchContext,
    failure::{Failure, Outcome},
    figures::Series,
    http::{HttpResponse, Request, call},
    report::{Row, Table, Target, Unit},
    sample::{self, MAX_BATCH},
    sections::{
        Section,
        plain::{self, Rows},
        workload::LIST,
    },
    servers::{DATABASE, DataSet, MeasuredProgram, Novantra, create_folder},
};

/// Calls in all; a scanner sends them one after the other.
const CALLS: usize = 40;
/// Concurrent calls where several scanners push.
const CONCURRENT_CALLS: usize = 4;
/// Calls of one figure, so that a spread can be computed.
const CALLS_PER_ROUND: usize = 10;
const REPETITIONS: usize = 3;

pub(super) fn measure(bench: &BenchContext) -> Outcome<Table> {
    let stock = bench.empty()?;
    let server = stock.serve(&[])?;
    let before = server.process().usage()?;
    let sequential = import_all(&server, stock, 1)?;
    let used = server.process().usage()?.since(&before);
    let folder = server.stop()?;
    let concurrent = import_all(&stock.serve(&[])?, stock, CONCURRENT_CALLS)?;

    let server_rows = Rows::open(&folder.path().join(DATABASE), plain::OF_BATCH)?;
    let mut plain = Series::default();
    for _ in 0..REPETITIONS {
        let target = create_folder(bench.folder())?;
        plain.push(rate(CALLS, server_rows.insert(&target.path().join("plain.db"), CALLS)?));
    }

    let per_finding = |time: Duration| time.as_secs_f64() * 1e6 / (CALLS * MAX_BATCH) as f64;
    let mut rows = vec![
        Row::new("plain prepared statements, findings", plain.median(), Unit::PerSecond).spread(plain.spread()),
        Row::new("novantra, findings", sequential.rate.median(), Unit::PerSecond).spread(sequential.rate.spread()),
        Row::new("novantra ÷ plain", rate(CALLS, sequential.answered) / plain.median(), Unit::Times)
            .with_target(Target::at_least(0.5)),
        Row::new("novantra ÷ plain, until all is sealed", rate(CALLS, sequential.sealed) / plain.median(), Unit::Times),
        Row::new(
            format!("novantra ÷ plain, {CONCURRENT_CALLS} concurrent calls"),
            rate(CALLS, concurrent.answered) / plain.median(),
            Unit::Times,
        ),
        Row::new("CPU per finding, including sealing", per_finding(used.total), Unit::Micros),
    ];
    let threads = used.threads.iter().filter(|(_, time)| !time.is_zero());
    rows.extend(
        threads
            .map(|(name, time)| Row::new(format!("CPU per finding, threads {name}"), per_finding(*time), Unit::Micros)),
    );
    Ok(Table {
        name: "batch",
        title: Section::Batch.title(),
        method: format!(
            "{} findings in calls of {MAX_BATCH} with idempotency keys, one after the other: {} rows, inserted again by \
             plain prepared statements in one transaction per call (WAL, synchronous=FULL).",
            CALLS * MAX_BATCH,
            server_rows.count(),
        ),
        rows,
    })
}

/// The result of an import.
struct ImportResult {
    /// Findings per second of each round.
    rate: Series,
    /// The time until the last response.
    answered: Duration,
    /// The time until the audit log was sealed.
    sealed: Duration,
}

/// Sends all calls, `at_once` of them concurrently.
fn import_all(server: &Novantra, stock: &DataSet, at_once: usize) -> Outcome<ImportResult> {
    let (host, token) = (server.host()?, server.issue_token(&stock.account)?);
    let calls: Vec<Request> = (0..CALLS).map(|number| import_request(number, &token)).collect();
    let mut rate_of_rounds = Series::default();
    let mut responses = Vec::with_capacity(CALLS);
    let started = Instant::now();
    for round in calls.chunks(CALLS_PER_ROUND) {
        let round_started = Instant::now();
        responses.extend(send(host, round, at_once)?);
        rate_of_rounds.push(rate(round.len(), round_started.elapsed()));
    }
    let answered = started.elapsed();
    server.wait_until_idle()?;
    let sealed = started.elapsed();
    responses.into_iter().try_for_each(check_all_created)?;
    Ok(ImportResult { rate: rate_of_rounds, answered, sealed })
}

fn send(host: SocketAddr, calls: &[Request], at_once: usize) -> Outcome<Vec<HttpResponse>> {
    let one_by_one = |calls: &[Request]| calls.iter().map(|request| call(host, request)).collect::<Outcome<Vec<_>>>();
    thread::scope(|scope| {
        let shares = calls.chunks(calls.len().div_ceil(at_once));
        let senders: Vec<_> = shares.map(|share| scope.spawn(move || one_by_one(share))).collect();
        let sent = senders.into_iter().map(|sender| sender.join().map_err(|_| Failure::new("a sender panicked"))?);
        Ok(sent.collect::<Outcome<Vec<_>>>()?.into_iter().flatten().collect())
    })
}

fn import_request(number: usize, token: &str) -> Request {
    let body = sample::batch(number * MAX_BATCH, MAX_BATCH);
    Request::post(format!("{LIST}/batch"), body).bearer(token).header("idempotency-key", format!("bench-{number}"))
}

fn check_all_created(response: HttpResponse) -> Outcome<()> {
    let response = response.expect_status(200)?.json()?;
    let created = response["results"]
        .as_array()
        .map_or(0, |results| results.iter().filter(|result| result["result"] == "created").count());
    if created == MAX_BATCH {
        Ok(())
    } else {
        Err(Failure::new(format!("{created} of {MAX_BATCH} findings were created")))
    }
}

/// Returns the findings per second.
fn rate(calls: usize, elapsed: Duration) -> f64 {
    (calls * MAX_BATCH) as f64 / elapsed.as_secs_f64()
}
