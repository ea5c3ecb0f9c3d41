//! Writing findings in batches.

use serde_json::{Value, json};

use crate::support::{Answer, Client, House, finding_body, findings_path};

const PATH: &str = "/api/v1/governance/findings/batch";

async fn house() -> (House, Client) {
    let api = House::open().await;
    let client = api.everyone().await;
    (api, client)
}

fn item(key: &str) -> Value {
    let mut body = finding_body(key);
    body.as_object_mut().unwrap().remove("reason");
    body
}

fn with(key: &str, member: &str, value: impl Into<Value>) -> Value {
    let mut item = item(key);
    item[member] = value.into();
    item
}

async fn push(api: &House, client: &Client, on_conflict: Option<&str>, items: &[Value]) -> Answer {
    let mut body = json!({ "findings": items, "reason": "because a test says so" });
    if let Some(on_conflict) = on_conflict {
        body["onConflict"] = json!(on_conflict);
    }
    api.post(PATH).by(client).json(&body).send().await
}

fn results(response: &Answer) -> Vec<String> {
    let results = response.json()["results"].as_array().unwrap().clone();
    results.iter().map(|result| result["result"].as_str().unwrap().to_owned()).collect()
}

async fn present(api: &House, client: &Client, key: &str) -> Value {
    let listed = api.get(&format!("{}?findingKey={key}", findings_path())).by(client).send().await.expect(200).json();
    listed["findings"][0].clone()
}

