//! Writers that remember which writes were acknowledged.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::task::JoinSet;

use crate::support::{Client, Installation, Server, eventually, finding};

pub(crate) const FINDINGS: &str = "/api/v1/governance/findings";
pub(crate) const SCOPES: &[&str] = &["governance.findings:read", "governance.findings:write", "audit:read"];

/// Several concurrent writers.
pub(crate) struct Load {
    writers: JoinSet<()>,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    stopped: AtomicBool,
    /// The ids of the acknowledged findings, as the database stores them.
    acknowledged: Mutex<BTreeSet<String>>,
}

impl Load {
    pub(crate) async fn start(server: &Server) -> Self {
        let client = server.create_client("load", SCOPES).await;
        let state = Arc::new(State::default());
        let mut writers = JoinSet::new();
        for writer in 0..4 {
            writers.spawn(write(client.clone(), Arc::clone(&state), writer));
        }
        Self { writers, state }
    }

    /// Waits until `more` further findings are acknowledged; returns the ids of all acknowledged so far.
    pub(crate) async fn wait_for_acknowledged(&self, more: usize) -> BTreeSet<String> {
        let so_far = || self.state.acknowledged.lock().unwrap().clone();
        let enough = so_far().len() + more;
        eventually("enough findings are acknowledged", async || Some(so_far()).filter(|ids| ids.len() >= enough)).await
    }

    pub(crate) async fn stop(self) {
        self.state.stopped.store(true, Ordering::Relaxed);
        self.writers.join_all().await;
    }
}

async fn write(client: Client, state: Arc<State>, writer: usize) {
    for number in 0.. {
        if state.stopped.load(Ordering::Relaxed) {
            return;
        }
        let created = client.post(FINDINGS, &finding(&format!("w{writer}-{number}"))).await;
        assert_eq!(created.status, 201, "{}", created.body);
        let id = created.body["finding"]["id"].as_str().expect("an id").trim_start_matches("find_").to_owned();
        state.acknowledged.lock().unwrap().insert(id);
    }
}

/// The ids of all findings in the database.
pub(crate) async fn stored_finding_ids(installation: &Installation) -> BTreeSet<String> {
    let rows = installation.database().await.rows("SELECT id FROM findings").await;
    rows.into_iter().flatten().collect()
}

/// Asserts that every audit log verifies.
#[track_caller]
pub(crate) fn assert_audit_logs_verify(installation: &Installation) {
    let verified = installation.run(&["audit", "verify"]);
    assert!(verified.status.success(), "{}", verified.stderr);
}
