//! Webhook deliveries over PostgreSQL, against a plain loop that signs and posts the same bodies with the same
//! concurrency.

pub(super) mod isolation;
mod latency;
mod plain;
mod write;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use serde_json::json;

use crate::{
    context::BenchContext,
    failure::{Context, Outcome},
    figures::Series,
    http::{Request, call},
    pause,
    receiver::Receiver,
    report::{Row, Table, Target, Unit},
    sample,
    sections::{Section, postgres::PostgresServer, workload::LIST},
    servers::{MeasuredProgram, Setting},
};

const SUBSCRIPTIONS: &str = "/api/v1/webhooks/subscriptions";

/// The number of subscriptions: the maximum of two accounts.
const SUBSCRIPTION_COUNT: usize = 100;
const SUBSCRIPTIONS_PER_ACCOUNT: usize = 50;

/// The number of concurrent deliveries of the server, and of posts of the plain loop.
const CONCURRENCY: &str = "64";

const ROUNDS: usize = 3;
/// The number of events of a round; each goes to every subscription.
const EVENTS: usize = 100;

/// The number of stored deliveries in the first and in the second of the compared sets of rounds.
const FEW: usize = 1_000;
const MANY: usize = 1_000_000;

const TIMEOUT: Duration = Duration::from_secs(120);

/// A server that delivers to a receiver of the benchmark.
struct DeliverySetup {
    served: PostgresServer,
    receiver: Receiver,
    /// The number of the next finding.
    next: usize,
}

/// The result of draining a backlog.
struct DrainResult {
    deliveries: f64,
    elapsed: Duration,
    server: Duration,
    database: Duration,
}

impl DeliverySetup {
    fn start(bench: &BenchContext, name: &str, subscriptions: usize) -> Outcome<Self> {
        Self::start_with(bench, name, subscriptions, &[("webhooks-concurrency", CONCURRENCY)])
    }

    /// Starts a server with these settings.
    fn start_with(bench: &BenchContext, name: &str, subscriptions: usize, settings: &[Setting<'_>]) -> Outcome<Self> {
        let settings = [&[("webhooks-allow-loopback-http", "true")], settings].concat();
        let served = PostgresServer::start(bench, name, &settings)?;
        let receiver = Receiver::start()?;
        let setup = Self { served, receiver, next: 0 };
        setup.subscribe(&setup.receiver.url(), subscriptions)?;
        Ok(setup)
    }

    /// Creates this many subscriptions, of as many accounts as necessary.
    fn subscribe(&self, url: &str, subscriptions: usize) -> Outcome<()> {
        let server = &self.served.server;
        for first in (0..subscriptions).step_by(SUBSCRIPTIONS_PER_ACCOUNT) {
            let account = server.create_account(&format!("subscriber {first} of {url}"))?;
            let token = server.issue_token(&account)?;
            for _ in first..subscriptions.min(first + SUBSCRIPTIONS_PER_ACCOUNT) {
                let body =
                    json!({ "url": url, "eventTypes": ["finding.created"], "reason": "Benchmark of deliveries" });
                let request = Request::post(SUBSCRIPTIONS, body.to_string()).bearer(&token);
                call(server.host()?, &request)?.expect_status(201)?;
            }
        }
        Ok(())
    }

    /// Records findings in one call.
    fn record(&mut self, findings: usize) -> Outcome<()> {
        let body = sample::batch(self.next, findings);
        self.next += findings;
        let request = Request::post(format!("{LIST}/batch"), body).bearer(&self.served.token);
        call(self.served.server.host()?, &request)?.expect_status(200).map(drop)
    }

    /// Waits until this many deliveries have arrived in all.
    fn wait_for_deliveries(&self, count: u64) -> Outcome<()> {
        let all = || Ok((self.receiver.count() >= count).then_some(()));
        pause::poll_until("every delivery to arrive", TIMEOUT, Duration::from_millis(2), all)
    }

    /// Records events in one call and waits until all are delivered.
    fn drain(&mut self, events: usize, subscriptions: usize) -> Outcome<DrainResult> {
        let expected = self.receiver.count() + (events * subscriptions) as u64;
        let (server, database) = self.cpu_times()?;
        let started = Instant::now();
        self.record(events)?;
        self.wait_for_deliveries(expected)?;
        let elapsed = started.elapsed();
        self.wait_until_idle()?;
        let (server_now, database_now) = self.cpu_times()?;
        Ok(DrainResult {
            deliveries: (events * subscriptions) as f64,
            elapsed,
            server: server_now - server,
            database: database_now - database,
        })
    }

    /// Waits until no delivery has work left: its attempt is stored and its audit entries are sealed.
    fn wait_until_idle(&self) -> Outcome<()> {
        let open = "SELECT (SELECT count(*) FROM webhook_deliveries WHERE next_attempt_at IS NOT NULL) \
             + (SELECT count(*) FROM webhook_queue)";
        let is_idle = || Ok((self.served.postgres.query(open)? == "0").then_some(()));
        pause::poll_until("every attempt to be stored", TIMEOUT, Duration::from_millis(50), is_idle)?;
        self.served.server.wait_until_idle()
    }

    fn cpu_times(&self) -> Outcome<(Duration, Duration)> {
        Ok((self.served.server.process().usage()?.total, self.served.postgres.cpu_time()?))
    }

    /// Adds copies of the stored deliveries, older than those, and the events they belong to.
    fn multiply(&self, deliveries: usize) -> Outcome<()> {
        let each = deliveries / SUBSCRIPTION_COUNT;
        let database = &self.served.postgres;
        database.query(&format!(
            "INSERT INTO webhook_deliveries SELECT (jsonb_populate_record(one.row, jsonb_build_object( \
                 'id', lpad((i * {SUBSCRIPTION_COUNT} + one.number)::text, 26, '0')))).* \
             FROM (SELECT each.row, row_number() OVER () AS number FROM ( \
                 SELECT DISTINCT ON (d.subscription_id) d AS row FROM webhook_deliveries AS d \
                 WHERE d.next_attempt_at IS NULL ORDER BY d.subscription_id) AS each) AS one, \
             generate_series(1, {each}) AS i"
        ))?;
        database.query(&format!(
            "INSERT INTO outbox SELECT (jsonb_populate_record(one.row, jsonb_build_object('id', lpad(i::text, 26, '0')))).* \
             FROM (SELECT o AS row FROM outbox AS o ORDER BY id LIMIT 1) AS one, \
             generate_series(1, {each}) AS i"
        ))?;
        database.query("VACUUM ANALYZE")?;
        database.query("CHECKPOINT").map(drop)
    }
}

impl DrainResult {
    fn rate(&self) -> f64 {
        self.deliveries / self.elapsed.as_secs_f64()
    }

