//! Batch import against the engine's own speed.

use std::{
    net::SocketAddr,
    thread,
    time::{Duration, Instant},
};

use crate::{
    failure::{Failure, Outcome},
    figures::Series,
    http::{Answer, Request, call},
    report::{Bar, Row, Table, Unit},
    sample::{self, BATCH},
    sections::{Bench, Section, plain::Rows, reads::LIST},
    servers::{DATABASE, Novantra, Stock, Subject, fresh},
};

/// Calls in all; a scanner sends one after the other.
const CALLS: usize = 40;
/// Calls in flight where several scanners push.
const AT_ONCE: usize = 4;
/// Calls that make one figure, so that the spread can be told.
const ROUND: usize = 10;
const REPETITIONS: usize = 3;

pub(super) fn measure(bench: &Bench) -> Outcome<Table> {
    let stock = bench.empty()?;
    let server = stock.serve(&[])?;
    let before = server.process().usage()?;
    let pushed = push(&server, stock, 1)?;
    let used = server.process().usage()?.since(&before);
    let folder = server.stop()?;
    let together = push(&stock.serve(&[])?, stock, AT_ONCE)?;

    let written = Rows::read(&folder.path().join(DATABASE))?;
    let mut plain = Series::default();
    for _ in 0..REPETITIONS {
        let into = fresh(bench.folder())?;
        plain.push(rate(CALLS, written.insert(&into.path().join("plain.db"), CALLS)?));
    }

    let each = |spent: Duration| spent.as_secs_f64() * 1e6 / (CALLS * BATCH) as f64;
    let mut rows = vec![
        Row::new("plain prepared statements, findings", plain.median(), Unit::PerSecond).spread(plain.spread()),
        Row::new("novantra, findings", pushed.rate.median(), Unit::PerSecond).spread(pushed.rate.spread()),
        Row::new("novantra ÷ plain", rate(CALLS, pushed.answered) / plain.median(), Unit::Times)
            .held_to(Bar::at_least(0.5)),
        Row::new("novantra ÷ plain, until all is sealed", rate(CALLS, pushed.sealed) / plain.median(), Unit::Times),
        Row::new(
            format!("novantra ÷ plain, {AT_ONCE} calls at once"),
            rate(CALLS, together.answered) / plain.median(),
            Unit::Times,
        ),
        Row::new("CPU of a finding, sealing included", each(used.total), Unit::Micros),
    ];
    let threads = used.threads.iter().filter(|(_, spent)| !spent.is_zero());
    rows.extend(
        threads.map(|(name, spent)| Row::new(format!("CPU of a finding, threads {name}"), each(*spent), Unit::Micros)),
    );
    Ok(Table {
        name: "batch",
        title: Section::Batch.title(),
        how: format!(
            "{} findings in calls of {BATCH} with idempotency keys, one after the other: {} rows, inserted again by plain prepared \
             statements in one transaction for each call (WAL, synchronous=FULL).",
            CALLS * BATCH,
            written.count(),
        ),
        rows,
    })
}

/// What importing came to.
struct Pushed {
    /// Findings a second, some calls at a time.
    rate: Series,
    /// Until the last call was answered.
    answered: Duration,
    /// Until the audit log was sealed, too.
    sealed: Duration,
}

/// Pushes all calls, so many at a time.
fn push(server: &Novantra, stock: &Stock, at_once: usize) -> Outcome<Pushed> {
    let (host, token) = (server.host()?, server.token(&stock.account)?);
    let calls: Vec<Request> = (0..CALLS).map(|number| import(number, &token)).collect();
    let mut rate_of_rounds = Series::default();
    let mut answers = Vec::with_capacity(CALLS);
    let began = Instant::now();
    for round in calls.chunks(ROUND) {
        let round_began = Instant::now();
        answers.extend(send(host, round, at_once)?);
        rate_of_rounds.push(rate(round.len(), round_began.elapsed()));
    }
    let answered = began.elapsed();
    server.settle()?;
    let sealed = began.elapsed();
    answers.into_iter().try_for_each(all_created)?;
    Ok(Pushed { rate: rate_of_rounds, answered, sealed })
}

fn send(host: SocketAddr, calls: &[Request], at_once: usize) -> Outcome<Vec<Answer>> {
    let one_by_one = |calls: &[Request]| calls.iter().map(|request| call(host, request)).collect::<Outcome<Vec<_>>>();
    thread::scope(|scope| {
        let shares = calls.chunks(calls.len().div_ceil(at_once));
        let senders: Vec<_> = shares.map(|share| scope.spawn(move || one_by_one(share))).collect();
        let sent = senders.into_iter().map(|sender| sender.join().map_err(|_| Failure::new("a sender broke off"))?);
        Ok(sent.collect::<Outcome<Vec<_>>>()?.into_iter().flatten().collect())
    })
}

fn import(number: usize, token: &str) -> Request {
    let body = sample::batch(number * BATCH, BATCH);
    Request::post(format!("{LIST}/batch"), body).bearer(token).header("idempotency-key", format!("bench-{number}"))
}

fn all_created(answer: Answer) -> Outcome<()> {
    let answer = answer.expect(200)?.json()?;
    let created = answer["results"]
        .as_array()
        .map_or(0, |results| results.iter().filter(|result| result["result"] == "created").count());
    if created == BATCH { Ok(()) } else { Err(Failure::new(format!("{created} of {BATCH} findings were created"))) }
}

/// Findings a second.
fn rate(calls: usize, took: Duration) -> f64 {
    (calls * BATCH) as f64 / took.as_secs_f64()
}
