//! Writers that repeat a write until it is acknowledged, and checks of what must be stored afterwards.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::{Answer, Client, ServerCluster, eventually, finding};

const FINDINGS: &str = "/api/v1/governance/findings";

/// Several concurrent writers.
pub(crate) struct Load {
    writers: JoinSet<Vec<AcknowledgedWrite>>,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    stopped: AtomicBool,
    written: AtomicUsize,
}

/// An acknowledged write: a finding, and one comment on it that was sent twice concurrently.
struct AcknowledgedWrite {
    finding: String,
    comment: String,
}

impl Load {
    /// Starts this number of writers, which write to any running server.
    pub(crate) async fn start(servers: &ServerCluster, writers: usize) -> Self {
        let credentials = servers.installation().create_account("writer", &["governance.findings:write"]);
        let client = servers.client(&credentials).await;
        let state = Arc::new(State::default());
        let mut load = Self { writers: JoinSet::new(), state: Arc::clone(&state) };
        for writer in 0..writers {
            load.writers.spawn(write(client.clone(), Arc::clone(&state), writer));
        }
        load
    }

    /// Waits until `more` further findings and their comments are acknowledged.
    pub(crate) async fn wait_for_writes(&mut self, more: usize) {
        let enough = self.state.written.load(Ordering::Relaxed) + more;
        eventually("enough writes are acknowledged", async || {
            assert!(self.writers.try_join_next().is_none(), "a writer ended early");
            (self.state.written.load(Ordering::Relaxed) >= enough).then_some(())
        })
        .await;
    }

    /// Stops every writer after its current write. Asserts that exactly the acknowledged writes are stored and
    /// audited, each once.
    pub(crate) async fn stop_and_verify(self, servers: &ServerCluster) {
        self.state.stopped.store(true, Ordering::Relaxed);
        let written: Vec<AcknowledgedWrite> = self.writers.join_all().await.into_iter().flatten().collect();
        let credentials = servers.installation().create_account("reader", &["governance.findings:read", "audit:read"]);
        let reader = servers.client(&credentials).await;

        let acknowledged = assert_each_once(written.iter().map(|written| written.finding.clone()));
        let findings = reader.list_all(FINDINGS, "findings").await;
        assert_eq!(assert_each_once(findings.iter().map(|finding| text(&finding["id"]))), acknowledged);

        let database = servers.installation().database().await;
        let stored = database.rows("SELECT 'findev_' || id, 'find_' || finding_id FROM finding_events").await;
        let comments = written.iter().map(|written| vec![written.comment.clone(), written.finding.clone()]);
        assert_eq!(assert_each_once(stored), assert_each_once(comments));

        for action in ["finding.created", "finding.event_recorded"] {
            let entries = reader.list_all(&format!("/api/v1/audit/entries?action={action}"), "entries").await;
            assert_eq!(
                assert_each_once(entries.iter().map(|entry| text(&entry["subject"]["id"]))),
                acknowledged,
                "{action}"
            );
        }
        servers.installation().wait_until_sealed().await;
        let verified = servers.installation().run(&["audit", "verify"]);
        assert!(verified.status.success(), "{}", verified.stderr);
        println!("{} findings and as many comments were acknowledged, and are stored and audited once", written.len());
    }
}

async fn write(client: Client, state: Arc<State>, writer: usize) -> Vec<AcknowledgedWrite> {
    let mut written = Vec::new();
    while !state.stopped.load(Ordering::Relaxed) {
        let key = format!("w{writer}-{}", written.len());
        let created = client.post_with_key(FINDINGS, &key, &finding(&key)).await;
        assert_eq!(created.status, 201, "{}", created.body);
        let id = text(&created.body["finding"]["id"]);
        let (first, second) = tokio::join!(comment(&client, &id), comment(&client, &id));
        assert_eq!(first.body, second.body, "both requests must get the same response");
        written.push(AcknowledgedWrite { finding: id, comment: text(&first.body["findingEvent"]["id"]) });
        state.written.fetch_add(1, Ordering::Relaxed);
    }
    written
}

/// Comments on a finding, always with the same idempotency key.
pub(crate) async fn comment(client: &Client, finding: &str) -> Answer {
    let body = json!({ "eventType": "comment", "note": "seen", "reason": "noted by a test of the program" });
    let answer = client.post_with_key(&format!("{FINDINGS}/{finding}/events"), &format!("note-{finding}"), &body).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer
}

/// Counts each value and asserts that none occurs more than once.
fn assert_each_once<T: Ord + std::fmt::Debug>(all: impl IntoIterator<Item = T>) -> BTreeMap<T, usize> {
    let mut times = BTreeMap::new();
    all.into_iter().for_each(|value| *times.entry(value).or_default() += 1);
    let repeated: Vec<_> = times.iter().filter(|(_, times)| **times != 1).collect();
    assert!(repeated.is_empty(), "more than once: {repeated:?}");
    times
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}
