//! The stream of events.

use std::time::Duration;

use axum::body::Body;
use http_body_util::BodyExt;
use scopes::Scope;
use serde_json::Value;
use webhooks::{Message, WebhookSigner};

use super::setup;
use crate::support::{Client, TestApi, finding_body, findings_path};

const STREAM_PATH: &str = "/api/v1/webhooks/stream";

/// One item of an event stream.
#[derive(Debug, PartialEq)]
enum StreamItem {
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
    Aborted,
}

/// Lets the other tasks run until they wait.
async fn run_ready_tasks() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

/// Advances the paused clock of the runtime in small steps, so that timers fire in their order.
async fn advance_time(span: Duration) {
    const STEP: Duration = Duration::from_millis(50);
    for _ in 0..span.as_millis() / STEP.as_millis() {
        tokio::time::advance(STEP).await;
        run_ready_tasks().await;
    }
}

fn parse_item(block: &str) -> StreamItem {
    let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(&format!("{name}: "))).map(str::to_owned);
    let Some(name) = field("event") else { return StreamItem::Comment };
    let data: Value = serde_json::from_str(&field("data").unwrap()).unwrap();
    match name.as_str() {
        "secret" => StreamItem::Secret(data["secret"].as_str().unwrap().to_owned()),
        _ => StreamItem::Event { id: field("id").unwrap(), name, data },
    }
}

/// The items of the next chunk of a stream.
async fn next_items(body: &mut Body) -> Vec<StreamItem> {
    match body.frame().await {
        None => vec![StreamItem::End],
        Some(Err(_)) => vec![StreamItem::Aborted],
        Some(Ok(frame)) => {
            let text = String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap();
            assert!(text.ends_with("\n\n"), "{text:?}");
            text.trim_end().split("\n\n").map(parse_item).collect()
        }
    }
}

