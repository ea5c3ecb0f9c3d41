//! The hashes that uploads state.

use axum::{body::Body, http::HeaderMap};
use bytes::Bytes;
use futures_util::future::ready;
use http_body_util::{BodyExt as _, Full};

use super::{super::upload, assert_nothing_is_stored, digest};
use crate::support::TestApi;

const SENT: &[u8] = b"what was sent";

/// The value of a `Digest` header of RFC 3230.
fn old_digest(bytes: &[u8]) -> String {
    digest(bytes).replace("sha-256=:", "SHA-256=").trim_end_matches(':').to_owned()
}

/// A body with these trailers.
fn with_trailers(bytes: &'static [u8], trailers: &[(&'static str, String)]) -> Body {
    let mut headers = HeaderMap::new();
    for (name, value) in trailers {
        headers.append(*name, value.parse().unwrap());
    }
    Body::new(Full::new(Bytes::from_static(bytes)).with_trailers(ready(Some(Ok(headers)))))
}

#[tokio::test]
async fn a_file_that_does_not_have_the_stated_hash_is_refused_and_not_stored() {
    let api = TestApi::open().await;
    let client = api.full_access_client().await;
    for (header, wrong, right) in [
        ("content-digest", digest(b"x"), digest(SENT)),
        ("repr-digest", digest(b"x"), digest(SENT)),
        ("digest", old_digest(b"x"), old_digest(SENT)),
    ] {
        let call = upload(&api, &client, SENT).header(header, &wrong).idempotency_key(header);
        let response = call.send().await.expect(400);
        assert_eq!(response.issue_paths()[0].to_lowercase(), format!("header.{header}"));
        let trailing = upload(&api, &client, SENT).send_body_stream(with_trailers(SENT, &[(header, wrong)])).await;
        assert_eq!(trailing.expect(400).issue_paths()[0].to_lowercase(), format!("header.{header}"));
        assert_nothing_is_stored(&api).await;
        let other = TestApi::open().await;
        let client = other.full_access_client().await;
        upload(&other, &client, SENT).header(header, &right).idempotency_key(header).send().await.expect(201);
        upload(&other, &client, SENT).send_body_stream(with_trailers(SENT, &[(header, right)])).await.expect(201);
    }
}

#[tokio::test]
async fn a_hash_that_is_not_checked_is_refused() {
    let api = TestApi::open().await;
    let client = api.full_access_client().await;
    for (header, value) in [
        ("Content-Digest", "md5=:AA==:"),
        ("Repr-Digest", "sha-512=:AA==:"),
        ("Digest", "MD5=AA=="),
        ("Content-MD5", "Q2hlY2sgSW50ZWdyaXR5IQ=="),
    ] {
        let response = upload(&api, &client, SENT).header(header, value).send().await.expect(400);
        assert_eq!(response.issue_paths(), [format!("header.{header}")]);
        let name: &'static str = Box::leak(header.to_lowercase().into_boxed_str());
        let body = with_trailers(SENT, &[(name, value.to_owned())]);
        let response = upload(&api, &client, SENT).send_body_stream(body).await.expect(400);
        assert_eq!(response.issue_paths(), [format!("header.{header}")]);
    }
    assert_nothing_is_stored(&api).await;
}

#[tokio::test]
async fn an_upload_that_is_sent_again_with_its_key_must_have_the_stated_hash_too() {
    let api = TestApi::open().await;
    let client = api.full_access_client().await;
    upload(&api, &client, SENT).idempotency_key("k").send().await.expect(201);
    let again = || upload(&api, &client, SENT).idempotency_key("k");
    let response = again().header("content-digest", digest(b"x")).send().await.expect(400);
    assert_eq!(response.issue_paths(), ["header.Content-Digest"]);
    assert!(again().header("content-digest", digest(SENT)).send().await.expect(201).is_replayed());
}
