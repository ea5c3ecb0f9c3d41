//! Connection pools that are exhausted by statements waiting for a lock.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::task::JoinSet;

use crate::support::{Answer, Client, Database, Installation, ServerCluster, finding};

const FINDINGS: &str = "/api/v1/governance/findings";

/// The statement timeout of the servers; their lock timeout is half of it.
const STATEMENT_TIMEOUT: &str = "2s";
/// The maximum time until a request is refused: it waits for a connection and for its lock, and then again to be
/// audited.
const REFUSED_WITHIN: Duration = Duration::from_secs(15);
/// The maximum duration of a request that needs no locked table.
const SERVED_WITHIN: Duration = Duration::from_secs(3);
/// The numbers of concurrent requests, far more than there are connections.
const SOME_REQUESTS: usize = 100;
const MANY_REQUESTS: usize = 400;
/// The maximum memory, in bytes, that a server may use for waiting requests.
const MAX_MEMORY_GROWTH: u64 = 64 * 1024 * 1024;

struct ServerWithLock {
    servers: Arc<ServerCluster>,
    client: Client,
    /// A separate connection, which takes the lock.
    locking: Database,
    finding: String,
}

impl ServerWithLock {
    async fn new() -> Self {
        let servers = ServerCluster::start_with(Installation::with_new_postgres().await, 1, |_, setup| {
            setup.set("DATABASE_STATEMENT_TIMEOUT", STATEMENT_TIMEOUT)
        });
        let scopes = ["governance.findings:read", "governance.findings:write", "governance.controls:read"];
        let client = servers.clients(&servers.installation().create_account("integration", &scopes)).await.remove(0);
        let created = client.post_with_key(FINDINGS, "first", &finding("first")).await;
        let finding = created.body["finding"]["id"].as_str().expect("an id").to_owned();
        let locking = servers.installation().database().await;
        Self { servers, client, locking, finding }
    }

    /// Locks the table: every statement that needs it waits from now on.
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

    /// Creates a finding, with the same idempotency key for the same number.
    fn write(&self, number: usize) -> impl Future<Output = Answer> + Send + use<> {
        let (client, key) = (self.client.clone(), format!("write-{number}"));
        async move { client.post_with_key(FINDINGS, &key, &finding(&key)).await }
    }

    async fn metric(&self, name: &str) -> u64 {
        let (_, metrics) = self.servers.probe(0, "/metrics").await;
        let line = metrics.lines().find_map(|line| line.strip_prefix(name)).expect("a figure");
        line.trim().parse::<f64>().expect("a number") as u64
    }
}

/// Sends this number of concurrent requests. Returns each response and its duration.
fn send_concurrently<F: Future<Output = Answer> + Send + 'static>(
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
    let sent = Instant::now();
    (call.await, sent.elapsed())
}

/// Asserts that each request was refused in time, with `Retry-After`.
fn assert_refused(answers: &[(Answer, Duration)]) {
    for (answer, took) in answers {
        assert_eq!(answer.status, 503, "{}", answer.body);
        assert!(answer.headers.contains_key("retry-after"), "{answer:?}");
        assert!(*took < REFUSED_WITHIN, "refused after {took:?}");
    }
    let longest = answers.iter().map(|(_, took)| *took).max().unwrap_or_default();
    println!("{} requests were refused after at most {} ms", answers.len(), longest.as_millis());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_blocked_by_a_lock_are_refused_in_time_and_succeed_once_it_is_released() {
    let server = ServerWithLock::new().await;
    let memory = server.metric("process_resident_memory_bytes").await;
    server.lock("idempotency", "EXCLUSIVE").await;
    assert_refused(&send_concurrently(MANY_REQUESTS, |number| server.write(number)).join_all().await);
    let grown = server.metric("process_resident_memory_bytes").await.saturating_sub(memory);
    assert!(grown < MAX_MEMORY_GROWTH, "{grown} bytes more");

    server.unlock().await;
    let (at_once, took) = timed(server.write(0)).await;
    assert_eq!(at_once.status, 201, "{}", at_once.body);
    assert!(took < SERVED_WITHIN, "written after {took:?}");
    for (answer, _) in send_concurrently(MANY_REQUESTS, |number| server.write(number)).join_all().await {
        assert_eq!(answer.status, 201, "{}", answer.body);
    }
    assert_eq!(
        server.client.list_all(FINDINGS, "findings").await.len(),
        MANY_REQUESTS + 1,
        "each finding must be stored once"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_continue_while_writes_wait_for_a_lock() {
    let server = ServerWithLock::new().await;
    server.lock("idempotency", "EXCLUSIVE").await;
    let mut writes = send_concurrently(SOME_REQUESTS, |number| server.write(number));
    let mut reads = Vec::new();
    while !writes.is_empty() {
        reads.push(timed(server.read()).await);
        while writes.try_join_next().is_some() {}
    }
    for (read, took) in &reads {
        assert_eq!(read.status, 200, "{}", read.body);
        assert!(*took < SERVED_WITHIN, "read after {took:?}");
    }
    println!("{} reads were answered while writes waited", reads.len());
    assert!(reads.len() > 10, "only {} reads were answered while writes waited", reads.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_blocked_by_a_lock_are_refused_in_time_and_succeed_once_it_is_released() {
    let server = ServerWithLock::new().await;
    server.lock("findings", "ACCESS EXCLUSIVE").await;
    assert_refused(&send_concurrently(SOME_REQUESTS, |_| server.read()).join_all().await);
    let waiting = server.metric("novantra_http_requests_in_flight").await;
    assert_eq!(waiting, 0, "refused requests must not keep waiting");

    server.unlock().await;
    let (at_once, took) = timed(server.read()).await;
    assert_eq!(at_once.status, 200, "{}", at_once.body);
    assert!(took < SERVED_WITHIN, "read after {took:?}");
    for (answer, _) in send_concurrently(SOME_REQUESTS, |_| server.read()).join_all().await {
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
}
