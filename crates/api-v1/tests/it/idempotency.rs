//! Requests with one idempotency key have at most one effect.

use std::time::Duration;

use futures_util::FutureExt;
use http_api::ApiSettings;
use scopes::Scope;
use serde_json::{Value, json};

use crate::{
    operations::{PathParams, write_operations},
    support::{Call, Client, TestApi, TestResponse, finding_body, findings_path},
};

async fn setup() -> (TestApi, Client, PathParams) {
    let api = TestApi::open().await;
    let client = api.full_access_client().await;
    let params = PathParams::create_records(&api, &client).await;
    api.probe.take_events();
    api.probe.take_write_count();
    (api, client, params)
}

fn assert_same_response(first: &TestResponse, again: &TestResponse) {
    assert_eq!(again.status, first.status);
    assert_eq!(again.body, first.body);
    for name in ["location", "etag", "content-type"] {
        assert_eq!(again.header(name), first.header(name), "{name}");
    }
}

#[tokio::test]
async fn every_write_repeated_with_its_key_returns_the_first_response_byte_for_byte_and_has_no_effect() {
    for operation in write_operations() {
        let (api, client, params) = setup().await;
        let call = params.request(&api, operation).auth(&client).idempotency_key("incident-1");
        let first = call.clone().send().await;
        assert!(first.status < 300 && !first.is_replayed(), "{}", operation.id);
        let write_count = api.probe.take_write_count();
        api.probe.take_events();
        api.clock().advance(Duration::from_secs(24 * 3600 - 901));
        let renewed = Client { token: api.new_token(&client).await, ..client.clone() };
        for _ in 0..2 {
            let again = params.request(&api, operation).auth(&renewed).idempotency_key("incident-1").send().await;
            assert!(again.is_replayed(), "{}", operation.id);
            assert_same_response(&first, &again);
        }
        assert_eq!((api.probe.take_events().len(), api.probe.take_write_count()), (0, 0), "{}", operation.id);
        assert!(write_count > 0, "{} wrote nothing", operation.id);
    }
}

#[tokio::test]
async fn every_write_that_reuses_a_key_for_another_body_is_rejected_with_422() {
    for operation in write_operations() {
        let (api, client, params) = setup().await;
        params.request(&api, operation).auth(&client).idempotency_key("incident-1").send().await;
        api.probe.take_events();
        api.probe.take_write_count();
        let other = json!("for quite another reason");
        let call =
            params.request_with_reason(&api, operation, Some(&other)).auth(&client).idempotency_key("incident-1");
        assert_eq!(call.send().await.expect(422).error_code(), "unprocessable", "{}", operation.id);
        assert_eq!((api.probe.take_events().len(), api.probe.take_write_count()), (0, 0), "{}", operation.id);
    }
}

#[tokio::test]
async fn every_write_that_reuses_a_key_for_an_invalid_body_is_rejected_with_422() {
    for operation in write_operations() {
        let (api, client, params) = setup().await;
        params.request(&api, operation).auth(&client).idempotency_key("incident-1").send().await;
        let path = params.path(operation);
        let call = api.request(&operation.method, &path).auth(&client).idempotency_key("incident-1");
        let short = params
            .request_with_reason(&api, operation, Some(&json!("short")))
            .auth(&client)
            .idempotency_key("incident-1");
        short.send().await.expect(422);
        for body in ["{}", "{", ""] {
            let response = call.clone().body("application/json", body).send().await.expect(422);
            assert_eq!(response.error_code(), "unprocessable", "{} {body}", operation.id);
        }
        call.body("text/plain", "no JSON").send().await.expect(422);
        let call =
            api.request(&operation.method, &format!("{path}?colour=red")).auth(&client).idempotency_key("incident-1");
        call.json(operation.request_example().unwrap_or(&Value::Null)).send().await.expect(422);
    }
}

#[tokio::test]
async fn every_write_with_an_invalid_body_leaves_its_key_free() {
    for operation in write_operations() {
        let (api, client, params) = setup().await;
        let short = json!("short");
        let short =
            params.request_with_reason(&api, operation, Some(&short)).auth(&client).idempotency_key("incident-1");
        short.send().await.expect(400);
        let good = params.request(&api, operation).auth(&client).idempotency_key("incident-1").send().await;
        assert!(good.status < 300 && !good.is_replayed(), "{}", operation.id);
    }
}

