//! Streams that end before their end.

use std::time::Duration;

use auth::ServiceAccount;
use axum::body::Body;
use http_body_util::BodyExt;
use scopes::Scope;

use super::{house, is_whole, rest, settle};
use crate::support::{Fault, Port, findings_path};

/// Fails unless the stream breaks off, without its last line.
async fn is_cut(body: Body) {
    let (text, ended) = rest(body).await;
    assert!(!ended, "a stream that was cut ends like a whole one");
    assert!(!text.contains("pagination"), "a stream that was cut has its last line");
}

/// Lets time pass that nobody waits for: the clock of the runtime stands still and is moved on, so that whatever is due
/// happens in its order.
async fn pass(span: Duration) {
    const STEP: Duration = Duration::from_millis(100);
    for _ in 0..span.as_millis() / STEP.as_millis() {
        tokio::time::advance(STEP).await;
        settle().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_within_five_seconds_of_its_accounts_loss() {
    let (house, _) = house(300).await;
    let soon = house.fixture.now() + Duration::from_secs(60);
    for loss in ["disabled", "without scope", "expired", "unproved"] {
        let client = house
            .client_of(house.home, Scope::ALL, |account| ServiceAccount {
                expires_at: (loss == "expired").then_some(soon),
                ..account
            })
            .await;
        let body = house.open_stream(&client).await;
        let unharmed = house.open_stream(&house.everyone().await).await;
        pass(Duration::from_secs(7)).await;
        match loss {
            "disabled" => house.disable(&client).await,
            "without scope" => house.rescope(&client, &[Scope::ControlsRead]).await,
            "expired" => {
                house.clock().advance(Duration::from_secs(60));
            }
            _ => house.watched.fail(Port::Revision, Fault::Unavailable),
        }
        pass(Duration::from_millis(4900)).await;
        is_cut(body).await;
        if loss == "unproved" {
            is_cut(unharmed).await;
            house.watched.heal();
        } else {
            is_whole(unharmed).await;
        }
    }
}

/// A token is good for the call it begins, and a call is as long as it takes.
#[tokio::test(start_paused = true)]
async fn a_stream_outlives_the_token_it_began_with() {
    let (house, client) = house(300).await;
    let body = house.open_stream(&client).await;
    house.clock().advance(Duration::from_secs(901));
    house.get(findings_path()).by(&client).send().await.expect(401);
    pass(Duration::from_secs(10)).await;
    is_whole(body).await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_cut_when_its_client_takes_nothing_for_thirty_seconds() {
    let (house, client) = house(300).await;
    let (patient, stalled) = (house.open_stream(&client).await, house.open_stream(&client).await);
    pass(Duration::from_secs(29)).await;
    is_whole(patient).await;
    pass(Duration::from_secs(2)).await;
    is_cut(stalled).await;
    is_whole(house.open_stream(&client).await).await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_cut_after_fifteen_minutes_though_its_client_takes_something_now_and_then() {
    let (house, client) = house(300).await;
    let mut body = house.open_stream(&client).await;
    for _ in 0..15 * 60 / 25 {
        pass(Duration::from_secs(25)).await;
        body.frame().await.unwrap().unwrap();
    }
    pass(Duration::from_secs(25)).await;
    is_cut(body).await;
}

#[tokio::test]
async fn a_stream_whose_store_fails_has_no_last_line_and_gives_its_place_back() {
    let (house, client) = house(300).await;
    for fault in [Fault::Unavailable, Fault::Corrupt, Fault::Panic] {
        let body = house.open_stream(&client).await;
        house.watched.fail(Port::Batch, fault);
        is_cut(body).await;
        house.watched.heal();
        settle().await;
    }
    is_whole(house.open_stream(&client).await).await;
    house.watched.fail(Port::Read, Fault::Unavailable);
    house.stream(&client, findings_path()).send().await.expect(503);
}

#[tokio::test]
async fn a_stream_that_can_not_be_put_on_record_is_not_given() {
    let (house, client) = house(300).await;
    for _ in 0..3 {
        house.watched.fail(Port::Append, Fault::Unavailable);
        house.stream(&client, findings_path()).send().await.expect(503);
        house.watched.heal();
        settle().await;
    }
    is_whole(house.open_stream(&client).await).await;
}

#[tokio::test]
async fn a_compressed_stream_that_is_cut_breaks_off_too() {
    let (house, client) = house(300).await;
    let call = house.stream(&client, findings_path()).header("accept-encoding", "zstd");
    house.watched.fail(Port::Batch, Fault::Unavailable);
    let mut body = call.open(200).await;
    while let Some(frame) = body.frame().await {
        if frame.is_err() {
            return;
        }
    }
    panic!("a stream that was cut ends like a whole one");
}
