//! Whole collections as NDJSON streams (contract v1 § 1).

mod aborted;

use std::time::Duration;

use ::submissions::SubmissionPackageStatus;
use axum::body::Body;
use findings::{Finding, Severity};
use http_body_util::BodyExt;
use kernel::{Description, OrganizationId, Timestamp};
use scopes::Scope;
use serde_json::{Value, json};
use store_contract::samples;

use crate::{
    attachments,
    operations::{PathParams, scoped_operations, with_query},
    submissions,
    support::{Client, Operation, TestApi, TestRequest, TestResponse, findings_path},
};

const NDJSON: &str = "application/x-ndjson";

/// An API with this many findings, each so large that only a few fit into one chunk of a stream.
async fn setup(findings: usize) -> (TestApi, Client) {
    let api = TestApi::open().await;
    let client = api.full_access_client().await;
    api.store_large_findings(api.home, findings).await;
    (api, client)
}

impl TestApi {
    async fn store_large_findings(&self, organization: OrganizationId, count: usize) {
        for first in (0..count).step_by(100) {
            self.clock().tick();
            let mut changeset = self.fixture.changeset(organization);
            for number in first..count.min(first + 100) {
                let finding = Finding {
                    severity: Severity::ALL[number % Severity::ALL.len()],
                    description: Description::parse(&"x".repeat(10_000)).unwrap(),
                    ..samples::finding(&format!("k{number}"))
                };
                let stored = self.fixture.new_record(&changeset, finding);
                changeset.create(&stored);
            }
            self.fixture.commit(changeset).await.unwrap();
        }
    }

    pub(crate) fn stream_request(&self, client: &Client, path: &str) -> TestRequest {
        self.get(path).auth(client).header("accept", NDJSON)
    }

    /// Opens a stream of all findings without reading from it.
    async fn open_stream(&self, client: &Client) -> Body {
        self.stream_request(client, findings_path()).send_for_body(200).await
    }
}

/// The records of a complete stream.
fn records(response: &TestResponse) -> Vec<Value> {
    let mut lines = response.lines();
    assert_eq!(lines.pop(), Some(json!({ "pagination": {} })));
    lines
}

fn keys(records: &[Value]) -> Vec<&str> {
    records.iter().map(|record| record["findingKey"].as_str().unwrap()).collect()
}

/// Reads the rest of a stream. Returns it, and whether the stream ended regularly.
async fn read_to_end(mut body: Body) -> (String, bool) {
    let mut text = Vec::new();
    let ended = loop {
        match body.frame().await {
            Some(Ok(frame)) => text.extend_from_slice(frame.data_ref().unwrap()),
            Some(Err(_)) => break false,
            None => break true,
        }
    };
    (String::from_utf8(text).unwrap(), ended)
}

/// Fails unless the stream is complete, with its last line.
async fn assert_complete(body: Body) {
    let (text, ended) = read_to_end(body).await;
    assert!(ended && text.ends_with("\n{\"pagination\":{}}\n"), "the stream was aborted");
}

fn is_list(operation: &Operation) -> bool {
    operation.definition["parameters"].as_array().unwrap().iter().any(|parameter| parameter["name"] == "cursor")
}

