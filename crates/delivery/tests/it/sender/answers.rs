//! Responses of endpoints and the outcomes of the attempts.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use webhooks::{AttemptFailure, MAX_STORED_RESPONSE};

use super::{
    ATTEMPT_TIMEOUT,
    endpoint::{Endpoint, receive_request, response},
    loopback_policy, plain_url, send, sender,
};

#[tokio::test]
async fn a_message_arrives_with_its_headers_and_an_unchanged_body() {
    let endpoint = Endpoint::responding_with(response("202 Accepted", "", "taken")).await;
    let outcome = send(&sender(loopback_policy()), &plain_url(endpoint.address)).await;
    assert!(outcome.is_success(), "{outcome:?}");
    assert_eq!((outcome.status, outcome.response_body.as_deref()), (Some(202), Some("taken")));
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
async fn any_other_status_than_2xx_is_a_failure_whose_response_body_is_stored() {
    for (status, number) in [("500 Oops", 500), ("404 Not Found", 404), ("410 Gone", 410), ("401 Unauthorized", 401)] {
        let endpoint = Endpoint::responding_with(response(status, "", "because")).await;
        let outcome = send(&sender(loopback_policy()), &plain_url(endpoint.address)).await;
        assert_eq!((outcome.failure, outcome.status), (Some(AttemptFailure::Refused), Some(number)));
        assert_eq!(outcome.response_body.as_deref(), Some("because"));
        assert_eq!(outcome.is_gone(), number == 410);
    }
}

#[tokio::test]
async fn a_redirect_is_a_failure_and_is_not_followed() {
    let target = Endpoint::responding_with(response("200 OK", "", "")).await;
    let location = format!("location: http://{}/\r\n", target.address);
    for status in ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"] {
        let endpoint = Endpoint::responding_with(response(status, &location, "")).await;
        let outcome = send(&sender(loopback_policy()), &plain_url(endpoint.address)).await;
        assert_eq!(outcome.failure, Some(AttemptFailure::Redirected), "{status}");
    }
    assert_eq!(target.connections(), 0);
}

#[tokio::test]
async fn retry_after_is_honoured_only_with_status_429_or_503() {
    for (status, is_honoured) in [("429 Slow down", true), ("503 Busy", true), ("500 Oops", false)] {
        let endpoint = Endpoint::responding_with(response(status, "retry-after: 77\r\n", "")).await;
        let outcome = send(&sender(loopback_policy()), &plain_url(endpoint.address)).await;
        assert_eq!(outcome.retry_after, is_honoured.then_some(Duration::from_secs(77)), "{status}");
    }
}

#[tokio::test]
async fn at_most_64_kib_of_an_endless_response_are_read() {
    let endpoint = Endpoint::with_behaviour(|mut stream, requests| async move {
        receive_request(&mut stream, &requests).await;
        let head = "HTTP/1.1 200 OK\r\ncontent-length: 1073741824\r\n\r\n";
        let _ = stream.write_all(head.as_bytes()).await;
        while stream.write_all(&[b'x'; 8192]).await.is_ok() {}
    })
    .await;
    let outcome = send(&sender(loopback_policy()), &plain_url(endpoint.address)).await;
    assert!(outcome.is_success(), "{outcome:?}");
    assert_eq!(outcome.response_body, Some("x".repeat(MAX_STORED_RESPONSE)));
    assert!(outcome.duration < ATTEMPT_TIMEOUT);
}

#[tokio::test]
async fn an_attempt_at_a_hanging_endpoint_times_out() {
    let endpoint = Endpoint::with_behaviour(|mut stream, requests| async move {
        receive_request(&mut stream, &requests).await;
        std::future::pending().await
    })
    .await;
    let outcome = send(&sender(loopback_policy()), &plain_url(endpoint.address)).await;
    assert_eq!((outcome.failure, outcome.status), (Some(AttemptFailure::TimedOut), None));
    assert!(outcome.duration >= ATTEMPT_TIMEOUT);
}

#[tokio::test]
async fn a_slowly_dripping_response_does_not_extend_the_timeout() {
    let endpoint = Endpoint::with_behaviour(|mut stream, requests| async move {
        receive_request(&mut stream, &requests).await;
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
    let outcome = send(&sender(loopback_policy()), &plain_url(endpoint.address)).await;
    assert_eq!((outcome.failure, outcome.status), (Some(AttemptFailure::TimedOut), Some(200)));
    assert!(outcome.response_body.unwrap().starts_with(".."));
    assert!(outcome.duration >= ATTEMPT_TIMEOUT && outcome.duration < 2 * ATTEMPT_TIMEOUT);
}

#[tokio::test]
async fn an_endpoint_whose_connection_breaks_is_unreachable() {
    let reset = Endpoint::with_behaviour(|mut stream, requests| async move {
        receive_request(&mut stream, &requests).await;
        // Closing without lingering sends a reset to the other side.
        let _ = stream.set_zero_linger();
    })
    .await;
    let cut = Endpoint::responding_with("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this").await;
    let nonsense = Endpoint::responding_with("220 mail.example ESMTP\r\n").await;
    for (endpoint, status) in [(reset, None), (cut, Some(200)), (nonsense, None)] {
        let outcome = send(&sender(loopback_policy()), &plain_url(endpoint.address)).await;
        assert_eq!((outcome.failure, outcome.status), (Some(AttemptFailure::Unreachable), status));
    }
}

#[tokio::test]
async fn an_endpoint_that_does_not_listen_is_unreachable() {
    let gone = Endpoint::responding_with("").await.address;
    let outcome = send(&sender(loopback_policy()), &plain_url(gone)).await;
    assert_eq!(outcome.failure, Some(AttemptFailure::Unreachable));
}
