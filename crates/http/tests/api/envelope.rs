//! Errors of every kind, all in the same envelope. The request builder checks that each error response has the envelope
//! and the request id.

use axum::body::Body;
use futures_util::{StreamExt, stream};
use scopes::Scope;
use serde_json::{Value, json};

use crate::support::{Client, Fault, House, Port, finding_body, findings_path, operations};

async fn house() -> (House, Client) {
    let api = House::open().await;
    let client = api.everyone().await;
    (api, client)
}

#[tokio::test]
async fn an_unknown_route_is_404_for_everybody() {
    let (api, client) = house().await;
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
        assert_eq!(api.get(path).send().await.expect(404).error(), "not_found", "{path}");
        assert_eq!(api.get(path).by(&client).send().await.expect(404).error(), "not_found", "{path}");
        api.get(path).bearer("nonsense").send().await.expect(404);
        api.call("PROPFIND", path).send().await.expect(404);
    }
}

#[tokio::test]
async fn a_wrong_method_is_405_and_allow_names_the_right_ones() {
    let (api, client) = house().await;
    for (method, path, allow) in [
        ("DELETE", "/api/v1/governance/findings", "GET, HEAD, POST"),
        ("PUT", "/api/v1/governance/findings/find_01KSFQX5Y800000000000000003", "GET, HEAD, PATCH"),
        ("GET", "/api/v1/governance/findings/batch", "POST"),
        ("HEAD", "/api/v1/auth/token", "POST"),
        ("OPTIONS", "/api/v1/organization", "GET, HEAD"),
        ("BREW", "/api/v1/organization", "GET, HEAD"),
    ] {
        let response = api.call(method, path).by(&client).send().await.expect(405);
        assert_eq!(response.header("allow"), allow, "{method} {path}");
        if method != "HEAD" {
            assert_eq!(response.error(), "method_not_allowed");
        }
    }
}

#[tokio::test]
async fn a_member_given_twice_is_refused_by_name_and_nothing_is_recorded() {
    let (api, client) = house().await;
    let body = finding_body("twice").to_string().replacen('{', "{\"title\":\"Another\",", 1);
    let response = api.post(findings_path()).by(&client).body("application/json", body).send().await.expect(400);
    assert!(response.message().starts_with("\"title\" is repeated at line 1"), "{}", response.message());
    let list = api.get(findings_path()).by(&client).send().await.expect(200).json();
    assert_eq!(list["findings"], json!([]));
}

#[tokio::test]
async fn a_compressed_body_is_told_to_be_one() {
    let (api, client) = house().await;
    let call = || api.post(findings_path()).by(&client).json(&finding_body("compressed"));
    let response = call().header("content-encoding", "gzip").send().await.expect(415);
    assert!(response.message().contains("Content-Encoding"), "{}", response.message());
    call().header("content-encoding", "identity").send().await.expect(201);
}

#[tokio::test]
async fn a_body_that_is_no_json_object_is_a_fault_of_the_whole() {
    let (api, client) = house().await;
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
        b"{\"a\":\"\\ud800\"}",
        b"NaN",
        deep.as_bytes(),
    ] {
        let response = api.post(findings_path()).by(&client).body("application/json", body).send().await.expect(400);
        assert_eq!(response.error(), "validation");
        assert_eq!(response.paths(), [""], "{:?}", String::from_utf8_lossy(body));
    }
}

#[tokio::test]
async fn every_fault_of_a_body_is_told_at_once() {
    let (api, client) = house().await;
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
    let response = api.post(findings_path()).by(&client).json(&body).send().await.expect(400);
    let mut paths = response.paths();
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
    assert!(response.issue("severity").contains("info, low, medium, high, critical"));
    assert!(response.issue("colour").contains("the allowed fields are: findingKey, title, severity"));
}

#[tokio::test]
async fn a_faulty_reason_hides_no_fault_beside_it() {
    let (api, client) = house().await;
    let path = format!("{}/{}", findings_path(), api.finding(&client, "k").await);
    let response = api.patch(&path).by(&client).json(&json!({ "reason": "short" })).send().await.expect(400);
    assert_eq!(response.paths(), ["reason", ""]);
    let body = json!({ "eventType": "verified_as_duplicate" });
    let response = api.post(&format!("{path}/events")).by(&client).json(&body).send().await.expect(400);
    assert_eq!(response.paths(), ["reason", "duplicateOfFindingId"]);
}

