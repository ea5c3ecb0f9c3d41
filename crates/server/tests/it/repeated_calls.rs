//! Calls that are only counted, across servers that are killed.

use crate::support::{Client, Installation, Server, Setup, eventually, set_clock};

const FINDINGS: &str = "/api/v1/governance/findings";

/// Sends 20 calls that are refused, kills the server once `is_counted` has returned, and expects the entry with the count in
/// the audit log of a server that starts when their minute is over.
async fn assert_counted_after_a_kill(audit_reads: &str, is_counted: impl AsyncFn(&Server)) {
    let installation = Installation::new();
    let clock = installation.folder().join("clock");
    set_clock(&clock, 0);
    let start =
        || Setup::with_installation(installation.clone()).set("AUDIT_READS", audit_reads).clock_file(&clock).start();
    let server = start();
    let stranger = Client::new(&server.url);
    for _ in 0..20 {
        assert_eq!(stranger.get(FINDINGS).await.status, 401);
    }
    is_counted(&server).await;
    server.kill();
    set_clock(&clock, 90);
    let server = start();
    let count = eventually("the count is recorded", async || {
        let log = installation.run(&["audit", "export", "--workspace", "-"]).stdout;
        log.contains("\"after\":19").then_some(())
    });
    count.await;
    assert!(server.stop().success());
}

#[tokio::test]
async fn the_count_of_a_killed_server_is_recorded_as_soon_as_the_next_one_starts_after_its_minute() {
    assert_counted_after_a_kill("durable", async |_| ()).await;
}

#[tokio::test]
async fn the_count_of_a_killed_server_with_buffered_entries_is_recorded_once_it_had_50_ms() {
    let is_counted = async |server: &Server| {
        let database = server.installation().database().await;
        let stored = async || {
            let calls = database.cell("SELECT COALESCE(sum(calls), 0) FROM audit_repeats").await;
            (calls == "19").then_some(())
        };
        eventually("the counts are stored, while the server is neither called nor stopped", stored).await;
    };
    assert_counted_after_a_kill("buffered", is_counted).await;
}
