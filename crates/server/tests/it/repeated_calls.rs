//! Calls that are only counted, across servers that are killed.

use crate::support::{Client, Installation, Setup, eventually, set_clock};

const FINDINGS: &str = "/api/v1/governance/findings";

#[tokio::test]
async fn the_count_of_a_killed_server_is_recorded_as_soon_as_the_next_one_starts_after_its_minute() {
    let installation = Installation::new();
    let clock = installation.folder().join("clock");
    set_clock(&clock, 0);
    let start = || Setup::with_installation(installation.clone()).clock_file(&clock).start();
    let server = start();
    let stranger = Client::new(&server.url);
    for _ in 0..20 {
        assert_eq!(stranger.get(FINDINGS).await.status, 401);
    }
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