#[tokio::test]
async fn a_body_with_ever_so_many_unknown_fields_gets_an_answer_of_bounded_size() {
    let (api, client) = house().await;
    let fields: Vec<String> = (0..100_000).map(|number| format!("\"{number}\":0")).collect();
    let body = format!("{{{}}}", fields.join(","));
    let response = api.post(findings_path()).by(&client).body("application/json", body).send().await.expect(400);
    assert!(response.body.len() < 64 * 1024, "{} bytes", response.body.len());
    assert!(response.message().contains("errors"));
}

#[tokio::test]
async fn a_query_with_ever_so_many_parameters_gets_an_answer_of_bounded_size() {
    let (api, client) = house().await;
    let query = |count: usize| (0..count).map(|number| format!("p{number}=")).collect::<Vec<_>>().join("&");
    for path in [findings_path(), "/api/v1/openapi.json", "/api/v1/organization"] {
        let get = async |count| api.get(&format!("{path}?{}", query(count))).by(&client).send().await.expect(400);
        assert_eq!(get(2000).await.issue("query"), "must have at most 50 parameters", "{path}");
        let response = get(50).await;
        assert_eq!(response.paths().len(), 21, "{path}");
        assert_eq!(response.issue("query"), "30 more unknown parameters are not listed", "{path}");
    }
}

#[tokio::test]
async fn a_query_that_is_not_utf8_or_names_a_parameter_twice_is_400() {
    let (api, client) = house().await;
    let get = async |query: &str| api.get(&format!("{}?{query}", findings_path())).by(&client).send().await.expect(400);
    assert_eq!(get("status=%ff").await.paths(), ["query.status"]);
    assert_eq!(get("limit=1&limit=2").await.paths(), ["query.limit"]);
    assert_eq!(get("status=open&status=open").await.paths(), ["query.status"]);
    assert_eq!(get("limit=0&status=x&colour=red&createdAfter=now").await.paths().len(), 4);
    assert_eq!(get("&&=").await.paths(), ["query."]);
}

#[tokio::test]
async fn an_unknown_value_of_a_filter_is_named_with_the_allowed_ones() {
    let (api, client) = house().await;
    for (query, path, allowed) in [
        ("governance/findings?status=opne", "query.status", "open, triaged"),
        ("governance/findings?status=open,", "query.status", "open, triaged"),
        ("governance/findings?status=", "query.status", "open, triaged"),
        ("governance/findings?severity=HIGH", "query.severity", "info, low"),
        ("governance/findings?sourceKind=x", "query.sourceKind", "assessment"),
        ("governance/controls?status=open", "query.status", "draft, active, retired"),
        ("governance/findings?order=created", "query.order", "updated"),
    ] {
        let response = api.get(&format!("/api/v1/{query}")).by(&client).send().await.expect(400);
        assert_eq!(response.error(), "validation");
        assert!(response.issue(path).contains(allowed), "{query}: {}", response.issue(path));
    }
}

#[tokio::test]
async fn a_filter_value_no_store_could_hold_is_400() {
    let (api, client) = house().await;
    for query in [
        "governance/findings?findingKey=%00",
        "governance/findings?subjectResourceId=a%00b",
        "audit/entries?action=%00",
        "audit/entries?actorId=x%00",
        "audit/entries?subjectId=%00",
    ] {
        api.get(&format!("/api/v1/{query}")).by(&client).send().await.expect(400);
    }
}

#[tokio::test]
async fn a_body_of_another_type_is_415_and_one_past_a_mebibyte_413() {
    let (api, client) = house().await;
    for content_type in ["text/plain", "application/xml", "application/jsonp", "", "multipart/form-data"] {
        let call = api.post(findings_path()).by(&client).body(content_type, finding_body("k").to_string());
        assert_eq!(call.send().await.expect(415).error(), "unsupported_media_type", "{content_type}");
    }
    let mut body = finding_body("k").to_string().into_bytes();
    body.resize(1024 * 1024, b' ');
    api.post(findings_path()).by(&client).body("application/json", body.clone()).send().await.expect(201);
    body.push(b' ');
    let response = api.post(findings_path()).by(&client).body("application/json", body).send().await.expect(413);
    assert_eq!(response.error(), "payload_too_large");
}

#[tokio::test]
async fn every_operation_documents_that_a_body_may_be_too_large() {
    let (api, client) = house().await;
    for operation in operations().iter().filter(|operation| !operation.path.contains('{')) {
        let body = vec![b' '; 1024 * 1024 + 1];
        api.call(&operation.method, &operation.path).by(&client).bare_body(body).send().await.expect(413);
    }
}

