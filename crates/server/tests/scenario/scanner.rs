//! A scanner: pushes what it found.

use serde_json::{Value, json};

use super::support::Client;

pub(crate) struct Scanner {
    client: Client,
}

impl Scanner {
    pub(crate) fn of(client: Client) -> Self {
        Self { client }
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
        let path = format!("/api/v1/governance/findings/{id}");
        let answer = self.client.patch_once(&path, &format!("close-{id}"), &body).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
}
