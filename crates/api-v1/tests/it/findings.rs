//! Creating and changing findings.

use scopes::Scope;
use serde_json::{Value, json};

use crate::support::{Client, TestApi, finding_body, findings_path};

async fn setup() -> (TestApi, Client) {
    let api = TestApi::open().await;
    let client = api.full_access_client().await;
    (api, client)
}

async fn create(api: &TestApi, client: &Client, body: &Value) -> Value {
    api.post(findings_path()).auth(client).json(body).send().await.expect(201).json()["finding"].clone()
}

fn full_body(key: &str) -> Value {
    json!({
        "findingKey": key,
        "title": "Member portal accepts TLS 1.0",
        "description": "Seen by the scanner.\n\tTwice. 🔓",
        "severity": "critical",
        "sourceKind": "audit",
        "sourceModuleKey": "audits",
        "sourceScope": "head office",
        "sourceResourceType": "audit",
        "sourceResourceId": "A-1",
        "subjectModuleKey": "assets",
        "subjectResourceType": "asset",
        "subjectResourceId": "srv-1",
        "ownerResponsibilityId": "resp 1",
        "ownerMemberUserId": "user 2",
        "dueAt": "2026-07-01T12:00:00+02:00",
        "reason": "because a test says so",
    })
}

#[tokio::test]
async fn a_minimal_finding_is_returned_with_every_other_field_at_its_default() {
    let (api, client) = setup().await;
    let response = api.post(findings_path()).auth(&client).json(&finding_body("k")).send().await.expect(201);
    let finding = response.json()["finding"].clone();
    let id = finding["id"].as_str().unwrap();
    assert!(id.starts_with("find_") && id.len() == 31);
    assert_eq!(response.header("location"), format!("{}/{id}", findings_path()));
    assert_eq!(response.header("etag"), "\"r1\"");
    let now = api.fixture.now().to_string();
    assert_eq!(
        finding,
        json!({
            "id": id, "findingKey": "k", "title": "SQL built from user input", "description": "", "severity": "high",
            "status": "open", "sourceKind": "module_signal", "sourceModuleKey": null, "sourceScope": null, "sourceResourceType": null,
            "sourceResourceId": null, "subjectModuleKey": null, "subjectResourceType": null, "subjectResourceId": null,
            "ownerResponsibilityId": null, "ownerMemberUserId": null, "dueAt": null, "closedAt": null,
            "lifecycleInstanceId": null, "duplicateOfFindingId": null, "createdAt": now, "updatedAt": now,
        })
    );
    let read = api.get(response.header("location")).auth(&client).send().await.expect(200);
    assert_eq!(read.json()["finding"], finding);
}

#[tokio::test]
async fn every_field_is_stored_as_sent_and_null_means_absent() {
    let (api, client) = setup().await;
    let finding = create(&api, &client, &full_body("k")).await;
    for (name, value) in full_body("k").as_object().unwrap() {
        match name.as_str() {
            "reason" => {}
            "dueAt" => assert_eq!(finding["dueAt"], "2026-07-01T10:00:00.000Z"),
            name => assert_eq!(finding[name], *value, "{name}"),
        }
    }
    let mut nulls = finding_body("nulls");
    let optional = [
        "description",
        "sourceModuleKey",
        "sourceScope",
        "sourceResourceType",
        "sourceResourceId",
        "subjectModuleKey",
        "subjectResourceType",
        "subjectResourceId",
        "ownerResponsibilityId",
        "ownerMemberUserId",
        "dueAt",
    ];
    for name in optional {
        nulls[name] = Value::Null;
    }
    let mut finding = create(&api, &client, &nulls).await;
    let mut bare = create(&api, &client, &finding_body("bare")).await;
    for name in ["id", "findingKey"] {
        finding[name] = Value::Null;
        bare[name] = Value::Null;
    }
    assert_eq!(finding, bare);
    for name in ["findingKey", "title", "severity", "sourceKind", "reason"] {
        let mut body = finding_body("k2");
        body[name] = Value::Null;
        assert_eq!(api.post(findings_path()).auth(&client).json(&body).send().await.expect(400).issue_paths(), [name]);
    }
}

