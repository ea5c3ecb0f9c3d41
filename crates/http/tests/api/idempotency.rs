//! Requests with one idempotency key have at most one effect.

use std::time::Duration;

use futures_util::FutureExt;
use scopes::Scope;
use serde_json::{Value, json};

use crate::{
    operations::{Places, writes},
    support::{Answer, Client, House, Port, finding_body, findings_path},
};

async fn house() -> (House, Client, Places) {
    let api = House::open().await;
    let client = api.everyone().await;
    let params = Places::in_house(&api, &client).await;
    api.watched.events();
    api.watched.written();
    (api, client, params)
}

fn assert_same(first: &Answer, again: &Answer) {
    assert_eq!(again.status, first.status);
    assert_eq!(again.body, first.body);
    for name in ["location", "etag", "content-type"] {
        assert_eq!(again.header(name), first.header(name), "{name}");
    }
}

#[tokio::test]
async fn every_write_again_with_its_key_gives_the_first_answer_byte_for_byte_and_does_nothing() {
    for operation in writes() {
        let (api, client, params) = house().await;
        let call = params.call(&api, operation).by(&client).key("incident-1");
        let first = call.clone().send().await;
        assert!(first.status < 300 && !first.is_replayed(), "{}", operation.id);
        let write_count = api.watched.written();
        api.watched.events();
        api.clock().advance(Duration::from_secs(24 * 3600 - 901));
        let renewed = Client { token: api.token(&client).await, ..client.clone() };
        for _ in 0..2 {
            let again = params.call(&api, operation).by(&renewed).key("incident-1").send().await;
            assert!(again.is_replayed(), "{}", operation.id);
            assert_same(&first, &again);
        }
        assert_eq!((api.watched.events().len(), api.watched.written()), (0, 0), "{}", operation.id);
        assert!(write_count > 0, "{} wrote nothing", operation.id);
    }
}

#[tokio::test]
async fn every_write_with_a_key_of_another_body_is_422() {
    for operation in writes() {
        let (api, client, params) = house().await;
        params.call(&api, operation).by(&client).key("incident-1").send().await;
        api.watched.events();
        api.watched.written();
        let other = json!("for quite another reason");
        let call = params.call_because(&api, operation, Some(&other)).by(&client).key("incident-1");
        assert_eq!(call.send().await.expect(422).error(), "unprocessable", "{}", operation.id);
        assert_eq!((api.watched.events().len(), api.watched.written()), (0, 0), "{}", operation.id);
    }
}

#[tokio::test]
async fn every_write_with_a_key_of_another_body_is_422_though_that_body_is_faulty_in_itself() {
    for operation in writes() {
        let (api, client, params) = house().await;
        params.call(&api, operation).by(&client).key("incident-1").send().await;
        let path = params.path(operation);
        let call = api.call(&operation.method, &path).by(&client).key("incident-1");
        let short = params.call_because(&api, operation, Some(&json!("short"))).by(&client).key("incident-1");
        short.send().await.expect(422);
        for body in ["{}", "{", ""] {
            let response = call.clone().body("application/json", body).send().await.expect(422);
            assert_eq!(response.error(), "unprocessable", "{} {body}", operation.id);
        }
        call.body("text/plain", "no JSON").send().await.expect(422);
        let call = api.call(&operation.method, &format!("{path}?colour=red")).by(&client).key("incident-1");
        call.json(operation.request().unwrap_or(&Value::Null)).send().await.expect(422);
    }
}

#[tokio::test]
async fn every_write_that_failed_leaves_its_key_free() {
    for operation in writes() {
        let (api, client, params) = house().await;
        let short = json!("short");
        let short = params.call_because(&api, operation, Some(&short)).by(&client).key("incident-1");
        short.send().await.expect(400);
        let good = params.call(&api, operation).by(&client).key("incident-1").send().await;
        assert!(good.status < 300 && !good.is_replayed(), "{}", operation.id);
    }
}

