//! A server over PostgreSQL, against `pgbench` with the same statements in the same database.

pub(super) mod flat;
mod limits;
mod observed;
mod paired;
mod same_rows;

use std::{path::Path, time::Duration};

use tempfile::TempDir;

use crate::{
    context::BenchContext,
    failure::{Context, Outcome},
    figures::Series,
    http::{Load, Request, call},
    report::{Row, Table, Target, Unit},
    sample,
    sections::{
        Section,
        workload::{LIST, ids},
    },
    servers::{Account, MeasuredProgram, Novantra, Postgres, Script, create_folder},
};

const ROUNDS: usize = 3;
const WINDOW: Duration = Duration::from_secs(3);
const READERS: usize = 16;
const WRITERS: usize = 32;
const FINDINGS: usize = 10_000;
/// The number of findings that are read in turn; pgbench accepts at most 128 scripts.
const IDS: usize = 100;
/// Findings prepared for a round of writes: more than any server can store in that time.
const PREPARED_REQUESTS: usize = 40_000;

/// A server over a database of its own.
pub(super) struct PostgresServer {
    pub(super) postgres: Postgres,
    pub(super) server: Novantra,
    pub(super) account: Account,
    pub(super) token: String,
    /// The folder for scripts.
    folder: TempDir,
}

impl PostgresServer {
    pub(super) fn start(bench: &BenchContext, name: &str, settings: &[(&str, &str)]) -> Outcome<Self> {
        Self::start_program(bench, bench.binary(), name, settings)
    }

    /// Starts this build of the server.
    pub(super) fn start_program(
        bench: &BenchContext,
        program: &Path,
        name: &str,
        settings: &[(&str, &str)],
    ) -> Outcome<Self> {
        let (url, programs) = bench.postgres()?;
        let postgres = Postgres::create(url, programs, name)?;
        let database = postgres.url();
        let settings = [&[("database-url", database.as_str())], settings].concat();
        let server = Novantra::start(program, create_folder(bench.folder())?, &settings)?;
        let account = server.create_account("bench")?;
        let token = server.issue_token(&account)?;
        Ok(Self { postgres, server, account, token, folder: create_folder(bench.folder())? })
    }

    /// Creates findings through the API.
    pub(super) fn fill(&self, findings: usize) -> Outcome<()> {
        for first in (0..findings).step_by(sample::MAX_BATCH) {
            let body = sample::batch(first, sample::MAX_BATCH.min(findings - first));
            call(self.server.host()?, &Request::post(format!("{LIST}/batch"), body).bearer(&self.token))?
                .expect_status(200)?;
        }
        self.server.wait_until_idle()?;
        self.postgres.query("VACUUM ANALYZE")?;
        Ok(())
    }

    /// Returns the transactions per second of `pgbench` with these scripts in the same database.
    pub(super) fn pgbench(&self, scripts: &[Script], clients: usize, window: Duration) -> Outcome<f64> {
        self.postgres.pgbench(self.folder.path(), scripts, clients, window)
    }

    /// Restarts the server over the same database with other settings.
    pub(super) fn restart_with(self, bench: &BenchContext, settings: &[(&str, &str)]) -> Outcome<Self> {
        let Self { postgres, server, account, folder, .. } = self;
        let database = postgres.url();
        let settings = [&[("database-url", database.as_str())], settings].concat();
        let server = Novantra::start(bench.binary(), server.stop()?, &settings)?;
        let token = server.issue_token(&account)?;
        Ok(Self { postgres, server, account, token, folder })
    }

    fn load(&self, requests: Vec<Request>, connections: usize, expected: u16) -> Outcome<Load> {
        Ok(Load { host: self.server.host()?, requests, connections, expected })
    }

    /// Returns the statement with which this call reads its findings.
    pub(super) fn statement(&self, request: &Request, prefix: &str) -> Outcome<Script> {
        let send = || call(self.server.host()?, request)?.expect_status(200).map(drop);
        send()?;
        let executed = observed::while_calling(&self.postgres, send)?;
        let reading = executed.iter().find(|statement| {
            let text = statement.text.to_ascii_lowercase().replace('"', "");
            // Tasks of the server read findings, too: after a position that may be empty.
            let is_of_task = statement.values.iter().any(|value| value.as_deref() == Some(""));
            text.starts_with("select") && text.contains("from findings") && !is_of_task
        });
        Ok(reading.context(|| format!("none of these statements reads findings: {executed:?}"))?.script(prefix))
    }
}

