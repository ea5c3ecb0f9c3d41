//! The audit log: bytes at rest, the database's work for an audited read, lists by their filters, and verification.

pub(super) mod migration;
mod stored;

use std::time::Duration;

use crate::{
    context::BenchContext,
    failure::{Context, Outcome},
    figures::{Case, Series, measure_interleaved},
    http::{Load, Request, call},
    report::{Row, Table, Target, Unit},
    sections::{
        Section,
        postgres::PostgresServer,
        workload::{LIST, ids},
    },
    servers::{Account, MeasuredProgram, Novantra},
};

const ROUNDS: usize = 5;
const WINDOW: Duration = Duration::from_secs(1);
const READERS: usize = 16;
/// The time for which reads are sent at once before their number is compared with the wanted one.
const FILLING: Duration = Duration::from_millis(500);
/// The number of reads whose rows are counted in PostgreSQL.
const READS: usize = 100_000;
/// The findings that are read in turn.
const READ: usize = 4_000;
/// The number of reads of other findings between two of the one whose entries lie far apart: more than a segment has.
const APART: usize = 5_000;
const BUFFERED: (&str, &str) = ("audit-reads", "buffered");
const LOG: &str = "/api/v1/audit/entries?limit=50";

pub(super) fn measure(bench: &BenchContext) -> Outcome<Table> {
    let mut rows = postgres(bench)?;
    rows.extend(sqlite(bench)?);
    Ok(Table {
        name: "audit",
        title: Section::Audit.title(),
        method: format!(
            "Gets of findings, audit buffered, {READERS} keep-alive connections. Bytes of all tables and indexes of the \
             log, less those before, per get, when everything is sealed and compacted: {READS} gets over PostgreSQL \
             (vacuumed), {} over SQLite. Lists and verification over SQLite with that log. CPU of lists is that of the \
             server's process, including the entry of the call itself; medians of {ROUNDS} alternating rounds of {} s.",
            bench.records(),
            WINDOW.as_secs()
        ),
        rows,
    })
}

/// The figures over PostgreSQL.
fn postgres(bench: &BenchContext) -> Outcome<Vec<Row>> {
    let served = PostgresServer::start(bench, "novantra_bench_audit", &[BUFFERED])?;
    served.fill(READ)?;
    let gets = gets(&served.server, &served.token, READ)?;
    let scripts = gets
        .iter()
        .take(100)
        .enumerate()
        .map(|(n, get)| served.statement(get, &format!("g{n}_")))
        .collect::<Outcome<Vec<_>>>()?;
    let load = Load { host: served.server.host()?, requests: gets, connections: READERS, expected: 200 };
    load.run(WINDOW)?;
    served.server.wait_until_idle()?;
    let (mut audited, mut bare) = (Series::default(), Series::default());
    for _ in 0..ROUNDS {
        let before = served.postgres.cpu_time()?;
        let calls = load.run(WINDOW * 2)?.calls;
        served.server.wait_until_idle()?;
        audited.push((served.postgres.cpu_time()? - before).as_secs_f64() * 1e6 / calls as f64);
        let before = served.postgres.cpu_time()?;
        let rate = served.pgbench(&scripts, READERS, WINDOW * 2)?;
        let calls = rate * (WINDOW * 2).as_secs_f64();
        bare.push((served.postgres.cpu_time()? - before).as_secs_f64() * 1e6 / calls);
    }
    let before = stored::bytes_on_postgres(&served.postgres)?;
    let calls = read_at_least(&load, READS)?;
    served.server.wait_until_idle()?;
    stored::wait_until_compacted(|| stored::blocks_on_postgres(&served.postgres))?;
    let bytes = stored::bytes_on_postgres(&served.postgres)? - before;
    Ok(vec![
        Row::new("PostgreSQL: CPU of the database per bare SELECT", bare.median(), Unit::Micros).spread(bare.spread()),
        Row::new("PostgreSQL: CPU of the database per get", audited.median(), Unit::Micros).spread(audited.spread()),
        Row::new("PostgreSQL: get ÷ bare SELECT, CPU", audited.median() / bare.median(), Unit::Times)
            .with_target(Target::at_most(1.6).goal(1.3)),
        Row::new("PostgreSQL: at rest per audited read", bytes / calls as f64, Unit::Bytes)
            .with_target(Target::at_most(60.0).goal(45.0)),
    ])
}

