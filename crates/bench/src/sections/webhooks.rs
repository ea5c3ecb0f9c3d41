//! Webhook deliveries over PostgreSQL, against a plain loop that signs and posts the same bodies at the same concurrency.

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

/// As many as an account may have, of two accounts.
const LANES: usize = 100;
const LANES_OF_AN_ACCOUNT: usize = 50;

/// How many deliveries are under way at once, there and in the plain loop.
const AT_ONCE: &str = "64";

const ROUNDS: usize = 3;
/// Events of a round; each goes to every subscription.
const EVENTS: usize = 100;

/// How many deliveries are stored before the first and before the second of the rounds that are compared.
const FEW: usize = 1_000;
const MANY: usize = 1_000_000;

const PATIENCE: Duration = Duration::from_secs(120);

/// A server that delivers to a receiver here.
struct Delivering {
    served: Served,
    receiver: Receiver,
    /// The number of the next finding.
    next: usize,
}

/// What a backlog came to.
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

    /// The same with these settings.
    fn with(bench: &Bench, name: &str, lanes: usize, settings: &[Setting<'_>]) -> Outcome<Self> {
        let settings = [&[("webhooks-allow-loopback-http", "true")], settings].concat();
        let served = Served::begin(bench, name, &settings)?;
        let receiver = Receiver::start()?;
        let delivering = Self { served, receiver, next: 0 };
        delivering.subscribe(&delivering.receiver.url(), lanes)?;
        Ok(delivering)
    }

    /// Has so many subscriptions made, of as many accounts as it takes.
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

    /// Waits until so many have come in all.
    fn until_taken(&self, count: u64) -> Outcome<()> {
        let all = || Ok((self.receiver.count() >= count).then_some(()));
        pause::until("every delivery arrives", PATIENCE, Duration::from_millis(2), all)
    }

    /// Records events at once and sees all of them delivered.
    fn drain(&mut self, events: usize, lanes: usize) -> Outcome<Drained> {
        let expected = self.receiver.count() + (events * lanes) as u64;
        let (server, database) = self.spent()?;
        let began = Instant::now();
        self.record(events)?;
        self.until_taken(expected)?;
        let took = began.elapsed();
        self.settle()?;
        let (server_now, database_now) = self.spent()?;
        Ok(Drained {
            deliveries: (events * lanes) as f64,
            took,
            server: server_now - server,
            database: database_now - database,
        })
    }

    /// Waits until nothing that was delivered has work to follow: its attempt is stored, its audit entries are sealed.
    fn settle(&self) -> Outcome<()> {
        let open = "SELECT count(*) FROM webhook_deliveries WHERE next_attempt_at IS NOT NULL";
        let settled = || Ok((self.served.postgres.ask(open)? == "0").then_some(()));
        pause::until("every attempt is stored", PATIENCE, Duration::from_millis(50), settled)?;
        self.served.server.settle()
    }

    fn spent(&self) -> Outcome<(Duration, Duration)> {
        Ok((self.served.server.process().usage()?.total, self.served.postgres.spent()?))
    }

    /// Adds deliveries like those that are there, older than they are, and the events they are of.
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

/// Figures of rounds, by what they are.
#[derive(Default)]
struct Rounds(BTreeMap<&'static str, Series>);

impl Rounds {
    fn push(&mut self, what: &'static str, figure: f64) {
        self.0.entry(what).or_default().push(figure);
    }

    fn add(&mut self, drained: &Drained) {
        self.push("rate", drained.rate());
        self.push("server", drained.micros(drained.server));
        self.push("database", drained.micros(drained.database));
        self.push("both", drained.micros(drained.server + drained.database));
    }

    fn of(&self, what: &str) -> Outcome<&Series> {
        self.0.get(what).or_fail(|| format!("no figure of {what}"))
    }

    fn row(&self, title: impl Into<String>, what: &str, unit: Unit) -> Outcome<Row> {
        let series = self.of(what)?;
        Ok(Row::new(title, series.median(), unit).spread(series.spread()))
    }
}

pub(super) fn measure(bench: &Bench) -> Outcome<Table> {
    let mut delivering = Delivering::begin(bench, "novantra_bench_webhooks", LANES)?;
    delivering.receiver.note();
    delivering.drain(FEW / LANES, LANES)?;
    let notes = delivering.receiver.notes();
    let (_, body) = notes.first().or_fail(|| "nothing was delivered".to_owned())?;

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
        few.row("CPU of a delivery: server", "server", Unit::Micros)?,
        few.row("CPU of a delivery: PostgreSQL", "database", Unit::Micros)?,
        Row::new("from the call to the receipt, at a tenth of that: p50", latency.half, Unit::Millis),
        Row::new("from the call to the receipt, at a tenth of that: p99", latency.most, Unit::Millis),
        few.row("CPU of a delivery, both, of few stored", "both", Unit::Micros)?,
        many.row("CPU of a delivery, both, of 10⁶ stored", "both", Unit::Micros)?,
        Row::new("10⁶ ÷ few stored deliveries", many.of("both")?.median() / few.of("both")?.median(), Unit::Times)
            .held_to(Bar::at_most(1.2)),
    ];
    rows.extend(write);
    Ok(Table {
        name: "postgres-webhooks",
        title: Section::PostgresWebhooks.title(),
        how: format!(
            "{version} with fsync and synchronous_commit on; server, receiver and database share the machine. {LANES} \
             subscriptions, {EVENTS} events at once to all of them, {AT_ONCE} deliveries under way at once here and in the plain \
             loop; medians of {ROUNDS} rounds."
        ),
        rows,
    })
}