pub(super) fn measure(bench: &BenchContext) -> Outcome<Table> {
    let buffered = PostgresServer::start(bench, "novantra_bench_reads", &[("audit-reads", "buffered")])?;
    buffered.fill(FINDINGS)?;
    let gets: Vec<Request> = ids(&buffered.server, &buffered.token, IDS)?
        .iter()
        .map(|id| Request::get(format!("{LIST}/{id}")).bearer(&buffered.token))
        .collect();
    let page = Request::get(format!("{LIST}?limit=50")).bearer(&buffered.token);
    let get_scripts = gets
        .iter()
        .enumerate()
        .map(|(n, get)| buffered.statement(get, &format!("g{n}_")))
        .collect::<Outcome<Vec<_>>>()?;
    let page_scripts = vec![buffered.statement(&page, "p")?];

    let mut reads = Reads::default();
    reads.compare(&buffered, &gets, &page, &get_scripts, &page_scripts)?;
    let durable = buffered.restart_with(bench, &[])?;
    let with_new_token = |request: &Request| Request::get(request.path()).bearer(&durable.token);
    let (gets, page): (Vec<_>, _) = (gets.iter().map(with_new_token).collect(), with_new_token(&page));
    let get_durable = rate(&durable.load(gets, READERS, 200)?)?;
    let page_durable = rate(&durable.load(vec![page], READERS, 200)?)?;
    let version = durable.postgres.version()?;
    let limits = limits::rows(&durable)?;
    drop(durable);
    let writes = Writes::measure(bench)?;

    let plain =
        |label: &str, series: &Series| Row::new(label, series.median(), Unit::PerSecond).spread(series.spread());
    let ratio = |label: &str, one: &Series, other: &Series| Row::new(label, one.median() / other.median(), Unit::Times);
    let mut rows = vec![
        plain("get by id: pgbench, the same SELECT", &reads.pgbench_get),
        plain("get by id: novantra, audit buffered", &reads.get),
        ratio("get by id: novantra ÷ pgbench", &reads.get, &reads.pgbench_get)
            .with_target(Target::at_least(0.35).goal(0.6)),
        plain("get by id: novantra, audit durable", &get_durable),
        ratio("get by id: durable ÷ pgbench", &get_durable, &reads.pgbench_get),
        plain("page of 50: pgbench, the same SELECT", &reads.pgbench_page),
        plain("page of 50: novantra, audit buffered", &reads.page),
        ratio("page of 50: novantra ÷ pgbench", &reads.page, &reads.pgbench_page)
            .with_target(Target::at_least(0.7).goal(0.85)),
        plain("page of 50: novantra, audit durable", &page_durable),
        ratio("page of 50: durable ÷ pgbench", &page_durable, &reads.pgbench_page),
        plain("write: pgbench, the same rows in one transaction", &writes.pgbench),
        plain("write: novantra", &writes.novantra),
        ratio("write: novantra ÷ pgbench", &writes.novantra, &writes.pgbench).with_target(Target::at_least(0.7)),
    ];
    rows.extend(limits);
    if let Some(other) = bench.compared() {
        rows.extend(paired::rows(bench, other)?);
    }
    Ok(Table {
        name: "postgres",
        title: Section::Postgres.title(),
        method: format!(
            "{version} with fsync and synchronous_commit on; server, load and database share the machine. Calls per \
             second with authentication and limits on, {FINDINGS} findings, against pgbench -M prepared: {READERS} \
             clients read, {WRITERS} write (a finding with an idempotency key: 4 rows); medians of {ROUNDS} \
             alternating rounds of {} s.",
            WINDOW.as_secs()
        ),
        rows,
    })
}

#[derive(Default)]
struct Reads {
    get: Series,
    page: Series,
    pgbench_get: Series,
    pgbench_page: Series,
}

impl Reads {
    fn compare(
        &mut self,
        served: &PostgresServer,
        gets: &[Request],
        page: &Request,
        get_scripts: &[Script],
        page_scripts: &[Script],
    ) -> Outcome<()> {
        let get = served.load(gets.to_vec(), READERS, 200)?;
        let page = served.load(vec![page.clone()], READERS, 200)?;
        for load in [&get, &page] {
            load.run(WINDOW / 3)?;
        }
        let pgbench = |scripts: &[Script]| served.pgbench(scripts, READERS, WINDOW);
        for _ in 0..ROUNDS {
            self.get.push(get.run(WINDOW)?.rate());
            served.server.wait_until_idle()?;
            self.pgbench_get.push(pgbench(get_scripts)?);
            self.page.push(page.run(WINDOW)?.rate());
            served.server.wait_until_idle()?;
            self.pgbench_page.push(pgbench(page_scripts)?);
        }
        Ok(())
    }
}

fn rate(load: &Load) -> Outcome<Series> {
    load.run(WINDOW / 3)?;
    let mut series = Series::default();
    for _ in 0..ROUNDS {
        series.push(load.run(WINDOW)?.rate());
    }
    Ok(series)
}

#[derive(Default)]
struct Writes {
    novantra: Series,
    pgbench: Series,
}

impl Writes {
    fn measure(bench: &BenchContext) -> Outcome<Self> {
        let served = PostgresServer::start(bench, "novantra_bench_writes", &[])?;
        let mut next = 0;
        let mut load = || {
            let requests = (next..next + PREPARED_REQUESTS).map(|number| create(number, &served.token)).collect();
            next += PREPARED_REQUESTS;
            served.load(requests, WRITERS, 201)
        };
        load()?.run(WINDOW / 3)?;
        served.server.wait_until_idle()?;
        let script = [same_rows::insert_script(&served.postgres)?];
        let mut writes = Self::default();
        for _ in 0..ROUNDS {
            writes.novantra.push(load()?.run(WINDOW)?.rate());
            served.server.wait_until_idle()?;
            // The server must not seal the entries that pgbench inserts.
            let process = served.server.process();
            process.signal("STOP")?;
            let rate = served.postgres.pgbench(served.folder.path(), &script, WRITERS, WINDOW);
            served.postgres.query("DELETE FROM audit_waiting WHERE id LIKE '0000000%'")?;
            process.signal("CONT")?;
            writes.pgbench.push(rate?);
        }
        Ok(writes)
    }
}

/// Returns the request that records one finding.
fn create(number: usize, token: &str) -> Request {
    Request::post(LIST, sample::single(number)).bearer(token).header("idempotency-key", format!("bench-{number}"))
}
