//! Size limits of requests: target, header fields and body of one request, and the memory for the bodies of all.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::body::Body;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http_api::{ApiSettings, Quotas};
use serde_json::json;
use tokio::{join, sync::oneshot, task::JoinHandle};

use crate::support::{Client, TestApi, TestRequest, TestResponse, finding_body, findings_path, operations};

const KIB: usize = 1024;

/// An API with this many bytes of memory for request bodies, and a quarter as many for unauthenticated ones.
async fn setup(body_memory: usize) -> (TestApi, Client) {
    let api = TestApi::with_settings(ApiSettings { body_memory, ..TestApi::unlimited() }).await;
    let client = api.full_access_client().await;
    (api, client)
}

/// A request body of which only the first bytes have arrived.
struct PausedBody {
    body: Body,
    /// Receives a message when the API reads the first bytes.
    started: oneshot::Receiver<()>,
    /// Sends the last bytes.
    last_bytes: oneshot::Sender<Bytes>,
}

/// A body that begins with this many spaces.
fn paused_body(bytes: usize) -> PausedBody {
    let ((start, started), (last_bytes, last)) = (oneshot::channel(), oneshot::channel::<Bytes>());
    let first = stream::once(async move {
        start.send(()).unwrap();
        Ok(Bytes::from(vec![b' '; bytes]))
    });
    let last = stream::once(last).map(|last| last.map_err(std::io::Error::other));
    PausedBody { body: Body::from_stream(first.chain(last)), started, last_bytes }
}

