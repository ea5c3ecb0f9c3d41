//! Errors of every kind, all in the same envelope. The request builder checks that each error response has the envelope
//! and the request id.

use std::time::Duration;

use axum::body::Body;
use futures_util::{StreamExt, stream};
use scopes::Scope;
use serde_json::{Value, json};

use crate::support::{Client, MAX_ATTACHMENT_BYTES, TestApi, finding_body, findings_path, operations};

async fn setup() -> (TestApi, Client) {
    let api = TestApi::open().await;
    let client = api.full_access_client().await;
    (api, client)
}

#[tokio::test]
async fn an_unknown_route_returns_404_to_every_caller() {
    let (api, client) = setup().await;
    for path in [
        "/",
        "/api",
        "/api/v1",
        "/api/v1/",
        "/api/v1/governance/findings/",
        "/api/v2/governance/findings",
        "/api/v1/governance/findings/x/y/z",
        "/%ff",
        "//",
    ] {
        assert_eq!(api.get(path).send().await.expect(404).error_code(), "not_found", "{path}");
        assert_eq!(api.get(path).auth(&client).send().await.expect(404).error_code(), "not_found", "{path}");
        api.get(path).bearer_auth("nonsense").send().await.expect(404);
        api.request("PROPFIND", path).send().await.expect(404);
    }
}

#[tokio::test]
async fn a_wrong_method_is_rejected_with_405_and_allow_lists_the_supported_ones() {
    let (api, client) = setup().await;
    for (method, path, allow) in [
        ("DELETE", "/api/v1/governance/findings", "GET, HEAD, POST"),
        ("PUT", "/api/v1/governance/findings/find_01KSFQX5Y800000000000000003", "GET, HEAD, PATCH"),
        ("GET", "/api/v1/governance/findings/batch", "POST"),
        ("HEAD", "/api/v1/auth/token", "POST"),
        ("OPTIONS", "/api/v1/organization", "GET, HEAD"),
        ("BREW", "/api/v1/organization", "GET, HEAD"),
    ] {
        let response = api.request(method, path).auth(&client).send().await.expect(405);
        assert_eq!(response.header("allow"), allow, "{method} {path}");
        if method != "HEAD" {
            assert_eq!(response.error_code(), "method_not_allowed");
        }
    }
}

#[tokio::test]
async fn a_duplicate_json_member_is_rejected_by_name_and_nothing_is_stored() {
    let (api, client) = setup().await;
    let body = finding_body("twice").to_string().replacen('{', "{\"title\":\"Another\",", 1);
    let response = api.post(findings_path()).auth(&client).body("application/json", body).send().await.expect(400);
    assert!(response.message().starts_with("\"title\" is repeated at line 1"), "{}", response.message());
    let list = api.get(findings_path()).auth(&client).send().await.expect(200).json();
    assert_eq!(list["findings"], json!([]));
}

#[tokio::test]
async fn a_compressed_request_body_is_rejected_with_415() {
    let (api, client) = setup().await;
    let call = || api.post(findings_path()).auth(&client).json(&finding_body("compressed"));
    let response = call().header("content-encoding", "gzip").send().await.expect(415);
    assert!(response.message().contains("Content-Encoding"), "{}", response.message());
    call().header("content-encoding", "identity").send().await.expect(201);
}

#[tokio::test]
async fn a_body_that_is_not_a_json_object_is_one_error_of_the_whole_body() {
    let (api, client) = setup().await;
    let deep = "[".repeat(100_000);
    for body in [
        &b""[..],
        b"{",
        b"[]",
        b"null",
        b"\"x\"",
        b"{} {}",
        b"\xff\xfe",
        b"{\"reason\":\"\xff\"}",
        b"NaN",
        deep.as_bytes(),
    ] {
        let response = api.post(findings_path()).auth(&client).body("application/json", body).send().await.expect(400);
        assert_eq!(response.error_code(), "validation");
        assert_eq!(response.issue_paths(), [""], "{:?}", String::from_utf8_lossy(body));
    }
}

