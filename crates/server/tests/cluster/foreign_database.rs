//! Another installation's database under a running server.

use crate::support::{Installation, Server, UNSEALED, eventually, finding};

const FINDINGS: &str = "/api/v1/governance/findings";

#[tokio::test(flavor = "multi_thread")]
async fn a_server_under_which_the_database_becomes_another_installations_writes_nothing_to_it_and_is_not_ready() {
    let server = Server::start_with(Installation::with_new_postgres().await);
    let database = server.installation().database().await;
    let client = server.create_client("scanner", &["governance.findings:write"]).await;
    assert_eq!(client.post_with_key(FINDINGS, "before", &finding("before")).await.status, 201);
    eventually("the entries are sealed", async || (database.cell(UNSEALED).await == "0").then_some(())).await;

    // As after its copy, with its registrations, was renewed and put behind the same URL.
    database.execute("UPDATE installation SET value = '01HZX3V6T9C6Q4W8N2D5K7M1RB' WHERE key = 'id'").await;
    let refused = client.post_with_key(FINDINGS, "after", &finding("after")).await;
    assert_eq!(refused.status, 503, "{}", refused.body);
    assert!(refused.headers.contains_key("retry-after"), "{refused:?}");
    let (status, text) = server.probe("/readyz").await;
    assert_eq!(status, 503);
    assert!(text.contains("01HZX3V6T9C6Q4W8N2D5K7M1RB") && text.contains("restart"), "{text}");
    assert_eq!(database.cell("SELECT count(*) FROM findings").await, "1");
    assert_eq!(database.cell(UNSEALED).await, "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_can_not_read_its_signing_keys_for_too_long_is_not_ready() {
    let server = Server::start_with(Installation::with_new_postgres().await);
    let database = server.installation().database().await;
    assert_eq!(server.probe("/readyz").await.0, 200);
    database.execute("UPDATE signing_keys SET id = 'unknown', sealed = ''").await;
    let text = eventually("the server is not ready", async || {
        let (status, text) = server.probe("/readyz").await;
        (status == 503).then_some(text)
    })
    .await;
    assert!(text.contains("signing keys"), "{text}");
}