#[tokio::test]
async fn a_write_rejected_because_of_the_stored_state_leaves_its_key_free() {
    let (api, client, params) = setup().await;
    let path = format!("{}/{}", findings_path(), params.finding);
    let archive = json!({ "status": "archived", "reason": "because of a test" });
    let call = api.patch(&path).auth(&client).json(&archive).idempotency_key("k");
    call.clone().send().await.expect(422);
    api.patch(&path)
        .auth(&client)
        .json(&json!({ "status": "closed", "reason": "because of a test" }))
        .send()
        .await
        .expect(200);
    assert!(!call.send().await.expect(200).is_replayed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_write_sent_sixteen_times_concurrently_has_one_effect() {
    for operation in write_operations() {
        let (api, client, params) = setup().await;
        let expected = {
            let (api, client, params) = self::setup().await;
            params.request(&api, operation).auth(&client).send().await;
            api.probe.take_write_count()
        };
        let calls = (0..16)
            .map(|_| tokio::spawn(params.request(&api, operation).auth(&client).idempotency_key("incident-1").send()));
        let mut responses = Vec::new();
        for call in calls.collect::<Vec<_>>() {
            responses.push(call.await.unwrap());
        }
        assert_eq!(responses.iter().filter(|response| !response.is_replayed()).count(), 1, "{}", operation.id);
        for response in &responses {
            assert_same_response(&responses[0], response);
        }
        assert_eq!(api.probe.take_write_count(), expected, "{}", operation.id);
    }
}

#[tokio::test]
async fn a_request_overtaken_by_its_duplicate_returns_the_response_of_the_duplicate() {
    // At the read, after the look-up of the key, the duplicate has already changed the finding: the event is rejected.
    // At the commit, the key is already taken.
    for moment in [Call::Read, Call::Commit] {
        let (api, client, params) = setup().await;
        let path = format!("{}/{}/events", findings_path(), params.finding);
        let body = json!({ "eventType": "acknowledged", "reason": "because of a test" });
        let call = api.post(&path).auth(&client).json(&body).idempotency_key("k");
        let duplicate = call.clone();
        api.probe.before_next(moment, move || {
            Box::pin(async move {
                assert!(!duplicate.send().await.expect(201).is_replayed());
            })
        });
        assert!(call.send().await.expect(201).is_replayed(), "overtaken at {moment:?}");
        api.post(&path).auth(&client).json(&body).send().await.expect(422);
    }
}

#[tokio::test]
async fn a_key_applies_to_one_account_method_and_concrete_path() {
    let (api, client, params) = setup().await;
    let other = api.full_access_client().await;
    let second = api.create_finding(&client, "second").await;
    let comment = json!({ "eventType": "comment", "note": "seen", "reason": "because of a test" });
    for (client, finding) in [(&client, &params.finding), (&client, &second), (&other, &second)] {
        let path = format!("{}/{finding}/events", findings_path());
        assert!(
            !api.post(&path).auth(client).json(&comment).idempotency_key("k").send().await.expect(201).is_replayed()
        );
    }
    let path = format!("{}/{second}", findings_path());
    let change = json!({ "severity": "low", "reason": "because of a test" });
    assert!(!api.patch(&path).auth(&client).json(&change).idempotency_key("k").send().await.expect(200).is_replayed());
}

#[tokio::test]
async fn a_key_can_be_used_anew_after_24_hours() {
    let (api, client, params) = setup().await;
    let path = format!("{}/{}/events", findings_path(), params.finding);
    let comment = json!({ "eventType": "comment", "reason": "because of a test" });
    api.post(&path).auth(&client).json(&comment).idempotency_key("k").send().await.expect(201);
    api.clock().advance(Duration::from_secs(24 * 3600));
    let token = api.new_token(&client).await;
    assert!(
        !api.post(&path).bearer_auth(&token).json(&comment).idempotency_key("k").send().await.expect(201).is_replayed()
    );
}

#[tokio::test]
async fn a_key_is_one_value_of_1_to_255_visible_ascii_characters() {
    let (api, client, params) = setup().await;
    let path = format!("{}/{}/events", findings_path(), params.finding);
    let comment = json!({ "eventType": "comment", "reason": "because of a test" });
    let call = api.post(&path).auth(&client).json(&comment);
    for bad in [b"".to_vec(), b"a b".to_vec(), vec![b'k'; 256], "ü".as_bytes().to_vec(), vec![0xff], b"a\tb".to_vec()]
    {
        let response = call.clone().header("idempotency-key", &bad).send().await.expect(400);
        assert_eq!(response.issue_paths(), ["header.Idempotency-Key"], "{bad:?}");
    }
    assert_eq!(
        call.clone().idempotency_key("a").idempotency_key("a").send().await.expect(400).issue_paths(),
        ["header.Idempotency-Key"]
    );
    call.clone().header("idempotency-key", vec![b'~'; 255]).send().await.expect(201);
}

#[tokio::test]
async fn account_status_and_scope_are_checked_before_a_replay() {
    let (api, client, params) = setup().await;
    let path = format!("{}/{}/events", findings_path(), params.finding);
    let comment = json!({ "eventType": "comment", "reason": "because of a test" });
    let call = api.post(&path).auth(&client).json(&comment).idempotency_key("k");
    call.clone().send().await.expect(201);
    api.set_scopes(&client, &[Scope::FindingsRead]).await;
    call.clone().send().await.expect(403);
    api.set_scopes(&client, &[Scope::FindingsWrite]).await;
    assert!(call.clone().send().await.expect(201).is_replayed());
    api.disable(&client).await;
    call.send().await.expect(401);
}

#[tokio::test]
async fn a_batch_with_failed_items_is_replayed_like_any_other_write() {
    let (api, client, _) = setup().await;
    let mut good = finding_body("good");
    good.as_object_mut().unwrap().remove("reason");
    let body = json!({ "findings": [good, { "findingKey": "bad" }], "reason": "because of a test" });
    let call = api.post("/api/v1/governance/findings/batch").auth(&client).json(&body).idempotency_key("k");
    let first = call.clone().send().await.expect(200);
    assert_eq!(first.json()["results"][1]["result"], "failed");
    assert_same_response(&first, &call.send().await);
}

#[tokio::test]
async fn a_write_cancelled_at_any_moment_is_stored_completely_or_not_at_all_and_can_be_repeated() {
    let (mut interrupted, mut finished) = (0, 0);
    for polls in 0..40 {
        let (api, client, _) = setup().await;
        let call = api.post(findings_path()).auth(&client).json(&finding_body("k")).idempotency_key("k");
        let mut response = Box::pin(call.clone().send());
        let mut completed = false;
        for _ in 0..polls {
            completed = completed || (&mut response).now_or_never().is_some();
        }
        drop(response);
        let stored = api.probe.take_events().len();
        let log = api.audit_log(api.home).await;
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
async fn reads_ignore_an_idempotency_key() {
    let (api, client, _) = setup().await;
    for _ in 0..2 {
        let call = api.get(findings_path()).auth(&client).idempotency_key("k");
        assert!(!call.send().await.expect(200).is_replayed());
    }
}

#[tokio::test]
async fn an_account_whose_kept_responses_take_up_too_much_is_refused_new_keys_but_gets_its_replays() {
    let settings = ApiSettings { idempotency_storage: 2_000, ..ApiSettings::default() };
    let api = TestApi::with_settings(settings).await;
    let (client, other) = (api.full_access_client().await, api.full_access_client().await);
    let call = |client: &Client, key: &str| {
        api.post(findings_path()).auth(client).json(&finding_body(&format!("{} {key}", client.id()).replace(' ', ":")))
    };
    let mut kept = 0;
    let refused = loop {
        let key = format!("k{kept}");
        let response = call(&client, &key).idempotency_key(&key).send().await;
        if response.status != 201 {
            break response;
        }
        kept += 1;
    };
    assert!((2..20).contains(&kept), "{kept} responses are kept");
    assert_eq!((refused.status, &*refused.error_code(), refused.header("retry-after")), (429, "rate_limited", "600"));
    assert!(call(&client, "k0").idempotency_key("k0").send().await.expect(201).is_replayed());
    call(&client, "without").send().await.expect(201);
    call(&other, "k0").idempotency_key("k0").send().await.expect(201);
    // Another server finds the limit reached, too.
    let restarted = http_api::router(http_api::App::new((*api.app.services).clone()), [api.surface()]);
    let elsewhere = crate::support::TestRequest::new(restarted, "POST", findings_path());
    elsewhere.auth(&client).json(&finding_body("elsewhere")).idempotency_key("elsewhere").send().await.expect(429);

    api.clock().advance(Duration::from_secs(24 * 3600 + 1));
    api.fixture.store.delete_expired_idempotency_keys(api.fixture.now(), 1000).await.unwrap();
    let renewed = Client { token: api.new_token(&client).await, ..client.clone() };
    call(&renewed, "later").idempotency_key("later").send().await.expect(201);
}