#[tokio::test]
async fn fields_maintained_by_the_server_cannot_be_set() {
    let (api, client) = setup().await;
    for name in ["id", "status", "closedAt", "lifecycleInstanceId", "duplicateOfFindingId", "createdAt", "updatedAt"] {
        let mut body = finding_body("k");
        body[name] = Value::Null;
        assert_eq!(api.post(findings_path()).auth(&client).json(&body).send().await.expect(400).issue_paths(), [name]);
    }
}

#[tokio::test]
async fn texts_at_their_length_limits_are_accepted_and_texts_beyond_them_rejected() {
    let (api, client) = setup().await;
    for (name, good, bad) in [
        (
            "findingKey",
            vec!["~".to_owned(), "k".repeat(200)],
            vec![String::new(), "k".repeat(201), "a b".to_owned(), "é".to_owned(), "\t".to_owned()],
        ),
        (
            "title",
            vec!["é".repeat(300), " a b ".to_owned()],
            vec![String::new(), " ".to_owned(), "é".repeat(301), "a\tb".to_owned(), "a\nb".to_owned()],
        ),
        (
            "description",
            vec![String::new(), "🔓".repeat(20_000), "a\tb\nc".to_owned()],
            vec!["x".repeat(20_001), "\u{0}".to_owned(), "\u{7f}".to_owned()],
        ),
        ("sourceResourceId", vec!["x".repeat(200)], vec![String::new(), "x".repeat(201), "\u{1b}".to_owned()]),
    ] {
        for (index, value) in good.iter().enumerate() {
            let mut body = finding_body(&format!("{name}{index}"));
            body[name] = json!(value);
            create(&api, &client, &body).await;
        }
        for value in bad {
            let mut body = finding_body("bad");
            body[name] = json!(value);
            let response = api.post(findings_path()).auth(&client).json(&body).send().await.expect(400);
            assert_eq!(response.issue_paths(), [name], "{value:?}");
        }
    }
}

