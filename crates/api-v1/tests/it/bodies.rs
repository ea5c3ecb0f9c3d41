//! The encoding and the texts of request bodies, and what real clients send besides.

use serde_json::{Value, json};

use crate::{
    operations::PathParams,
    support::{Client, TestApi, TestRequest, document, finding_body, findings_path, operations, subscriptions_path},
};

const BATCH: &str = "/api/v1/governance/findings/batch";
const MERGE_PATCH: &str = "application/merge-patch+json";

async fn setup() -> (TestApi, Client) {
    let api = TestApi::open().await;
    let client = api.full_access_client().await;
    (api, client)
}

fn finding_with(key: &str, member: &str, value: impl Into<Value>) -> Value {
    let mut body = finding_body(key);
    body[member] = value.into();
    body
}

/// A request to create a finding with this body.
fn create(api: &TestApi, client: &Client, body: impl Into<Vec<u8>>) -> TestRequest {
    api.post(findings_path()).auth(client).body("application/json", body)
}

#[tokio::test]
async fn a_byte_order_mark_before_the_json_is_passed_over_by_every_reader_of_a_body() {
    let (api, client) = setup().await;
    let with_mark = |text: String| format!("\u{feff}{text}");
    create(&api, &client, with_mark(finding_body("bom").to_string())).send().await.expect(201);
    let token = json!({ "grant_type": "client_credentials", "client_id": client.id(), "client_secret": client.secret });
    let path = "/api/v1/auth/token";
    api.post(path).body("application/json", with_mark(token.to_string())).send().await.expect(200);
    let form = format!("grant_type=client_credentials&client_id={}&client_secret={}", client.id(), client.secret);
    api.post(path).body("application/x-www-form-urlencoded", with_mark(form)).send().await.expect(200);
}

#[tokio::test]
async fn a_body_in_another_encoding_is_refused_by_its_name_or_with_415_if_its_charset_says_so() {
    let (api, client) = setup().await;
    let latin1: Vec<u8> = finding_with("k", "title", "caf*")
        .to_string()
        .bytes()
        .map(|byte| if byte == b'*' { 0xe9 } else { byte })
        .collect();
    let response = create(&api, &client, latin1.clone()).send().await.expect(400);
    assert!(response.message().contains("not UTF-8") && response.message().contains("ISO-8859-1"));
    let utf16: Vec<u8> = finding_body("k").to_string().encode_utf16().flat_map(u16::to_le_bytes).collect();
    let response = create(&api, &client, utf16).send().await.expect(400);
    assert!(response.message().contains("UTF-16"), "{}", response.message());
    let token = "/api/v1/auth/token";
    let form = "application/x-www-form-urlencoded";
    for (path, content_type) in [(findings_path(), "application/json"), (token, "application/json"), (token, form)] {
        let content_type = format!("{content_type}; charset=iso-8859-1");
        let call = api.post(path).auth(&client).body(&content_type, latin1.clone());
        let response = call.send().await.expect(415);
        assert!(response.message().contains("UTF-8") && response.message().contains("iso-8859-1"), "{path}");
    }
    api.post(token).body(form, b"client_id=caf\xe9".to_vec()).send().await.expect(400);
}

#[tokio::test]
async fn crlf_in_a_text_is_stored_as_a_newline() {
    let (api, client) = setup().await;
    let mut body = finding_with("crlf", "description", "line 1\r\nline 2");
    body["reason"] = json!("Text of a\r\nWindows form");
    let created = api.post(findings_path()).auth(&client).json(&body).send().await.expect(201).json();
    assert_eq!(created["finding"]["description"], "line 1\nline 2");
    let entry = api.audit_log(api.home).await.pop().unwrap().entry;
    assert_eq!(entry.reason.unwrap().as_str(), "Text of a\nWindows form");
    let lone = finding_with("lone", "description", "line 1\rline 2");
    api.post(findings_path()).auth(&client).json(&lone).send().await.expect(400);
}