#[tokio::test]
async fn what_accept_leaves_out_is_406() {
    let (api, client) = house().await;
    for good in [
        "application/json",
        "*/*",
        "application/*",
        "text/html, application/json;q=0.1",
        "APPLICATION/JSON; charset=utf-8",
        "",
    ] {
        api.get(findings_path()).by(&client).header("accept", good).send().await.expect(200);
    }
    for bad in ["text/html", "application/xml, text/*", "application/json;q=0", "application/json; q=0.000", "nonsense"]
    {
        let response = api.get(findings_path()).by(&client).header("accept", bad).send().await.expect(406);
        assert_eq!(response.error(), "not_acceptable", "{bad}");
    }
}

#[tokio::test]
async fn a_store_that_is_away_is_503_with_retry_after_and_changes_nothing() {
    let (api, client) = house().await;
    for point in [Port::Read, Port::Commit, Port::Append, Port::Revision, Port::ClientId, Port::Kept] {
        // A new revision of the account invalidates the cached one, so that the account is read again.
        api.rescope(&client, Scope::ALL).await;
        api.watched.fail(point, Fault::Unavailable);
        let responses = [
            api.ask_token(&client).await,
            api.get(findings_path()).by(&client).send().await,
            api.post(findings_path())
                .by(&client)
                .json(&finding_body(&format!("{point:?}")))
                .key(&format!("{point:?}"))
                .send()
                .await,
        ];
        api.watched.heal();
        let failed: Vec<_> = responses.iter().filter(|response| response.status == 503).collect();
        assert!(!failed.is_empty(), "no request failed although {point:?} was unavailable");
        for response in failed {
            assert_eq!(response.error(), "internal");
            assert!(response.header("retry-after").parse::<u32>().unwrap() >= 1);
        }
        assert!(responses.iter().all(|response| response.status < 500 || response.status == 503));
    }
}

#[tokio::test]
async fn a_store_that_is_broken_or_panics_is_500_and_tells_nothing_of_itself() {
    let (api, client) = house().await;
    for fault in [Fault::Corrupt, Fault::Panic] {
        for point in [Port::Read, Port::Commit, Port::Append, Port::Revision, Port::ClientId, Port::Kept] {
            api.rescope(&client, Scope::ALL).await;
            api.watched.fail(point, fault);
            let responses = [
                api.ask_token(&client).await,
                api.get(findings_path()).by(&client).send().await,
                api.post(findings_path())
                    .by(&client)
                    .json(&finding_body(&format!("{point:?}")))
                    .key(&format!("{fault:?}{point:?}"))
                    .send()
                    .await,
            ];
            api.watched.heal();
            assert!(
                responses.iter().any(|response| response.status == 500),
                "no request failed with {fault:?} of {point:?}"
            );
            for response in responses.iter().filter(|response| response.status == 500) {
                assert_eq!(response.error(), "internal");
            }
        }
    }
    api.get(findings_path()).by(&client).send().await.expect(200);
}

#[tokio::test]
async fn a_call_that_panicked_is_on_record() {
    let (api, client) = house().await;
    api.watched.fail(Port::Read, Fault::Panic);
    let response = api.get(findings_path()).by(&client).send().await.expect(500);
    api.watched.heal();
    let entries = api.entries_by_request().await;
    assert_eq!(entries[response.header("x-request-id")][0].entry.status, Some(500));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_breaks_off_or_never_arrives_is_400_and_changes_nothing() {
    let (api, client) = house().await;
    let text = finding_body("k").to_string();
    let (first, _) = text.split_at(20);
    let first = || stream::iter([Ok(first.to_owned())]);
    let broken = first().chain(stream::iter([Err(std::io::Error::other("gone"))]));
    let endless = first().chain(stream::pending::<std::io::Result<String>>());
    let call = api.post(findings_path()).by(&client).header("content-type", "application/json");
    for (body, expected) in
        [(Body::from_stream(broken), "before the body was complete"), (Body::from_stream(endless), "within 30 s")]
    {
        let response = call.clone().send_stream(body).await.expect(400);
        assert!(response.message().contains(expected), "{}", response.message());
    }
    api.finding(&client, "k").await;
}

#[tokio::test]
async fn scope_is_judged_before_the_request_is_read() {
    let (api, _) = house().await;
    let unprivileged = api.client(api.home, &[Scope::WebhooksManage]).await;
    for body in [Value::Null, json!({ "nonsense": true })] {
        api.post(findings_path()).by(&unprivileged).json(&body).send().await.expect(403);
    }
    api.get(&format!("{}/nonsense", findings_path())).by(&unprivileged).send().await.expect(403);
}
