//! Creating and changing findings.

use scopes::Scope;
use serde_json::{Value, json};

use crate::support::{Client, House, finding_body, findings_path};

async fn house() -> (House, Client) {
    let api = House::open().await;
    let client = api.everyone().await;
    (api, client)
}

async fn created(api: &House, client: &Client, body: &Value) -> Value {
    api.post(findings_path()).by(client).json(body).send().await.expect(201).json()["finding"].clone()
}

fn full(key: &str) -> Value {
    json!({
        "findingKey": key,
        "title": "Member portal accepts TLS 1.0",
        "description": "Seen by the scanner.\n\tTwice. 🔓",
        "severity": "critical",
        "sourceKind": "audit",
        "sourceModuleKey": "audits",
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
async fn the_least_that_makes_a_finding_gives_every_field_with_its_default() {
    let (api, client) = house().await;
    let response = api.post(findings_path()).by(&client).json(&finding_body("k")).send().await.expect(201);
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
            "status": "open", "sourceKind": "module_signal", "sourceModuleKey": null, "sourceResourceType": null,
            "sourceResourceId": null, "subjectModuleKey": null, "subjectResourceType": null, "subjectResourceId": null,
            "ownerResponsibilityId": null, "ownerMemberUserId": null, "dueAt": null, "closedAt": null,
            "lifecycleInstanceId": null, "duplicateOfFindingId": null, "createdAt": now, "updatedAt": now,
        })
    );
    let read = api.get(response.header("location")).by(&client).send().await.expect(200);
    assert_eq!(read.json()["finding"], finding);
}