    fn micros(&self, spent: Duration) -> f64 {
        spent.as_secs_f64() * 1e6 / self.deliveries
    }
}

/// The figures of rounds, by name.
#[derive(Default)]
struct Rounds(BTreeMap<&'static str, Series>);

impl Rounds {
    fn push(&mut self, name: &'static str, figure: f64) {
        self.0.entry(name).or_default().push(figure);
    }

    fn add(&mut self, drained: &DrainResult) {
        self.push("rate", drained.rate());
        self.push("server", drained.micros(drained.server));
        self.push("database", drained.micros(drained.database));
        self.push("both", drained.micros(drained.server + drained.database));
    }

    fn series(&self, name: &str) -> Outcome<&Series> {
        self.0.get(name).context(|| format!("no figure of {name}"))
    }

    fn row(&self, title: impl Into<String>, name: &str, unit: Unit) -> Outcome<Row> {
        let series = self.series(name)?;
        Ok(Row::new(title, series.median(), unit).spread(series.spread()))
    }
}

pub(super) fn measure(bench: &BenchContext) -> Outcome<Table> {
    let mut setup = DeliverySetup::start(bench, "novantra_bench_webhooks", SUBSCRIPTION_COUNT)?;
    setup.receiver.start_recording();
    setup.drain(FEW / SUBSCRIPTION_COUNT, SUBSCRIPTION_COUNT)?;
    let notes = setup.receiver.take_arrivals();
    let (_, body) = notes.first().context(|| "no webhook was delivered".to_owned())?;

    let (mut few, mut many) = (Rounds::default(), Rounds::default());
    for _ in 0..ROUNDS {
        few.add(&setup.drain(EVENTS, SUBSCRIPTION_COUNT)?);
        few.push("plain", plain::rate(&setup.receiver, body, CONCURRENCY.parse()?)?);
    }
    let rate = few.series("rate")?.median();
    let latency = latency::measure_at_tenth_of(&mut setup, rate)?;
    setup.multiply(MANY)?;
    setup.drain(EVENTS, SUBSCRIPTION_COUNT)?;
    for _ in 0..ROUNDS {
        many.add(&setup.drain(EVENTS, SUBSCRIPTION_COUNT)?);
    }
    let version = setup.served.postgres.version()?;
    drop(setup);
    let write = write::measure(bench)?;

    let mut rows = vec![
        few.row("deliveries: a plain loop that signs and posts", "plain", Unit::PerSecond)?,
        few.row("deliveries: novantra", "rate", Unit::PerSecond)?,
        Row::new("deliveries: novantra ÷ plain", rate / few.series("plain")?.median(), Unit::Times)
            .with_target(Target::at_least(0.4).goal(0.55)),
        few.row("CPU per delivery: server", "server", Unit::Micros)?,
        few.row("CPU per delivery: PostgreSQL", "database", Unit::Micros)?,
        Row::new("from the call to the arrival, at a tenth of that rate: p50", latency.p50, Unit::Millis),
        Row::new("from the call to the arrival, at a tenth of that rate: p99", latency.p99, Unit::Millis),
        few.row("CPU per delivery, both, few stored", "both", Unit::Micros)?,
        many.row("CPU per delivery, both, 10⁶ stored", "both", Unit::Micros)?,
        Row::new(
            "10⁶ ÷ few stored deliveries",
            many.series("both")?.median() / few.series("both")?.median(),
            Unit::Times,
        )
        .with_target(Target::at_most(1.2)),
    ];
    rows.extend(write);
    Ok(Table {
        name: "postgres-webhooks",
        title: Section::PostgresWebhooks.title(),
        method: format!(
            "{version} with fsync and synchronous_commit on; server, receiver and database share the machine. \
             {SUBSCRIPTION_COUNT} subscriptions, {EVENTS} events in one call to all of them, {CONCURRENCY} concurrent deliveries and \
             posts of the plain loop; medians of {ROUNDS} rounds."
        ),
        rows,
    })
}