#[tokio::test]
async fn a_write_that_was_refused_by_what_is_stored_leaves_its_key_free() {
    let (api, client, params) = house().await;
    let path = format!("{}/{}", findings_path(), params.finding);
    let archive = json!({ "status": "archived", "reason": "because of a test" });
    let call = api.patch(&path).by(&client).json(&archive).key("k");
    call.clone().send().await.expect(422);
    api.patch(&path)
        .by(&client)
        .json(&json!({ "status": "closed", "reason": "because of a test" }))
        .send()
        .await
        .expect(200);
    assert!(!call.send().await.expect(200).is_replayed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_write_sent_sixteen_times_at_once_happens_once() {
    for operation in writes() {
        let (api, client, params) = house().await;
        let expected = {
            let (api, client, params) = self::house().await;
            params.call(&api, operation).by(&client).send().await;
            api.watched.written()
        };
        let calls = (0..16).map(|_| tokio::spawn(params.call(&api, operation).by(&client).key("incident-1").send()));
        let mut responses = Vec::new();
        for call in calls.collect::<Vec<_>>() {
            responses.push(call.await.unwrap());
        }
        assert_eq!(responses.iter().filter(|response| !response.is_replayed()).count(), 1, "{}", operation.id);
        for response in &responses {
            assert_same(&responses[0], response);
        }
        assert_eq!(api.watched.written(), expected, "{}", operation.id);
    }
}

#[tokio::test]
async fn a_twin_that_is_overtaken_at_whichever_moment_gets_the_answer_of_the_other() {
    // At the read, after the look-up of the key, the duplicate has already changed the finding: the event is rejected.
    // At the commit, the key is already taken.
    for moment in [Port::Read, Port::Commit] {
        let (api, client, params) = house().await;
        let path = format!("{}/{}/events", findings_path(), params.finding);
        let body = json!({ "eventType": "acknowledged", "reason": "because of a test" });
        let call = api.post(&path).by(&client).json(&body).key("k");
        let duplicate = call.clone();
        api.watched.before_next(moment, move || {
            Box::pin(async move {
                assert!(!duplicate.send().await.expect(201).is_replayed());
            })
        });
        assert!(call.send().await.expect(201).is_replayed(), "overtaken at {moment:?}");
        api.post(&path).by(&client).json(&body).send().await.expect(422);
    }
}

#[tokio::test]
async fn keys_are_apart_by_account_method_and_concrete_path() {
    let (api, client, params) = house().await;
    let other = api.everyone().await;
    let second = api.finding(&client, "second").await;
    let comment = json!({ "eventType": "comment", "note": "seen", "reason": "because of a test" });
    for (client, finding) in [(&client, &params.finding), (&client, &second), (&other, &second)] {
        let path = format!("{}/{finding}/events", findings_path());
        assert!(!api.post(&path).by(client).json(&comment).key("k").send().await.expect(201).is_replayed());
    }
    let path = format!("{}/{second}", findings_path());
    let change = json!({ "severity": "low", "reason": "because of a test" });
    assert!(!api.patch(&path).by(&client).json(&change).key("k").send().await.expect(200).is_replayed());
}

#[tokio::test]
async fn a_key_is_forgotten_when_its_time_is_over() {
    let (api, client, params) = house().await;
    let path = format!("{}/{}/events", findings_path(), params.finding);
    let comment = json!({ "eventType": "comment", "reason": "because of a test" });
    api.post(&path).by(&client).json(&comment).key("k").send().await.expect(201);
    api.clock().advance(Duration::from_secs(24 * 3600));
    let token = api.token(&client).await;
    assert!(!api.post(&path).bearer(&token).json(&comment).key("k").send().await.expect(201).is_replayed());
}

#[tokio::test]
async fn a_key_is_one_value_of_1_to_255_visible_ascii_characters() {
    let (api, client, params) = house().await;
    let path = format!("{}/{}/events", findings_path(), params.finding);
    let comment = json!({ "eventType": "comment", "reason": "because of a test" });
    let call = api.post(&path).by(&client).json(&comment);
    for bad in [b"".to_vec(), b"a b".to_vec(), vec![b'k'; 256], "ü".as_bytes().to_vec(), vec![0xff], b"a\tb".to_vec()]
    {
        let response = call.clone().header("idempotency-key", &bad).send().await.expect(400);
        assert_eq!(response.paths(), ["header.Idempotency-Key"], "{bad:?}");
    }
    assert_eq!(call.clone().key("a").key("a").send().await.expect(400).paths(), ["header.Idempotency-Key"]);
    call.clone().header("idempotency-key", vec![b'~'; 255]).send().await.expect(201);
}

#[tokio::test]
async fn standing_and_scope_are_judged_before_a_replay() {
    let (api, client, params) = house().await;
    let path = format!("{}/{}/events", findings_path(), params.finding);
    let comment = json!({ "eventType": "comment", "reason": "because of a test" });
    let call = api.post(&path).by(&client).json(&comment).key("k");
    call.clone().send().await.expect(201);
    api.rescope(&client, &[Scope::FindingsRead]).await;
    call.clone().send().await.expect(403);
    api.rescope(&client, &[Scope::FindingsWrite]).await;
    assert!(call.clone().send().await.expect(201).is_replayed());
    api.disable(&client).await;
    call.send().await.expect(401);
}

#[tokio::test]
async fn a_batch_with_failed_items_is_replayed_like_any_other() {
    let (api, client, _) = house().await;
    let mut good = finding_body("good");
    good.as_object_mut().unwrap().remove("reason");
    let body = json!({ "findings": [good, { "findingKey": "bad" }], "reason": "because of a test" });
    let call = api.post("/api/v1/governance/findings/batch").by(&client).json(&body).key("k");
    let first = call.clone().send().await.expect(200);
    assert_eq!(first.json()["results"][1]["result"], "failed");
    assert_same(&first, &call.send().await);
}

#[tokio::test]
async fn a_client_that_goes_away_at_any_moment_leaves_all_of_a_write_or_nothing_and_can_send_it_again() {
    let (mut interrupted, mut finished) = (0, 0);
    for polls in 0..40 {
        let (api, client, _) = house().await;
        let call = api.post(findings_path()).by(&client).json(&finding_body("k")).key("k");
        let mut response = Box::pin(call.clone().send());
        let mut completed = false;
        for _ in 0..polls {
            completed = completed || (&mut response).now_or_never().is_some();
        }
        drop(response);
        let stored = api.watched.events().len();
        let log = api.log(api.home).await;
        let entries = log.iter().filter(|recorded| {
            recorded.entry.reason.as_ref().is_some_and(|reason| reason.as_str() == "because a test says so")
        });
        let entries = entries.filter(|recorded| {
            recorded.entry.subject.is_some() && recorded.entry.origin.user_agent.as_deref() == Some("tests/1.0")
        });
        // One of the two findings existed before.
        assert_eq!(entries.count() - 1, stored, "after {polls} polls");
        assert!(stored == 1 || !completed);
        *if completed { &mut finished } else { &mut interrupted } += 1;
        assert_eq!(call.send().await.expect(201).is_replayed(), stored == 1);
    }
    assert!(interrupted > 3 && finished > 3, "{interrupted} requests were interrupted, {finished} finished");
}

#[tokio::test]
async fn the_token_call_and_reads_take_no_notice_of_a_key() {
    let (api, client, _) = house().await;
    for _ in 0..2 {
        let call = api.get(findings_path()).by(&client).key("k");
        assert!(!call.send().await.expect(200).is_replayed());
    }
}
