//! Writing findings in batches.

use findings::Finding;
use kernel::Description;
use serde_json::{Value, json};

use crate::support::{Client, TestApi, TestResponse, finding_body, findings_path};

const PATH: &str = "/api/v1/governance/findings/batch";

async fn setup() -> (TestApi, Client) {
    let api = TestApi::open().await;
    let client = api.full_access_client().await;
    (api, client)
}

fn item(key: &str) -> Value {
    let mut body = finding_body(key);
    body.as_object_mut().unwrap().remove("reason");
    body
}

fn item_with(key: &str, member: &str, value: impl Into<Value>) -> Value {
    let mut item = item(key);
    item[member] = value.into();
    item
}

async fn post_batch(api: &TestApi, client: &Client, on_conflict: Option<&str>, items: &[Value]) -> TestResponse {
    let mut body = json!({ "findings": items, "reason": "because a test says so" });
    if let Some(on_conflict) = on_conflict {
        body["onConflict"] = json!(on_conflict);
    }
    api.post(PATH).auth(client).json(&body).send().await
}

fn results(response: &TestResponse) -> Vec<String> {
    let results = response.json()["results"].as_array().unwrap().clone();
    results.iter().map(|result| result["result"].as_str().unwrap().to_owned()).collect()
}

async fn current_finding(api: &TestApi, client: &Client, key: &str) -> Value {
    let listed = api.get(&format!("{}?findingKey={key}", findings_path())).auth(client).send().await.expect(200).json();
    listed["findings"][0].clone()
}

