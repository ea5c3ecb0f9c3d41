//! Writes happen at most once for one idempotency key.

use std::time::Duration;

use futures_util::FutureExt;
use scopes::Scope;
use serde_json::{Value, json};

use crate::{
    operations::{Places, writes},
    support::{Answer, Client, House, Port, finding_body, findings_path},
};

async fn house() -> (House, Client, Places) {
    let house = House::open().await;
    let client = house.everyone().await;
    let places = Places::in_house(&house, &client).await;
    house.watched.events();
    house.watched.written();
    (house, client, places)
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
        let (house, client, places) = house().await;
        let call = places.call(&house, operation).by(&client).key("incident-1");
        let first = call.clone().send().await;
        assert!(first.status < 300 && !first.is_replayed(), "{}", operation.id);
        let happened = house.watched.written();
        house.watched.events();
        house.clock().advance(Duration::from_secs(24 * 3600 - 901));
        let renewed = Client { token: house.token(&client).await, ..client.clone() };
        for _ in 0..2 {
            let again = places.call(&house, operation).by(&renewed).key("incident-1").send().await;
            assert!(again.is_replayed(), "{}", operation.id);
            assert_same(&first, &again);
        }
        assert_eq!((house.watched.events().len(), house.watched.written()), (0, 0), "{}", operation.id);
        assert!(happened > 0, "{} did nothing to repeat", operation.id);
    }
}

#[tokio::test]
async fn every_write_with_a_key_of_another_body_is_422() {
    for operation in writes() {
        let (house, client, places) = house().await;
        places.call(&house, operation).by(&client).key("incident-1").send().await;
        house.watched.events();
        house.watched.written();
        let other = json!("for quite another reason");
        let call = places.call_because(&house, operation, Some(&other)).by(&client).key("incident-1");
        assert_eq!(call.send().await.expect(422).error(), "unprocessable", "{}", operation.id);
        assert_eq!((house.watched.events().len(), house.watched.written()), (0, 0), "{}", operation.id);
    }
}

#[tokio::test]
async fn every_write_with_a_key_of_another_body_is_422_though_that_body_is_faulty_in_itself() {
    for operation in writes() {
        let (house, client, places) = house().await;
        places.call(&house, operation).by(&client).key("incident-1").send().await;
        let path = places.path(operation);
        let call = house.call(&operation.method, &path).by(&client).key("incident-1");
        let short = places.call_because(&house, operation, Some(&json!("short"))).by(&client).key("incident-1");
        short.send().await.expect(422);
        for body in ["{}", "{", ""] {
            let answer = call.clone().body("application/json", body).send().await.expect(422);
            assert_eq!(answer.error(), "unprocessable", "{} {body}", operation.id);
        }
        call.body("text/plain", "no JSON").send().await.expect(422);
        let call = house.call(&operation.method, &format!("{path}?colour=red")).by(&client).key("incident-1");
        call.json(operation.request().unwrap_or(&Value::Null)).send().await.expect(422);
    }
}

#[tokio::test]
async fn every_write_that_failed_leaves_its_key_free() {
    for operation in writes() {
        let (house, client, places) = house().await;
        let short = json!("short");
        let short = places.call_because(&house, operation, Some(&short)).by(&client).key("incident-1");
        short.send().await.expect(400);
        let good = places.call(&house, operation).by(&client).key("incident-1").send().await;
        assert!(good.status < 300 && !good.is_replayed(), "{}", operation.id);
    }
}

#[tokio::test]
async fn a_write_that_was_refused_by_what_is_stored_leaves_its_key_free() {
    let (house, client, places) = house().await;
    let path = format!("{}/{}", findings_path(), places.finding);
    let archive = json!({ "status": "archived", "reason": "because of a test" });
    let call = house.patch(&path).by(&client).json(&archive).key("k");
    call.clone().send().await.expect(422);
    house
        .patch(&path)
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
        let (house, client, places) = house().await;
        let single = {
            let (house, client, places) = self::house().await;
            places.call(&house, operation).by(&client).send().await;
            house.watched.written()
        };
        let calls = (0..16).map(|_| tokio::spawn(places.call(&house, operation).by(&client).key("incident-1").send()));
        let mut answers = Vec::new();
        for call in calls.collect::<Vec<_>>() {
            answers.push(call.await.unwrap());
        }
        assert_eq!(answers.iter().filter(|answer| !answer.is_replayed()).count(), 1, "{}", operation.id);
        for answer in &answers {
            assert_same(&answers[0], answer);
        }
        assert_eq!(house.watched.written(), single, "{}", operation.id);
    }
}

#[tokio::test]
async fn a_twin_that_is_overtaken_at_whichever_moment_gets_the_answer_of_the_other() {
    // Past the look-up of the key: the finding read is the one the twin has moved, which refuses the event. Before the
    // commit: the key is taken.
    for moment in [Port::Read, Port::Commit] {
        let (house, client, places) = house().await;
        let path = format!("{}/{}/events", findings_path(), places.finding);
        let body = json!({ "eventType": "acknowledged", "reason": "because of a test" });
        let call = house.post(&path).by(&client).json(&body).key("k");
        let twin = call.clone();
        house.watched.before_next(moment, move || {
            Box::pin(async move {
                assert!(!twin.send().await.expect(201).is_replayed());
            })
        });
        assert!(call.send().await.expect(201).is_replayed(), "overtaken at {moment:?}");
        house.post(&path).by(&client).json(&body).send().await.expect(422);
    }
}

