//! Responses of endpoints and the outcomes of the attempts.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use webhooks::{ANSWER_KEPT, Failure};

use crate::{
    PATIENCE, development,
    endpoint::{Endpoint, answer, heard},
    plain, send, sender,
};

#[tokio::test]
async fn a_message_arrives_with_its_headers_and_byte_for_byte() {
    let endpoint = Endpoint::answering(answer("202 Accepted", "", "taken")).await;
    let outcome = send(&sender(development()), &plain(endpoint.address)).await;
    assert!(outcome.is_success(), "{outcome:?}");
    assert_eq!((outcome.status, outcome.answer.as_deref()), (Some(202), Some("taken")));
    let [request] = <[String; 1]>::try_from(endpoint.requests()).unwrap();
    assert!(request.starts_with("POST /hook?tenant=7 HTTP/1.1\r\n"), "{request}");
    for header in [
        "content-type: application/json",
        "webhook-id: evt_",
        "webhook-timestamp: 1779718113",
        "webhook-signature: v1,c2lnbmF0dXJl",
        concat!("user-agent: Novantra-Webhooks/", env!("CARGO_PKG_VERSION")),
    ] {
        assert!(request.contains(header), "{header} is not in {request}");
    }
    assert!(request.ends_with("\r\n\r\n{\"id\":\"evt_1\"}"), "{request}");
}

#[tokio::test]
async fn whatever_is_no_2xx_is_a_failure_and_keeps_what_the_endpoint_said() {
    for (status, number) in [("500 Oops", 500), ("404 Not Found", 404), ("410 Gone", 410), ("401 Unauthorized", 401)] {
        let endpoint = Endpoint::answering(answer(status, "", "because")).await;
        let outcome = send(&sender(development()), &plain(endpoint.address)).await;
        assert_eq!((outcome.failure, outcome.status), (Some(Failure::Refused), Some(number)));
        assert_eq!(outcome.answer.as_deref(), Some("because"));
        assert_eq!(outcome.is_gone(), number == 410);
    }
}

#[tokio::test]
async fn a_redirect_is_a_failure_and_is_not_followed() {
    let target = Endpoint::answering(answer("200 OK", "", "")).await;
    let location = format!("location: http://{}/\r\n", target.address);
    for status in ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"] {
        let endpoint = Endpoint::answering(answer(status, &location, "")).await;
        let outcome = send(&sender(development()), &plain(endpoint.address)).await;
        assert_eq!(outcome.failure, Some(Failure::Redirected), "{status}");
    }
    assert_eq!(target.connections(), 0);
}

#[tokio::test]
async fn an_endpoint_that_is_busy_says_for_how_long() {
    for (status, is_honoured) in [("429 Slow down", true), ("503 Busy", true), ("500 Oops", false)] {
        let endpoint = Endpoint::answering(answer(status, "retry-after: 77\r\n", "")).await;
        let outcome = send(&sender(development()), &plain(endpoint.address)).await;
        assert_eq!(outcome.retry_after, is_honoured.then_some(Duration::from_secs(77)), "{status}");
    }
}

#[tokio::test]
async fn an_endless_answer_is_read_no_further_than_64_kib() {
    let endpoint = Endpoint::behaving(|mut stream, requests| async move {
        heard(&mut stream, &requests).await;
        let head = "HTTP/1.1 200 OK\r\ncontent-length: 1073741824\r\n\r\n";
        let _ = stream.write_all(head.as_bytes()).await;
        while stream.write_all(&[b'x'; 8192]).await.is_ok() {}
    })
    .await;
    let outcome = send(&sender(development()), &plain(endpoint.address)).await;
    assert!(outcome.is_success(), "{outcome:?}");
    assert_eq!(outcome.answer, Some("x".repeat(ANSWER_KEPT)));
    assert!(outcome.took < PATIENCE);
}

#[tokio::test]
async fn an_endpoint_that_hangs_has_had_its_time() {
    let endpoint = Endpoint::behaving(|mut stream, requests| async move {
        heard(&mut stream, &requests).await;
        std::future::pending().await
    })
    .await;
    let outcome = send(&sender(development()), &plain(endpoint.address)).await;
    assert_eq!((outcome.failure, outcome.status), (Some(Failure::TimedOut), None));
    assert!(outcome.took >= PATIENCE);
}

#[tokio::test]
async fn an_endpoint_that_drips_its_answer_has_no_longer_than_others() {
    let endpoint = Endpoint::behaving(|mut stream, requests| async move {
        heard(&mut stream, &requests).await;
        let head = "HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n";
        let _ = stream.write_all(head.as_bytes()).await;
        let mut interval = tokio::time::interval(Duration::from_millis(20));
        loop {
            interval.tick().await;
            if stream.write_all(b".").await.is_err() {
                return;
            }
        }
    })
    .await;
    let outcome = send(&sender(development()), &plain(endpoint.address)).await;
    assert_eq!((outcome.failure, outcome.status), (Some(Failure::TimedOut), Some(200)));
    assert!(outcome.answer.unwrap().starts_with(".."));
    assert!(outcome.took >= PATIENCE && outcome.took < 2 * PATIENCE);
}

#[tokio::test]
async fn a_connection_that_breaks_is_one_that_reached_nobody() {
    let reset = Endpoint::behaving(|mut stream, requests| async move {
        heard(&mut stream, &requests).await;
        // Closing without lingering sends a reset to the other side.
        let _ = stream.set_zero_linger();
    })
    .await;
    let cut = Endpoint::answering("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this").await;
    let nonsense = Endpoint::answering("220 mail.example ESMTP\r\n").await;
    for (endpoint, status) in [(reset, None), (cut, Some(200)), (nonsense, None)] {
        let outcome = send(&sender(development()), &plain(endpoint.address)).await;
        assert_eq!((outcome.failure, outcome.status), (Some(Failure::Unreachable), status));
    }
}

#[tokio::test]
async fn where_nobody_listens_nobody_is_reached() {
    let gone = Endpoint::answering("").await.address;
    let outcome = send(&sender(development()), &plain(gone)).await;
    assert_eq!(outcome.failure, Some(Failure::Unreachable));
}
