//! Size limits of requests: target, header fields and body of one request, and the memory for the bodies of all.

use axum::body::Body;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http_api::ApiSettings;
use serde_json::json;
use tokio::{join, sync::oneshot};

use crate::support::{Client, TestApi, finding_body, findings_path, operations};

const KIB: usize = 1024;

/// An API with this many bytes of memory for request bodies, and a quarter as many for unauthenticated ones.
async fn setup(body_memory: usize) -> (TestApi, Client) {
    let api = TestApi::with_settings(ApiSettings { body_memory, ..ApiSettings::default() }).await;
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

#[tokio::test]
async fn a_body_announced_as_too_large_is_rejected_without_being_read() {
    let (api, client) = setup(KIB * KIB).await;
    let announced = http_body_util::Full::new(Bytes::from(vec![b' '; 1024 * KIB + 1]));
    api.post(findings_path()).auth(&client).send_body_stream(Body::new(announced)).await.expect(413);
}

#[tokio::test]
async fn writes_return_503_while_the_memory_for_bodies_is_exhausted() {
    let (api, client) = setup(64 * KIB).await;
    let PausedBody { body, started, last_bytes } = paused_body(60 * KIB);
    let call = api.post(findings_path()).auth(&client).header("content-type", "application/json");
    let mut large = finding_body("large");
    large["description"] = json!("x".repeat(8 * KIB));
    let large = api.post(findings_path()).auth(&client).json(&large);
    let meanwhile = async {
        started.await.unwrap();
        let refused = large.clone().send().await.expect(503);
        assert!(refused.header("retry-after").parse::<u32>().unwrap() >= 1);
        api.post(findings_path()).auth(&client).json(&finding_body("small")).send().await.expect(201);
        last_bytes.send(Bytes::from(finding_body("paused").to_string())).unwrap();
    };
    let (response, ()) = join!(call.send_body_stream(body), meanwhile);
    response.expect(201);
    large.send().await.expect(201);
}

#[tokio::test]
async fn unauthenticated_bodies_take_no_memory_from_authenticated_ones() {
    let (api, client) = setup(64 * KIB).await;
    let token = api.post("/api/v1/auth/token").header("content-type", "application/json");
    let PausedBody { body, started, last_bytes } = paused_body(15 * KIB);
    let mut large = finding_body("large");
    large["description"] = json!("x".repeat(15 * KIB));
    let meanwhile = async {
        started.await.unwrap();
        token.clone().body_without_content_type(vec![b' '; 2 * KIB]).send().await.expect(503);
        api.post(findings_path()).auth(&client).json(&large).send().await.expect(201);
        last_bytes.send(Bytes::new()).unwrap();
    };
    let (response, ()) = join!(token.clone().send_body_stream(body), meanwhile);
    response.expect(400);
}
