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
    failure::{Context, Outcome},
    figures::Series,
    http::{Request, call},
    pause,
    receiver::Receiver,
    report::{Bar, Row, Table, Unit},
    sample,
    sections::{Bench, Section, postgres::Served, reads::LIST},
    servers::{Setting, Subject},
};

const SUBSCRIPTIONS: &str = "/api/v1/webhooks/subscriptions";

/// The number of subscriptions: the maximum of two accounts.
const LANES: usize = 100;
const LANES_OF_AN_ACCOUNT: usize = 50;

/// The number of concurrent deliveries of the server, and of posts of the plain loop.
const AT_ONCE: &str = "64";

const ROUNDS: usize = 3;
/// The number of events of a round; each goes to every subscription.
const EVENTS: usize = 100;

/// The number of stored deliveries in the first and in the second of the compared sets of rounds.
const FEW: usize = 1_000;
const MANY: usize = 1_000_000;

const PATIENCE: Duration = Duration::from_secs(120);

/// A server that delivers to a receiver of the benchmark.
struct Delivering {
    served: Served,
    receiver: Receiver,
    /// The number of the next finding.
    next: usize,
}

/// The result of delivering a backlog.
struct Drained {
    deliveries: f64,
    took: Duration,
    server: Duration,
    database: Duration,
}

impl Delivering {
    fn begin(bench: &Bench, name: &str, lanes: usize) -> Outcome<Self> {
        Self::with(bench, name, lanes, &[("webhooks-concurrency", AT_ONCE)])
    }

