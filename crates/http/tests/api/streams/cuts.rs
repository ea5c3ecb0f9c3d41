//! Streams that are aborted before their end.

use std::time::Duration;

use auth::ServiceAccount;
use axum::body::Body;
use http_body_util::BodyExt;
use scopes::Scope;

use super::{house, is_whole, rest, settle};
use crate::support::{Fault, Port, findings_path};

/// Fails unless the stream breaks off without its last line.
async fn is_cut(body: Body) {
    let (text, ended) = rest(body).await;
    assert!(!ended, "an aborted stream ended like a complete one");
    assert!(!text.contains("pagination"), "an aborted stream has its last line");
}

/// Advances the paused clock of the runtime in small steps, so that timers fire in their order.
async fn pass(span: Duration) {
    const STEP: Duration = Duration::from_millis(100);
    for _ in 0..span.as_millis() / STEP.as_millis() {
        tokio::time::advance(STEP).await;
        settle().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_within_five_seconds_of_its_accounts_loss() {
    let (api, _) = house(300).await;
    let expiry = api.fixture.now() + Duration::from_secs(60);
    for loss in ["disabled", "without scope", "expired", "revision unavailable"] {
        let client = api
            .client_of(api.home, Scope::ALL, |account| ServiceAccount {
                expires_at: (loss == "expired").then_some(expiry),
                ..account
            })
            .await;
        let body = api.open_stream(&client).await;
        let other_stream = api.open_stream(&api.everyone().await).await;
        pass(Duration::from_secs(7)).await;
        match loss {
            "disabled" => api.disable(&client).await,
            "without scope" => api.rescope(&client, &[Scope::ControlsRead]).await,
            "expired" => {
                api.clock().advance(Duration::from_secs(60));
            }
            _ => api.watched.fail(Port::Revision, Fault::Unavailable),
        }
        pass(Duration::from_millis(4900)).await;
        is_cut(body).await;
        if loss == "revision unavailable" {
            is_cut(other_stream).await;
            api.watched.heal();
        } else {
            is_whole(other_stream).await;
        }
    }
}

/// A token is checked when a request begins; a stream is one request, however long it takes.
#[tokio::test(start_paused = true)]
async fn a_stream_outlives_the_token_it_began_with() {
    let (api, client) = house(300).await;
    let body = api.open_stream(&client).await;
    api.clock().advance(Duration::from_secs(901));
    api.get(findings_path()).by(&client).send().await.expect(401);
    pass(Duration::from_secs(10)).await;
    is_whole(body).await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_cut_when_its_client_takes_nothing_for_thirty_seconds() {
    let (api, client) = house(300).await;
    let (reading, stalled) = (api.open_stream(&client).await, api.open_stream(&client).await);
    pass(Duration::from_secs(29)).await;
    is_whole(reading).await;
    pass(Duration::from_secs(2)).await;
    is_cut(stalled).await;
    is_whole(api.open_stream(&client).await).await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_cut_after_fifteen_minutes_though_its_client_takes_something_now_and_then() {
    let (api, client) = house(300).await;
    let mut body = api.open_stream(&client).await;
    for _ in 0..15 * 60 / 25 {
        pass(Duration::from_secs(25)).await;
        body.frame().await.unwrap().unwrap();
    }
    pass(Duration::from_secs(25)).await;
    is_cut(body).await;
}

#[tokio::test]
async fn a_stream_whose_store_fails_has_no_last_line_and_gives_its_place_back() {
    let (api, client) = house(300).await;
    for fault in [Fault::Unavailable, Fault::Corrupt, Fault::Panic] {
        let body = api.open_stream(&client).await;
        api.watched.fail(Port::Batch, fault);
        is_cut(body).await;
        api.watched.heal();
        settle().await;
    }
    is_whole(api.open_stream(&client).await).await;
    api.watched.fail(Port::Read, Fault::Unavailable);
    api.stream(&client, findings_path()).send().await.expect(503);
}

#[tokio::test]
async fn a_stream_that_can_not_be_put_on_record_is_not_given() {
    let (api, client) = house(300).await;
    for _ in 0..3 {
        api.watched.fail(Port::Append, Fault::Unavailable);
        api.stream(&client, findings_path()).send().await.expect(503);
        api.watched.heal();
        settle().await;
    }
    is_whole(api.open_stream(&client).await).await;
}

#[tokio::test]
async fn a_compressed_stream_that_is_cut_breaks_off_too() {
    let (api, client) = house(300).await;
    let call = api.stream(&client, findings_path()).header("accept-encoding", "zstd");
    api.watched.fail(Port::Batch, Fault::Unavailable);
    let mut body = call.open(200).await;
    while let Some(frame) = body.frame().await {
        if frame.is_err() {
            return;
        }
    }
    panic!("an aborted stream ended like a complete one");
}