#[tokio::test]
async fn half_of_a_surrogate_pair_is_a_fault_of_its_field() {
    let (api, client) = setup().await;
    let path = format!("{}/{}", findings_path(), api.create_finding(&client, "k").await);
    let half = |body: &Value| body.to_string().replace("HALF", "half \\ud83d of a pair");
    for member in ["findingKey", "title", "severity", "description", "dueAt", "sourceModuleKey", "reason"] {
        let body = half(&finding_with("half", member, "HALF"));
        let response = create(&api, &client, body).send().await.expect(400);
        assert_eq!(response.issue_paths(), [member]);
        assert!(response.issue_message(member).contains("half of a surrogate pair"), "{}", response.message());
    }
    let event = half(
        &json!({ "eventType": "verified_as_duplicate", "duplicateOfFindingId": "HALF", "reason": "because a test says so" }),
    );
    let response = api.post(&format!("{path}/events")).auth(&client).body("application/json", event).send().await;
    assert_eq!(response.expect(400).issue_paths(), ["duplicateOfFindingId"]);
    let subscription =
        half(&json!({ "url": "https://HALF.example/", "eventTypes": ["HALF"], "reason": "because a test says so" }));
    let response = api.post(subscriptions_path()).auth(&client).body("application/json", subscription).send().await;
    assert_eq!(response.expect(400).issue_paths(), ["url", "eventTypes"]);
    let whole = half(&finding_with("whole", "title", "HALF")).replace("\\ud83d of", "\\ud83d\\ude00 of");
    let created = create(&api, &client, whole).send().await.expect(201).json();
    assert_eq!(created["finding"]["title"], "half 😀 of a pair");
}

#[tokio::test]
async fn half_of_a_surrogate_pair_in_a_batch_fails_its_item_alone() {
    let (api, client) = setup().await;
    let item = |key: &str| {
        let mut item = finding_body(key);
        item.as_object_mut().unwrap().remove("reason");
        item
    };
    let body = json!({ "findings": [item("a"), item("HALF"), item("b")], "reason": "because a test says so" });
    let body = body.to_string().replace("HALF", "\\udc00");
    let response = api.post(BATCH).auth(&client).body("application/json", body).send().await.expect(200).json();
    let results: Vec<_> = response["results"].as_array().unwrap().iter().map(|result| &result["result"]).collect();
    assert_eq!(results, ["created", "failed", "created"]);
    assert_eq!(response["results"][1]["findingKey"], Value::Null);
    assert_eq!(response["results"][1]["error"]["issues"][0]["path"], json!(["findingKey"]));
}

#[tokio::test]
async fn a_date_alone_is_midnight_utc_wherever_a_timestamp_is_taken() {
    let (api, client) = setup().await;
    let body = finding_with("dated", "dueAt", "2026-06-24");
    let created = api.post(findings_path()).auth(&client).json(&body).send().await.expect(201).json();
    assert_eq!(created["finding"]["dueAt"], "2026-06-24T00:00:00.000Z");
    let path = format!("{}/{}", findings_path(), created["finding"]["id"].as_str().unwrap());
    let event = json!({ "eventType": "comment", "occurredAt": "2026-05-01", "reason": "because a test says so" });
    let recorded = api.post(&format!("{path}/events")).auth(&client).json(&event).send().await.expect(201).json();
    assert_eq!(recorded["findingEvent"]["occurredAt"], "2026-05-01T00:00:00.000Z");
    let subscription = api.store_subscription(&client, 0).await.meta.id;
    let range = json!({ "since": "2026-01-01", "until": "2027-01-01", "reason": "because a test says so" });
    let recover = format!("{}/{subscription}/recover", subscriptions_path());
    api.post(&recover).auth(&client).json(&range).send().await.expect(200);
    api.get(&format!("{}?createdAfter=2026-01-01", findings_path())).auth(&client).send().await.expect(200);
}

#[tokio::test]
async fn a_blank_where_the_plus_of_a_timestamp_was_meant_is_named_as_that() {
    let (api, client) = setup().await;
    for (query, path) in [
        ("updated_since=2026-01-01T00:00:00+00:00", "query.updated_since"),
        ("createdBefore=2026-01-01T00:00:00.5%2002:00", "query.createdBefore"),
    ] {
        let call = api.get(&format!("{}?{query}", findings_path())).auth(&client);
        let response = call.send().await.expect(400);
        assert!(response.issue_message(path).contains("%2B"), "{}", response.message());
    }
    let escaped = api.get(&format!("{}?updated_since=2026-01-01T00:00:00%2B00:00", findings_path()));
    escaped.auth(&client).send().await.expect(200);
    let body = finding_with("k", "dueAt", "2026-01-01T00:00:00 02:00");
    let response = api.post(findings_path()).auth(&client).json(&body).send().await.expect(400);
    assert!(response.issue_message("dueAt").contains("blank"), "{}", response.message());
}

/// A PATCH operation with the path of a record, and that record as a GET returns it.
async fn patchable_records(api: &TestApi, client: &Client) -> Vec<(String, Value)> {
    let params = PathParams::create_records(api, client).await;
    let mut records = Vec::new();
    for operation in operations().iter().filter(|operation| operation.method == "PATCH") {
        let path = params.path(operation);
        let read = api.get(&path).auth(client).send().await.expect(200).json();
        let record = read.as_object().unwrap().values().next().unwrap().clone();
        records.push((path, record));
    }
    assert!(records.len() >= 2);
    records
}

