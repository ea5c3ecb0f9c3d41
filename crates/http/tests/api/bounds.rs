//! What a call may bring: a head and a body of bounded size, and bodies that all together fit into memory.

use api::ApiSettings;
use axum::body::Body;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use serde_json::json;
use tokio::{join, sync::oneshot};

use crate::support::{Client, House, finding_body, findings_path, operations};

const KIB: usize = 1024;

/// A house with room for so many bytes of bodies, and a quarter as many of strangers.
async fn house(body_memory: usize) -> (House, Client) {
    let house = House::with(ApiSettings { body_memory, ..ApiSettings::default() }).await;
    let client = house.everyone().await;
    (house, client)
}

/// A body that is on its way.
struct Held {
    body: Body,
    /// Hears when the first bytes have been taken.
    begun: oneshot::Receiver<()>,
    /// Sends the last ones.
    rest: oneshot::Sender<Bytes>,
}

fn held(bytes: usize) -> Held {
    let ((begins, begun), (rest, last)) = (oneshot::channel(), oneshot::channel::<Bytes>());
    let first = stream::once(async move {
        begins.send(()).unwrap();
        Ok(Bytes::from(vec![b' '; bytes]))
    });
    let last = stream::once(last).map(|last| last.map_err(std::io::Error::other));
    Held { body: Body::from_stream(first.chain(last)), begun, rest }
}

#[tokio::test]
async fn a_target_or_header_fields_past_their_bounds_are_answered_in_the_envelope_by_every_operation() {
    let (house, client) = house(KIB * KIB).await;
    for operation in operations() {
        let long = format!("{}?limit={}", operation.path.replace(['{', '}'], ""), "0".repeat(16 * KIB));
        let answer = house.call(&operation.method, &long).by(&client).send().await.expect(414);
        assert_eq!(answer.error(), "uri_too_long");
        let call = house.call(&operation.method, &operation.path.replace(['{', '}'], "")).by(&client);
        let answer = call.header("x-filler", "x".repeat(32 * KIB)).send().await.expect(431);
        assert_eq!(answer.error(), "header_fields_too_large");
    }
}

#[tokio::test]
async fn a_body_that_is_announced_too_large_is_not_waited_for() {
    let (house, client) = house(KIB * KIB).await;
    let announced = http_body_util::Full::new(Bytes::from(vec![b' '; 1024 * KIB + 1]));
    house.post(findings_path()).by(&client).send_stream(Body::new(announced)).await.expect(413);
}

#[tokio::test]
async fn bodies_that_do_not_fit_into_memory_together_are_503_until_there_is_room_again() {
    let (house, client) = house(64 * KIB).await;
    let Held { body, begun, rest } = held(60 * KIB);
    let call = house.post(findings_path()).by(&client).header("content-type", "application/json");
    let mut large = finding_body("large");
    large["description"] = json!("x".repeat(8 * KIB));
    let large = house.post(findings_path()).by(&client).json(&large);
    let meanwhile = async {
        begun.await.unwrap();
        let refused = large.clone().send().await.expect(503);
        assert!(refused.header("retry-after").parse::<u32>().unwrap() >= 1);
        house.post(findings_path()).by(&client).json(&finding_body("small")).send().await.expect(201);
        rest.send(Bytes::from(finding_body("held").to_string())).unwrap();
    };
    let (answer, ()) = join!(call.send_stream(body), meanwhile);
    answer.expect(201);
    large.send().await.expect(201);
}

#[tokio::test]
async fn strangers_take_no_room_from_callers_that_are_known() {
    let (house, client) = house(64 * KIB).await;
    let token = house.post("/api/v1/auth/token").header("content-type", "application/json");
    let Held { body, begun, rest } = held(15 * KIB);
    let mut large = finding_body("large");
    large["description"] = json!("x".repeat(15 * KIB));
    let meanwhile = async {
        begun.await.unwrap();
        token.clone().bare_body(vec![b' '; 2 * KIB]).send().await.expect(503);
        house.post(findings_path()).by(&client).json(&large).send().await.expect(201);
        rest.send(Bytes::new()).unwrap();
    };
    let (answer, ()) = join!(token.clone().send_stream(body), meanwhile);
    answer.expect(400);
}
