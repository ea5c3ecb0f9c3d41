//! Whatever goes wrong is answered in one envelope. That each answer has it, with its request id, is checked where
//! requests are sent.

use axum::body::Body;
use futures_util::{StreamExt, stream};
use scopes::Scope;
use serde_json::{Value, json};

use crate::support::{Client, Fault, House, Port, finding_body, findings_path, operations};

async fn house() -> (House, Client) {
    let house = House::open().await;
    let client = house.everyone().await;
    (house, client)
}

#[tokio::test]
async fn an_unknown_route_is_404_for_everybody() {
    let (house, client) = house().await;
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
        assert_eq!(house.get(path).send().await.expect(404).error(), "not_found", "{path}");
        assert_eq!(house.get(path).by(&client).send().await.expect(404).error(), "not_found", "{path}");
        house.get(path).bearer("nonsense").send().await.expect(404);
        house.call("PROPFIND", path).send().await.expect(404);
    }
}

#[tokio::test]
async fn a_wrong_method_is_405_and_allow_names_the_right_ones() {
    let (house, client) = house().await;
    for (method, path, allow) in [
        ("DELETE", "/api/v1/governance/findings", "GET, HEAD, POST"),
        ("PUT", "/api/v1/governance/findings/find_01KSFQX5Y800000000000000003", "GET, HEAD, PATCH"),
        ("GET", "/api/v1/governance/findings/batch", "POST"),
        ("HEAD", "/api/v1/auth/token", "POST"),
        ("OPTIONS", "/api/v1/organization", "GET, HEAD"),
        ("BREW", "/api/v1/organization", "GET, HEAD"),
    ] {
        let answer = house.call(method, path).by(&client).send().await.expect(405);
        assert_eq!(answer.header("allow"), allow, "{method} {path}");
        if method != "HEAD" {
            assert_eq!(answer.error(), "method_not_allowed");
        }
    }
}

#[tokio::test]
async fn a_member_given_twice_is_refused_by_name_and_nothing_is_recorded() {
    let (house, client) = house().await;
    let body = finding_body("twice").to_string().replacen('{', "{\"title\":\"Another\",", 1);
    let answer = house.post(findings_path()).by(&client).body("application/json", body).send().await.expect(400);
    assert!(answer.message().starts_with("\"title\" is given twice at line 1"), "{}", answer.message());
    let list = house.get(findings_path()).by(&client).send().await.expect(200).json();
    assert_eq!(list["findings"], json!([]));
}

#[tokio::test]
async fn a_compressed_body_is_told_to_be_one() {
    let (house, client) = house().await;
    let call = || house.post(findings_path()).by(&client).json(&finding_body("packed"));
    let answer = call().header("content-encoding", "gzip").send().await.expect(415);
    assert!(answer.message().contains("Content-Encoding"), "{}", answer.message());
    call().header("content-encoding", "identity").send().await.expect(201);
}

#[tokio::test]
async fn a_body_that_is_no_json_object_is_a_fault_of_the_whole() {
    let (house, client) = house().await;
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
        let answer = house.post(findings_path()).by(&client).body("application/json", body).send().await.expect(400);
        assert_eq!(answer.error(), "validation");
        assert_eq!(answer.paths(), [""], "{:?}", String::from_utf8_lossy(body));
    }
}

#[tokio::test]
async fn every_fault_of_a_body_is_told_at_once() {
    let (house, client) = house().await;
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
    let answer = house.post(findings_path()).by(&client).json(&body).send().await.expect(400);
    let mut paths = answer.paths();
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
    assert!(answer.issue("severity").contains("info, low, medium, high, critical"));
    assert!(answer.issue("colour").contains("allowed are: findingKey, title, severity"));
}

#[tokio::test]
async fn a_faulty_reason_hides_no_fault_beside_it() {
    let (house, client) = house().await;
    let path = format!("{}/{}", findings_path(), house.finding(&client, "k").await);
    let answer = house.patch(&path).by(&client).json(&json!({ "reason": "short" })).send().await.expect(400);
    assert_eq!(answer.paths(), ["reason", ""]);
    let body = json!({ "eventType": "verified_as_duplicate" });
    let answer = house.post(&format!("{path}/events")).by(&client).json(&body).send().await.expect(400);
    assert_eq!(answer.paths(), ["reason", "duplicateOfFindingId"]);
}

