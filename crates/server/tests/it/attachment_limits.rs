//! The limits on the bytes of attachments, with the real program.

use reqwest::StatusCode;
use serde_json::json;

use crate::{
    attachment_requests::{MIB, SCOPES, bytes, upload, uploaded},
    support::Setup,
};

#[tokio::test]
async fn what_an_account_and_its_organization_have_stored_is_limited_and_shown_by_a_command() {
    let server = Setup::new()
        .unlimited()
        .set("ATTACHMENTS_MAX_SIZE", "1")
        .set("ATTACHMENTS_UNLINKED_STORAGE", "1")
        .set("ATTACHMENTS_ORGANIZATION_STORAGE", "2")
        .start();
    let client = server.create_client("backup", SCOPES).await;
    uploaded(&client, &server, bytes(MIB - 1)).await;
    let refused = upload(&client, &server, b"two".to_vec()).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    let other = server.create_client("scanner", SCOPES).await;
    uploaded(&other, &server, vec![b'x'; MIB]).await;
    let third = server.create_client("third", SCOPES).await;
    let refused = upload(&third, &server, b"three".to_vec()).await;
    assert_eq!(refused.status(), StatusCode::INSUFFICIENT_STORAGE);

    let shown = server.installation().run_json(&["evidence", "usage", "--workspace", "default"]);
    let unlinked: Vec<_> =
        shown["unlinked"].as_array().expect("accounts").iter().map(|one| (&one["name"], &one["bytes"])).collect();
    assert_eq!(unlinked, [(&json!("scanner"), &json!(MIB)), (&json!("backup"), &json!(MIB - 1))]);
    assert_eq!((&shown["bytes"], &shown["max_bytes"]), (&json!(2 * MIB - 1), &json!(100 * 1024 * MIB)));
    let text = server.installation().run(&["evidence", "usage", "--workspace", "default"]).stdout;
    assert!(text.contains("(scanner)") && text.contains("2097151"), "{text}");
}

#[tokio::test]
async fn uploads_leave_the_reserve_of_the_disk_free_while_other_writes_go_on() {
    let reserve_of_no_disk = (1_u64 << 40).to_string();
    let server = Setup::new().unlimited().set("ATTACHMENTS_DISK_RESERVE", &reserve_of_no_disk).start();
    let client = server.create_client("backup", SCOPES).await;
    let refused = upload(&client, &server, b"one".to_vec()).await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(refused.headers().contains_key("retry-after"));
    let log = server.log();
    assert!(log.contains("bytes left, of which uploads leave 1152921504606846976 free for the database"), "{log}");
    server.create_client("other", SCOPES).await;
    assert_eq!(server.probe("/readyz").await.0, 200);
    assert!(server.probe("/metrics").await.1.contains("novantra_attachments_failures_total{reason=\"full\"} 1"));
}