#[tokio::test]
async fn a_taken_key_is_rejected_with_409_and_the_id_of_the_existing_finding() {
    let (api, client) = setup().await;
    let id = api.create_finding(&client, "k").await;
    let response = api.post(findings_path()).auth(&client).json(&full_body("k")).send().await.expect(409);
    assert_eq!(response.error_code(), "conflict");
    assert_eq!(response.json()["existingId"], id);
    api.create_finding(&client, "K").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_eight_concurrent_creates_with_one_key_succeeds_and_the_others_get_its_id() {
    let (api, client) = setup().await;
    let call = api.post(findings_path()).auth(&client).json(&finding_body("k"));
    let calls: Vec<_> = (0..8).map(|_| tokio::spawn(call.clone().send())).collect();
    let (mut created, mut existing) = (Vec::new(), Vec::new());
    for call in calls {
        let response = call.await.unwrap();
        match response.status {
            201 => created.push(response.json()["finding"]["id"].clone()),
            409 => existing.push(response.json()["existingId"].clone()),
            other => panic!("{other}"),
        }
    }
    assert_eq!(created.len(), 1);
    assert!(existing.len() == 7 && existing.iter().all(|id| *id == created[0]));
}

#[tokio::test]
async fn an_incomplete_subject_is_rejected_at_the_missing_field() {
    let (api, client) = setup().await;
    for (present, missing) in [
        (&["subjectModuleKey"][..], "subjectResourceType"),
        (&["subjectResourceId"], "subjectModuleKey"),
        (&["subjectModuleKey", "subjectResourceType"], "subjectResourceId"),
    ] {
        let mut body = finding_body("k");
        present.iter().for_each(|name| body[*name] = json!("x"));
        assert_eq!(
            api.post(findings_path()).auth(&client).json(&body).send().await.expect(400).issue_paths(),
            [missing]
        );
    }
}

async fn patch(api: &TestApi, client: &Client, id: &Value, change: Value) -> crate::support::TestResponse {
    let mut body = change;
    body["reason"] = json!("because a test says so");
    let path = format!("{}/{}", findings_path(), id.as_str().unwrap());
    api.patch(&path).auth(client).json(&body).send().await
}

#[tokio::test]
async fn a_patch_leaves_absent_fields_clears_null_fields_and_sets_the_others() {
    let (api, client) = setup().await;
    let before = create(&api, &client, &full_body("k")).await;
    api.clock().tick();
    let after = patch(&api, &client, &before["id"], json!({ "dueAt": null, "ownerMemberUserId": "user 3" })).await;
    let after = after.expect(200).json()["finding"].clone();
    let mut expected = before.clone();
    expected["dueAt"] = Value::Null;
    expected["ownerMemberUserId"] = json!("user 3");
    expected["updatedAt"] = json!(api.fixture.now().to_string());
    assert_eq!(after, expected);
    let nothing = json!({ "subjectModuleKey": null, "subjectResourceType": null, "subjectResourceId": null });
    let after = patch(&api, &client, &before["id"], nothing).await.expect(200).json()["finding"].clone();
    assert_eq!(after["subjectModuleKey"], Value::Null);
    let part = patch(&api, &client, &before["id"], json!({ "subjectResourceId": "x" })).await.expect(400);
    assert_eq!(part.issue_paths(), ["subjectModuleKey"]);
}

#[tokio::test]
async fn one_part_of_a_subject_can_be_changed_alone() {
    let (api, client) = setup().await;
    let before = create(&api, &client, &full_body("k")).await;
    let after = patch(&api, &client, &before["id"], json!({ "subjectResourceId": "srv-2" })).await.expect(200).json();
    assert_eq!(after["finding"]["subjectResourceId"], "srv-2");
    assert_eq!(after["finding"]["subjectModuleKey"], "assets");
}

#[tokio::test]
async fn a_patch_without_fields_or_with_an_immutable_field_is_rejected_with_400() {
    let (api, client) = setup().await;
    let id = create(&api, &client, &full_body("k")).await["id"].clone();
    assert_eq!(patch(&api, &client, &id, json!({})).await.expect(400).issue_paths(), [""]);
    for name in ["findingKey", "sourceKind", "closedAt", "duplicateOfFindingId", "lifecycleInstanceId", "createdAt"] {
        assert_eq!(patch(&api, &client, &id, json!({ name: "x" })).await.expect(400).issue_paths(), [""], "{name}");
        let with_title = patch(&api, &client, &id, json!({ name: "x", "title": "Another title" })).await.expect(400);
        assert_eq!(with_title.issue_paths(), [name]);
    }
    for name in ["title", "severity", "status", "description"] {
        assert_eq!(patch(&api, &client, &id, json!({ name: null })).await.expect(400).issue_paths(), [name]);
    }
}

#[tokio::test]
async fn a_patch_with_the_current_values_returns_200_and_changes_nothing() {
    let (api, client) = setup().await;
    let before = create(&api, &client, &full_body("k")).await;
    api.probe.take_events();
    api.clock().tick();
    let same =
        json!({ "title": before["title"], "status": "open", "dueAt": before["dueAt"], "subjectResourceId": "srv-1" });
    let after = patch(&api, &client, &before["id"], same).await.expect(200).json()["finding"].clone();
    assert_eq!(after, before);
    assert!(api.probe.take_events().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_patches_of_different_fields_all_take_effect() {
    let (api, client) = setup().await;
    let id = create(&api, &client, &finding_body("k")).await["id"].clone();
    let path = format!("{}/{}", findings_path(), id.as_str().unwrap());
    let changes = [
        json!({ "title": "Other" }),
        json!({ "severity": "low" }),
        json!({ "ownerMemberUserId": "u" }),
        json!({ "status": "triaged" }),
    ];
    let calls: Vec<_> = changes
        .into_iter()
        .map(|mut body| {
            body["reason"] = json!("because a test says so");
            tokio::spawn(api.patch(&path).auth(&client).json(&body).send())
        })
        .collect();
    for call in calls {
        call.await.unwrap().expect(200);
    }
    let after = api.get(&path).auth(&client).send().await;
    assert_eq!(after.header("etag"), "\"r5\"");
    let after = after.json()["finding"].clone();
    assert_eq!(
        (&after["title"], &after["severity"], &after["ownerMemberUserId"], &after["status"]),
        (&json!("Other"), &json!("low"), &json!("u"), &json!("triaged"))
    );
}

#[tokio::test]
async fn the_write_scope_alone_allows_creating_a_finding_but_not_reading_it() {
    let api = TestApi::open().await;
    let client = api.client(api.home, &[Scope::FindingsWrite]).await;
    let id = api.create_finding(&client, "k").await;
    api.get(&format!("{}/{id}", findings_path())).auth(&client).send().await.expect(403);
}