#[tokio::test]
async fn keys_are_apart_by_account_method_and_concrete_path() {
    let (house, client, places) = house().await;
    let other = house.everyone().await;
    let second = house.finding(&client, "second").await;
    let comment = json!({ "eventType": "comment", "note": "seen", "reason": "because of a test" });
    for (client, finding) in [(&client, &places.finding), (&client, &second), (&other, &second)] {
        let path = format!("{}/{finding}/events", findings_path());
        assert!(!house.post(&path).by(client).json(&comment).key("k").send().await.expect(201).is_replayed());
    }
    let path = format!("{}/{second}", findings_path());
    let change = json!({ "severity": "low", "reason": "because of a test" });
    assert!(!house.patch(&path).by(&client).json(&change).key("k").send().await.expect(200).is_replayed());
}

#[tokio::test]
async fn a_key_is_forgotten_when_its_time_is_over() {
    let (house, client, places) = house().await;
    let path = format!("{}/{}/events", findings_path(), places.finding);
    let comment = json!({ "eventType": "comment", "reason": "because of a test" });
    house.post(&path).by(&client).json(&comment).key("k").send().await.expect(201);
    house.clock().advance(Duration::from_secs(24 * 3600));
    let token = house.token(&client).await;
    assert!(!house.post(&path).bearer(&token).json(&comment).key("k").send().await.expect(201).is_replayed());
}

#[tokio::test]
async fn a_key_is_one_value_of_1_to_255_visible_ascii_characters() {
    let (house, client, places) = house().await;
    let path = format!("{}/{}/events", findings_path(), places.finding);
    let comment = json!({ "eventType": "comment", "reason": "because of a test" });
    let call = house.post(&path).by(&client).json(&comment);
    for bad in [b"".to_vec(), b"a b".to_vec(), vec![b'k'; 256], "ü".as_bytes().to_vec(), vec![0xff], b"a\tb".to_vec()]
    {
        let answer = call.clone().header("idempotency-key", &bad).send().await.expect(400);
        assert_eq!(answer.paths(), ["header.Idempotency-Key"], "{bad:?}");
    }
    assert_eq!(call.clone().key("a").key("a").send().await.expect(400).paths(), ["header.Idempotency-Key"]);
    call.clone().header("idempotency-key", vec![b'~'; 255]).send().await.expect(201);
}

#[tokio::test]
async fn standing_and_scope_are_judged_before_a_replay() {
    let (house, client, places) = house().await;
    let path = format!("{}/{}/events", findings_path(), places.finding);
    let comment = json!({ "eventType": "comment", "reason": "because of a test" });
    let call = house.post(&path).by(&client).json(&comment).key("k");
    call.clone().send().await.expect(201);
    house.rescope(&client, &[Scope::FindingsRead]).await;
    call.clone().send().await.expect(403);
    house.rescope(&client, &[Scope::FindingsWrite]).await;
    assert!(call.clone().send().await.expect(201).is_replayed());
    house.disable(&client).await;
    call.send().await.expect(401);
}

#[tokio::test]
async fn a_batch_with_failed_items_is_replayed_like_any_other() {
    let (house, client, _) = house().await;
    let mut good = finding_body("good");
    good.as_object_mut().unwrap().remove("reason");
    let body = json!({ "findings": [good, { "findingKey": "bad" }], "reason": "because of a test" });
    let call = house.post("/api/v1/governance/findings/batch").by(&client).json(&body).key("k");
    let first = call.clone().send().await.expect(200);
    assert_eq!(first.json()["results"][1]["result"], "failed");
    assert_same(&first, &call.send().await);
}

#[tokio::test]
async fn a_client_that_goes_away_at_any_moment_leaves_all_of_a_write_or_nothing_and_can_send_it_again() {
    let (mut interrupted, mut finished) = (0, 0);
    for polls in 0..40 {
        let (house, client, _) = house().await;
        let call = house.post(findings_path()).by(&client).json(&finding_body("k")).key("k");
        let mut answer = Box::pin(call.clone().send());
        let mut answered = false;
        for _ in 0..polls {
            answered = answered || (&mut answer).now_or_never().is_some();
        }
        drop(answer);
        let stored = house.watched.events().len();
        let log = house.log(house.home).await;
        let entries = log.iter().filter(|recorded| {
            recorded.entry.reason.as_ref().is_some_and(|reason| reason.as_str() == "because a test says so")
        });
        let entries = entries.filter(|recorded| {
            recorded.entry.subject.is_some() && recorded.entry.origin.user_agent.as_deref() == Some("tests/1.0")
        });
        // One of the two findings was there before.
        assert_eq!(entries.count() - 1, stored, "after {polls} polls");
        assert!(stored == 1 || !answered);
        *if answered { &mut finished } else { &mut interrupted } += 1;
        assert_eq!(call.send().await.expect(201).is_replayed(), stored == 1);
    }
    assert!(interrupted > 3 && finished > 3, "{interrupted} were interrupted, {finished} finished");
}

#[tokio::test]
async fn the_token_call_and_reads_take_no_notice_of_a_key() {
    let (house, client, _) = house().await;
    for _ in 0..2 {
        let call = house.get(findings_path()).by(&client).key("k");
        assert!(!call.send().await.expect(200).is_replayed());
    }
}