/// The figures over SQLite.
fn sqlite(bench: &BenchContext) -> Outcome<Vec<Row>> {
    let stock = bench.small()?;
    let server = stock.serve(&[BUFFERED])?;
    let token = server.issue_token(&stock.account)?;
    let mut requests = gets(&server, &token, READ)?;
    let rare = requests.pop().context(|| "there is no finding".to_owned())?;
    let load = Load { host: server.host()?, requests, connections: READERS, expected: 200 };
    let before = stored::bytes_on_sqlite(&server)?;
    let mut calls = 0;
    while calls < bench.records() as u64 {
        calls += 1 + read_at_least(&load, APART)?;
        call(server.host()?, &rare)?.expect_status(200)?;
    }
    server.wait_until_idle()?;
    stored::wait_until_compacted(|| stored::blocks_on_sqlite(&server))?;
    let bytes = stored::bytes_on_sqlite(&server)? - before;
    let mut rows = vec![
        Row::new("SQLite: at rest per audited read", bytes / calls as f64, Unit::Bytes)
            .with_target(Target::at_most(60.0).goal(45.0)),
        Row::new("entries of the log", calls as f64, Unit::Count),
    ];
    rows.extend(lists(&server, &stock.account, &token, &rare)?);
    rows.extend(verification(&server, calls)?);
    Ok(rows)
}

fn lists(server: &Novantra, account: &Account, token: &str, rare: &Request) -> Outcome<Vec<Row>> {
    let rare = rare.path().rsplit('/').next().unwrap_or_default();
    let case = |filter: &str| -> Outcome<Case<'_>> {
        let request = Request::get(format!("{LOG}{filter}")).bearer(token);
        call(server.host()?, &request)?.expect_status(200)?;
        Ok(Case {
            program: server,
            load: Load { host: server.host()?, requests: vec![request], connections: READERS, expected: 200 },
        })
    };
    let cases = [
        case("")?,
        case(&format!("&actorId={}", account.client_id))?,
        case(&format!("&subjectId={rare}"))?,
        case("&subjectId=fnd_01KSFQX5Y8AAAAAAAAAAAAAAAA")?,
    ];
    let [newest, actor, scattered, none] = measure_interleaved(cases, ROUNDS, WINDOW)?;
    let row = |label: &str, cpu: &Series, most: f64| {
        Row::new(format!("list of the log, {label}: CPU"), cpu.median() / 1e3, Unit::Millis)
            .spread(cpu.spread())
            .with_target(Target::at_most(most))
    };
    Ok(vec![
        row("newest", &newest.cpu, 2.0),
        row("of a common actor", &actor.cpu, 2.0),
        row("of a subject scattered over the log", &scattered.cpu, 40.0),
        row("of a subject that is not in it", &none.cpu, 2.0),
    ])
}

/// The time that the command takes for the whole log.
fn verification(server: &Novantra, entries: u64) -> Outcome<Vec<Row>> {
    let (finished, _) = server.verify_audit_log()?;
    let per_million = finished.elapsed.as_secs_f64() * 1e3 * 1e6 / entries as f64;
    Ok(vec![
        Row::new("verification of 10⁶ entries", per_million, Unit::Millis)
            .with_target(Target::at_most(4_000.0).goal(2_000.0)),
        Row::new("verification: peak of memory", finished.peak as f64 / 1024.0 / 1024.0, Unit::Mebibytes),
    ])
}

fn gets(server: &Novantra, token: &str, count: usize) -> Outcome<Vec<Request>> {
    let ids = ids(server, token, count)?;
    Ok(ids.iter().map(|id| Request::get(format!("{LIST}/{id}")).bearer(token)).collect())
}

/// Sends at least so many reads, and returns how many.
fn read_at_least(load: &Load, reads: usize) -> Outcome<u64> {
    let mut calls = 0;
    while calls < reads as u64 {
        calls += load.run(FILLING)?.calls;
    }
    Ok(calls)
}