#[tokio::test]
async fn every_operation_rejects_a_too_long_target_or_too_large_header_fields_with_the_error_envelope() {
    let (api, client) = setup(KIB * KIB).await;
    for operation in operations() {
        let long = format!("{}?limit={}", operation.path.replace(['{', '}'], ""), "0".repeat(16 * KIB));
        let response = api.request(&operation.method, &long).auth(&client).send().await.expect(414);
        assert_eq!(response.error_code(), "uri_too_long");
        let call = api.request(&operation.method, &operation.path.replace(['{', '}'], "")).auth(&client);
        let response = call.header("x-filler", "x".repeat(32 * KIB)).send().await.expect(431);
        assert_eq!(response.error_code(), "header_fields_too_large");
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_with_very_many_small_header_fields_is_rejected_before_its_body_is_awaited() {
    let (api, _) = setup(KIB * KIB).await;
    let PausedBody { body, started: _started, last_bytes: _last_bytes } = paused_body(0);
    let mut call = api.post("/api/v1/auth/token").header("content-type", "application/json");
    for _ in 0..100 {
        call = call.header("a", "");
    }
    let response = call.send_body_stream(body).await.expect(431);
    assert_eq!(response.error_code(), "header_fields_too_large");
}

#[tokio::test]
async fn a_body_announced_as_too_large_is_rejected_without_being_read() {
    let (api, client) = setup(KIB * KIB).await;
    let announced = http_body_util::Full::new(Bytes::from(vec![b' '; 1024 * KIB + 1]));
    api.post(findings_path()).auth(&client).send_body_stream(Body::new(announced)).await.expect(413);
}

#[tokio::test]
async fn an_account_whose_bodies_use_up_its_share_is_rejected_with_429_and_others_are_served() {
    let (api, client) = setup(256 * KIB).await;
    let other = api.full_access_client().await;
    let PausedBody { body, started, last_bytes } = paused_body(30 * KIB);
    let call = api.post(findings_path()).auth(&client).header("content-type", "application/json");
    let mut large = finding_body("large");
    large["description"] = json!("x".repeat(8 * KIB));
    let meanwhile = async {
        started.await.unwrap();
        let refused = api.post(findings_path()).auth(&client).json(&large).send().await.expect(429);
        assert_eq!(refused.error_code(), "rate_limited");
        assert!(refused.header("retry-after").parse::<u32>().unwrap() >= 1);
        api.post(findings_path()).auth(&client).json(&finding_body("small")).send().await.expect(201);
        api.post(findings_path()).auth(&other).json(&large).send().await.expect(201);
        last_bytes.send(Bytes::from(finding_body("paused").to_string())).unwrap();
    };
    let (response, ()) = join!(call.send_body_stream(body), meanwhile);
    response.expect(201);
    large["findingKey"] = json!("another");
    api.post(findings_path()).auth(&client).json(&large).send().await.expect(201);
}

#[tokio::test]
async fn sixty_four_stalled_bodies_of_one_organization_hinder_no_write_of_another() {
    let (api, _) = setup(64 * KIB).await;
    let (home, guest) = (api.home, api.fixture.create_organization("guest").await);
    let mut stalled = Vec::new();
    for _ in 0..64 {
        let client = api.full_access_client().await;
        assert_eq!(client.account.meta.organization, home);
        let PausedBody { body, started, last_bytes } = paused_body(4 * KIB);
        let call = api.post(findings_path()).auth(&client).header("content-type", "application/json");
        let call = tokio::spawn(call.send_body_stream(body));
        // A body that is rejected at once is not awaited.
        let _ = started.await;
        stalled.push((call, last_bytes));
    }
    let other = api.client(guest, scopes::Scope::ALL).await;
    api.post(findings_path()).auth(&other).json(&finding_body("k")).send().await.expect(201);
}

#[tokio::test]
async fn unauthenticated_bodies_take_no_memory_from_other_addresses_or_from_accounts() {
    let (api, client) = setup(64 * KIB).await;
    let token = api.post("/api/v1/auth/token").header("content-type", "application/json");
    let PausedBody { body, started, last_bytes } = paused_body(3 * KIB);
    let mut large = finding_body("large");
    large["description"] = json!("x".repeat(15 * KIB));
    let meanwhile = async {
        started.await.unwrap();
        let small = token.clone().body_without_content_type(vec![b' '; 2 * KIB]);
        small.clone().send().await.expect(429);
        small.source_address("192.0.2.8:40000").send().await.expect(400);
        api.post(findings_path()).auth(&client).json(&large).send().await.expect(201);
        last_bytes.send(Bytes::new()).unwrap();
    };
    let (response, ()) = join!(token.clone().send_body_stream(body), meanwhile);
    response.expect(400);
}

#[tokio::test]
async fn the_token_endpoint_takes_at_most_16_kib() {
    let (api, _) = setup(64 * KIB * KIB).await;
    let token = api.post("/api/v1/auth/token");
    token.clone().body("application/json", vec![b' '; 16 * KIB]).send().await.expect(400);
    let response = token.body("application/json", vec![b' '; 16 * KIB + 1]).send().await.expect(413);
    assert!(response.message().contains("16384"), "{}", response.message());
}

/// A body of as many chunks of one kibibyte, which counts those that are received.
fn counted_body(chunks: usize) -> (Body, Arc<AtomicUsize>) {
    let received = Arc::<AtomicUsize>::default();
    let counter = Arc::clone(&received);
    let chunks = stream::iter(0..chunks).map(move |_| {
        counter.fetch_add(1, Ordering::Relaxed);
        std::io::Result::Ok(Bytes::from_static(&[b' '; KIB]))
    });
    (Body::from_stream(chunks), received)
}

/// Lets the other tasks run until none of them receives more of a body.
async fn run_until_constant(received: &AtomicUsize) {
    let mut before = usize::MAX;
    while before != received.load(Ordering::Relaxed) {
        before = received.load(Ordering::Relaxed);
        run_ready_tasks().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_rejected_request_is_answered_before_the_rest_of_its_body_arrives() {
    let (api, client) = setup(64 * KIB * KIB).await;
    for call in [api.post(findings_path()), api.post("/api/v1/nowhere").auth(&client), api.get("/api/v1/nowhere")] {
        let body = Body::from_stream(stream::pending::<std::io::Result<Bytes>>());
        let began = tokio::time::Instant::now();
        assert!(call.send_body_stream(body).await.status >= 400);
        assert!(began.elapsed().is_zero(), "{:?}", began.elapsed());
    }
}

#[tokio::test]
async fn a_rejected_body_is_received_to_its_end_within_bounds_after_its_response() {
    let (api, client) = setup(64 * KIB * KIB).await;
    let call = api.post(findings_path()).header("content-type", "application/json");
    let expecting = call.clone().auth(&client).header("expect", "100-continue");
    for (call, status) in [(call.clone().auth(&client), 413), (call.clone(), 401), (expecting, 413)] {
        let (body, received) = counted_body(3 * KIB);
        call.clone().send_body_stream(body).await.expect(status);
        run_until_constant(&received).await;
        assert_eq!(received.load(Ordering::Relaxed), 3 * KIB);

        let (body, received) = counted_body(100 * KIB);
        call.send_body_stream(body).await.expect(status);
        run_until_constant(&received).await;
        assert!((16 * KIB..20 * KIB).contains(&received.load(Ordering::Relaxed)));
    }
}

#[tokio::test]
async fn a_client_that_expects_100_continue_is_rejected_before_it_sends_its_body() {
    let (api, _) = setup(64 * KIB * KIB).await;
    let (body, received) = counted_body(8);
    api.post(findings_path()).header("expect", "100-continue").send_body_stream(body).await.expect(401);
    assert_eq!(received.load(Ordering::Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn the_body_of_a_request_that_takes_none_is_not_awaited() {
    let (api, client) = setup(64 * KIB).await;
    let stalled = || Body::from_stream(stream::pending::<std::io::Result<Bytes>>());
    let mut served = 0;
    for operation in operations().iter().filter(|operation| operation.method == "GET") {
        let path = operation.path.replace(['{', '}'], "");
        let call = api.request("GET", &path).auth(&client);
        let began = tokio::time::Instant::now();
        let response = call.clone().send_body_stream(stalled()).await;
        if response.status < 300 {
            assert!(began.elapsed().is_zero(), "{path}");
            served += 1;
        }
        let began = tokio::time::Instant::now();
        call.header("expect", "100-continue").send_body_stream(stalled()).await;
        assert!(began.elapsed().is_zero(), "{path}");
    }
    assert!(served >= 5, "{served} operations");
}

/// Lets the other tasks run until they wait.
async fn run_ready_tasks() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

/// Sends the request with bodies that don't arrive until one is refused. Returns the others, and the refusal.
async fn stall_until_refused(request: &TestRequest) -> (Vec<JoinHandle<TestResponse>>, TestResponse) {
    let mut stalled = Vec::new();
    loop {
        let body = Body::from_stream(stream::pending::<std::io::Result<Bytes>>());
        let call = tokio::spawn(request.clone().send_body_stream(body));
        run_ready_tasks().await;
        if call.is_finished() {
            return (stalled, call.await.unwrap());
        }
        stalled.push(call);
        assert!(stalled.len() < 2000, "any number of requests can be in flight");
    }
}

#[tokio::test]
async fn the_requests_in_flight_of_one_address_are_bounded_and_hinder_no_other_address_and_no_account() {
    let (api, client) = setup(64 * KIB * KIB).await;
    let token = api.post("/api/v1/auth/token").header("content-type", "application/json");
    let many_fields = (0..90).fold(token.clone(), |call, _| call.header("a", ""));
    for (request, max) in [(token.clone(), 250), (many_fields, 120)] {
        let (stalled, refused) = stall_until_refused(&request).await;
        assert!((50..max).contains(&stalled.len()), "{} requests", stalled.len());
        assert_eq!(refused.clone().expect(429).header("retry-after"), "2");
        assert!(refused.message().contains("requests in progress"), "{}", refused.message());
        let other = token.clone().source_address("198.51.100.1:40000").body("application/json", "{}");
        other.send().await.expect(400);
        api.get(findings_path()).auth(&client).send().await.expect(200);
        for call in stalled {
            call.abort();
            let _ = call.await;
        }
        token.clone().body("application/json", "{}").send().await.expect(400);
    }
}

#[tokio::test]
async fn the_requests_in_flight_of_one_account_are_bounded_and_those_beyond_are_not_charged() {
    let quotas = Quotas { token_write: 2000, ..TestApi::unlimited().quotas };
    let api = TestApi::with_settings(ApiSettings { quotas, ..ApiSettings::default() }).await;
    let (client, other) = (api.full_access_client().await, api.full_access_client().await);
    let write = api.post(findings_path()).auth(&client).header("content-type", "application/json");
    let (stalled, refused) = stall_until_refused(&write).await;
    assert!((400..1000).contains(&stalled.len()), "{} requests", stalled.len());
    assert!(refused.clone().expect(429).message().contains("requests in progress"));
    let entries = api.entries_by_request().await;
    let entry = &entries[refused.header("x-request-id")][0].entry;
    assert_eq!(entry.actor.id.as_deref(), Some(client.id().as_str()));
    for _ in 0..20 {
        write.clone().send().await.expect(429);
    }
    api.get(findings_path()).auth(&other).send().await.expect(200);
    let charged = stalled.len() + 1;
    for call in stalled {
        call.abort();
        let _ = call.await;
    }
    let response = write.json(&finding_body("k")).send().await;
    assert_eq!(response.expect(201).header("x-ratelimit-remaining"), (2000 - charged).to_string());
}

#[tokio::test]
async fn a_request_that_is_refused_for_the_share_of_its_account_before_it_is_handled_is_not_charged() {
    let settings = ApiSettings { body_memory: 256 * KIB, response_memory: 1024 * KIB, ..ApiSettings::default() };
    let api = TestApi::with_settings(settings).await;
    let client = api.full_access_client().await;
    let remaining = |response: &TestResponse| response.header("x-ratelimit-remaining").parse::<u32>().unwrap();
    let write = api.post(findings_path()).auth(&client).header("content-type", "application/json");
    let PausedBody { body, started, last_bytes } = paused_body(30 * KIB);
    let meanwhile = async {
        started.await.unwrap();
        for _ in 0..3 {
            let refused = write.clone().body("application/json", vec![b' '; 8 * KIB]).send().await.expect(429);
            assert_eq!(remaining(&refused), 59);
        }
        last_bytes.send(Bytes::from(finding_body("k").to_string())).unwrap();
    };
    let (created, ()) = join!(write.clone().send_body_stream(body), meanwhile);
    assert_eq!(remaining(&created.expect(201)), 59);

    tokio::time::pause();
    let _unread = api.get("/api/v1/openapi.json").auth(&client).send_for_body(200).await;
    for _ in 0..3 {
        let refused = api.get(findings_path()).auth(&client).send().await.expect(429);
        assert_eq!(remaining(&refused), 599);
    }
}

#[tokio::test]
async fn a_request_without_a_token_that_finds_the_whole_memory_used_up_is_charged_to_its_address() {
    let quotas = Quotas { unauthenticated: 3, ..Quotas::default() };
    let api = TestApi::with_settings(ApiSettings { quotas, body_memory: 64 * KIB, ..ApiSettings::default() }).await;
    let token = api.post("/api/v1/auth/token").header("content-type", "application/json");
    let PausedBody { body, started, last_bytes: _last_bytes } = paused_body(KIB);
    tokio::spawn(token.clone().source_address("198.51.100.1:40000").send_body_stream(body));
    started.await.unwrap();
    let large = token.body("application/json", vec![b' '; 16 * KIB]);
    for status in [503, 503, 503, 429] {
        large.clone().send().await.expect(status);
    }
}
