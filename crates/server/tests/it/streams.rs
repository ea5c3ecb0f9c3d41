//! Streams of complete collections as NDJSON, from the real program on both engines.

use std::time::{Duration, Instant};

use reqwest::Response;
use serde_json::json;

use crate::support::{Client, Credentials, Installation, Server, eventually};

const FINDINGS: &str = "/api/v1/governance/findings";
const LAST_LINE: &str = "\n{\"pagination\":{}}\n";

/// The number of findings created through the API, and of copies of each in the database.
const ORIGINALS: usize = 10;
const COPIES: usize = 10_000;
/// The maximum additional memory, in bytes, for a stream of about 140 MB. The program under test is not optimized.
const MAX_MEMORY_GROWTH: u64 = 64 * 1024 * 1024;

struct PopulatedServer {
    server: Server,
    credentials: Credentials,
    token: String,
}

/// Starts a server with a hundred thousand findings of one kilobyte each.
async fn start_populated_server(installation: Installation) -> PopulatedServer {
    let server = Server::start_with(installation);
    let credentials = server.create_account("puller", &["governance.findings:read", "governance.findings:write"]);
    let client = Client::with_token(&server.url, &credentials).await;
    let findings: Vec<_> = (0..ORIGINALS)
        .map(|number| {
            json!({
                "findingKey": format!("original-{number}"),
                "title": "A finding",
                "description": "x".repeat(1000),
                "severity": "low",
                "sourceKind": "manual",
            })
        })
        .collect();
    let body = json!({ "reason": "recorded by a test of the program", "findings": findings });
    assert_eq!(client.post(&format!("{FINDINGS}/batch"), &body).await.status, 200);
    // Eight digits, which are valid characters of an identifier.
    let (first, last) = (10_000_001, 10_000_000 + COPIES);
    let copying = format!(
        "INSERT INTO findings (organization_id, id, revision, created_at, updated_at, key, title, description, severity, \
         status, source_kind) \
         WITH RECURSIVE n (i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM n WHERE i < {last}) \
         SELECT organization_id, substr(id, 1, 10) || substr(id, 19, 8) || CAST(i AS text), revision, created_at, \
         updated_at, key || '-' || CAST(i AS text), title, description, severity, status, source_kind FROM findings, n"
    );
    let copied = server.installation().database().await.execute(&copying).await;
    assert_eq!(copied, (ORIGINALS * COPIES) as u64);
    let answer = client.request_token(&credentials).await;
    let token = answer.body["access_token"].as_str().expect("a token").to_owned();
    PopulatedServer { server, credentials, token }
}

impl PopulatedServer {
    async fn open_stream(&self) -> Response {
        let client = reqwest::Client::builder().http1_only().build().expect("a client");
        let request = client.get(format!("{}{FINDINGS}", self.server.url)).bearer_auth(&self.token);
        request.header("accept", "application/x-ndjson").send().await.expect("an answer")
    }
}

/// Reads the remaining response. Returns the number of lines, the end of the text, and whether the response was
/// complete.
async fn read_to_end(mut response: Response, mut between: impl FnMut()) -> (usize, String, bool) {
    let (mut lines, mut end) = (0, Vec::new());
    loop {
        let chunk = match response.chunk().await {
            Ok(Some(chunk)) => chunk,
            end_or_error => return (lines, String::from_utf8_lossy(&end).into_owned(), end_or_error.is_ok()),
        };
        lines += chunk.iter().filter(|byte| **byte == b'\n').count();
        end.extend_from_slice(&chunk);
        end.drain(..end.len().saturating_sub(100));
        between();
    }
}

async fn assert_streamed_in_bounded_memory(installation: Installation) {
    let populated = start_populated_server(installation).await;
    let before = populated.server.resident_bytes();
    let mut peak = 0;
    let response = populated.open_stream().await;
    assert_eq!(response.status(), 200);
    assert!(response.headers().contains_key("x-as-of"));
    let (lines, end, complete) = read_to_end(response, || peak = peak.max(populated.server.resident_bytes())).await;
    assert!(complete && end.ends_with(LAST_LINE), "the stream ends with {end:?}");
    assert_eq!(lines, ORIGINALS * (COPIES + 1) + 1);
    assert!(peak < before + MAX_MEMORY_GROWTH, "{} MiB more than before", (peak - before) / 1024 / 1024);
}

async fn assert_disabling_aborts_within_five_seconds(installation: Installation) {
    let populated = start_populated_server(installation).await;
    let mut response = populated.open_stream().await;
    assert!(response.chunk().await.expect("what was sent").is_some());
    let disabled =
        populated.server.installation().run(&["service-account", "disable", &populated.credentials.client_id]);
    assert!(disabled.status.success(), "{}", disabled.stderr);
    let since = Instant::now();
    // The client reads nothing meanwhile, so its reading can't be what ends the stream.
    eventually("the stream is aborted", async || populated.server.log().contains("a stream was aborted").then_some(()))
        .await;
    assert!(since.elapsed() < Duration::from_secs(5), "the stream was aborted after {:?}", since.elapsed());
    let (_, end, complete) = read_to_end(response, || {}).await;
    assert!(!complete, "an aborted stream ends like a complete one");
    assert!(!end.contains("pagination"), "the stream ends with {end:?}");
}

async fn assert_disconnecting_releases_permits(installation: Installation) {
    let populated = start_populated_server(installation).await;
    let open = [populated.open_stream().await, populated.open_stream().await];
    assert!(open.iter().all(|response| response.status() == 200));
    let refused = populated.open_stream().await;
    assert_eq!(refused.status(), 429);
    assert!(refused.headers().contains_key("retry-after"));
    drop(open);
    eventually("a stream permit is released", async || (populated.open_stream().await.status() == 200).then_some(()))
        .await;
}

#[tokio::test]
async fn a_hundred_thousand_records_are_streamed_in_bounded_memory() {
    assert_streamed_in_bounded_memory(Installation::new()).await;
}

#[tokio::test]
async fn a_hundred_thousand_records_are_streamed_in_bounded_memory_on_postgres() {
    assert_streamed_in_bounded_memory(Installation::with_new_postgres().await).await;
}

#[tokio::test]
async fn disabling_an_account_aborts_its_streams_within_five_seconds() {
    assert_disabling_aborts_within_five_seconds(Installation::new()).await;
}

#[tokio::test]
async fn disabling_an_account_aborts_its_streams_within_five_seconds_on_postgres() {
    assert_disabling_aborts_within_five_seconds(Installation::with_new_postgres().await).await;
}

#[tokio::test]
async fn clients_that_disconnect_release_their_stream_permits() {
    assert_disconnecting_releases_permits(Installation::new()).await;
}

#[tokio::test]
async fn clients_that_disconnect_release_their_stream_permits_on_postgres() {
    assert_disconnecting_releases_permits(Installation::with_new_postgres().await).await;
}