#[tokio::test]
async fn valid_items_are_stored_although_others_fail_and_results_keep_the_order_of_the_items() {
    let (api, client) = setup().await;
    let items =
        [item("a"), json!({ "findingKey": "b", "severity": "awful", "reason": "x" }), json!(7), item("c"), json!({})];
    let response = post_batch(&api, &client, None, &items).await.expect(200);
    assert_eq!(results(&response), ["created", "failed", "failed", "created", "failed"]);
    let body = response.json();
    assert_eq!(
        body["results"][0],
        json!({ "result": "created", "findingKey": "a", "id": current_finding(&api, &client, "a").await["id"] })
    );
    assert_eq!(body["results"][1]["findingKey"], "b");
    let error = &body["results"][1]["error"];
    assert_eq!(error["error"], "validation");
    let paths: Vec<_> =
        error["issues"].as_array().unwrap().iter().map(|issue| issue["path"][0].as_str().unwrap()).collect();
    assert_eq!(paths, ["title", "severity", "sourceKind", "reason"]);
    assert_eq!(body["results"][2]["findingKey"], Value::Null);
    assert_eq!(api.get(findings_path()).auth(&client).send().await.json()["findings"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn the_result_of_a_failed_item_holds_its_key_if_the_key_is_a_string() {
    let (api, client) = setup().await;
    let items = [json!({ "findingKey": { "a": 1 } }), json!({ "findingKey": 7 }), json!({ "findingKey": "a b" })];
    let body = post_batch(&api, &client, None, &items).await.expect(200).json();
    let keys: Vec<_> = body["results"].as_array().unwrap().iter().map(|result| result["findingKey"].clone()).collect();
    assert_eq!(keys, [Value::Null, Value::Null, json!("a b")]);
}

#[tokio::test]
async fn existing_findings_are_skipped_unless_an_update_is_requested() {
    let (api, client) = setup().await;
    api.create_finding(&client, "a").await;
    let before = current_finding(&api, &client, "a").await;
    let changed = [item_with("a", "title", "Other"), item("b")];
    for on_conflict in [None, Some("skip")] {
        let response = post_batch(&api, &client, on_conflict, &changed).await.expect(200);
        assert_eq!(results(&response)[0], "skipped");
        assert_eq!(response.json()["results"][0]["id"], before["id"]);
        assert_eq!(current_finding(&api, &client, "a").await, before);
    }
    api.clock().tick();
    let response = post_batch(&api, &client, Some("update"), &changed).await.expect(200);
    assert_eq!(results(&response), ["updated", "unchanged"]);
    assert_eq!(current_finding(&api, &client, "a").await["title"], "Other");
    let response = post_batch(&api, &client, Some("update"), &changed).await.expect(200);
    assert_eq!(results(&response), ["unchanged", "unchanged"]);
}

#[tokio::test]
async fn an_update_changes_only_the_fields_of_its_item_and_never_the_status() {
    let (api, client) = setup().await;
    let mut full = finding_body("a");
    for (name, value) in [
        ("description", "text"),
        ("sourceModuleKey", "semgrep"),
        ("sourceScope", "portal"),
        ("sourceResourceType", "rule"),
        ("sourceResourceId", "r1"),
        ("subjectModuleKey", "assets"),
        ("subjectResourceType", "asset"),
        ("subjectResourceId", "srv"),
        ("ownerMemberUserId", "u"),
        ("ownerResponsibilityId", "r"),
        ("dueAt", "2026-07-01T00:00:00.000Z"),
    ] {
        full[name] = json!(value);
    }
    let id =
        api.post(findings_path()).auth(&client).json(&full).send().await.expect(201).json()["finding"]["id"].clone();
    let path = format!("{}/{}", findings_path(), id.as_str().unwrap());
    let close = json!({ "status": "closed", "reason": "because of a test" });
    let before = api.patch(&path).auth(&client).json(&close).send().await.expect(200).json()["finding"].clone();
    post_batch(&api, &client, Some("update"), &[item_with("a", "severity", "low")]).await.expect(200);
    let mut expected = before;
    let after = current_finding(&api, &client, "a").await;
    assert!(after["updatedAt"].as_str() > expected["updatedAt"].as_str(), "{after}");
    expected["severity"] = json!("low");
    expected["updatedAt"] = after["updatedAt"].clone();
    assert_eq!(after, expected);
    let status = post_batch(&api, &client, Some("update"), &[item_with("a", "status", "open")]).await.expect(200);
    assert_eq!(results(&status), ["failed"]);
}

#[tokio::test]
async fn the_second_item_with_a_key_in_one_batch_sees_the_first_one_as_stored() {
    let (api, client) = setup().await;
    let items = [item("a"), item_with("a", "title", "Second"), item("b"), item("b")];
    let response = post_batch(&api, &client, None, &items).await.expect(200);
    assert_eq!(results(&response), ["created", "skipped", "created", "skipped"]);
    assert_eq!(response.json()["results"][0]["id"], response.json()["results"][1]["id"]);
    let items =
        [item_with("c", "title", "First"), item_with("c", "title", "Second"), item_with("c", "title", "Second")];
    assert_eq!(
        results(&post_batch(&api, &client, Some("update"), &items).await.expect(200)),
        ["created", "updated", "unchanged"]
    );
    assert_eq!(current_finding(&api, &client, "c").await["title"], "Second");
}

#[tokio::test]
async fn a_batch_contains_one_to_five_hundred_items() {
    let (api, client) = setup().await;
    let items: Vec<Value> = (0..501).map(|number| item(&format!("k{number}"))).collect();
    assert_eq!(post_batch(&api, &client, None, &items).await.expect(400).issue_paths(), ["findings"]);
    assert_eq!(post_batch(&api, &client, None, &[]).await.expect(400).issue_paths(), ["findings"]);
    let response = post_batch(&api, &client, None, &items[..500]).await.expect(200);
    assert_eq!(results(&response), vec!["created"; 500]);
}

#[tokio::test]
async fn all_errors_of_the_batch_itself_are_reported_together_and_no_item_is_stored() {
    let (api, client) = setup().await;
    let body = json!({ "findings": {}, "onConflict": "replace", "mode": 1 });
    let response = api.post(PATH).auth(&client).json(&body).send().await.expect(400);
    let mut paths = response.issue_paths();
    paths.sort_unstable();
    assert_eq!(paths, ["findings", "mode", "onConflict", "reason"]);
    assert!(response.issue_message("onConflict").contains("skip, update"));
    post_batch(&api, &client, Some("x"), &[item("a")]).await.expect(400);
    assert_eq!(current_finding(&api, &client, "a").await, Value::Null);
}

#[tokio::test]
async fn a_batch_with_only_invalid_items_returns_200_and_stores_nothing() {
    let (api, client) = setup().await;
    let response = post_batch(&api, &client, None, &[json!({}), json!(null)]).await.expect(200);
    assert_eq!(results(&response), ["failed", "failed"]);
    assert!(api.probe.take_events().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_batches_with_the_same_keys_create_each_finding_once() {
    let (api, client) = setup().await;
    let items: Vec<Value> = (0..50).map(|number| item(&format!("k{number}"))).collect();
    let body = json!({ "findings": items, "reason": "because a test says so" });
    let call = api.post(PATH).auth(&client).json(&body);
    let calls: Vec<_> = (0..4).map(|_| tokio::spawn(call.clone().send())).collect();
    let mut created = 0;
    for call in calls {
        let response = call.await.unwrap().expect(200);
        created += results(&response).iter().filter(|result| *result == "created").count();
    }
    assert_eq!(created, 50);
}

#[tokio::test]
async fn the_response_to_an_item_with_very_many_unknown_fields_has_a_bounded_size() {
    let (api, client) = setup().await;
    let fields: Vec<String> = (0..40_000).map(|number| format!("\"{number}\":0")).collect();
    let body = format!("{{\"reason\":\"because of a test\",\"findings\":[{{{}}}]}}", fields.join(","));
    let response = api.post(PATH).auth(&client).body("application/json", body).send().await.expect(200);
    assert!(response.body.len() < 64 * 1024, "{} bytes", response.body.len());
}

#[tokio::test]
async fn the_response_to_faulty_items_is_bounded_names_the_allowed_fields_once_and_is_kept_compressed() {
    let (api, client) = setup().await;
    let unknown = |item: usize| {
        let fields = (0..20).map(|field| (format!("f{field}"), json!(0)));
        Value::Object(fields.chain([("findingKey".to_owned(), json!(format!("k{item}")))]).collect())
    };
    let long = json!({ "x".repeat(900_000): 0 });
    let kinds: [(&str, Vec<Value>); 4] = [
        ("unknown fields", (0..500).map(unknown).collect()),
        ("no fields", vec![json!({}); 500]),
        ("no objects", vec![json!(7); 500]),
        ("a long name", vec![long]),
    ];
    for (name, items) in kinds {
        let body = json!({ "findings": items, "reason": "because a test says so" });
        let call = api.post(PATH).auth(&client).json(&body).idempotency_key(&name.replace(' ', "-"));
        let response = call.clone().send().await.expect(200);
        assert!(response.body.len() < 128 * 1024, "{} bytes for {name}", response.body.len());
        let text = String::from_utf8_lossy(&response.body);
        assert!(text.matches("the allowed fields are").count() <= 1, "{name}");
        let results = response.json()["results"].as_array().unwrap().clone();
        assert_eq!(results.len(), items.len());
        let issues = |result: &Value| result["error"]["issues"].as_array().map_or(0, Vec::len);
        assert!(results.iter().map(issues).sum::<usize>() <= 101 + 1, "{name}");
        let messages = |result: &Value| result["error"]["message"].as_str().unwrap().len();
        assert!(results.iter().all(|result| result["result"] == "failed" && messages(result) > 0), "{name}");

        let key = kernel::IdempotencyKey {
            organization: api.home,
            account: client.account.meta.ulid(),
            operation: format!("POST {PATH}"),
            key: name.replace(' ', "-"),
        };
        let (_, stored) = api.fixture.store.stored_response(&key, api.fixture.now()).await.unwrap().unwrap();
        assert!(stored.body.len() <= 8 * 1024, "{} bytes are kept for {name}", stored.body.len());
        let again = call.send().await.expect(200);
        assert_eq!((again.is_replayed(), &again.body), (true, &response.body), "{name}");
        assert!(!again.headers.keys().any(|header| header.as_str().starts_with("novantra-")), "{:?}", again.headers);
    }
}

#[tokio::test]
async fn the_errors_that_a_response_leaves_out_are_counted() {
    let (api, client) = setup().await;
    let unknown: serde_json::Map<String, Value> = (0..20).map(|field| (format!("f{field}"), json!(0))).collect();
    let items = vec![Value::Object(unknown); 6];
    let body = post_batch(&api, &client, None, &items).await.expect(200).json();
    let error = |index: usize| body["results"][index]["error"].clone();
    // Each item has 24 errors: 20 unknown fields, and 4 required ones are missing.
    let last = error(4)["issues"].as_array().unwrap().last().unwrap()["message"].clone();
    assert_eq!(
        (error(4)["message"].as_str(), last.as_str()),
        (Some("the request has 24 errors; see issues"), Some("20 more errors are not listed"))
    );
    assert_eq!(error(5)["message"], "24 errors, not listed: the response lists 100 others");
    assert_eq!(error(5).get("issues"), None);
}

#[tokio::test]
async fn a_batch_can_not_update_more_text_than_one_request_may_and_skips_any_amount() {
    let (api, client) = setup().await;
    let long = Description::trusted(&"🔓".repeat(20_000));
    for number in 0..60 {
        api.store_finding(&format!("k{number}"), |finding| Finding { description: long.clone(), ..finding }).await;
    }
    let items: Vec<Value> = (0..60).map(|number| item_with(&format!("k{number}"), "severity", "low")).collect();
    api.probe.take_events();
    let refused = post_batch(&api, &client, Some("update"), &items).await.expect(413);
    assert!(refused.message().contains("send fewer items per request"), "{}", refused.message());
    assert!(api.probe.take_events().is_empty());
    assert_eq!(results(&post_batch(&api, &client, None, &items).await.expect(200)), ["skipped"; 60]);
    for items in items.chunks(20) {
        assert_eq!(results(&post_batch(&api, &client, Some("update"), items).await.expect(200)), ["updated"; 20]);
    }
}

#[tokio::test]
async fn a_failed_item_repeats_at_most_200_characters_of_its_key() {
    let (api, client) = setup().await;
    let keys = ["k".repeat(200), "é".repeat(20_000)];
    let items: Vec<Value> = keys.iter().map(|key| item_with(key, "severity", "awful")).collect();
    let response = post_batch(&api, &client, None, &items).await.expect(200);
    assert_eq!(results(&response), ["failed", "failed"]);
    assert_eq!(response.json()["results"][0]["findingKey"], keys[0].as_str());
    assert_eq!(response.json()["results"][1]["findingKey"], format!("{}…", "é".repeat(200)));
}
