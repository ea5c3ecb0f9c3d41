//! The audit log while its writers, its sealer and the database are killed: every call that was answered has one entry.
//!
//! `NOVANTRA_TEST_KILLS` and `NOVANTRA_TEST_STOPS` set how often, for a longer run than that of every day.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use postgres_cluster::{Cluster, INSTALL_HINT, Shutdown, find_programs};
use serde_json::Value;
use tokio::task::JoinSet;

use crate::{
    load::Load,
    support::{Client, Installation, ServerCluster, eventually},
};

const READERS: usize = 8;
/// The number of calls that are answered between two failures of the database.
const CALLS_BETWEEN_STOPS: usize = 400;
/// The seconds by which the clock of one of the servers is ahead.
const CLOCK_AHEAD: i64 = 90;

/// Readers that keep the request identifiers of the calls that were answered.
struct Readers {
    tasks: JoinSet<Vec<String>>,
    stopped: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
}

impl Readers {
    async fn start(servers: &ServerCluster) -> Self {
        let credentials = servers.installation().create_account("caller", &["governance.findings:read"]);
        let client = servers.client(&credentials).await;
        let (mut tasks, stopped, answered) = (JoinSet::new(), Arc::default(), Arc::default());
        for _ in 0..READERS {
            tasks.spawn(read(client.clone(), Arc::clone(&stopped), Arc::clone(&answered)));
        }
        Self { tasks, stopped, answered }
    }

    /// Waits until `more` further calls are answered.
    async fn wait_for_answers(&self, more: usize) {
        let enough = self.answered.load(Ordering::Relaxed) + more;
        eventually("enough calls are answered", async || {
            (self.answered.load(Ordering::Relaxed) >= enough).then_some(())
        })
        .await;
    }

    /// Stops every reader after its current call, and returns the identifiers of those that were answered.
    async fn stop(self) -> BTreeSet<String> {
        self.stopped.store(true, Ordering::Relaxed);
        self.tasks.join_all().await.into_iter().flatten().collect()
    }
}

async fn read(client: Client, stopped: Arc<AtomicBool>, answered: Arc<AtomicUsize>) -> Vec<String> {
    let mut requests = Vec::new();
    while !stopped.load(Ordering::Relaxed) {
        let answer = client.get("/api/v1/governance/findings?limit=1").await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        requests.push(answer.headers["x-request-id"].to_str().expect("a text").to_owned());
        answered.fetch_add(1, Ordering::Relaxed);
    }
    requests
}

/// Returns how often each request has an entry in an export of the log.
fn requests_in_log(installation: &Installation) -> BTreeMap<String, usize> {
    let exported = installation.run(&["audit", "export", "--workspace", "default"]);
    assert!(exported.status.success(), "{}", exported.stderr);
    let mut times = BTreeMap::new();
    for line in exported.stdout.lines() {
        let line: Value = serde_json::from_str(line).expect("a JSON line");
        if let Some(request) = line["entry"]["requestId"].as_str() {
            *times.entry(request.to_owned()).or_default() += 1;
        }
    }
    times
}

/// Stops the servers, and asserts that each of these requests has one entry in a log that verifies.
async fn assert_recorded_once(servers: &ServerCluster, requests: &BTreeSet<String>) {
    servers.installation().wait_until_sealed().await;
    let verified = servers.installation().run(&["audit", "verify"]);
    assert!(verified.status.success(), "{}{}", verified.stdout, verified.stderr);
    let recorded = requests_in_log(servers.installation());
    let lost: Vec<_> = requests.iter().filter(|request| !recorded.contains_key(*request)).collect();
    assert!(lost.is_empty(), "{} of {} calls have no entry: {lost:?}", lost.len(), requests.len());
    let doubled: Vec<_> = requests.iter().filter(|request| recorded[*request] != 1).collect();
    assert!(doubled.is_empty(), "calls with several entries: {doubled:?}");
    println!("{} calls were answered, each has one entry of {}", requests.len(), recorded.len());
}

/// The number of failures that the environment or a test of every day asks for.
fn times(variable: &str, every_day: usize) -> usize {
    std::env::var(variable).ok().and_then(|times| times.parse().ok()).unwrap_or(every_day)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answered_call_has_one_entry_although_servers_are_killed_and_one_has_a_wrong_clock() {
    let wanted = times("NOVANTRA_TEST_KILLS", 6);
    let servers = ServerCluster::start_with(Installation::with_new_postgres().await, 2, |index, setup| match index {
        0 => setup.clock_ahead(CLOCK_AHEAD),
        _ => setup,
    });
    let (mut load, readers) = (Load::start(&servers, 2).await, Readers::start(&servers).await);
    load.wait_for_writes(5).await;
    let kill_loop = servers.start_kill_loop();
    while kill_loop.kills() < wanted {
        readers.wait_for_answers(20).await;
    }
    let kills = kill_loop.stop().await;
    let requests = readers.stop().await;
    load.stop_and_verify(&servers).await;
    assert_recorded_once(&servers, &requests).await;
    println!("{kills} servers were killed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answered_call_has_one_entry_although_the_database_is_killed() {
    let wanted = times("NOVANTRA_TEST_STOPS", 2);
    let durable = ["fsync=on", "full_page_writes=on", "synchronous_commit=on"];
    let mut database = Cluster::start(&find_programs().expect(INSTALL_HINT), &durable).expect("a cluster");
    let servers = ServerCluster::start(Installation::with_postgres(database.url()), 2);
    let readers = Readers::start(&servers).await;
    for _ in 0..wanted {
        readers.wait_for_answers(CALLS_BETWEEN_STOPS).await;
        database.stop(Shutdown::Immediate).expect("PostgreSQL stops");
        database.restart().expect("PostgreSQL starts");
    }
    readers.wait_for_answers(CALLS_BETWEEN_STOPS).await;
    let requests = readers.stop().await;
    assert_recorded_once(&servers, &requests).await;
    println!("the database was killed {wanted} times");
}