#[tokio::test]
async fn all_errors_of_a_body_are_reported_together() {
    let (api, client) = setup().await;
    let body = json!({
        "title": " ",
        "severity": "awful",
        "sourceKind": 7,
        "dueAt": "tomorrow",
        "subjectModuleKey": "assets",
        "ownerMemberUserId": "a\u{0}b",
        "status": "closed",
        "colour": "red",
    });
    let response = api.post(findings_path()).auth(&client).json(&body).send().await.expect(400);
    let mut paths = response.issue_paths();
    paths.sort_unstable();
    let faulty = [
        "colour",
        "dueAt",
        "findingKey",
        "ownerMemberUserId",
        "reason",
        "severity",
        "sourceKind",
        "status",
        "subjectResourceType",
        "title",
    ];
    assert_eq!(paths, faulty);
    assert!(response.issue_message("severity").contains("info, low, medium, high, critical"));
    assert!(response.issue_message("colour").contains("the allowed fields are: findingKey, title, severity"));
}

#[tokio::test]
async fn an_invalid_reason_does_not_hide_other_errors() {
    let (api, client) = setup().await;
    let path = format!("{}/{}", findings_path(), api.create_finding(&client, "k").await);
    let response = api.patch(&path).auth(&client).json(&json!({ "reason": "short" })).send().await.expect(400);
    assert_eq!(response.issue_paths(), ["reason", ""]);
    let body = json!({ "eventType": "verified_as_duplicate" });
    let response = api.post(&format!("{path}/events")).auth(&client).json(&body).send().await.expect(400);
    assert_eq!(response.issue_paths(), ["reason", "duplicateOfFindingId"]);
}

#[tokio::test]
async fn the_response_to_a_body_with_very_many_unknown_fields_has_a_bounded_size() {
    let (api, client) = setup().await;
    let fields: Vec<String> = (0..40_000).map(|number| format!("\"{number}\":0")).collect();
    let body = format!("{{{}}}", fields.join(","));
    let response = api.post(findings_path()).auth(&client).body("application/json", body).send().await.expect(400);
    assert!(response.body.len() < 64 * 1024, "{} bytes", response.body.len());
    assert!(response.message().contains("errors"));
}

#[tokio::test]
async fn the_response_to_a_query_with_very_many_parameters_has_a_bounded_size() {
    let (api, client) = setup().await;
    let query = |count: usize| (0..count).map(|number| format!("p{number}=")).collect::<Vec<_>>().join("&");
    for path in [findings_path(), "/api/v1/openapi.json", "/api/v1/organization"] {
        let get = async |count| api.get(&format!("{path}?{}", query(count))).auth(&client).send().await.expect(400);
        assert_eq!(get(2000).await.issue_message("query"), "must have at most 50 parameters", "{path}");
        let response = get(50).await;
        assert_eq!(response.issue_paths().len(), 21, "{path}");
        assert_eq!(response.issue_message("query"), "30 more unknown parameters are not listed", "{path}");
    }
}

#[tokio::test]
async fn a_query_that_is_not_utf8_or_repeats_a_parameter_is_rejected_with_400() {
    let (api, client) = setup().await;
    let get =
        async |query: &str| api.get(&format!("{}?{query}", findings_path())).auth(&client).send().await.expect(400);
    assert_eq!(get("status=%ff").await.issue_paths(), ["query.status"]);
    assert_eq!(get("limit=1&limit=2").await.issue_paths(), ["query.limit"]);
    assert_eq!(get("status=open&status=open").await.issue_paths(), ["query.status"]);
    assert_eq!(get("limit=0&status=x&colour=red&createdAfter=now").await.issue_paths().len(), 4);
    assert_eq!(get("&&=").await.issue_paths(), ["query."]);
}

