//! The stream of events.

use std::time::Duration;

use axum::body::Body;
use http_body_util::BodyExt;
use scopes::Scope;
use serde_json::Value;
use webhooks::{Message, Secrets};

use super::house;
use crate::support::{Client, House, finding_body, findings_path};

const STREAM: &str = "/api/v1/webhooks/stream";

/// One thing that a stream said.
#[derive(Debug, PartialEq)]
enum Said {
    Event {
        id: String,
        name: String,
        data: Value,
    },
    Secret(String),
    Comment,
    /// It ended as a stream does.
    End,
    /// It broke off.
    Cut,
}

/// Lets tasks that can go on do so.
async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

/// Lets time pass that nobody waits for.
async fn pass(span: Duration) {
    const STEP: Duration = Duration::from_millis(50);
    for _ in 0..span.as_millis() / STEP.as_millis() {
        tokio::time::advance(STEP).await;
        settle().await;
    }
}

fn read(block: &str) -> Said {
    let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(&format!("{name}: "))).map(str::to_owned);
    let Some(name) = field("event") else { return Said::Comment };
    let data: Value = serde_json::from_str(&field("data").unwrap()).unwrap();
    match name.as_str() {
        "secret" => Said::Secret(data["secret"].as_str().unwrap().to_owned()),
        _ => Said::Event { id: field("id").unwrap(), name, data },
    }
}

/// What the next piece of a stream says.
async fn next(body: &mut Body) -> Vec<Said> {
    match body.frame().await {
        None => vec![Said::End],
        Some(Err(_)) => vec![Said::Cut],
        Some(Ok(frame)) => {
            let text = String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap();
            assert!(text.ends_with("\n\n"), "{text:?}");
            text.trim_end().split("\n\n").map(read).collect()
        }
    }
}

