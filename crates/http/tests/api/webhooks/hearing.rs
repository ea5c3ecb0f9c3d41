//! The stream of events.

use std::time::Duration;

use axum::body::Body;
use http_body_util::BodyExt;
use scopes::Scope;
use serde_json::Value;
use webhooks::{Message, WebhookSigner};

use super::house;
use crate::support::{Client, House, finding_body, findings_path};

const STREAM: &str = "/api/v1/webhooks/stream";

/// One item of an event stream.
#[derive(Debug, PartialEq)]
enum Said {
    Event {
        id: String,
        name: String,
        data: Value,
    },
    Secret(String),
    Comment,
    /// The stream ended regularly.
    End,
    /// The stream broke off.
    Cut,
}

/// Lets the other tasks run until they wait.
async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

/// Advances the paused clock of the runtime in small steps, so that timers fire in their order.
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

/// The items of the next chunk of a stream.
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
    /// Opens an event stream. Returns it and the secret that it begins with.
    async fn hear(&self, client: &Client, query: &str) -> (Body, String) {
        let mut body = self.get(&format!("{STREAM}{query}")).by(client).open(200).await;
        match next(&mut body).await.as_slice() {
            [Said::Secret(secret)] => (body, secret.clone()),
            items => panic!("{items:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_happens_is_heard_signed_as_a_delivery_is_and_byte_for_byte() {
    let (api, client) = house().await;
    let (mut stream, secret) = api.hear(&client, "").await;
    assert!(secret.starts_with("whsec_"));
    api.clock().tick();
    api.finding(&client, "k").await;
    let stored = api.watched.events().remove(0);
    let items = next(&mut stream).await;
    let [Said::Event { id, name, data }] = items.as_slice() else { panic!("{items:?}") };
    assert_eq!((id.as_str(), name.as_str()), (stored.id.to_string().as_str(), "finding.created"));
    assert_eq!(data["body"].as_str().unwrap().as_bytes(), stored.body);
    let headers = &data["headers"];
    assert_eq!(headers["webhook-id"], id.as_str());
    assert_eq!(headers["webhook-timestamp"], api.fixture.now().seconds().to_string());
    let bytes = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, &secret["whsec_".len()..]).unwrap();
    let secret = webhooks::WebhookSecret::from_bytes(&bytes).unwrap();
    let content = Message::signed_content(stored.id, api.fixture.now(), &stored.body);
    assert_eq!(headers["webhook-signature"], api.keys.webhooks.sign_with(&secret, &content));
}

#[tokio::test(start_paused = true)]
async fn what_happened_before_is_not_heard_and_nothing_is_heard_twice() {
    let (api, client) = house().await;
    api.finding(&client, "before").await;
    api.clock().tick();
    let (mut stream, _) = api.hear(&client, "").await;
    let mut received = Vec::new();
    for number in 0..120 {
        api.clock().advance(Duration::from_millis(7));
        api.finding(&client, &format!("k{number}")).await;
    }
    while received.len() < 120 {
        received.extend(next(&mut stream).await);
    }
    assert_eq!(next(&mut stream).await, [Said::Comment], "only a keep-alive comment follows");
    let ids: Vec<&String> = received
        .iter()
        .map(|item| match item {
            Said::Event { id, .. } => id,
            other => panic!("{other:?}"),
        })
        .collect();
    let stored = api.watched.events();
    assert_eq!(
        ids,
        stored[1..].iter().map(|event| event.id.to_string()).collect::<Vec<_>>().iter().collect::<Vec<_>>()
    );
}

/// An event gets its id before it is committed, so one that commits late has an earlier id than those already streamed.
#[tokio::test(start_paused = true)]
async fn a_write_that_is_stored_late_is_heard_all_the_same() {
    let (api, client) = house().await;
    let (mut stream, _) = api.hear(&client, "").await;
    api.clock().tick();
    let late = api.post(findings_path()).by(&client).json(&finding_body("late"));
    let overtaking = api.post(findings_path()).by(&client).json(&finding_body("overtaking"));
    let (reached, commit_reached) = tokio::sync::oneshot::channel();
    let (release, released) = tokio::sync::oneshot::channel::<()>();
    api.watched.before_next(crate::support::Port::Commit, move || {
        Box::pin(async move {
            reached.send(()).unwrap();
            released.await.unwrap();
        })
    });
    let late = tokio::spawn(late.send());
    commit_reached.await.unwrap();
    api.clock().advance(Duration::from_millis(5));
    overtaking.send().await.expect(201);
    let key = |items: &[Said]| match items {
        [Said::Event { data, .. }] => {
            let body: Value = serde_json::from_str(data["body"].as_str().unwrap()).unwrap();
            body["data"]["finding"]["findingKey"].as_str().unwrap().to_owned()
        }
        items => panic!("{items:?}"),
    };
    assert_eq!(key(&next(&mut stream).await), "overtaking");
    api.clock().advance(Duration::from_secs(3));
    pass(Duration::from_secs(3)).await;
    release.send(()).unwrap();
    late.await.unwrap().expect(201);
    assert_eq!(key(&next(&mut stream).await), "late");
}

#[tokio::test(start_paused = true)]
async fn only_what_was_asked_for_is_heard_and_only_what_may_be_read() {
    let (api, client) = house().await;
    let (mut closed, _) = api.hear(&client, "?eventTypes=finding.closed").await;
    let unprivileged = api.client(api.home, &[Scope::WebhooksManage]).await;
    let response = api.get(&format!("{STREAM}?eventTypes=finding.closed")).by(&unprivileged).send().await.expect(403);
    assert!(response.message().contains("governance.findings:read"));
    api.get(&format!("{STREAM}?eventTypes=finding.burnt")).by(&client).send().await.expect(400);
    let (mut without_scope, _) = api.hear(&unprivileged, "").await;
    let other_organization = api.fixture.organization("elsewhere").await;
    let (mut foreign, _) = api.hear(&api.client(other_organization, Scope::ALL).await, "").await;
    api.clock().tick();
    let id = api.finding(&client, "k").await;
    let close = serde_json::json!({ "status": "accepted", "reason": "because a test says so" });
    api.patch(&format!("{}/{id}", findings_path())).by(&client).json(&close).send().await.expect(200);
    let items = next(&mut closed).await;
    assert!(matches!(items.as_slice(), [Said::Event { name, .. }] if name == "finding.closed"), "{items:?}");
    assert_eq!(next(&mut without_scope).await, [Said::Comment]);
    assert_eq!(next(&mut foreign).await, [Said::Comment]);
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_within_five_seconds_of_its_accounts_loss_and_says_nothing_after_it() {
    for loss in ["disabled", "without its scope"] {
        let (api, _) = house().await;
        let (client, writer) = (api.everyone().await, api.everyone().await);
        let (mut stream, _) = api.hear(&client, "").await;
        match loss {
            "disabled" => api.disable(&client).await,
            _ => api.rescope(&client, &[Scope::FindingsRead]).await,
        }
        api.clock().tick();
        api.finding(&writer, "k").await;
        let started = tokio::time::Instant::now();
        assert_eq!(next(&mut stream).await, [Said::Cut], "{loss}");
        assert!(started.elapsed() < Duration::from_secs(5));
    }
}

#[tokio::test(start_paused = true)]
async fn a_scope_that_is_lost_silences_its_events_and_leaves_the_stream() {
    let (api, client) = house().await;
    let writer = api.everyone().await;
    let (mut stream, _) = api.hear(&client, "").await;
    api.rescope(&client, &[Scope::WebhooksManage]).await;
    api.clock().tick();
    api.finding(&writer, "k").await;
    assert_eq!(next(&mut stream).await, [Said::Comment]);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_nobody_takes_is_cut_after_thirty_seconds() {
    let (api, client) = house().await;
    let (mut stream, _) = api.hear(&client, "").await;
    for number in 0..3 {
        api.clock().tick();
        api.finding(&client, &format!("k{number}")).await;
        pass(Duration::from_millis(300)).await;
    }
    pass(Duration::from_secs(31)).await;
    let mut items = Vec::new();
    while items.last().is_none_or(|last| *last != Said::Cut) {
        items.extend(next(&mut stream).await);
    }
    assert!(items.len() <= 3, "{items:?}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_stops_ends_its_streams_cleanly_and_those_that_begin_later() {
    let (api, client) = house().await;
    let (mut stream, _) = api.hear(&client, "").await;
    api.app.close_event_streams();
    assert_eq!(next(&mut stream).await, [Said::Comment]);
    assert_eq!(next(&mut stream).await, [Said::End]);
    let mut late = api.get(STREAM).by(&client).open(200).await;
    while next(&mut late).await != [Said::End] {}
}

#[tokio::test]
async fn an_account_has_four_streams_of_events_and_a_server_thirty_two() {
    let (api, client) = house().await;
    let mut open = Vec::new();
    for _ in 0..4 {
        open.push(api.hear(&client, "").await);
    }
    assert_eq!(api.get(STREAM).by(&client).send().await.expect(429).header("retry-after"), "5");
    for _ in 0..7 {
        let other = api.everyone().await;
        for _ in 0..4 {
            open.push(api.hear(&other, "").await);
        }
    }
    let late = api.everyone().await;
    api.get(STREAM).by(&late).send().await.expect(503);
    // Streams of whole collections have their own limit.
    api.get(findings_path()).by(&late).header("accept", "application/x-ndjson").send().await.expect(200);
    open.pop();
    settle().await;
    open.push(api.hear(&late, "").await);
}

#[tokio::test]
async fn a_stream_goes_on_with_the_secret_of_the_one_before() {
    let (api, client) = house().await;
    let (_, secret) = api.hear(&client, "").await;
    let (_, other) = api.hear(&client, "").await;
    assert_ne!(secret, other);
    let mut stream = api.get(STREAM).by(&client).header("webhook-secret", &secret).open(200).await;
    assert_eq!(next(&mut stream).await, [Said::Secret(secret.clone())]);
    for bad in ["whsec_", "whsec_AAAA", &secret["whsec_".len()..], "whsec_?", "\u{fe}"] {
        let response = api.get(STREAM).by(&client).header("webhook-secret", bad).send().await.expect(400);
        assert_eq!(response.paths(), ["header.Webhook-Secret"]);
    }
}

#[tokio::test]
async fn a_stream_is_not_compressed_nor_kept() {
    let (api, client) = house().await;
    let response = api.get(STREAM).by(&client).header("accept-encoding", "gzip").send().await.expect(200);
    assert_eq!((response.header("content-encoding"), response.header("cache-control")), ("", "no-store"));
    assert_eq!(response.header("content-type"), "text/event-stream");
}