#[tokio::test]
async fn a_body_with_ever_so_many_unknown_fields_gets_an_answer_of_bounded_size() {
    let (house, client) = house().await;
    let fields: Vec<String> = (0..100_000).map(|number| format!("\"{number}\":0")).collect();
    let body = format!("{{{}}}", fields.join(","));
    let answer = house.post(findings_path()).by(&client).body("application/json", body).send().await.expect(400);
    assert!(answer.body.len() < 64 * 1024, "{} bytes", answer.body.len());
    assert!(answer.message().contains("faults"));
}

#[tokio::test]
async fn a_query_with_ever_so_many_parameters_gets_an_answer_of_bounded_size() {
    let (house, client) = house().await;
    let query = |count: usize| (0..count).map(|number| format!("p{number}=")).collect::<Vec<_>>().join("&");
    for path in [findings_path(), "/api/v1/openapi.json", "/api/v1/organization"] {
        let get = async |count| house.get(&format!("{path}?{}", query(count))).by(&client).send().await.expect(400);
        assert_eq!(get(2000).await.issue("query"), "takes at most 50 parameters", "{path}");
        let answer = get(50).await;
        assert_eq!(answer.paths().len(), 21, "{path}");
        assert_eq!(answer.issue("query"), "there are 30 more parameters that are not known", "{path}");
    }
}

#[tokio::test]
async fn a_query_that_is_not_utf8_or_names_a_parameter_twice_is_400() {
    let (house, client) = house().await;
    let get =
        async |query: &str| house.get(&format!("{}?{query}", findings_path())).by(&client).send().await.expect(400);
    assert_eq!(get("status=%ff").await.paths(), ["query.status"]);
    assert_eq!(get("limit=1&limit=2").await.paths(), ["query.limit"]);
    assert_eq!(get("status=open&status=open").await.paths(), ["query.status"]);
    assert_eq!(get("limit=0&status=x&colour=red&createdAfter=now").await.paths().len(), 4);
    assert_eq!(get("&&=").await.paths(), ["query."]);
}

#[tokio::test]
async fn an_unknown_value_of_a_filter_is_named_with_the_allowed_ones() {
    let (house, client) = house().await;
    for (query, path, allowed) in [
        ("governance/findings?status=opne", "query.status", "open, triaged"),
        ("governance/findings?status=open,", "query.status", "open, triaged"),
        ("governance/findings?status=", "query.status", "open, triaged"),
        ("governance/findings?severity=HIGH", "query.severity", "info, low"),
        ("governance/findings?sourceKind=x", "query.sourceKind", "assessment"),
        ("governance/controls?status=open", "query.status", "draft, active, retired"),
        ("governance/findings?order=created", "query.order", "updated"),
    ] {
        let answer = house.get(&format!("/api/v1/{query}")).by(&client).send().await.expect(400);
        assert_eq!(answer.error(), "validation");
        assert!(answer.issue(path).contains(allowed), "{query}: {}", answer.issue(path));
    }
}

#[tokio::test]
async fn a_filter_value_no_store_could_hold_is_400() {
    let (house, client) = house().await;
    for query in [
        "governance/findings?findingKey=%00",
        "governance/findings?subjectResourceId=a%00b",
        "audit/entries?action=%00",
        "audit/entries?actorId=x%00",
        "audit/entries?subjectId=%00",
    ] {
        house.get(&format!("/api/v1/{query}")).by(&client).send().await.expect(400);
    }
}

#[tokio::test]
async fn a_body_of_another_type_is_415_and_one_past_a_mebibyte_413() {
    let (house, client) = house().await;
    for content_type in ["text/plain", "application/xml", "application/jsonp", "", "multipart/form-data"] {
        let call = house.post(findings_path()).by(&client).body(content_type, finding_body("k").to_string());
        assert_eq!(call.send().await.expect(415).error(), "unsupported_media_type", "{content_type}");
    }
    let mut body = finding_body("k").to_string().into_bytes();
    body.resize(1024 * 1024, b' ');
    house.post(findings_path()).by(&client).body("application/json", body.clone()).send().await.expect(201);
    body.push(b' ');
    let answer = house.post(findings_path()).by(&client).body("application/json", body).send().await.expect(413);
    assert_eq!(answer.error(), "payload_too_large");
}

#[tokio::test]
async fn every_operation_documents_that_a_body_may_be_too_large() {
    let (house, client) = house().await;
    for operation in operations().iter().filter(|operation| !operation.path.contains('{')) {
        let body = vec![b' '; 1024 * 1024 + 1];
        house.call(&operation.method, &operation.path).by(&client).bare_body(body).send().await.expect(413);
    }
}