impl House {
    /// A stream that has told its secret.
    async fn hear(&self, client: &Client, query: &str) -> (Body, String) {
        let mut body = self.get(&format!("{STREAM}{query}")).by(client).open(200).await;
        match next(&mut body).await.as_slice() {
            [Said::Secret(secret)] => (body, secret.clone()),
            said => panic!("{said:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_happens_is_heard_signed_as_a_delivery_is_and_byte_for_byte() {
    let (house, client) = house().await;
    let (mut stream, secret) = house.hear(&client, "").await;
    assert!(secret.starts_with("whsec_"));
    house.clock().tick();
    house.finding(&client, "k").await;
    let stored = house.watched.events().remove(0);
    let said = next(&mut stream).await;
    let [Said::Event { id, name, data }] = said.as_slice() else { panic!("{said:?}") };
    assert_eq!((id.as_str(), name.as_str()), (stored.id.to_string().as_str(), "finding.created"));
    assert_eq!(data["body"].as_str().unwrap().as_bytes(), stored.body);
    let headers = &data["headers"];
    assert_eq!(headers["webhook-id"], id.as_str());
    assert_eq!(headers["webhook-timestamp"], house.fixture.now().seconds().to_string());
    let bytes = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, &secret["whsec_".len()..]).unwrap();
    let secret = webhooks::WebhookSecret::of_bytes(&bytes).unwrap();
    let content = Message::signed_content(stored.id, house.fixture.now(), &stored.body);
    assert_eq!(headers["webhook-signature"], house.keys.webhooks.sign_with(&secret, &content));
}

#[tokio::test(start_paused = true)]
async fn what_happened_before_is_not_heard_and_nothing_is_heard_twice() {
    let (house, client) = house().await;
    house.finding(&client, "before").await;
    house.clock().tick();
    let (mut stream, _) = house.hear(&client, "").await;
    let mut heard = Vec::new();
    for number in 0..120 {
        house.clock().advance(Duration::from_millis(7));
        house.finding(&client, &format!("k{number}")).await;
    }
    while heard.len() < 120 {
        heard.extend(next(&mut stream).await);
    }
    assert_eq!(next(&mut stream).await, [Said::Comment], "nothing is left but to say that it lives");
    let ids: Vec<&String> = heard
        .iter()
        .map(|said| match said {
            Said::Event { id, .. } => id,
            other => panic!("{other:?}"),
        })
        .collect();
    let stored = house.watched.events();
    assert_eq!(
        ids,
        stored[1..].iter().map(|event| event.id.to_string()).collect::<Vec<_>>().iter().collect::<Vec<_>>()
    );
}

/// An event is stamped before it is stored, so one that comes in late has an earlier identifier than those that were heard.
#[tokio::test(start_paused = true)]
async fn a_write_that_is_stored_late_is_heard_all_the_same() {
    let (house, client) = house().await;
    let (mut stream, _) = house.hear(&client, "").await;
    house.clock().tick();
    let late = house.post(findings_path()).by(&client).json(&finding_body("late"));
    let overtaking = house.post(findings_path()).by(&client).json(&finding_body("overtaking"));
    let (tell, told) = tokio::sync::oneshot::channel();
    let (let_go, held) = tokio::sync::oneshot::channel::<()>();
    house.watched.before_next(crate::support::Port::Commit, move || {
        Box::pin(async move {
            tell.send(()).unwrap();
            held.await.unwrap();
        })
    });
    let late = tokio::spawn(late.send());
    told.await.unwrap();
    house.clock().advance(Duration::from_millis(5));
    overtaking.send().await.expect(201);
    let key = |said: &[Said]| match said {
        [Said::Event { data, .. }] => {
            let body: Value = serde_json::from_str(data["body"].as_str().unwrap()).unwrap();
            body["data"]["finding"]["findingKey"].as_str().unwrap().to_owned()
        }
        said => panic!("{said:?}"),
    };
    assert_eq!(key(&next(&mut stream).await), "overtaking");
    house.clock().advance(Duration::from_secs(3));
    pass(Duration::from_secs(3)).await;
    let_go.send(()).unwrap();
    late.await.unwrap().expect(201);
    assert_eq!(key(&next(&mut stream).await), "late");
}

#[tokio::test(start_paused = true)]
async fn only_what_was_asked_for_is_heard_and_only_what_may_be_read() {
    let (house, client) = house().await;
    let (mut closed, _) = house.hear(&client, "?eventTypes=finding.closed").await;
    let blind = house.client(house.home, &[Scope::WebhooksManage]).await;
    let answer = house.get(&format!("{STREAM}?eventTypes=finding.closed")).by(&blind).send().await.expect(403);
    assert!(answer.message().contains("governance.findings:read"));
    house.get(&format!("{STREAM}?eventTypes=finding.burnt")).by(&client).send().await.expect(400);
    let (mut silent, _) = house.hear(&blind, "").await;
    let elsewhere = house.fixture.organization("elsewhere").await;
    let (mut foreign, _) = house.hear(&house.client(elsewhere, Scope::ALL).await, "").await;
    house.clock().tick();
    let id = house.finding(&client, "k").await;
    let close = serde_json::json!({ "status": "accepted", "reason": "because a test says so" });
    house.patch(&format!("{}/{id}", findings_path())).by(&client).json(&close).send().await.expect(200);
    let said = next(&mut closed).await;
    assert!(matches!(said.as_slice(), [Said::Event { name, .. }] if name == "finding.closed"), "{said:?}");
    assert_eq!(next(&mut silent).await, [Said::Comment]);
    assert_eq!(next(&mut foreign).await, [Said::Comment]);
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_within_five_seconds_of_its_accounts_loss_and_says_nothing_after_it() {
    for loss in ["disabled", "without its scope"] {
        let (house, _) = house().await;
        let (client, writer) = (house.everyone().await, house.everyone().await);
        let (mut stream, _) = house.hear(&client, "").await;
        match loss {
            "disabled" => house.disable(&client).await,
            _ => house.rescope(&client, &[Scope::FindingsRead]).await,
        }
        house.clock().tick();
        house.finding(&writer, "k").await;
        let begun = tokio::time::Instant::now();
        assert_eq!(next(&mut stream).await, [Said::Cut], "{loss}");
        assert!(begun.elapsed() < Duration::from_secs(5));
    }
}

#[tokio::test(start_paused = true)]
async fn a_scope_that_is_lost_silences_its_events_and_leaves_the_stream() {
    let (house, client) = house().await;
    let writer = house.everyone().await;
    let (mut stream, _) = house.hear(&client, "").await;
    house.rescope(&client, &[Scope::WebhooksManage]).await;
    house.clock().tick();
    house.finding(&writer, "k").await;
    assert_eq!(next(&mut stream).await, [Said::Comment]);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_nobody_takes_is_cut_after_thirty_seconds() {
    let (house, client) = house().await;
    let (mut stream, _) = house.hear(&client, "").await;
    for number in 0..3 {
        house.clock().tick();
        house.finding(&client, &format!("k{number}")).await;
        pass(Duration::from_millis(300)).await;
    }
    pass(Duration::from_secs(31)).await;
    let mut said = Vec::new();
    while said.last().is_none_or(|last| *last != Said::Cut) {
        said.extend(next(&mut stream).await);
    }
    assert!(said.len() <= 3, "{said:?}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_stops_ends_its_streams_cleanly_and_those_that_begin_later() {
    let (house, client) = house().await;
    let (mut stream, _) = house.hear(&client, "").await;
    house.app.hang_up();
    assert_eq!(next(&mut stream).await, [Said::Comment]);
    assert_eq!(next(&mut stream).await, [Said::End]);
    let mut late = house.get(STREAM).by(&client).open(200).await;
    while next(&mut late).await != [Said::End] {}
}

#[tokio::test]
async fn an_account_has_four_streams_of_events_and_a_server_thirty_two() {
    let (house, client) = house().await;
    let mut open = Vec::new();
    for _ in 0..4 {
        open.push(house.hear(&client, "").await);
    }
    assert_eq!(house.get(STREAM).by(&client).send().await.expect(429).header("retry-after"), "5");
    for _ in 0..7 {
        let other = house.everyone().await;
        for _ in 0..4 {
            open.push(house.hear(&other, "").await);
        }
    }
    let late = house.everyone().await;
    house.get(STREAM).by(&late).send().await.expect(503);
    // Places for whole collections are others.
    house.get(findings_path()).by(&late).header("accept", "application/x-ndjson").send().await.expect(200);
    open.pop();
    settle().await;
    open.push(house.hear(&late, "").await);
}

#[tokio::test]
async fn a_stream_goes_on_with_the_secret_of_the_one_before() {
    let (house, client) = house().await;
    let (_, secret) = house.hear(&client, "").await;
    let (_, other) = house.hear(&client, "").await;
    assert_ne!(secret, other);
    let mut stream = house.get(STREAM).by(&client).header("webhook-secret", &secret).open(200).await;
    assert_eq!(next(&mut stream).await, [Said::Secret(secret.clone())]);
    for bad in ["whsec_", "whsec_AAAA", &secret["whsec_".len()..], "whsec_?", "\u{fe}"] {
        let answer = house.get(STREAM).by(&client).header("webhook-secret", bad).send().await.expect(400);
        assert_eq!(answer.paths(), ["header.Webhook-Secret"]);
    }
}

#[tokio::test]
async fn a_stream_is_not_compressed_nor_kept() {
    let (house, client) = house().await;
    let answer = house.get(STREAM).by(&client).header("accept-encoding", "gzip").send().await.expect(200);
    assert_eq!((answer.header("content-encoding"), answer.header("cache-control")), ("", "no-store"));
    assert_eq!(answer.header("content-type"), "text/event-stream");
}
