//! Streams that are aborted before their end.

use std::time::Duration;

use auth::ServiceAccount;
use axum::body::Body;
use http_body_util::BodyExt;
use scopes::Scope;

use super::{assert_complete, read_to_end, run_ready_tasks, setup};
use crate::support::{Call, Fault, findings_path};

/// Fails unless the stream breaks off without its last line.
async fn assert_aborted(body: Body) {
    let (text, ended) = read_to_end(body).await;
    assert!(!ended, "an aborted stream ended like a complete one");
    assert!(!text.contains("pagination"), "an aborted stream has its last line");
}

/// Advances the paused clock of the runtime in small steps, so that timers fire in their order.
async fn advance_time(span: Duration) {
    const STEP: Duration = Duration::from_millis(100);
    for _ in 0..span.as_millis() / STEP.as_millis() {
        tokio::time::advance(STEP).await;
        run_ready_tasks().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_aborted_within_five_seconds_after_its_account_loses_access() {
    let (api, _) = setup(300).await;
    let expiry = api.fixture.now() + Duration::from_secs(60);
    for loss in ["disabled", "without scope", "expired", "revision unavailable"] {
        let client = api
            .client_with(api.home, Scope::ALL, |account| ServiceAccount {
                expires_at: (loss == "expired").then_some(expiry),
                ..account
            })
            .await;
        let body = api.open_stream(&client).await;
        let other_stream = api.open_stream(&api.full_access_client().await).await;
        advance_time(Duration::from_secs(7)).await;
        match loss {
            "disabled" => api.disable(&client).await,
            "without scope" => api.set_scopes(&client, &[Scope::ControlsRead]).await,
            "expired" => {
                api.clock().advance(Duration::from_secs(60));
            }
            _ => api.probe.fail(Call::Revision, Fault::Unavailable),
        }
        advance_time(Duration::from_millis(4900)).await;
        assert_aborted(body).await;
        if loss == "revision unavailable" {
            assert_aborted(other_stream).await;
            api.probe.clear_faults();
        } else {
            assert_complete(other_stream).await;
        }
    }
}

/// A token is checked when a request begins; a stream is one request, however long it takes.
#[tokio::test(start_paused = true)]
async fn a_stream_outlives_the_token_that_opened_it() {
    let (api, client) = setup(300).await;
    let body = api.open_stream(&client).await;
    api.clock().advance(Duration::from_secs(901));
    api.get(findings_path()).auth(&client).send().await.expect(401);
    advance_time(Duration::from_secs(10)).await;
    assert_complete(body).await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_aborted_when_its_client_reads_nothing_for_thirty_seconds() {
    let (api, client) = setup(300).await;
    let (reading, stalled) = (api.open_stream(&client).await, api.open_stream(&client).await);
    advance_time(Duration::from_secs(29)).await;
    assert_complete(reading).await;
    advance_time(Duration::from_secs(2)).await;
    assert_aborted(stalled).await;
    assert_complete(api.open_stream(&client).await).await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_aborted_after_fifteen_minutes_even_if_its_client_keeps_reading() {
    let (api, client) = setup(300).await;
    let mut body = api.open_stream(&client).await;
    for _ in 0..15 * 60 / 25 {
        advance_time(Duration::from_secs(25)).await;
        body.frame().await.unwrap().unwrap();
    }
    advance_time(Duration::from_secs(25)).await;
    assert_aborted(body).await;
}

#[tokio::test]
async fn a_stream_whose_store_fails_has_no_last_line_and_releases_its_permit() {
    let (api, client) = setup(300).await;
    for fault in [Fault::Unavailable, Fault::Corrupt, Fault::Panic] {
        let body = api.open_stream(&client).await;
        api.probe.fail(Call::Batch, fault);
        assert_aborted(body).await;
        api.probe.clear_faults();
        run_ready_tasks().await;
    }
    assert_complete(api.open_stream(&client).await).await;
    api.probe.fail(Call::Read, Fault::Unavailable);
    api.stream_request(&client, findings_path()).send().await.expect(503);
}

#[tokio::test]
async fn a_stream_whose_audit_entry_cannot_be_stored_is_refused_with_503() {
    let (api, client) = setup(300).await;
    for _ in 0..3 {
        api.probe.fail(Call::Append, Fault::Unavailable);
        api.stream_request(&client, findings_path()).send().await.expect(503);
        api.probe.clear_faults();
        run_ready_tasks().await;
    }
    assert_complete(api.open_stream(&client).await).await;
}

#[tokio::test]
async fn a_compressed_stream_breaks_off_when_it_is_aborted() {
    let (api, client) = setup(300).await;
    let call = api.stream_request(&client, findings_path()).header("accept-encoding", "zstd");
    api.probe.fail(Call::Batch, Fault::Unavailable);
    let mut body = call.send_for_body(200).await;
    while let Some(frame) = body.frame().await {
        if frame.is_err() {
            return;
        }
    }
    panic!("an aborted stream ended like a complete one");
}