#[tokio::test]
async fn good_items_land_though_others_fail_and_each_is_answered_in_its_place() {
    let (api, client) = house().await;
    let items =
        [item("a"), json!({ "findingKey": "b", "severity": "awful", "reason": "x" }), json!(7), item("c"), json!({})];
    let response = push(&api, &client, None, &items).await.expect(200);
    assert_eq!(results(&response), ["created", "failed", "failed", "created", "failed"]);
    let body = response.json();
    assert_eq!(
        body["results"][0],
        json!({ "result": "created", "findingKey": "a", "id": present(&api, &client, "a").await["id"] })
    );
    assert_eq!(body["results"][1]["findingKey"], "b");
    let error = &body["results"][1]["error"];
    assert_eq!(error["error"], "validation");
    let paths: Vec<_> =
        error["issues"].as_array().unwrap().iter().map(|issue| issue["path"][0].as_str().unwrap()).collect();
    assert_eq!(paths, ["title", "severity", "sourceKind", "reason"]);
    assert_eq!(body["results"][2]["findingKey"], Value::Null);
    assert_eq!(api.get(findings_path()).by(&client).send().await.json()["findings"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn the_key_of_a_failed_item_is_told_where_it_is_a_text() {
    let (api, client) = house().await;
    let items = [json!({ "findingKey": { "a": 1 } }), json!({ "findingKey": 7 }), json!({ "findingKey": "a b" })];
    let body = push(&api, &client, None, &items).await.expect(200).json();
    let keys: Vec<_> = body["results"].as_array().unwrap().iter().map(|result| result["findingKey"].clone()).collect();
    assert_eq!(keys, [Value::Null, Value::Null, json!("a b")]);
}

#[tokio::test]
async fn what_is_there_is_skipped_unless_an_update_is_asked_for() {
    let (api, client) = house().await;
    api.finding(&client, "a").await;
    let before = present(&api, &client, "a").await;
    let changed = [with("a", "title", "Other"), item("b")];
    for on_conflict in [None, Some("skip")] {
        let response = push(&api, &client, on_conflict, &changed).await.expect(200);
        assert_eq!(results(&response)[0], "skipped");
        assert_eq!(response.json()["results"][0]["id"], before["id"]);
        assert_eq!(present(&api, &client, "a").await, before);
    }
    api.clock().tick();
    let response = push(&api, &client, Some("update"), &changed).await.expect(200);
    assert_eq!(results(&response), ["updated", "unchanged"]);
    assert_eq!(present(&api, &client, "a").await["title"], "Other");
    let response = push(&api, &client, Some("update"), &changed).await.expect(200);
    assert_eq!(results(&response), ["unchanged", "unchanged"]);
}

#[tokio::test]
async fn an_update_changes_content_and_never_the_status_and_leaves_what_is_not_said() {
    let (api, client) = house().await;
    let mut full = finding_body("a");
    for (name, value) in [
        ("description", "text"),
        ("sourceModuleKey", "semgrep"),
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
    let id = api.post(findings_path()).by(&client).json(&full).send().await.expect(201).json()["finding"]["id"].clone();
    let path = format!("{}/{}", findings_path(), id.as_str().unwrap());
    let close = json!({ "status": "closed", "reason": "because of a test" });
    let before = api.patch(&path).by(&client).json(&close).send().await.expect(200).json()["finding"].clone();
    push(&api, &client, Some("update"), &[with("a", "severity", "low")]).await.expect(200);
    let mut expected = before;
    expected["severity"] = json!("low");
    assert_eq!(present(&api, &client, "a").await, expected);
    let status = push(&api, &client, Some("update"), &[with("a", "status", "open")]).await.expect(200);
    assert_eq!(results(&status), ["failed"]);
}

#[tokio::test]
async fn a_key_twice_in_one_batch_is_met_the_second_time_as_if_the_first_were_stored() {
    let (api, client) = house().await;
    let items = [item("a"), with("a", "title", "Second"), item("b"), item("b")];
    let response = push(&api, &client, None, &items).await.expect(200);
    assert_eq!(results(&response), ["created", "skipped", "created", "skipped"]);
    assert_eq!(response.json()["results"][0]["id"], response.json()["results"][1]["id"]);
    let items = [with("c", "title", "First"), with("c", "title", "Second"), with("c", "title", "Second")];
    assert_eq!(
        results(&push(&api, &client, Some("update"), &items).await.expect(200)),
        ["created", "updated", "unchanged"]
    );
    assert_eq!(present(&api, &client, "c").await["title"], "Second");
}

#[tokio::test]
async fn a_batch_holds_one_to_five_hundred_items() {
    let (api, client) = house().await;
    let items: Vec<Value> = (0..501).map(|number| item(&format!("k{number}"))).collect();
    assert_eq!(push(&api, &client, None, &items).await.expect(400).paths(), ["findings"]);
    assert_eq!(push(&api, &client, None, &[]).await.expect(400).paths(), ["findings"]);
    let response = push(&api, &client, None, &items[..500]).await.expect(200);
    assert_eq!(results(&response), vec!["created"; 500]);
}

#[tokio::test]
async fn faults_of_the_whole_are_told_at_once_and_nothing_lands() {
    let (api, client) = house().await;
    let body = json!({ "findings": {}, "onConflict": "replace", "mode": 1 });
    let response = api.post(PATH).by(&client).json(&body).send().await.expect(400);
    let mut paths = response.paths();
    paths.sort_unstable();
    assert_eq!(paths, ["findings", "mode", "onConflict", "reason"]);
    assert!(response.issue("onConflict").contains("skip, update"));
    push(&api, &client, Some("x"), &[item("a")]).await.expect(400);
    assert_eq!(present(&api, &client, "a").await, Value::Null);
}

#[tokio::test]
async fn a_batch_of_nothing_but_failures_is_a_200_that_stores_nothing() {
    let (api, client) = house().await;
    let response = push(&api, &client, None, &[json!({}), json!(null)]).await.expect(200);
    assert_eq!(results(&response), ["failed", "failed"]);
    assert!(api.watched.events().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_over_the_same_keys_at_once_create_each_once() {
    let (api, client) = house().await;
    let items: Vec<Value> = (0..50).map(|number| item(&format!("k{number}"))).collect();
    let body = json!({ "findings": items, "reason": "because a test says so" });
    let call = api.post(PATH).by(&client).json(&body);
    let calls: Vec<_> = (0..4).map(|_| tokio::spawn(call.clone().send())).collect();
    let mut created = 0;
    for call in calls {
        let response = call.await.unwrap().expect(200);
        created += results(&response).iter().filter(|result| *result == "created").count();
    }
    assert_eq!(created, 50);
}

#[tokio::test]
async fn failed_items_with_ever_so_many_unknown_fields_are_answered_in_bounded_size() {
    let (api, client) = house().await;
    let fields: Vec<String> = (0..90_000).map(|number| format!("\"{number}\":0")).collect();
    let body = format!("{{\"reason\":\"because of a test\",\"findings\":[{{{}}}]}}", fields.join(","));
    let response = api.post(PATH).by(&client).body("application/json", body).send().await.expect(200);
    assert!(response.body.len() < 64 * 1024, "{} bytes", response.body.len());
}
