//! A scanner: pushes its findings.

use serde_json::{Value, json};

use super::support::Client;

pub(crate) struct Scanner {
    client: Client,
}

impl Scanner {
    pub(crate) fn new(client: Client) -> Self {
        Self { client }
    }

    /// Pushes findings in batches, each with its own idempotency key, so that a batch can be sent again.
    pub(crate) async fn push(&self, findings: &[Value]) {
        for (number, findings) in findings.chunks(50).enumerate() {
            let body = json!({
                "findings": findings,
                "onConflict": "update",
                "reason": "nightly scan of the benchmark",
            });
            let answer =
                self.client.post_with_key("/api/v1/governance/findings/batch", &format!("batch-{number}"), &body).await;
            assert_eq!(answer.status, 200, "{}", answer.body);
            for result in answer.body["results"].as_array().expect("results") {
                assert_eq!(result["result"], "created", "{result}");
            }
        }
    }

    /// Closes a finding that a later scan no longer contains.
    pub(crate) async fn close(&self, id: &str) {
        let body = json!({ "status": "closed", "reason": "no longer found by today's scan" });
        let path = format!("/api/v1/governance/findings/{id}");
        let answer = self.client.patch_with_key(&path, &format!("close-{id}"), &body).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
}