impl TestApi {
    /// Opens an event stream. Returns it and the secret that it begins with.
    async fn open_event_stream(&self, client: &Client, query: &str) -> (Body, String) {
        let mut body = self.get(&format!("{STREAM_PATH}{query}")).auth(client).send_for_body(200).await;
        match next_items(&mut body).await.as_slice() {
            [StreamItem::Secret(secret)] => (body, secret.clone()),
            items => panic!("{items:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn events_are_streamed_byte_for_byte_and_signed_like_deliveries() {
    let (api, client) = setup().await;
    let (mut stream, secret) = api.open_event_stream(&client, "").await;
    assert!(secret.starts_with("whsec_"));
    api.clock().tick();
    api.create_finding(&client, "k").await;
    let stored = api.probe.take_events().remove(0);
    let items = next_items(&mut stream).await;
    let [StreamItem::Event { id, name, data }] = items.as_slice() else { panic!("{items:?}") };
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
async fn large_events_are_streamed_in_small_chunks() {
    let (api, client) = setup().await;
    let (mut stream, _) = api.open_event_stream(&client, "").await;
    for number in 0..20 {
        api.clock().tick();
        let mut finding = finding_body(&format!("k{number}"));
        finding["description"] = "🔓".repeat(20_000).into();
        api.post(findings_path()).auth(&client).json(&finding).send().await.expect(201);
    }
    let mut received = 0;
    while received < 20 {
        let chunk = stream.frame().await.unwrap().unwrap().into_data().unwrap();
        assert!(chunk.len() < 200 * 1024, "{} bytes", chunk.len());
        received +=
            chunk.windows(5).filter(|window| window == b"\nid: ").count() + usize::from(chunk.starts_with(b"id: "));
    }
}

#[tokio::test(start_paused = true)]
async fn earlier_events_are_not_streamed_and_no_event_is_streamed_twice() {
    let (api, client) = setup().await;
    api.create_finding(&client, "before").await;
    api.clock().tick();
    let (mut stream, _) = api.open_event_stream(&client, "").await;
    let mut received = Vec::new();
    for number in 0..120 {
        api.clock().advance(Duration::from_millis(7));
        api.create_finding(&client, &format!("k{number}")).await;
    }
    while received.len() < 120 {
        received.extend(next_items(&mut stream).await);
    }
    assert_eq!(next_items(&mut stream).await, [StreamItem::Comment], "only a keep-alive comment follows");
    let ids: Vec<&String> = received
        .iter()
        .map(|item| match item {
            StreamItem::Event { id, .. } => id,
            other => panic!("{other:?}"),
        })
        .collect();
    let stored = api.probe.take_events();
    assert_eq!(
        ids,
        stored[1..].iter().map(|event| event.id.to_string()).collect::<Vec<_>>().iter().collect::<Vec<_>>()
    );
}

/// An event gets its id before it is committed, so one that commits late has an earlier id than those already streamed.
#[tokio::test(start_paused = true)]
async fn the_event_of_a_write_that_commits_late_is_still_streamed() {
    let (api, client) = setup().await;
    let (mut stream, _) = api.open_event_stream(&client, "").await;
    api.clock().tick();
    let late = api.post(findings_path()).auth(&client).json(&finding_body("late"));
    let overtaking = api.post(findings_path()).auth(&client).json(&finding_body("overtaking"));
    let (reached, commit_reached) = tokio::sync::oneshot::channel();
    let (release, released) = tokio::sync::oneshot::channel::<()>();
    api.probe.before_next(crate::support::Call::Commit, move || {
        Box::pin(async move {
            reached.send(()).unwrap();
            released.await.unwrap();
        })
    });
    let late = tokio::spawn(late.send());
    commit_reached.await.unwrap();
    api.clock().advance(Duration::from_millis(5));
    overtaking.send().await.expect(201);
    let key = |items: &[StreamItem]| match items {
        [StreamItem::Event { data, .. }] => {
            let body: Value = serde_json::from_str(data["body"].as_str().unwrap()).unwrap();
            body["data"]["finding"]["findingKey"].as_str().unwrap().to_owned()
        }
        items => panic!("{items:?}"),
    };
    assert_eq!(key(&next_items(&mut stream).await), "overtaking");
    api.clock().advance(Duration::from_secs(3));
    advance_time(Duration::from_secs(3)).await;
    release.send(()).unwrap();
    late.await.unwrap().expect(201);
    assert_eq!(key(&next_items(&mut stream).await), "late");
}

#[tokio::test(start_paused = true)]
async fn only_requested_and_readable_event_types_are_streamed() {
    let (api, client) = setup().await;
    let (mut closed, _) = api.open_event_stream(&client, "?eventTypes=finding.closed").await;
    let unprivileged = api.client(api.home, &[Scope::WebhooksManage]).await;
    let response =
        api.get(&format!("{STREAM_PATH}?eventTypes=finding.closed")).auth(&unprivileged).send().await.expect(403);
    assert!(response.message().contains("governance.findings:read"));
    api.get(&format!("{STREAM_PATH}?eventTypes=finding.burnt")).auth(&client).send().await.expect(400);
    let (mut without_scope, _) = api.open_event_stream(&unprivileged, "").await;
    let other_organization = api.fixture.create_organization("elsewhere").await;
    let (mut foreign, _) = api.open_event_stream(&api.client(other_organization, Scope::ALL).await, "").await;
    api.clock().tick();
    let id = api.create_finding(&client, "k").await;
    let close = serde_json::json!({ "status": "accepted", "reason": "because a test says so" });
    api.patch(&format!("{}/{id}", findings_path())).auth(&client).json(&close).send().await.expect(200);
    let items = next_items(&mut closed).await;
    assert!(matches!(items.as_slice(), [StreamItem::Event { name, .. }] if name == "finding.closed"), "{items:?}");
    assert_eq!(next_items(&mut without_scope).await, [StreamItem::Comment]);
    assert_eq!(next_items(&mut foreign).await, [StreamItem::Comment]);
}

#[tokio::test(start_paused = true)]
async fn an_event_stream_is_aborted_within_five_seconds_after_its_account_loses_access_and_sends_nothing_more() {
    for loss in ["disabled", "without its scope"] {
        let (api, _) = setup().await;
        let (client, writer) = (api.full_access_client().await, api.full_access_client().await);
        let (mut stream, _) = api.open_event_stream(&client, "").await;
        match loss {
            "disabled" => api.disable(&client).await,
            _ => api.set_scopes(&client, &[Scope::FindingsRead]).await,
        }
        api.clock().tick();
        api.create_finding(&writer, "k").await;
        let started = tokio::time::Instant::now();
        assert_eq!(next_items(&mut stream).await, [StreamItem::Aborted], "{loss}");
        assert!(started.elapsed() < Duration::from_secs(5));
    }
}

#[tokio::test(start_paused = true)]
async fn losing_a_read_scope_stops_its_events_and_keeps_the_stream_open() {
    let (api, client) = setup().await;
    let writer = api.full_access_client().await;
    let (mut stream, _) = api.open_event_stream(&client, "").await;
    api.set_scopes(&client, &[Scope::WebhooksManage]).await;
    api.clock().tick();
    api.create_finding(&writer, "k").await;
    assert_eq!(next_items(&mut stream).await, [StreamItem::Comment]);
}

#[tokio::test(start_paused = true)]
async fn an_event_stream_is_aborted_when_its_client_reads_nothing_for_thirty_seconds() {
    let (api, client) = setup().await;
    let (mut stream, _) = api.open_event_stream(&client, "").await;
    for number in 0..3 {
        api.clock().tick();
        api.create_finding(&client, &format!("k{number}")).await;
        advance_time(Duration::from_millis(300)).await;
    }
    advance_time(Duration::from_secs(31)).await;
    let mut items = Vec::new();
    while items.last().is_none_or(|last| *last != StreamItem::Aborted) {
        items.extend(next_items(&mut stream).await);
    }
    assert!(items.len() <= 3, "{items:?}");
}

#[tokio::test(start_paused = true)]
async fn a_stopping_server_ends_open_and_new_event_streams_cleanly() {
    let (api, client) = setup().await;
    let (mut stream, _) = api.open_event_stream(&client, "").await;
    api.webhooks.close_event_streams();
    assert_eq!(next_items(&mut stream).await, [StreamItem::Comment]);
    assert_eq!(next_items(&mut stream).await, [StreamItem::End]);
    let mut late = api.get(STREAM_PATH).auth(&client).send_for_body(200).await;
    while next_items(&mut late).await != [StreamItem::End] {}
}

#[tokio::test]
async fn an_account_can_open_four_event_streams_an_organization_sixteen_and_a_server_serves_thirty_two() {
    let (api, client) = setup().await;
    let mut open = Vec::new();
    for _ in 0..4 {
        open.push(api.open_event_stream(&client, "").await);
    }
    assert_eq!(api.get(STREAM_PATH).auth(&client).send().await.expect(429).header("retry-after"), "5");
    let guest = api.fixture.create_organization("guest").await;
    for (organization, accounts) in [(api.home, 3), (guest, 4)] {
        for _ in 0..accounts {
            let other = api.client(organization, Scope::ALL).await;
            for _ in 0..4 {
                open.push(api.open_event_stream(&other, "").await);
            }
        }
        let further = api.client(organization, Scope::ALL).await;
        let refused = api.get(STREAM_PATH).auth(&further).send().await.expect(429);
        assert!(refused.message().contains("the organization") && refused.message().contains("webhook"));
    }
    let late = api.fixture.create_organization("late").await;
    let late = api.client(late, Scope::ALL).await;
    let refused = api.get(STREAM_PATH).auth(&late).send().await.expect(503);
    assert!(refused.message().contains("webhook") && !refused.message().contains("page"), "{}", refused.message());
    // Streams of whole collections have their own limit.
    api.get(findings_path()).auth(&late).header("accept", "application/x-ndjson").send().await.expect(200);
    open.pop();
    run_ready_tasks().await;
    open.push(api.open_event_stream(&late, "").await);
}

#[tokio::test]
async fn an_event_stream_can_continue_with_the_secret_of_an_earlier_one() {
    let (api, client) = setup().await;
    let (_, secret) = api.open_event_stream(&client, "").await;
    let (_, other) = api.open_event_stream(&client, "").await;
    assert_ne!(secret, other);
    let mut stream = api.get(STREAM_PATH).auth(&client).header("webhook-secret", &secret).send_for_body(200).await;
    assert_eq!(next_items(&mut stream).await, [StreamItem::Secret(secret.clone())]);
    for bad in ["whsec_", "whsec_AAAA", &secret["whsec_".len()..], "whsec_?", "\u{fe}"] {
        let response = api.get(STREAM_PATH).auth(&client).header("webhook-secret", bad).send().await.expect(400);
        assert_eq!(response.issue_paths(), ["header.Webhook-Secret"]);
    }
}

#[tokio::test]
async fn an_event_stream_is_neither_compressed_nor_cached() {
    let (api, client) = setup().await;
    let response = api.get(STREAM_PATH).auth(&client).header("accept-encoding", "gzip").send().await.expect(200);
    assert_eq!((response.header("content-encoding"), response.header("cache-control")), ("", "no-store"));
    assert_eq!(response.header("content-type"), "text/event-stream");
}
