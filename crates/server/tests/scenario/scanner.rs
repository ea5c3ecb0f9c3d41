//! A scanner: pushes what it found.

use serde_json::{Value, json};

use super::support::{Client, Credentials};

pub(crate) struct Scanner {
    client: Client,
}

impl Scanner {
    pub(crate) async fn of(url: &str, credentials: &Credentials) -> Self {
        Self { client: Client::with_token(url, credentials).await }
    }

    /// Pushes findings in batches, each with a key of its own so that it could be sent again.
    pub(crate) async fn push(&self, findings: &[Value]) {
        for (number, findings) in findings.chunks(50).enumerate() {
            let body = json!({
                "findings": findings,
                "onConflict": "update",
                "reason": "nightly scan of the benchmark",
            });
            let answer =
                self.client.post_once("/api/v1/governance/findings/batch", &format!("batch-{number}"), &body).await;
            assert_eq!(answer.status, 200, "{}", answer.body);
            for result in answer.body["results"].as_array().expect("results") {
                assert_eq!(result["result"], "created", "{result}");
            }
        }
    }

    /// Closes a finding that a later scan did not meet any more.
    pub(crate) async fn close(&self, id: &str) {
        let body = json!({ "status": "closed", "reason": "gone in the scan of today" });
        let answer = self.client.patch(&format!("/api/v1/governance/findings/{id}"), &body).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
}
