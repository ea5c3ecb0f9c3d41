//! Connections used up by statements that wait for somebody else's lock.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::task::JoinSet;

use crate::support::{Answer, Client, Database, Fleet, Installation, finding};

const FINDINGS: &str = "/api/v1/governance/findings";

/// What the servers are told; half as long they wait for a lock.
const STATEMENT_TIMEOUT: &str = "2s";
/// How long a call may wait before it is refused: for a place and for its lock, and so again to be put on record.
const REFUSED_WITHIN: Duration = Duration::from_secs(15);
/// How long a call may take that needs nothing of what is locked.
const SERVED_WITHIN: Duration = Duration::from_secs(3);
/// How many calls are sent at once, far more than there are connections.
const SOME: usize = 100;
const MANY: usize = 400;
/// How much memory a server may take for those that wait, in bytes.
const MEMORY: u64 = 64 * 1024 * 1024;

struct House {
    fleet: Arc<Fleet>,
    client: Client,
    /// A connection beside the servers', which takes the lock.
    locking: Database,
    finding: String,
}

impl House {
    async fn new() -> Self {
        let fleet = Fleet::set_up(Installation::on_postgres().await, 1, |_, setup| {
            setup.set("DATABASE_STATEMENT_TIMEOUT", STATEMENT_TIMEOUT)
        });
        let scopes = ["governance.findings:read", "governance.findings:write", "governance.controls:read"];
        let client = fleet.clients(&fleet.installation().account("integration", &scopes)).await.remove(0);
        let created = client.post_once(FINDINGS, "first", &finding("first")).await;
        let finding = created.body["finding"]["id"].as_str().expect("an id").to_owned();
        let locking = fleet.installation().database().await;
        Self { fleet, client, locking, finding }
    }

    /// Whoever touches this table waits from now on.
    async fn lock(&self, table: &str, mode: &str) {
        self.locking.execute(&format!("BEGIN; LOCK TABLE {table} IN {mode} MODE")).await;
    }

    async fn unlock(&self) {
        self.locking.execute("ROLLBACK").await;
    }

    /// Reads the finding.
    fn read(&self) -> impl Future<Output = Answer> + Send + use<> {
        let (client, path) = (self.client.clone(), format!("{FINDINGS}/{}", self.finding));
        async move { client.get(&path).await }
    }

    /// Makes a finding, always the same of this number.
    fn write(&self, number: usize) -> impl Future<Output = Answer> + Send + use<> {
        let (client, key) = (self.client.clone(), format!("write-{number}"));
        async move { client.post_once(FINDINGS, &key, &finding(&key)).await }
    }

    async fn figure(&self, name: &str) -> u64 {
        let (_, metrics) = self.fleet.probe(0, "/metrics").await;
        let line = metrics.lines().find_map(|line| line.strip_prefix(name)).expect("a figure");
        line.trim().parse::<f64>().expect("a number") as u64
    }
}

/// Sends so many calls at once. Says what each was answered with, and after how long.
fn wave<F: Future<Output = Answer> + Send + 'static>(
    size: usize,
    call: impl Fn(usize) -> F,
) -> JoinSet<(Answer, Duration)> {
    let mut calls = JoinSet::new();
    for number in 0..size {
        calls.spawn(timed(call(number)));
    }
    calls
}

async fn timed(call: impl Future<Output = Answer>) -> (Answer, Duration) {
    let asked = Instant::now();
    (call.await, asked.elapsed())
}

/// Each was refused in time, and told to come again.
fn refused(answers: &[(Answer, Duration)]) {
    for (answer, took) in answers {
        assert_eq!(answer.status, 503, "{}", answer.body);
        assert!(answer.headers.contains_key("retry-after"), "{answer:?}");
        assert!(*took < REFUSED_WITHIN, "refused after {took:?}");
    }
    let longest = answers.iter().map(|(_, took)| *took).max().unwrap_or_default();
    println!("{} calls were refused after {} ms at most", answers.len(), longest.as_millis());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_that_wait_for_a_lock_are_refused_in_time_and_served_at_once_when_it_is_gone() {
    let house = House::new().await;
    let memory = house.figure("process_resident_memory_bytes").await;
    house.lock("idempotency", "EXCLUSIVE").await;
    refused(&wave(MANY, |number| house.write(number)).join_all().await);
    let grown = house.figure("process_resident_memory_bytes").await.saturating_sub(memory);
    assert!(grown < MEMORY, "{grown} bytes more");

    house.unlock().await;
    let (at_once, took) = timed(house.write(0)).await;
    assert_eq!(at_once.status, 201, "{}", at_once.body);
    assert!(took < SERVED_WITHIN, "written after {took:?}");
    for (answer, _) in wave(MANY, |number| house.write(number)).join_all().await {
        assert_eq!(answer.status, 201, "{}", answer.body);
    }
    assert_eq!(house.client.all(FINDINGS, "findings").await.len(), MANY + 1, "each once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_go_on_while_writes_wait_for_a_lock() {
    let house = House::new().await;
    house.lock("idempotency", "EXCLUSIVE").await;
    let mut writes = wave(SOME, |number| house.write(number));
    let mut reads = Vec::new();
    while !writes.is_empty() {
        reads.push(timed(house.read()).await);
        while writes.try_join_next().is_some() {}
    }
    for (read, took) in &reads {
        assert_eq!(read.status, 200, "{}", read.body);
        assert!(*took < SERVED_WITHIN, "read after {took:?}");
    }
    println!("{} reads were answered while writes waited", reads.len());
    assert!(reads.len() > 10, "{} reads are no going on", reads.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_that_wait_for_a_lock_are_refused_in_time_and_served_at_once_when_it_is_gone() {
    let house = House::new().await;
    house.lock("findings", "ACCESS EXCLUSIVE").await;
    refused(&wave(SOME, |_| house.read()).join_all().await);
    let waiting = house.figure("novantra_http_requests_in_flight").await;
    assert_eq!(waiting, 0, "calls that were refused do not wait on");

    house.unlock().await;
    let (at_once, took) = timed(house.read()).await;
    assert_eq!(at_once.status, 200, "{}", at_once.body);
    assert!(took < SERVED_WITHIN, "read after {took:?}");
    for (answer, _) in wave(SOME, |_| house.read()).join_all().await {
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
}
