//! Size limits of requests: target, header fields and body of one request, and the memory for the bodies of all.

use api::ApiSettings;
use axum::body::Body;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use serde_json::json;
use tokio::{join, sync::oneshot};

use crate::support::{Client, House, finding_body, findings_path, operations};

const KIB: usize = 1024;

/// An API with this many bytes of memory for request bodies, and a quarter as many for unauthenticated ones.
async fn house(body_memory: usize) -> (House, Client) {
    let api = House::with(ApiSettings { body_memory, ..ApiSettings::default() }).await;
    let client = api.everyone().await;
    (api, client)
}

/// A request body of which only the first bytes have arrived.
struct Held {
    body: Body,
    /// Receives a message when the API reads the first bytes.
    begun: oneshot::Receiver<()>,
    /// Sends the last bytes.
    rest: oneshot::Sender<Bytes>,
}

/// A body that begins with this many spaces.
fn held(bytes: usize) -> Held {
    let ((start, started), (last_bytes, last)) = (oneshot::channel(), oneshot::channel::<Bytes>());
    let first = stream::once(async move {
        start.send(()).unwrap();
        Ok(Bytes::from(vec![b' '; bytes]))
    });
    let last = stream::once(last).map(|last| last.map_err(std::io::Error::other));
    Held { body: Body::from_stream(first.chain(last)), begun: started, rest: last_bytes }
}

#[tokio::test]
async fn a_target_or_header_fields_past_their_bounds_are_answered_in_the_envelope_by_every_operation() {
    let (api, client) = house(KIB * KIB).await;
    for operation in operations() {
        let long = format!("{}?limit={}", operation.path.replace(['{', '}'], ""), "0".repeat(16 * KIB));
        let response = api.call(&operation.method, &long).by(&client).send().await.expect(414);
        assert_eq!(response.error(), "uri_too_long");
        let call = api.call(&operation.method, &operation.path.replace(['{', '}'], "")).by(&client);
        let response = call.header("x-filler", "x".repeat(32 * KIB)).send().await.expect(431);
        assert_eq!(response.error(), "header_fields_too_large");
    }
}

#[tokio::test]
async fn a_body_that_is_announced_too_large_is_not_waited_for() {
    let (api, client) = house(KIB * KIB).await;
    let announced = http_body_util::Full::new(Bytes::from(vec![b' '; 1024 * KIB + 1]));
    api.post(findings_path()).by(&client).send_stream(Body::new(announced)).await.expect(413);
}

#[tokio::test]
async fn bodies_that_do_not_fit_into_memory_together_are_503_until_there_is_room_again() {
    let (api, client) = house(64 * KIB).await;
    let Held { body, begun: started, rest: last_bytes } = held(60 * KIB);
    let call = api.post(findings_path()).by(&client).header("content-type", "application/json");
    let mut large = finding_body("large");
    large["description"] = json!("x".repeat(8 * KIB));
    let large = api.post(findings_path()).by(&client).json(&large);
    let meanwhile = async {
        started.await.unwrap();
        let refused = large.clone().send().await.expect(503);
        assert!(refused.header("retry-after").parse::<u32>().unwrap() >= 1);
        api.post(findings_path()).by(&client).json(&finding_body("small")).send().await.expect(201);
        last_bytes.send(Bytes::from(finding_body("paused").to_string())).unwrap();
    };
    let (response, ()) = join!(call.send_stream(body), meanwhile);
    response.expect(201);
    large.send().await.expect(201);
}

#[tokio::test]
async fn strangers_take_no_room_from_callers_that_are_known() {
    let (api, client) = house(64 * KIB).await;
    let token = api.post("/api/v1/auth/token").header("content-type", "application/json");
    let Held { body, begun: started, rest: last_bytes } = held(15 * KIB);
    let mut large = finding_body("large");
    large["description"] = json!("x".repeat(15 * KIB));
    let meanwhile = async {
        started.await.unwrap();
        token.clone().bare_body(vec![b' '; 2 * KIB]).send().await.expect(503);
        api.post(findings_path()).by(&client).json(&large).send().await.expect(201);
        last_bytes.send(Bytes::new()).unwrap();
    };
    let (response, ()) = join!(token.clone().send_stream(body), meanwhile);
    response.expect(400);
}