#[tokio::test]
async fn every_field_that_is_given_is_kept_and_nulls_are_as_if_left_out() {
    let (api, client) = house().await;
    let finding = created(&api, &client, &full("k")).await;
    for (name, value) in full("k").as_object().unwrap() {
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
    let mut finding = created(&api, &client, &nulls).await;
    let mut bare = created(&api, &client, &finding_body("bare")).await;
    for name in ["id", "findingKey"] {
        finding[name] = Value::Null;
        bare[name] = Value::Null;
    }
    assert_eq!(finding, bare);
    for name in ["findingKey", "title", "severity", "sourceKind", "reason"] {
        let mut body = finding_body("k2");
        body[name] = Value::Null;
        assert_eq!(api.post(findings_path()).by(&client).json(&body).send().await.expect(400).paths(), [name]);
    }
}

#[tokio::test]
async fn what_the_server_keeps_for_itself_can_not_be_set() {
    let (api, client) = house().await;
    for name in ["id", "status", "closedAt", "lifecycleInstanceId", "duplicateOfFindingId", "createdAt", "updatedAt"] {
        let mut body = finding_body("k");
        body[name] = Value::Null;
        assert_eq!(api.post(findings_path()).by(&client).json(&body).send().await.expect(400).paths(), [name]);
    }
}

#[tokio::test]
async fn texts_are_held_to_their_limits_at_both_ends() {
    let (api, client) = house().await;
    for (name, good, bad) in [
        (
            "findingKey",
            vec!["~".to_owned(), "k".repeat(200)],
            vec![String::new(), "k".repeat(201), "a b".to_owned(), "é".to_owned(), "\t".to_owned()],
        ),
        (
            "title",
            vec!["é".repeat(300), "a\tb\nc".to_owned()],
            vec![String::new(), " ".to_owned(), "é".repeat(301), "a\rb".to_owned()],
        ),
        (
            "description",
            vec![String::new(), "🔓".repeat(20_000)],
            vec!["x".repeat(20_001), "\u{0}".to_owned(), "\u{7f}".to_owned()],
        ),
        ("sourceResourceId", vec!["x".repeat(200)], vec![String::new(), "x".repeat(201), "\u{1b}".to_owned()]),
    ] {
        for (index, value) in good.iter().enumerate() {
            let mut body = finding_body(&format!("{name}{index}"));
            body[name] = json!(value);
            created(&api, &client, &body).await;
        }
        for value in bad {
            let mut body = finding_body("bad");
            body[name] = json!(value);
            let response = api.post(findings_path()).by(&client).json(&body).send().await.expect(400);
            assert_eq!(response.paths(), [name], "{value:?}");
        }
    }
}

#[tokio::test]
async fn a_taken_key_is_409_and_names_who_has_it() {
    let (api, client) = house().await;
    let id = api.finding(&client, "k").await;
    let response = api.post(findings_path()).by(&client).json(&full("k")).send().await.expect(409);
    assert_eq!(response.error(), "conflict");
    assert_eq!(response.json()["existingId"], id);
    api.finding(&client, "K").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_create_the_same_key_at_once_one_succeeds_and_the_others_learn_who() {
    let (api, client) = house().await;
    let call = api.post(findings_path()).by(&client).json(&finding_body("k"));
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
async fn half_a_subject_is_refused_on_the_part_that_is_missing() {
    let (api, client) = house().await;
    for (present, missing) in [
        (&["subjectModuleKey"][..], "subjectResourceType"),
        (&["subjectResourceId"], "subjectModuleKey"),
        (&["subjectModuleKey", "subjectResourceType"], "subjectResourceId"),
    ] {
        let mut body = finding_body("k");
        present.iter().for_each(|name| body[*name] = json!("x"));
        assert_eq!(api.post(findings_path()).by(&client).json(&body).send().await.expect(400).paths(), [missing]);
    }
}

async fn patch(api: &House, client: &Client, id: &Value, change: Value) -> crate::support::Answer {
    let mut body = change;
    body["reason"] = json!("because a test says so");
    let path = format!("{}/{}", findings_path(), id.as_str().unwrap());
    api.patch(&path).by(client).json(&body).send().await
}

#[tokio::test]
async fn a_patch_leaves_what_is_absent_clears_what_is_null_and_sets_the_rest() {
    let (api, client) = house().await;
    let before = created(&api, &client, &full("k")).await;
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
    assert_eq!(part.paths(), ["subjectModuleKey"]);
}

#[tokio::test]
async fn one_part_of_a_subject_can_be_changed_alone() {
    let (api, client) = house().await;
    let before = created(&api, &client, &full("k")).await;
    let after = patch(&api, &client, &before["id"], json!({ "subjectResourceId": "srv-2" })).await.expect(200).json();
    assert_eq!(after["finding"]["subjectResourceId"], "srv-2");
    assert_eq!(after["finding"]["subjectModuleKey"], "assets");
}

#[tokio::test]
async fn a_patch_that_names_no_field_or_one_that_can_not_change_is_400() {
    let (api, client) = house().await;
    let id = created(&api, &client, &full("k")).await["id"].clone();
    assert_eq!(patch(&api, &client, &id, json!({})).await.expect(400).paths(), [""]);
    for name in ["findingKey", "sourceKind", "closedAt", "duplicateOfFindingId", "lifecycleInstanceId", "createdAt"] {
        assert!(patch(&api, &client, &id, json!({ name: "x" })).await.expect(400).paths().contains(&name.to_owned()));
    }
    for name in ["title", "severity", "status", "description"] {
        assert_eq!(patch(&api, &client, &id, json!({ name: null })).await.expect(400).paths(), [name]);
    }
}

#[tokio::test]
async fn a_patch_that_says_what_is_there_already_is_200_and_changes_nothing() {
    let (api, client) = house().await;
    let before = created(&api, &client, &full("k")).await;
    api.watched.events();
    api.clock().tick();
    let same =
        json!({ "title": before["title"], "status": "open", "dueAt": before["dueAt"], "subjectResourceId": "srv-1" });
    let after = patch(&api, &client, &before["id"], same).await.expect(200).json()["finding"].clone();
    assert_eq!(after, before);
    assert!(api.watched.events().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_of_different_fields_at_once_all_come_through() {
    let (api, client) = house().await;
    let id = created(&api, &client, &finding_body("k")).await["id"].clone();
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
            tokio::spawn(api.patch(&path).by(&client).json(&body).send())
        })
        .collect();
    for call in calls {
        call.await.unwrap().expect(200);
    }
    let after = api.get(&path).by(&client).send().await;
    assert_eq!(after.header("etag"), "\"r5\"");
    let after = after.json()["finding"].clone();
    assert_eq!(
        (&after["title"], &after["severity"], &after["ownerMemberUserId"], &after["status"]),
        (&json!("Other"), &json!("low"), &json!("u"), &json!("triaged"))
    );
}

#[tokio::test]
async fn a_write_scope_shows_what_was_written_and_reads_nothing_else() {
    let api = House::open().await;
    let client = api.client(api.home, &[Scope::FindingsWrite]).await;
    let id = api.finding(&client, "k").await;
    api.get(&format!("{}/{id}", findings_path())).by(&client).send().await.expect(403);
}