#[tokio::test]
async fn what_accept_leaves_out_is_406() {
    let (house, client) = house().await;
    for good in [
        "application/json",
        "*/*",
        "application/*",
        "text/html, application/json;q=0.1",
        "APPLICATION/JSON; charset=utf-8",
        "",
    ] {
        house.get(findings_path()).by(&client).header("accept", good).send().await.expect(200);
    }
    for bad in ["text/html", "application/xml, text/*", "application/json;q=0", "application/json; q=0.000", "nonsense"]
    {
        let answer = house.get(findings_path()).by(&client).header("accept", bad).send().await.expect(406);
        assert_eq!(answer.error(), "not_acceptable", "{bad}");
    }
}

#[tokio::test]
async fn a_store_that_is_away_is_503_with_retry_after_and_changes_nothing() {
    let (house, client) = house().await;
    for port in [Port::Read, Port::Commit, Port::Append, Port::Revision, Port::ClientId, Port::Kept] {
        // What is remembered of the account is of an earlier revision, so that it is read anew.
        house.rescope(&client, Scope::ALL).await;
        house.watched.fail(port, Fault::Unavailable);
        let answers = [
            house.ask_token(&client).await,
            house.get(findings_path()).by(&client).send().await,
            house
                .post(findings_path())
                .by(&client)
                .json(&finding_body(&format!("{port:?}")))
                .key(&format!("{port:?}"))
                .send()
                .await,
        ];
        house.watched.heal();
        let failed: Vec<_> = answers.iter().filter(|answer| answer.status == 503).collect();
        assert!(!failed.is_empty(), "nothing failed without {port:?}");
        for answer in failed {
            assert_eq!(answer.error(), "internal");
            assert!(answer.header("retry-after").parse::<u32>().unwrap() >= 1);
        }
        assert!(answers.iter().all(|answer| answer.status < 500 || answer.status == 503));
    }
}

#[tokio::test]
async fn a_store_that_is_broken_or_panics_is_500_and_tells_nothing_of_itself() {
    let (house, client) = house().await;
    for fault in [Fault::Corrupt, Fault::Panic] {
        for port in [Port::Read, Port::Commit, Port::Append, Port::Revision, Port::ClientId, Port::Kept] {
            house.rescope(&client, Scope::ALL).await;
            house.watched.fail(port, fault);
            let answers = [
                house.ask_token(&client).await,
                house.get(findings_path()).by(&client).send().await,
                house
                    .post(findings_path())
                    .by(&client)
                    .json(&finding_body(&format!("{port:?}")))
                    .key(&format!("{fault:?}{port:?}"))
                    .send()
                    .await,
            ];
            house.watched.heal();
            assert!(answers.iter().any(|answer| answer.status == 500), "nothing failed with {fault:?} of {port:?}");
            for answer in answers.iter().filter(|answer| answer.status == 500) {
                assert_eq!(answer.error(), "internal");
            }
        }
    }
    house.get(findings_path()).by(&client).send().await.expect(200);
}

#[tokio::test]
async fn a_call_that_panicked_is_on_record() {
    let (house, client) = house().await;
    house.watched.fail(Port::Read, Fault::Panic);
    let answer = house.get(findings_path()).by(&client).send().await.expect(500);
    house.watched.heal();
    let entries = house.entries_by_request().await;
    assert_eq!(entries[answer.header("x-request-id")][0].entry.status, Some(500));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_breaks_off_or_never_arrives_is_400_and_changes_nothing() {
    let (house, client) = house().await;
    let text = finding_body("k").to_string();
    let (first, _) = text.split_at(20);
    let first = || stream::iter([Ok(first.to_owned())]);
    let broken = first().chain(stream::iter([Err(std::io::Error::other("gone"))]));
    let endless = first().chain(stream::pending::<std::io::Result<String>>());
    let call = house.post(findings_path()).by(&client).header("content-type", "application/json");
    for (body, what) in [(Body::from_stream(broken), "broke off"), (Body::from_stream(endless), "in time")] {
        let answer = call.clone().send_stream(body).await.expect(400);
        assert!(answer.message().contains(what), "{}", answer.message());
    }
    house.finding(&client, "k").await;
}

#[tokio::test]
async fn scope_is_judged_before_the_request_is_read() {
    let (house, _) = house().await;
    let powerless = house.client(house.home, &[Scope::WebhooksManage]).await;
    for body in [Value::Null, json!({ "nonsense": true })] {
        house.post(findings_path()).by(&powerless).json(&body).send().await.expect(403);
    }
    house.get(&format!("{}/nonsense", findings_path())).by(&powerless).send().await.expect(403);
}
