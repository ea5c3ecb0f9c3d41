//! Downloads that do not reach their end, in the chain of custody.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    bytes,
    custody::{claimed, custody},
    download, uploaded,
};
use crate::support::{TestApi, pass_time};

/// The kinds, the causes and the requests of the downloads in the custody of a claim.
async fn downloads(api: &TestApi, client: &crate::support::Client, claim: &Value) -> Vec<(String, Value, String)> {
    let events = custody(api, client, claim).await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let events = events.iter().filter(|event| event["eventKind"].as_str().unwrap().starts_with("download"));
    events.map(|event| (text(&event["eventKind"]), event["cause"].clone(), text(&event["requestId"]))).collect()
}

#[tokio::test(start_paused = true)]
async fn a_download_that_is_aborted_is_followed_in_the_custody_by_the_cause_and_one_that_ends_is_not() {
    let api = TestApi::open().await;
    let owner = api.full_access_client().await;
    let attachment = uploaded(&api, &owner, bytes(3_000_000)).await;
    let claim = claimed(&api, &owner, "k", &[&attachment]).await;
    download(&api, &owner, &attachment).send().await.expect(200);
    download(&api, &owner, &attachment).header("range", "bytes=5-9").send().await.expect(206);
    for cause in ["connection_closed", "client_stalled", "access_revoked", "altered"] {
        let client = api.full_access_client().await;
        api.clock().advance(Duration::from_secs(1));
        if cause == "altered" {
            api.contents.alter_all().await;
        }
        let body = download(&api, &client, &attachment).send_for_body(200).await;
        match cause {
            "connection_closed" => drop(body),
            "client_stalled" => {
                pass_time(Duration::from_secs(31)).await;
                drop(body);
            }
            "access_revoked" => {
                pass_time(Duration::from_secs(3)).await;
                api.disable(&client).await;
                pass_time(Duration::from_secs(5)).await;
                drop(body);
            }
            _ => assert!(http_body_util::BodyExt::collect(body).await.is_err()),
        }
        // The entry follows the end of the download.
        pass_time(Duration::from_secs(1)).await;
    }
    let events = downloads(&api, &owner, &claim).await;
    let summary: Vec<_> = events.iter().map(|(kind, cause, _)| (kind.as_str(), cause.clone())).collect();
    let mut expected = vec![("downloaded", Value::Null); 2];
    for cause in ["connection_closed", "client_stalled", "access_revoked", "altered"] {
        expected.extend([("downloaded", Value::Null), ("download_aborted", json!(cause))]);
    }
    assert_eq!(summary, expected);
    for pair in events[2..].chunks(2) {
        assert_eq!(pair[0].2, pair[1].2, "both have the identifier of the request");
    }
    let log = api.audit_log(api.home).await;
    let aborted = log.iter().filter(|entry| entry.entry.action.as_str() == "evidence_attachment.download_aborted");
    for entry in aborted {
        let sent = entry.entry.changes.iter().find(|change| change.field == "sent_bytes").unwrap();
        let kernel::FieldValue::Integer(sent) = sent.after else { panic!("{sent:?}") };
        assert!(sent < 3_000_000, "{sent}");
        assert_eq!(entry.entry.status, Some(200));
    }
}

#[tokio::test]
async fn a_small_file_that_no_connection_has_taken_was_not_downloaded() {
    let api = TestApi::open().await;
    let client = api.full_access_client().await;
    let attachment = uploaded(&api, &client, "small").await;
    let claim = claimed(&api, &client, "k", &[&attachment]).await;
    drop(download(&api, &client, &attachment).send_for_body(200).await);
    for _ in 0..1000 {
        if downloads(&api, &client, &claim).await.len() == 2 {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("the custody has no abort of the download");
}
