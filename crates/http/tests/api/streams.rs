//! Whole collections as NDJSON streams (contract v1 § 1).

mod cuts;

use std::time::Duration;

use axum::body::Body;
use findings::{Finding, Severity};
use http_body_util::BodyExt;
use kernel::{Description, Timestamp};
use scopes::Scope;
use serde_json::{Value, json};
use store_contract::samples;

use crate::{
    operations::{Places, scoped},
    support::{Answer, Call, Client, House, Operation, findings_path},
};

const LINES: &str = "application/x-ndjson";

/// An API with this many findings, each so large that only a few fit into one chunk of a stream.
async fn house(findings: usize) -> (House, Client) {
    let api = House::open().await;
    let client = api.everyone().await;
    api.large_findings(findings).await;
    (api, client)
}

impl House {
    async fn large_findings(&self, count: usize) {
        for first in (0..count).step_by(100) {
            self.clock().tick();
            let mut changeset = self.fixture.changeset(self.home);
            for number in first..count.min(first + 100) {
                let finding = Finding {
                    severity: Severity::ALL[number % Severity::ALL.len()],
                    description: Description::parse(&"x".repeat(10_000)).unwrap(),
                    ..samples::finding(&format!("k{number}"))
                };
                let stored = self.fixture.fresh(&changeset, finding);
                changeset.create(&stored);
            }
            self.fixture.commit(changeset).await.unwrap();
        }
    }

    fn stream(&self, client: &Client, path: &str) -> Call {
        self.get(path).by(client).header("accept", LINES)
    }

    /// Opens a stream of all findings without reading from it.
    async fn open_stream(&self, client: &Client) -> Body {
        self.stream(client, findings_path()).open(200).await
    }
}

/// The records of a complete stream.
fn records(response: &Answer) -> Vec<Value> {
    let mut lines = response.lines();
    assert_eq!(lines.pop(), Some(json!({ "pagination": {} })));
    lines
}

fn keys(records: &[Value]) -> Vec<&str> {
    records.iter().map(|record| record["findingKey"].as_str().unwrap()).collect()
}