    /// Starts a server with these settings.
    fn with(bench: &Bench, name: &str, lanes: usize, settings: &[Setting<'_>]) -> Outcome<Self> {
        let settings = [&[("webhooks-allow-loopback-http", "true")], settings].concat();
        let served = Served::begin(bench, name, &settings)?;
        let receiver = Receiver::start()?;
        let delivering = Self { served, receiver, next: 0 };
        delivering.subscribe(&delivering.receiver.url(), lanes)?;
        Ok(delivering)
    }

    /// Creates this many subscriptions, of as many accounts as necessary.
    fn subscribe(&self, url: &str, lanes: usize) -> Outcome<()> {
        let server = &self.served.server;
        for first in (0..lanes).step_by(LANES_OF_AN_ACCOUNT) {
            let account = server.account(&format!("subscriber {first} of {url}"))?;
            let token = server.token(&account)?;
            for _ in first..lanes.min(first + LANES_OF_AN_ACCOUNT) {
                let body =
                    json!({ "url": url, "eventTypes": ["finding.created"], "reason": "Benchmark of deliveries" });
                let request = Request::post(SUBSCRIPTIONS, body.to_string()).bearer(&token);
                call(server.host()?, &request)?.expect(201)?;
            }
        }
        Ok(())
    }

    /// Records findings in one call.
    fn record(&mut self, findings: usize) -> Outcome<()> {
        let body = sample::batch(self.next, findings);
        self.next += findings;
        let request = Request::post(format!("{LIST}/batch"), body).bearer(&self.served.token);
        call(self.served.server.host()?, &request)?.expect(200).map(drop)
    }

    /// Waits until this many deliveries have arrived in all.
    fn until_taken(&self, count: u64) -> Outcome<()> {
        let all = || Ok((self.receiver.count() >= count).then_some(()));
        pause::until("every delivery to arrive", PATIENCE, Duration::from_millis(2), all)
    }

    /// Records events in one call and waits until all are delivered.
    fn drain(&mut self, events: usize, lanes: usize) -> Outcome<Drained> {
        let expected = self.receiver.count() + (events * lanes) as u64;
        let (server, database) = self.spent()?;
        let started = Instant::now();
        self.record(events)?;
        self.until_taken(expected)?;
        let took = started.elapsed();
        self.settle()?;
        let (server_now, database_now) = self.spent()?;
        Ok(Drained {
            deliveries: (events * lanes) as f64,
            took,
            server: server_now - server,
            database: database_now - database,
        })
    }

    /// Waits until no delivery has work left: its attempt is stored and its audit entries are sealed.
    fn settle(&self) -> Outcome<()> {
        let open = "SELECT count(*) FROM webhook_deliveries WHERE next_attempt_at IS NOT NULL";
        let settled = || Ok((self.served.postgres.ask(open)? == "0").then_some(()));
        pause::until("every attempt to be stored", PATIENCE, Duration::from_millis(50), settled)?;
        self.served.server.settle()
    }

    fn spent(&self) -> Outcome<(Duration, Duration)> {
        Ok((self.served.server.process().usage()?.total, self.served.postgres.spent()?))
    }

    /// Adds copies of the stored deliveries, older than those, and the events they belong to.
    fn multiply(&self, deliveries: usize) -> Outcome<()> {
        let each = deliveries / LANES;
        let database = &self.served.postgres;
        database.ask(&format!(
            "INSERT INTO webhook_deliveries SELECT (jsonb_populate_record(one.row, jsonb_build_object( \
                 'id', lpad((i * {LANES} + one.place)::text, 26, '0')))).* \
             FROM (SELECT each.row, row_number() OVER () AS place FROM ( \
                 SELECT DISTINCT ON (d.subscription_id) d AS row FROM webhook_deliveries AS d \
                 WHERE d.next_attempt_at IS NULL ORDER BY d.subscription_id) AS each) AS one, \
             generate_series(1, {each}) AS i"
        ))?;
        database.ask(&format!(
            "INSERT INTO outbox SELECT (jsonb_populate_record(one.row, jsonb_build_object('id', lpad(i::text, 26, '0')))).* \
             FROM (SELECT o AS row FROM outbox AS o WHERE state <> 'pending' ORDER BY id LIMIT 1) AS one, \
             generate_series(1, {each}) AS i"
        ))?;
        database.ask("VACUUM ANALYZE")?;
        database.ask("CHECKPOINT").map(drop)
    }
}

impl Drained {
    fn rate(&self) -> f64 {
        self.deliveries / self.took.as_secs_f64()
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

    fn add(&mut self, drained: &Drained) {
        self.push("rate", drained.rate());
        self.push("server", drained.micros(drained.server));
        self.push("database", drained.micros(drained.database));
        self.push("both", drained.micros(drained.server + drained.database));
    }

    fn of(&self, name: &str) -> Outcome<&Series> {
        self.0.get(name).or_fail(|| format!("no figure of {name}"))
    }

    fn row(&self, title: impl Into<String>, name: &str, unit: Unit) -> Outcome<Row> {
        let series = self.of(name)?;
        Ok(Row::new(title, series.median(), unit).spread(series.spread()))
    }
}

pub(super) fn measure(bench: &Bench) -> Outcome<Table> {
    let mut delivering = Delivering::begin(bench, "novantra_bench_webhooks", LANES)?;
    delivering.receiver.note();
    delivering.drain(FEW / LANES, LANES)?;
    let notes = delivering.receiver.notes();
    let (_, body) = notes.first().or_fail(|| "no webhook was delivered".to_owned())?;

    let (mut few, mut many) = (Rounds::default(), Rounds::default());
    for _ in 0..ROUNDS {
        few.add(&delivering.drain(EVENTS, LANES)?);
        few.push("plain", plain::rate(&delivering.receiver, body, AT_ONCE.parse()?)?);
    }
    let rate = few.of("rate")?.median();
    let latency = latency::at_a_tenth_of(&mut delivering, rate)?;
    delivering.multiply(MANY)?;
    delivering.drain(EVENTS, LANES)?;
    for _ in 0..ROUNDS {
        many.add(&delivering.drain(EVENTS, LANES)?);
    }
    let version = delivering.served.postgres.version()?;
    drop(delivering);
    let write = write::measure(bench)?;

    let mut rows = vec![
        few.row("deliveries: a plain loop that signs and posts", "plain", Unit::PerSecond)?,
        few.row("deliveries: novantra", "rate", Unit::PerSecond)?,
        Row::new("deliveries: novantra ÷ plain", rate / few.of("plain")?.median(), Unit::Times)
            .held_to(Bar::at_least(0.4)),
        few.row("CPU per delivery: server", "server", Unit::Micros)?,
        few.row("CPU per delivery: PostgreSQL", "database", Unit::Micros)?,
        Row::new("from the call to the arrival, at a tenth of that rate: p50", latency.half, Unit::Millis),
        Row::new("from the call to the arrival, at a tenth of that rate: p99", latency.most, Unit::Millis),
        few.row("CPU per delivery, both, few stored", "both", Unit::Micros)?,
        many.row("CPU per delivery, both, 10⁶ stored", "both", Unit::Micros)?,
        Row::new("10⁶ ÷ few stored deliveries", many.of("both")?.median() / few.of("both")?.median(), Unit::Times)
            .held_to(Bar::at_most(1.2)),
    ];
    rows.extend(write);
    Ok(Table {
        name: "postgres-webhooks",
        title: Section::PostgresWebhooks.title(),
        how: format!(
            "{version} with fsync and synchronous_commit on; server, receiver and database share the machine. \
             {LANES} subscriptions, {EVENTS} events in one call to all of them, {AT_ONCE} concurrent deliveries and \
             posts of the plain loop; medians of {ROUNDS} rounds."
        ),
        rows,
    })
}