fn with_reason(mut record: Value) -> Value {
    record["reason"] = json!("The record sent back");
    record
}

#[tokio::test]
async fn every_record_that_can_be_changed_can_be_sent_back_as_it_was_read() {
    let (api, client) = setup().await;
    for (path, record) in patchable_records(&api, &client).await {
        for content_type in ["application/json", MERGE_PATCH, "application/merge-patch+json; charset=utf-8"] {
            let body = with_reason(record.clone()).to_string();
            let response = api.patch(&path).auth(&client).body(content_type, body).send().await.expect(200).json();
            assert_eq!(response.as_object().unwrap().values().next(), Some(&record), "{path}");
        }
        let mut changed = with_reason(record.clone());
        changed["description"] = json!("Changed while the rest was sent back");
        let response = api.patch(&path).auth(&client).json(&changed).send().await.expect(200).json();
        let changed = response.as_object().unwrap().values().next().unwrap();
        assert_eq!(changed["description"], "Changed while the rest was sent back");
        // The representation of a time may differ, as long as it is the same time.
        let mut reformatted = with_reason(changed.clone());
        reformatted["createdAt"] = json!(record["createdAt"].as_str().unwrap().replace('Z', "+00:00"));
        api.patch(&path).auth(&client).json(&reformatted).send().await.expect(200);
    }
}

#[tokio::test]
async fn a_member_that_cannot_be_set_is_rejected_where_it_differs_from_the_record() {
    let (api, client) = setup().await;
    for (path, record) in patchable_records(&api, &client).await {
        for (member, value) in [
            ("id", json!("find_01KSFQX5Y800000000000000003")),
            ("createdAt", json!("2020-01-01T00:00:00.000Z")),
            ("updatedAt", json!(null)),
        ] {
            let mut body = with_reason(record.clone());
            body[member] = value;
            let response = api.patch(&path).auth(&client).json(&body).send().await.expect(400);
            assert_eq!(response.issue_paths(), [member], "{path}");
            assert!(response.message().contains("can't be set"), "{}", response.message());
        }
        let unknown = with_reason(json!({ "colour": "red", "description": "d" }));
        assert_eq!(api.patch(&path).auth(&client).json(&unknown).send().await.expect(400).issue_paths(), ["colour"]);
        for nothing in [json!({}), json!({ "id": record["id"], "createdAt": record["createdAt"] })] {
            let response = api.patch(&path).auth(&client).json(&with_reason(nothing)).send().await.expect(400);
            assert!(response.message().contains("at least one field that can be set"), "{}", response.message());
        }
        let unchanged = api.get(&path).auth(&client).send().await.json();
        assert_eq!(unchanged.as_object().unwrap().values().next(), Some(&record));
    }
}

#[tokio::test]
async fn only_a_patch_takes_the_type_of_merge_patches() {
    let (api, client) = setup().await;
    let body = finding_body("k").to_string();
    let response = api.post(findings_path()).auth(&client).body(MERGE_PATCH, body.clone()).send().await.expect(415);
    assert!(response.message().ends_with("must be application/json"), "{}", response.message());
    let path = format!("{}/{}", findings_path(), api.create_finding(&client, "k").await);
    let response = api.patch(&path).auth(&client).body("application/json-patch+json", body).send().await.expect(415);
    assert!(response.message().contains("application/json or application/merge-patch+json"));
    for operation in operations() {
        let content = operation.definition["requestBody"]["content"].as_object();
        let is_documented = content.is_some_and(|content| content.contains_key(MERGE_PATCH));
        assert_eq!(is_documented, operation.method == "PATCH", "{}", operation.id);
    }
}

#[tokio::test]
async fn the_document_marks_the_members_that_a_patch_takes_only_unchanged_as_read_only() {
    for operation in operations().iter().filter(|operation| operation.method == "PATCH") {
        let schema = operation.request_schema().unwrap();
        let response = &operation.definition["responses"]["200"]["content"]["application/json"]["schema"];
        let (_, reference) = response["properties"].as_object().unwrap().iter().next().unwrap();
        let component = reference["$ref"].as_str().unwrap().rsplit('/').next().unwrap();
        for name in document()["components"]["schemas"][component]["properties"].as_object().unwrap().keys() {
            assert!(schema["properties"].get(name).is_some(), "{} lacks {name}", operation.id);
        }
        assert_eq!(schema["properties"]["id"]["readOnly"], true, "{}", operation.id);
        assert_eq!(schema["properties"]["description"].get("readOnly"), None, "{}", operation.id);
    }
}