#[tokio::test]
async fn every_list_streams_the_records_of_its_pages_and_is_logged_once() {
    let api = TestApi::open().await;
    let client = api.full_access_client().await;
    let params = PathParams::create_records(&api, &client).await;
    api.store_large_findings(api.home, 7).await;
    for number in 0..3 {
        api.store_control(api.home, &format!("CTL-1{number}")).await;
    }
    for kind in ["acknowledged", "comment"] {
        let body = json!({ "eventType": kind, "reason": "because a test says so" });
        let path = format!("{}/{}/events", findings_path(), params.finding);
        api.post(&path).auth(&client).json(&body).send().await.expect(201);
    }
    let package = submissions::store_package(&api, SubmissionPackageStatus::Draft, "streamed").await;
    for _ in 0..2 {
        submissions::record(&api, &client, &package, "comment", json!({})).await.expect(201);
    }
    let file = attachments::uploaded(&api, &client, "a file").await;
    let claim = attachments::custody::claimed(&api, &client, "streamed", &[&file]).await;
    let params = params.with_package(package).with_claim(claim["id"].as_str().unwrap().to_owned());
    let lists: Vec<_> = scoped_operations().filter(|operation| is_list(operation)).collect();
    assert!(lists.len() >= 4);
    for operation in lists {
        let path = params.path(operation);
        let streamed = api.stream_request(&client, &path).send().await.expect(200);
        assert_eq!(streamed.header("content-type"), NDJSON, "{}", operation.id);
        assert!(streamed.header("x-as-of").parse::<Timestamp>().is_ok(), "{}", operation.id);
        let entries = api.entries_by_request().await.remove(streamed.header("x-request-id")).unwrap();
        let [recorded] = entries.as_slice() else { panic!("{} left the entries {entries:?}", operation.id) };
        assert_eq!(recorded.entry.status, Some(200), "{}", operation.id);

        let (mut paged, mut cursor) = (Vec::new(), String::new());
        loop {
            let page =
                api.get(&with_query(&path, &format!("limit=2{cursor}"))).auth(&client).send().await.expect(200).json();
            let (_, records) = page.as_object().unwrap().iter().find(|(name, _)| *name != "pagination").unwrap();
            paged.extend(records.as_array().unwrap().clone());
            let Some(next) = page["pagination"]["nextCursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        let records = records(&streamed);
        assert!(!records.is_empty(), "{} streams no record", operation.id);
        // The reads of the pages add entries to the audit log. They are listed first and were not in the stream.
        assert!(paged.ends_with(&records), "{} streams other records than it lists", operation.id);
        assert!(paged.len() == records.len() || operation.id == "listAuditEntries", "{}", operation.id);
    }
}

#[tokio::test]
async fn only_lists_can_be_streamed() {
    let api = TestApi::open().await;
    let client = api.full_access_client().await;
    let params = PathParams::create_records(&api, &client).await;
    for operation in scoped_operations().filter(|operation| !is_list(operation)) {
        let response = params.request(&api, operation).auth(&client).header("accept", NDJSON).send().await;
        if operation.responds_with_bytes() {
            assert_eq!(response.expect(200).header("content-type"), "text/csv", "{}", operation.id);
            continue;
        }
        let response = response.expect(406);
        let expected = operation.definition["responses"]["200"]["content"].as_object().into_iter().flatten().next();
        let expected = expected.map_or("application/json", |(kind, _)| kind.as_str());
        assert!(response.message().ends_with(&format!("respond with {expected}")), "{}", operation.id);
    }
    let response = api.get(findings_path()).auth(&client).header("accept", "text/csv").send().await.expect(406);
    assert!(response.message().ends_with("respond with application/json or application/x-ndjson"));
    let page = api.get(findings_path()).auth(&client).header("accept", "*/*").send().await.expect(200);
    assert_eq!(page.header("content-type"), "application/json");
}

#[tokio::test]
async fn filters_time_ranges_and_order_apply_to_a_stream() {
    let (api, client) = setup(8).await;
    let stream = async |query: &str| {
        records(&api.stream_request(&client, &format!("{}?{query}", findings_path())).send().await.expect(200))
    };
    assert_eq!(keys(&stream("").await), ["k7", "k6", "k5", "k4", "k3", "k2", "k1", "k0"]);
    let filtered = stream("severity=critical,high").await;
    assert!(filtered.len() > 1 && filtered.len() < 8);
    assert!(filtered.iter().all(|record| ["critical", "high"].contains(&record["severity"].as_str().unwrap())));
    api.clock().tick();
    let since = api.fixture.now();
    let id = api.create_finding(&client, "late").await;
    assert_eq!(keys(&stream(&format!("order=updated&updated_since={since}")).await), ["late"]);
    assert_eq!(stream(&format!("createdAfter={since}")).await[0]["id"], id.as_str());
    assert_eq!(keys(&stream("order=updated&updated_since=2000-01-01").await)[0], "k0");
    for query in ["stauts=open", "severity=dreadful", "order=updated"] {
        api.stream_request(&client, &format!("{}?{query}", findings_path())).send().await.expect(400);
    }
}

#[tokio::test]
async fn a_stream_rejects_limit_and_cursor() {
    let (api, client) = setup(3).await;
    let page = api.get(&format!("{}?limit=1", findings_path())).auth(&client).send().await.expect(200).json();
    let cursor = page["pagination"]["nextCursor"].as_str().unwrap().to_owned();
    for (query, paths) in [
        ("limit=200".to_owned(), vec!["query.limit"]),
        (format!("cursor={cursor}"), vec!["query.cursor"]),
        (format!("limit=1&cursor={cursor}"), vec!["query.limit", "query.cursor"]),
    ] {
        let response = api.stream_request(&client, &format!("{}?{query}", findings_path())).send().await.expect(400);
        assert_eq!(response.issue_paths(), paths);
        assert!(response.issue_message(paths[0]).contains("the whole collection"));
    }
}

#[tokio::test]
async fn a_stream_counts_as_one_read() {
    let (api, client) = setup(50).await;
    let remaining = |response: &TestResponse| response.header("x-ratelimit-remaining").parse::<u64>().unwrap();
    let before = api.get("/api/v1/organization").auth(&client).send().await.expect(200);
    let streamed = api.stream_request(&client, findings_path()).send().await.expect(200);
    assert_eq!(records(&streamed).len(), 50);
    assert_eq!(remaining(&before) - remaining(&streamed), 1);
}

#[tokio::test]
async fn a_stream_does_not_contain_records_written_after_it_was_opened() {
    let (api, client) = setup(100).await;
    let body = api.open_stream(&client).await;
    api.clock().tick();
    api.create_finding(&client, "late").await;
    let (text, ended) = read_to_end(body).await;
    assert!(ended && !text.contains("late"));
    assert_eq!(text.lines().count(), 101);
}

#[tokio::test]
async fn a_compressed_stream_decompresses_to_the_same_body() {
    let (api, client) = setup(100).await;
    let plain = api.stream_request(&client, findings_path()).send().await.expect(200);
    for encoding in ["gzip", "br", "zstd"] {
        let call = api.stream_request(&client, findings_path()).header("accept-encoding", encoding);
        let decompressed = call.send_and_decompress().await.expect(200);
        assert_eq!(decompressed.header("content-encoding"), encoding);
        assert_eq!(decompressed.body, plain.body);
    }
}

#[tokio::test]
async fn a_head_request_for_a_stream_returns_the_headers_of_a_get_and_holds_no_permit() {
    let (api, client) = setup(300).await;
    for _ in 0..3 {
        let head = api.request("HEAD", findings_path()).auth(&client).header("accept", NDJSON).send().await.expect(200);
        assert_eq!(head.header("content-type"), NDJSON);
        assert!(!head.header("x-as-of").is_empty());
        run_ready_tasks().await;
    }
}

/// Lets the other tasks run until they wait.
async fn run_ready_tasks() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_account_can_open_two_streams_an_organization_four_and_a_server_serves_eight() {
    let (api, client) = setup(300).await;
    let mut open = vec![api.open_stream(&client).await, api.open_stream(&client).await];
    let refused = api.stream_request(&client, findings_path()).send().await.expect(429);
    assert_eq!((refused.error_code().as_str(), refused.header("retry-after")), ("rate_limited", "5"));
    let other = api.full_access_client().await;
    open.extend([api.open_stream(&other).await, api.open_stream(&other).await]);
    let third = api.full_access_client().await;
    let refused = api.stream_request(&third, findings_path()).send().await.expect(429);
    assert!(refused.message().contains("the organization") && refused.message().contains("in pages"));
    let [guest, late] = [api.fixture.create_organization("guest").await, api.fixture.create_organization("late").await];
    api.store_large_findings(guest, 300).await;
    api.store_large_findings(late, 300).await;
    for _ in 0..2 {
        let guest = api.client(guest, Scope::ALL).await;
        open.splice(0..0, [api.open_stream(&guest).await, api.open_stream(&guest).await]);
    }
    let late = api.client(late, Scope::ALL).await;
    let refused = api.stream_request(&late, findings_path()).send().await.expect(503);
    assert_eq!((refused.error_code().as_str(), refused.header("retry-after")), ("internal", "5"));
    assert!(refused.message().contains("in pages"));
    api.get(findings_path()).auth(&late).send().await.expect(200);

    // A stream releases its permit when it is read to its end and when it is dropped.
    assert_complete(open.pop().unwrap()).await;
    run_ready_tasks().await;
    open.push(api.open_stream(&late).await);
    api.stream_request(&late, findings_path()).send().await.expect(503);
    drop(open.remove(0));
    run_ready_tasks().await;
    open.push(api.open_stream(&third).await);
    for body in open {
        assert_complete(body).await;
    }
}

#[tokio::test]
async fn an_unread_stream_that_is_complete_still_counts() {
    let (api, client) = setup(1).await;
    for encoding in ["identity", "gzip"] {
        let request = api.stream_request(&client, findings_path()).header("accept-encoding", encoding);
        let open = [request.clone().send_for_body(200).await, request.clone().send_for_body(200).await];
        run_ready_tasks().await;
        request.clone().send().await.expect(429);
        drop(open);
        request.send().await.expect(200);
    }
}

/// Refused streams are logged like all 429s: one entry a minute, with a count.
#[tokio::test]
async fn refused_streams_are_logged_once_a_minute() {
    let (api, client) = setup(300).await;
    let _open = [api.open_stream(&client).await, api.open_stream(&client).await];
    for _ in 0..5 {
        api.stream_request(&client, findings_path()).send().await.expect(429);
    }
    let refusals = async || {
        let entries = api.audit_log(api.home).await;
        entries.iter().filter(|recorded| recorded.entry.status == Some(429)).count()
    };
    assert_eq!(refusals().await, 1);
    api.clock().advance(Duration::from_secs(61));
    api.app.record_repeated_calls().await.unwrap();
    assert_eq!(refusals().await, 2);
}

#[tokio::test]
async fn no_stream_contains_records_of_another_organization() {
    let (api, _) = setup(20).await;
    let other_organization = api.fixture.create_organization("elsewhere").await;
    let other_client = api.client(other_organization, Scope::ALL).await;
    let params = PathParams::filled_with("none").with_registers_of(&api, other_organization).await;
    for list in scoped_operations().filter(|operation| is_list(operation) && !operation.path.contains('{')) {
        let path = params.path(list);
        let streamed = api.stream_request(&other_client, &path).send().await.expect(200);
        let text = String::from_utf8_lossy(&streamed.body).into_owned();
        assert!(!text.contains(&api.home.to_string()) && !text.contains("findingKey"), "{path}");
    }
}
