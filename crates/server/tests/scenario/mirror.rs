//! A mirror: follows the findings from another system, and reports duplicates back.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{incidents::Incidents, support::Client};

pub(crate) struct Mirror {
    client: Client,
    pub(crate) incidents: Incidents,
    /// The start of the next pull: the `X-As-Of` of the first page of the previous one.
    since: String,
}

/// The result of a pull.
pub(crate) struct CatchUp {
    /// The findings whose version was not yet mirrored.
    pub(crate) new_versions: BTreeSet<String>,
    /// The number of findings received: with other writes in flight, the next pull begins slightly before the end of
    /// this one.
    pub(crate) received: usize,
}

/// The response to a report.
pub(crate) struct ReportResponse {
    pub(crate) replayed: bool,
    pub(crate) body: Value,
}

impl Mirror {
    pub(crate) fn new(client: Client) -> Self {
        Self { client, incidents: Incidents::default(), since: "1970-01-01".to_owned() }
    }

    /// Continues with a client of restarted servers.
    pub(crate) fn reconnect(&mut self, client: Client) {
        self.client = client;
    }

    /// Creates an incident for each open finding that changed since the last pull.
    pub(crate) async fn pull_open(&mut self) {
        for finding in self.list_all("status=open&limit=40").await {
            assert_eq!(finding["status"], "open");
            self.incidents.open(&finding);
        }
    }

    /// Updates the incidents of all findings that changed since the last pull, with any status.
    pub(crate) async fn catch_up(&mut self) -> CatchUp {
        let changed = self.list_all("order=updated&limit=40").await;
        let new_versions = changed.iter().filter(|finding| self.incidents.update(finding)).map(id).collect();
        CatchUp { new_versions, received: changed.len() }
    }

    /// Reads all pages, and asserts that no finding is returned twice.
    async fn list_all(&mut self, filters: &str) -> Vec<Value> {
        let path = format!("/api/v1/governance/findings?{filters}&updated_since={}", self.since);
        let mut cursor = String::new();
        let mut as_of = None;
        let mut findings: Vec<Value> = Vec::new();
        loop {
            let page = self.client.get(&format!("{path}{cursor}")).await;
            assert_eq!(page.status, 200, "{}", page.body);
            as_of.get_or_insert_with(|| page.headers["x-as-of"].to_str().expect("a timestamp").to_owned());
            findings.extend(page.body["findings"].as_array().expect("findings").iter().cloned());
            match page.body["pagination"]["nextCursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        self.since = as_of.expect("a first page");
        let ids: BTreeSet<String> = findings.iter().map(id).collect();
        assert_eq!(ids.len(), findings.len(), "a finding was returned twice");
        findings
    }

    /// Reports that a finding is a duplicate of an incident, with the incident's key as idempotency key.
    pub(crate) async fn report_duplicate(&self, finding: &str) -> ReportResponse {
        let incident = format!("INC-{finding}");
        let body = json!({
            "eventType": "verified_as_duplicate",
            "externalReference": incident,
            "reason": "tracked there already, see the reference",
        });
        let path = format!("/api/v1/governance/findings/{finding}/events");
        let answer = self.client.post_with_key(&path, &incident, &body).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        assert_eq!(answer.body["finding"]["status"], "closed");
        ReportResponse { replayed: answer.headers.contains_key("idempotent-replayed"), body: answer.body }
    }

    /// The number of recorded events of a finding.
    pub(crate) async fn event_count(&self, finding: &str) -> usize {
        let answer = self.client.get(&format!("/api/v1/governance/findings/{finding}/events")).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body["findingEvents"].as_array().expect("events").len()
    }
}

fn id(finding: &Value) -> String {
    finding["id"].as_str().expect("an id").to_owned()
}