#[tokio::test]
async fn an_empty_object_is_no_body_of_a_delete() {
    let (api, client) = setup().await;
    for (slot, body) in [(0, ""), (1, "{}"), (2, " {\r\n} "), (3, "\u{feff}{}")] {
        let id = api.store_subscription(&client, slot).await.meta.id;
        let path = format!("{}/{id}?reason=because+a+test+says+so", subscriptions_path());
        for (other, status) in [("{\"a\":1}", 400), ("[]", 400), ("null", 400), ("{", 400), (body, 204)] {
            let call = api.request("DELETE", &path).auth(&client).body("application/json", other);
            call.send().await.expect(status);
        }
    }
}

#[tokio::test]
async fn the_404_of_a_path_with_a_trailing_slash_names_the_path_without_it() {
    let (api, client) = setup().await;
    let finding = format!("{}/{}", findings_path(), api.create_finding(&client, "k").await);
    for path in [findings_path(), finding.as_str(), "/api/v1/auth/token", "/api/v1/openapi.json"] {
        for (method, slashed) in [("GET", format!("{path}/?limit=1")), ("POST", format!("{path}//"))] {
            let response = api.request(method, &slashed).auth(&client).send().await.expect(404);
            assert!(response.message().contains(&format!("{path}, without a slash")), "{}", response.message());
        }
    }
    for path in ["/api/v1/nonsense/", "/api/v1/", "/", "//", "/api/v1/governance/findings//events/"] {
        let response = api.get(path).auth(&client).send().await.expect(404);
        assert!(!response.message().contains("slash"), "{path}: {}", response.message());
    }
}

#[tokio::test]
async fn titles_and_reasons_are_visible_and_read_as_they_are_written() {
    let (api, client) = setup().await;
    for (member, value) in [
        ("title", "\u{200b}\u{3164}\u{2800}"),
        ("title", "paid \u{202e}gnp.exe"),
        ("title", "two\nlines"),
        ("sourceModuleKey", "\u{feff}"),
        ("sourceModuleKey", "a\u{2066}b"),
        ("reason", "\u{200b}\u{200b}\u{200b}\u{200b}\u{200b}\u{200b}\u{200b}\u{200b}\u{200b}\u{200b}\u{200b}"),
        ("reason", "approved by \u{202d}the auditor"),
    ] {
        let body = finding_with("k", member, value);
        let response = api.post(findings_path()).auth(&client).json(&body).send().await.expect(400);
        assert_eq!(response.issue_paths(), [member], "{value:?}");
    }
}

#[tokio::test]
async fn a_body_whose_values_take_many_times_its_size_is_refused() {
    let (api, client) = setup().await;
    for items in ["{\"a\":0}", "{\"a\":{\"b\":0}}", "[0]", "0"] {
        let items = vec![items; 120_000].join(",");
        for path in [BATCH, findings_path()] {
            let body = format!("{{\"findings\":[{items}],\"reason\":\"because a test says so\"}}");
            if body.len() <= 1024 * 1024 {
                let response = api.post(path).auth(&client).body("application/json", body).send().await.expect(400);
                assert!(response.message().contains("send fewer objects"), "{}", response.message());
            }
        }
    }
}

#[tokio::test]
async fn an_error_repeats_at_most_a_part_of_a_long_name_or_text() {
    let (api, client) = setup().await;
    let long = "n".repeat(15_000);
    let url = format!("https://EXAMPLE.com/{}/../{}", "a".repeat(1000), "b".repeat(1000));
    let findings = format!("{}?", findings_path());
    let subscription = json!({ "url": url, "eventTypes": [long], "reason": "because a test says so" });
    for (name, call) in [
        ("parameter", api.get(&format!("{findings}{long}=1"))),
        ("value of a filter", api.get(&format!("{findings}severity={long}"))),
        ("value of a time", api.get(&format!("{findings}createdAfter={long}"))),
        ("cursor", api.get(&format!("{findings}cursor={long}"))),
        ("path", api.get(&format!("{}/{long}/", findings_path()))),
        ("method", api.request(&long, findings_path())),
        ("charset", api.post(findings_path()).body(&format!("application/json; charset={long}"), "{}")),
        ("media type", api.get(findings_path()).header("accept", &long)),
        ("idempotency key", api.post(findings_path()).json(&finding_body("k")).idempotency_key(&long)),
        ("member", create(&api, &client, json!({ long.as_str(): 1 }).to_string())),
        ("repeated member", create(&api, &client, format!("{{\"{long}\":1,\"{long}\":2}}"))),
        ("value of a field", create(&api, &client, finding_with("k", "severity", long.as_str()).to_string())),
        ("URL", api.post(subscriptions_path()).json(&subscription)),
    ] {
        let response = call.auth(&client).send().await;
        assert!(response.status >= 400, "{name}");
        assert!(response.body.len() < 6000, "{name}: {} bytes", response.body.len());
    }
}