/// Reads the rest of a stream. Returns it, and whether the stream ended regularly.
async fn rest(mut body: Body) -> (String, bool) {
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
async fn is_whole(body: Body) {
    let (text, ended) = rest(body).await;
    assert!(ended && text.ends_with("\n{\"pagination\":{}}\n"), "the stream was aborted");
}

fn is_list(operation: &Operation) -> bool {
    operation.described["parameters"].as_array().unwrap().iter().any(|parameter| parameter["name"] == "cursor")
}

#[tokio::test]
async fn every_list_gives_in_lines_what_its_pages_hold_and_is_on_record_once() {
    let api = House::open().await;
    let client = api.everyone().await;
    let params = Places::in_house(&api, &client).await;
    api.large_findings(7).await;
    for number in 0..3 {
        api.stored_control(api.home, &format!("CTL-1{number}")).await;
    }
    for kind in ["acknowledged", "comment"] {
        let body = json!({ "eventType": kind, "reason": "because a test says so" });
        let path = format!("{}/{}/events", findings_path(), params.finding);
        api.post(&path).by(&client).json(&body).send().await.expect(201);
    }
    let lists: Vec<_> = scoped().filter(|operation| is_list(operation)).collect();
    assert!(lists.len() >= 4);
    for operation in lists {
        let path = params.path(operation);
        let streamed = api.stream(&client, &path).send().await.expect(200);
        assert_eq!(streamed.header("content-type"), LINES, "{}", operation.id);
        assert!(streamed.header("x-as-of").parse::<Timestamp>().is_ok(), "{}", operation.id);
        let entries = api.entries_by_request().await.remove(streamed.header("x-request-id")).unwrap();
        let [recorded] = entries.as_slice() else { panic!("{} left the entries {entries:?}", operation.id) };
        assert_eq!(recorded.entry.status, Some(200), "{}", operation.id);

        let (mut paged, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = api.get(&format!("{path}?limit=2{cursor}")).by(&client).send().await.expect(200).json();
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
async fn what_is_no_list_has_no_lines() {
    let api = House::open().await;
    let client = api.everyone().await;
    let params = Places::in_house(&api, &client).await;
    for operation in scoped().filter(|operation| !is_list(operation)) {
        let response = params.call(&api, operation).by(&client).header("accept", LINES).send().await.expect(406);
        let expected = operation.described["responses"]["200"]["content"].as_object().into_iter().flatten().next();
        let expected = expected.map_or("application/json", |(kind, _)| kind.as_str());
        assert!(response.message().ends_with(&format!("respond with {expected}")), "{}", operation.id);
    }
    let response = api.get(findings_path()).by(&client).header("accept", "text/csv").send().await.expect(406);
    assert!(response.message().ends_with("respond with application/json or application/x-ndjson"));
    let page = api.get(findings_path()).by(&client).header("accept", "*/*").send().await.expect(200);
    assert_eq!(page.header("content-type"), "application/json");
}

#[tokio::test]
async fn filters_spans_and_order_hold_for_a_stream() {
    let (api, client) = house(8).await;
    let stream = async |query: &str| {
        records(&api.stream(&client, &format!("{}?{query}", findings_path())).send().await.expect(200))
    };
    assert_eq!(keys(&stream("").await), ["k7", "k6", "k5", "k4", "k3", "k2", "k1", "k0"]);
    let filtered = stream("severity=critical,high").await;
    assert!(filtered.len() > 1 && filtered.len() < 8);
    assert!(filtered.iter().all(|record| ["critical", "high"].contains(&record["severity"].as_str().unwrap())));
    api.clock().tick();
    let since = api.fixture.now();
    let id = api.finding(&client, "late").await;
    assert_eq!(keys(&stream(&format!("order=updated&updated_since={since}")).await), ["late"]);
    assert_eq!(stream(&format!("createdAfter={since}")).await[0]["id"], id.as_str());
    assert_eq!(keys(&stream("order=updated&updated_since=2000-01-01").await)[0], "k0");
    for query in ["stauts=open", "severity=dreadful", "order=updated"] {
        api.stream(&client, &format!("{}?{query}", findings_path())).send().await.expect(400);
    }
}

#[tokio::test]
async fn what_tells_pages_apart_is_refused_for_a_stream() {
    let (api, client) = house(3).await;
    let page = api.get(&format!("{}?limit=1", findings_path())).by(&client).send().await.expect(200).json();
    let cursor = page["pagination"]["nextCursor"].as_str().unwrap().to_owned();
    for (query, paths) in [
        ("limit=200".to_owned(), vec!["query.limit"]),
        (format!("cursor={cursor}"), vec!["query.cursor"]),
        (format!("limit=1&cursor={cursor}"), vec!["query.limit", "query.cursor"]),
    ] {
        let response = api.stream(&client, &format!("{}?{query}", findings_path())).send().await.expect(400);
        assert_eq!(response.paths(), paths);
        assert!(response.issue(paths[0]).contains("the whole collection"));
    }
}

#[tokio::test]
async fn a_stream_counts_as_one_read() {
    let (api, client) = house(50).await;
    let remaining = |response: &Answer| response.header("x-ratelimit-remaining").parse::<u64>().unwrap();
    let before = api.get("/api/v1/organization").by(&client).send().await.expect(200);
    let streamed = api.stream(&client, findings_path()).send().await.expect(200);
    assert_eq!(records(&streamed).len(), 50);
    assert_eq!(remaining(&before) - remaining(&streamed), 1);
}

#[tokio::test]
async fn what_is_written_while_a_stream_is_open_does_not_show() {
    let (api, client) = house(100).await;
    let body = api.open_stream(&client).await;
    api.clock().tick();
    api.finding(&client, "late").await;
    let (text, ended) = rest(body).await;
    assert!(ended && !text.contains("late"));
    assert_eq!(text.lines().count(), 101);
}

#[tokio::test]
async fn a_compressed_stream_unpacks_to_the_same() {
    let (api, client) = house(100).await;
    let plain = api.stream(&client, findings_path()).send().await.expect(200);
    for encoding in ["gzip", "br", "zstd"] {
        let call = api.stream(&client, findings_path()).header("accept-encoding", encoding);
        let decompressed = call.send_and_unpack().await.expect(200);
        assert_eq!(decompressed.header("content-encoding"), encoding);
        assert_eq!(decompressed.body, plain.body);
    }
}

#[tokio::test]
async fn the_head_of_a_stream_is_that_of_a_get_and_takes_no_place() {
    let (api, client) = house(300).await;
    for _ in 0..3 {
        let head = api.call("HEAD", findings_path()).by(&client).header("accept", LINES).send().await.expect(200);
        assert_eq!(head.header("content-type"), LINES);
        assert!(!head.header("x-as-of").is_empty());
        settle().await;
    }
}

/// Lets the other tasks run until they wait.
async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_account_has_two_streams_and_a_server_eight() {
    let (api, client) = house(300).await;
    let mut open = vec![api.open_stream(&client).await, api.open_stream(&client).await];
    let refused = api.stream(&client, findings_path()).send().await.expect(429);
    assert_eq!((refused.error().as_str(), refused.header("retry-after")), ("rate_limited", "5"));
    for _ in 0..3 {
        let other = api.everyone().await;
        open.extend([api.open_stream(&other).await, api.open_stream(&other).await]);
    }
    let late = api.everyone().await;
    let refused = api.stream(&late, findings_path()).send().await.expect(503);
    assert_eq!((refused.error().as_str(), refused.header("retry-after")), ("internal", "5"));
    api.get(findings_path()).by(&late).send().await.expect(200);

    // A stream releases its permit when it is read to its end and when it is dropped.
    is_whole(open.pop().unwrap()).await;
    settle().await;
    open.push(api.open_stream(&late).await);
    api.stream(&late, findings_path()).send().await.expect(503);
    drop(open.remove(0));
    settle().await;
    open.push(api.open_stream(&client).await);
    for body in open {
        is_whole(body).await;
    }
}

/// Refused streams are logged like all 429s: one entry a minute, with a count.
#[tokio::test]
async fn streams_too_many_are_on_record_once_a_minute() {
    let (api, client) = house(300).await;
    let _open = [api.open_stream(&client).await, api.open_stream(&client).await];
    for _ in 0..5 {
        api.stream(&client, findings_path()).send().await.expect(429);
    }
    let refusals = async || {
        let entries = api.log(api.home).await;
        entries.iter().filter(|recorded| recorded.entry.status == Some(429)).count()
    };
    assert_eq!(refusals().await, 1);
    api.clock().advance(Duration::from_secs(61));
    api.app.run_periodic().await.unwrap();
    assert_eq!(refusals().await, 2);
}

#[tokio::test]
async fn another_organizations_records_are_in_no_stream() {
    let (api, _) = house(20).await;
    let other_organization = api.fixture.organization("elsewhere").await;
    let other_client = api.client(other_organization, Scope::ALL).await;
    for list in scoped().filter(|operation| is_list(operation) && !operation.path.contains('{')) {
        let path = &list.path;
        let streamed = api.stream(&other_client, path).send().await.expect(200);
        let text = String::from_utf8_lossy(&streamed.body).into_owned();
        assert!(!text.contains(&api.home.to_string()) && !text.contains("findingKey"), "{path}");
    }
}
