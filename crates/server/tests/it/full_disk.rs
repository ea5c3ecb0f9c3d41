//! A full disk. The size of files is limited instead, which makes the same system calls fail.

use std::process::Command;

use serde_json::json;

use crate::support::{Client, Setup, eventually, finding};

const FINDINGS: &str = "/api/v1/governance/findings";

/// Blocks of 512 bytes that a file may have: 3 MiB. The signal that the limit sends is ignored.
const LIMIT: &str = "trap '' 25; ulimit -S -f 6144";

async fn write(client: &Client, number: usize) -> u16 {
    write_finding(client, number, 20_000).await
}

async fn write_finding(client: &Client, number: usize, length: usize) -> u16 {
    let mut finding = finding(&format!("finding-{number}"));
    finding["description"] = json!("x".repeat(length));
    client.post(FINDINGS, &finding).await.status
}

#[tokio::test]
async fn a_server_that_cannot_write_is_not_ready_and_logs_the_failure_a_few_times_with_a_count() {
    let server = Setup::new().unlimited().prelude(LIMIT).start();
    assert_eq!(server.probe("/readyz").await.0, 200);
    let client = server.create_client("writer", &["governance.findings:read", "governance.findings:write"]).await;
    // The log is full first, and is emptied into the database until that is full, too.
    let (mut number, mut refused) = (0, 0);
    eventually("the disk is full", async || {
        number += 1;
        let status = write(&client, number).await;
        refused = if status == 201 { 0 } else { refused + 1 };
        assert!([201, 503].contains(&status), "{status}");
        (refused == 150).then_some(())
    })
    .await;
    let failure = eventually("the server is not ready", async || {
        let (status, text) = server.probe("/readyz").await;
        (status == 503).then_some(text)
    })
    .await;
    assert!(failure.starts_with("database: "), "{failure}");
    assert!(server.probe("/metrics").await.1.contains("\nnovantra_ready 0\n"));

    let lines = server.log().lines().count();
    for number in 1000..1300 {
        assert_eq!(write(&client, number).await, 503);
    }
    let logged = server.log().lines().count() - lines;
    assert!(logged < 100, "300 failures were logged in {logged} lines");
    eventually("the repetitions are counted", async || server.log().contains("more times in 10 s").then_some(())).await;

    let lifted = Command::new("prlimit").args(["--fsize=unlimited", "--pid", &server.pid().to_string()]).status();
    assert!(lifted.expect("prlimit runs").success());
    eventually("the server is ready again", async || (server.probe("/readyz").await.0 == 200).then_some(())).await;
    assert!(server.probe("/metrics").await.1.contains("\nnovantra_ready 1\n"));
    assert_eq!(write(&client, 2000).await, 201);
}

#[tokio::test]
async fn a_write_ahead_log_that_fills_the_disk_is_emptied_into_the_database_and_writes_continue() {
    let server = Setup::new().unlimited().prelude(LIMIT).start();
    let client = server.create_client("writer", &["governance.findings:write"]).await;
    let mut number = 0;
    let refused = eventually("the disk is full", async || {
        number += 1;
        // Small ones: the log has the pages that each write changes, and fills before the database, which has them once.
        let status = write_finding(&client, number, 500).await;
        (status != 201).then_some(status)
    })
    .await;
    assert_eq!(refused, 503);
    eventually("writes succeed again", async || (write_finding(&client, 1000, 500).await == 201).then_some(())).await;
    assert_eq!(server.probe("/readyz").await.0, 200);
    let log = server.log();
    assert!(log.contains("the write-ahead log was emptied to free its space"), "{log}");
}
