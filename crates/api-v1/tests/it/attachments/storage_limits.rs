//! The limits on what accounts and organizations have stored.

use axum::body::Body;
use bytes::Bytes;
use futures_util::{future::join_all, stream};
use serde_json::json;

use super::{UPLOADS, bytes, upload, uploaded};
use crate::{
    evidence_claims::{claim, inline, setup},
    support::{Client, ContentFault, TestApi},
};

const KIB: u64 = 1024;

/// An API whose accounts may have 10 KiB without a claim.
async fn api_with_10_kib_unlinked() -> (TestApi, Client, String) {
    let (mut api, client, requirement) = setup().await;
    api.limit_attachments(Some(10 * KIB), None);
    (api, client, requirement)
}

async fn stored(api: &TestApi, holder: kernel::Ulid) -> u64 {
    api.fixture.store.stored_bytes(api.home, &[holder]).await.unwrap()[0]
}

#[tokio::test]
async fn an_account_with_too_many_files_without_a_claim_is_refused_until_it_links_some() {
    let (api, client, requirement) = api_with_10_kib_unlinked().await;
    let first = uploaded(&api, &client, bytes(6000)).await;
    let refused = upload(&api, &client, bytes(5000)).send().await.expect(429);
    assert_eq!(refused.error_code(), "rate_limited");
    assert_eq!(refused.header("retry-after"), "600");
    assert_eq!(
        refused.message(),
        "the attachments of this account that are not linked to a claim, with those that it is uploading, have 6000 of at most \
         10240 bytes: link them to claims, or wait until they are removed 24 hours after their upload"
    );
    // The same bytes under another name are another attachment.
    upload(&api, &client, bytes(6000)).send().await.expect(429);
    let other = api.full_access_client().await;
    uploaded(&api, &other, bytes(10_240)).await;

    claim(&api, &client, &requirement, "k", json!({ "attachmentIds": [first["id"]] })).send().await.expect(201);
    assert_eq!(stored(&api, client.account.meta.ulid()).await, 0);
    uploaded(&api, &client, bytes(10_240)).await;
    upload(&api, &client, "x").send().await.expect(429);
    let names = api.contents.names().await;
    assert_eq!(names.len(), 2, "refused uploads left {names:?}");
}

#[tokio::test]
async fn an_upload_of_unknown_size_is_refused_as_soon_as_it_exceeds_the_limit() {
    let (api, client, _) = api_with_10_kib_unlinked().await;
    let body = |pieces: usize| {
        let piece = |_| Ok::<_, std::io::Error>(Bytes::from_static(&[b'x'; 1024]));
        Body::from_stream(stream::iter((0..pieces).map(piece).collect::<Vec<_>>()))
    };
    let request = || api.post(UPLOADS).auth(&client).file("report.csv", "text/csv", "");
    request().send_body_stream(body(11)).await.expect(429);
    assert!(api.contents.names().await.is_empty());
    request().send_body_stream(body(10)).await.expect(201);
}

#[tokio::test]
async fn uploads_at_once_to_several_servers_do_not_exceed_the_limits_together() {
    let (mut api, client, _) = api_with_10_kib_unlinked().await;
    let mut requests = Vec::new();
    for number in 0..12_u8 {
        if number % 3 == 0 {
            // Another server over the same store, which does not know what the others are receiving.
            api.limit_attachments(Some(10 * KIB), Some(8 * KIB));
        }
        requests.push(upload(&api, &client, vec![number; 2000]).send());
    }
    let mut statuses = [0; 2];
    for response in join_all(requests).await {
        match response.status {
            201 => statuses[0] += 1,
            429 | 507 => statuses[1] += 1,
            other => panic!("{other}"),
        }
    }
    assert_eq!(statuses, [4, 8]);
    assert_eq!(stored(&api, api.home.ulid()).await, 8000);
    assert_eq!(api.contents.names().await.len(), 4);
}

#[tokio::test]
async fn an_organization_that_has_stored_as_much_as_it_may_is_refused_by_every_way() {
    let (mut api, client, requirement) = setup().await;
    api.limit_attachments(None, Some(10 * KIB));
    let first = uploaded(&api, &client, bytes(8000)).await;
    let other = api.full_access_client().await;
    let refused = upload(&api, &other, bytes(3000)).send().await.expect(507);
    assert_eq!((refused.error_code().as_str(), refused.header("retry-after")), ("insufficient_storage", ""));
    assert_eq!(
        refused.message(),
        "the attachments of this organization, with those that it is uploading, have 8000 of at most 10240 bytes: ask the \
         operator of the server to raise the limit"
    );
    let files = |letter: &str| json!({ "attachments": [inline("a.txt", &letter.repeat(4000))] });
    claim(&api, &other, &requirement, "large", files("A")).send().await.expect(507);
    // Links add nothing, and equal bytes are stored once.
    claim(&api, &client, &requirement, "linked", json!({ "attachmentIds": [first["id"]] })).send().await.expect(201);
    assert_eq!(stored(&api, api.home.ulid()).await, 8000);
    let small = json!({ "attachments": [inline("a.txt", "YQ=="), inline("b.txt", "YQ==")] });
    claim(&api, &other, &requirement, "small", small).send().await.expect(201);
    assert_eq!(stored(&api, api.home.ulid()).await, 8001);
    assert_eq!(api.contents.names().await.len(), 2);
}

#[tokio::test]
async fn an_upload_that_fails_gives_its_room_back() {
    let (api, client, _) = api_with_10_kib_unlinked().await;
    for _ in 0..3 {
        api.contents.set_fault(ContentFault::Full);
        upload(&api, &client, bytes(10_000)).send().await.expect(503);
        api.contents.set_fault(None);
    }
    uploaded(&api, &client, bytes(10_000)).await;
}