#[tokio::test]
async fn an_unknown_filter_value_is_rejected_with_the_list_of_allowed_values() {
    let (api, client) = setup().await;
    for (query, path, allowed) in [
        ("governance/findings?status=opne", "query.status", "open, triaged"),
        ("governance/findings?status=open,", "query.status", "open, triaged"),
        ("governance/findings?status=", "query.status", "open, triaged"),
        ("governance/findings?severity=HIGH", "query.severity", "info, low"),
        ("governance/findings?sourceKind=x", "query.sourceKind", "assessment"),
        ("governance/controls?status=open", "query.status", "draft, active, retired"),
        ("governance/findings?order=created", "query.order", "updated"),
    ] {
        let response = api.get(&format!("/api/v1/{query}")).auth(&client).send().await.expect(400);
        assert_eq!(response.error_code(), "validation");
        assert!(response.issue_message(path).contains(allowed), "{query}: {}", response.issue_message(path));
    }
}

#[tokio::test]
async fn a_filter_value_that_no_store_could_hold_is_rejected_with_400() {
    let (api, client) = setup().await;
    for query in [
        "governance/findings?findingKey=%00",
        "governance/findings?subjectResourceId=a%00b",
        "audit/entries?action=%00",
        "audit/entries?actorId=x%00",
        "audit/entries?subjectId=%00",
    ] {
        api.get(&format!("/api/v1/{query}")).auth(&client).send().await.expect(400);
    }
}

#[tokio::test]
async fn a_body_of_another_type_is_rejected_with_415_and_one_above_a_mebibyte_with_413() {
    let (api, client) = setup().await;
    for content_type in ["text/plain", "application/xml", "application/jsonp", "", "multipart/form-data"] {
        let call = api.post(findings_path()).auth(&client).body(content_type, finding_body("k").to_string());
        assert_eq!(call.send().await.expect(415).error_code(), "unsupported_media_type", "{content_type}");
    }
    let mut body = finding_body("k").to_string().into_bytes();
    body.resize(1024 * 1024, b' ');
    api.post(findings_path()).auth(&client).body("application/json", body.clone()).send().await.expect(201);
    body.push(b' ');
    let response = api.post(findings_path()).auth(&client).body("application/json", body).send().await.expect(413);
    assert_eq!(response.error_code(), "payload_too_large");
}

#[tokio::test]
async fn every_operation_rejects_a_too_large_body_with_a_documented_413() {
    let (api, client) = setup().await;
    for operation in operations().iter().filter(|operation| !operation.path.contains('{')) {
        let call = api.request(&operation.method, &format!("{}?reason=because+a+test+says+so", operation.path));
        let call = if operation.bytes_example().is_some() {
            call.file("large", "text/plain", vec![b' '; MAX_ATTACHMENT_BYTES as usize + 1])
        } else {
            call.body_without_content_type(vec![b' '; 1024 * 1024 + 1])
        };
        call.auth(&client).send().await.expect(413);
    }
}

