//! Writers that never let go of a write until it is acknowledged, and what has to be there afterwards.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::{Answer, Client, Fleet, eventually, finding};

const FINDINGS: &str = "/api/v1/governance/findings";

/// Writers at work.
pub(crate) struct Load {
    writers: JoinSet<Vec<Written>>,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    over: AtomicBool,
    written: AtomicUsize,
}

/// What a writer was told is stored: a finding, and one comment on it that was sent twice at once.
struct Written {
    finding: String,
    comment: String,
}

impl Load {
    /// So many writers begin to write to whichever server is there.
    pub(crate) async fn begin(fleet: &Fleet, writers: usize) -> Self {
        let credentials = fleet.installation().account("writer", &["governance.findings:write"]);
        let client = fleet.client(&credentials).await;
        let state = Arc::new(State::default());
        let mut load = Self { writers: JoinSet::new(), state: Arc::clone(&state) };
        for writer in 0..writers {
            load.writers.spawn(write(client.clone(), Arc::clone(&state), writer));
        }
        load
    }

    /// Waits until so many more findings and their comments were acknowledged.
    pub(crate) async fn writes(&mut self, more: usize) {
        let enough = self.state.written.load(Ordering::Relaxed) + more;
        eventually("enough is written", async || {
            assert!(self.writers.try_join_next().is_none(), "a writer ended before it was to");
            (self.state.written.load(Ordering::Relaxed) >= enough).then_some(())
        })
        .await;
    }

    /// Lets every writer finish what it is at. Whatever was acknowledged is there then, once, and on record once; nothing
    /// else is.
    pub(crate) async fn end(self, fleet: &Fleet) {
        self.state.over.store(true, Ordering::Relaxed);
        let written: Vec<Written> = self.writers.join_all().await.into_iter().flatten().collect();
        let credentials = fleet.installation().account("reader", &["governance.findings:read", "audit:read"]);
        let reader = fleet.client(&credentials).await;

        let acknowledged = once(written.iter().map(|written| written.finding.clone()));
        let findings = reader.all(FINDINGS, "findings").await;
        assert_eq!(once(findings.iter().map(|finding| text(&finding["id"]))), acknowledged);

        let database = fleet.installation().database().await;
        let stored = database.rows("SELECT 'findev_' || id, 'find_' || finding_id FROM finding_events").await;
        let comments = written.iter().map(|written| vec![written.comment.clone(), written.finding.clone()]);
        assert_eq!(once(stored), once(comments));

        for action in ["finding.created", "finding.event_recorded"] {
            let entries = reader.all(&format!("/api/v1/audit/entries?action={action}"), "entries").await;
            assert_eq!(once(entries.iter().map(|entry| text(&entry["subject"]["id"]))), acknowledged, "{action}");
        }
        fleet.installation().sealed().await;
        let verified = fleet.installation().run(&["audit", "verify"]);
        assert!(verified.status.success(), "{}", verified.stderr);
        println!("{} findings and as many comments were acknowledged, are there and on record once", written.len());
    }
}

async fn write(client: Client, state: Arc<State>, writer: usize) -> Vec<Written> {
    let mut written = Vec::new();
    while !state.over.load(Ordering::Relaxed) {
        let key = format!("w{writer}-{}", written.len());
        let created = client.post_once(FINDINGS, &key, &finding(&key)).await;
        assert_eq!(created.status, 201, "{}", created.body);
        let id = text(&created.body["finding"]["id"]);
        let (first, second) = tokio::join!(comment(&client, &id), comment(&client, &id));
        assert_eq!(first.body, second.body, "one effect, one answer");
        written.push(Written { finding: id, comment: text(&first.body["findingEvent"]["id"]) });
        state.written.fetch_add(1, Ordering::Relaxed);
    }
    written
}

/// Comments on a finding, always under the same key.
pub(crate) async fn comment(client: &Client, finding: &str) -> Answer {
    let body = json!({ "eventType": "comment", "note": "seen", "reason": "noted by a test of the program" });
    let answer = client.post_once(&format!("{FINDINGS}/{finding}/events"), &format!("note-{finding}"), &body).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer
}

/// How often each came: once, or the test fails.
fn once<T: Ord + std::fmt::Debug>(all: impl IntoIterator<Item = T>) -> BTreeMap<T, usize> {
    let mut times = BTreeMap::new();
    all.into_iter().for_each(|one| *times.entry(one).or_default() += 1);
    let often: Vec<_> = times.iter().filter(|(_, times)| **times != 1).collect();
    assert!(often.is_empty(), "more than once: {often:?}");
    times
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}