#[tokio::test]
async fn an_accept_header_that_excludes_json_is_rejected_with_406() {
    let (api, client) = setup().await;
    for good in [
        "application/json",
        "*/*",
        "application/*",
        "text/html, application/json;q=0.1",
        "APPLICATION/JSON; charset=utf-8",
        "",
    ] {
        api.get(findings_path()).auth(&client).header("accept", good).send().await.expect(200);
    }
    for bad in ["text/html", "application/xml, text/*", "application/json;q=0", "application/json; q=0.000", "nonsense"]
    {
        let response = api.get(findings_path()).auth(&client).header("accept", bad).send().await.expect(406);
        assert_eq!(response.error_code(), "not_acceptable", "{bad}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_breaks_off_or_never_completes_is_rejected_with_400_and_changes_nothing() {
    let (api, client) = setup().await;
    let text = finding_body("k").to_string();
    let (first, _) = text.split_at(20);
    let first = || stream::iter([Ok(first.to_owned())]);
    let broken = first().chain(stream::iter([Err(std::io::Error::other("gone"))]));
    let stalled = first().chain(stream::pending::<std::io::Result<String>>());
    // Fast enough to be awaited, but not to be complete in time.
    let endless = stream::unfold(tokio::time::interval(Duration::from_secs(1)), async |mut ticks| {
        ticks.tick().await;
        Some((std::io::Result::Ok(" ".repeat(2048)), ticks))
    });
    let call = api.post(findings_path()).auth(&client).header("content-type", "application/json");
    for (body, expected, seconds) in [
        (Body::from_stream(broken), "before the body was complete", 0),
        (Body::from_stream(stalled), "within 10 s", 10),
        (Body::from_stream(endless), "within 30 s", 30),
    ] {
        let began = tokio::time::Instant::now();
        let response = call.clone().send_body_stream(body).await.expect(400);
        assert!(response.message().contains(expected), "{}", response.message());
        assert_eq!(began.elapsed().as_secs(), seconds);
    }
    api.create_finding(&client, "k").await;
}

#[tokio::test]
async fn a_head_whose_host_or_body_end_is_ambiguous_is_rejected_with_400() {
    let (api, client) = setup().await;
    for (request, path) in [
        (api.get(findings_path()).without_header("host"), "header.Host"),
        (api.get(findings_path()).header("host", "another.test"), "header.Host"),
        (api.get(findings_path()).header("transfer-encoding", "gzip, chunked"), "header.Transfer-Encoding"),
        (api.get(findings_path()).header("transfer-encoding", "identity"), "header.Transfer-Encoding"),
    ] {
        assert_eq!(request.auth(&client).send().await.expect(400).issue_paths(), [path]);
    }
    api.get(findings_path()).header("transfer-encoding", "Chunked").auth(&client).send().await.expect(200);
}

#[tokio::test]
async fn the_scope_is_checked_before_the_request_is_parsed() {
    let (api, _) = setup().await;
    let unprivileged = api.client(api.home, &[Scope::WebhooksManage]).await;
    for body in [Value::Null, json!({ "nonsense": true })] {
        api.post(findings_path()).auth(&unprivileged).json(&body).send().await.expect(403);
    }
    api.get(&format!("{}/nonsense", findings_path())).auth(&unprivileged).send().await.expect(403);
}

/// Nothing outside the pipeline changes the status of a response: it would differ from the one in the audit log, after
/// the request had its effect.
#[tokio::test]
async fn no_accept_encoding_changes_the_status_of_a_response() {
    let (api, client) = setup().await;
    let mut findings = 0;
    for (index, coding) in [
        "*;q=0",
        "identity;q=0",
        "*;q=0, identity;q=0",
        "gzip;q=0, *;q=0",
        "identity;q=0, gzip;q=0, br;q=0, zstd;q=0, deflate",
        "*;q=0.000",
        "compress, *;q=0",
        "identity;q=0, identity, *;q=0",
        "gzip",
        "",
        "*",
        "identity;q=1, *;q=0",
        "nonsense;;;q",
    ]
    .into_iter()
    .enumerate()
    {
        let body = with_field(finding_body(&format!("k{index}")), "description", json!("long ".repeat(1000)));
        let written =
            api.post(findings_path()).auth(&client).json(&body).header("accept-encoding", coding).send().await;
        assert_eq!(written.status, 201, "{coding:?}");
        findings += 1;
        let id = written.header("x-request-id").to_owned();
        let entries = api.entries_by_request().await;
        assert!(entries[&id].iter().all(|stored| stored.entry.status == Some(201)), "{coding:?}");
        let read = api.get(findings_path()).auth(&client).header("accept-encoding", coding).send().await.expect(200);
        if !read.headers.contains_key("content-encoding") {
            assert_eq!(read.json()["findings"].as_array().unwrap().len(), findings);
        }
    }
}

fn with_field(mut body: Value, name: &str, value: Value) -> Value {
    body[name] = value;
    body
}
