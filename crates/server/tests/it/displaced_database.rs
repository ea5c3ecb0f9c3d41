//! A SQLite database that is deleted, moved or replaced under a running server.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use crate::support::{Client, Installation, Server, Setup, eventually, finding};

const FINDINGS: &str = "/api/v1/governance/findings";
const SCOPES: &[&str] = &["governance.findings:read", "governance.findings:write"];

/// A server with a finding, and its client.
async fn server_with_finding() -> (Server, Client) {
    let server = Server::start();
    let client = server.create_client("writer", SCOPES).await;
    assert_eq!(client.post(FINDINGS, &finding("before")).await.status, 201);
    (server, client)
}

fn data(installation: &Installation) -> PathBuf {
    installation.folder().join("data")
}

fn database(installation: &Installation) -> PathBuf {
    data(installation).join("novantra.db")
}

/// Asserts that the server neither writes nor reads, is not ready, and says so.
async fn assert_refused(server: &Server, client: &Client, file: &Path, change: &str) {
    for number in 0..20 {
        assert_eq!(client.post(FINDINGS, &finding(&format!("refused-{number}"))).await.status, 503);
    }
    assert_eq!(client.get(FINDINGS).await.status, 503);
    let (status, text) = server.probe("/readyz").await;
    let expected = format!("{} {change} while the database is open", file.display());
    assert!(status == 503 && text.contains(&expected), "{status}: {text}");
    let log = server.log();
    let errors = log.lines().filter(|line| line.contains("displacement") && line.contains(&expected)).count();
    assert_eq!(errors, 1, "{log}");
}

async fn keys(client: &Client) -> BTreeSet<String> {
    let findings = client.list_all(FINDINGS, "findings").await;
    findings.iter().map(|finding| finding["findingKey"].as_str().expect("a key").to_owned()).collect()
}

/// Starts a server on the installation, and returns the keys of its findings.
async fn stored_keys(installation: &Installation) -> BTreeSet<String> {
    let server = Server::start_with(installation.clone());
    let client = server.create_client("reader", SCOPES).await;
    let keys = keys(&client).await;
    assert!(server.stop().success());
    keys
}

#[tokio::test]
async fn a_database_that_was_moved_is_served_again_when_it_is_back_with_every_acknowledged_write() {
    let (server, client) = server_with_finding().await;
    let file = database(server.installation());
    let aside = file.with_extension("aside");
    fs::rename(&file, &aside).unwrap();
    assert_refused(&server, &client, &file, "was deleted or moved").await;
    fs::rename(&aside, &file).unwrap();
    eventually("the server is ready again", async || (server.probe("/readyz").await.0 == 200).then_some(())).await;
    assert_eq!(client.post(FINDINGS, &finding("after")).await.status, 201);
    let log = server.log();
    assert!(log.contains("the database is in its place again") && log.contains("writes were refused"), "{log}");
    let installation = server.kill();
    assert_eq!(stored_keys(&installation).await, ["after", "before"].map(str::to_owned).into());
}

#[tokio::test]
async fn a_server_whose_database_was_deleted_acknowledges_nothing_and_does_not_start_again() {
    let (server, client) = server_with_finding().await;
    let installation = server.installation().clone();
    for suffix in ["", "-wal", "-shm"] {
        fs::remove_file(data(&installation).join(format!("novantra.db{suffix}"))).unwrap();
    }
    assert_refused(&server, &client, &database(&installation), "was deleted or moved").await;
    server.stop();
    assert!(!database(&installation).exists());
    let start = installation.run(&["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]);
    assert!(start.stderr.contains("an installation was here"), "{}", start.stderr);
}

#[tokio::test]
async fn a_server_whose_database_was_replaced_leaves_the_other_one_and_its_log_alone() {
    let (server, client) = server_with_finding().await;
    let installation = server.installation().clone();
    installation.run_json(&["backup", "backup.tar"]);
    assert_eq!(client.post(FINDINGS, &finding("since-the-backup")).await.status, 201);
    let backup = installation.folder().join("backup.tar");
    let restored = Installation::new();
    restored.run_json(&["restore", backup.to_str().unwrap(), "--replaces-original"]);
    restored.copy_master_key_from(&installation);
    let second = Setup::with_installation(restored.clone()).unlimited().start();
    let other = second.create_client("other", SCOPES).await;
    assert_eq!(other.post(FINDINGS, &finding("of-the-other")).await.status, 201);
    let restored = second.kill();
    // With its log, which has the latest finding.
    for suffix in ["-shm", "-wal", ""] {
        let name = format!("novantra.db{suffix}");
        fs::rename(data(&restored).join(&name), data(&installation).join(&name)).unwrap();
    }
    assert_refused(&server, &client, &database(&installation), "was replaced by another file").await;
    server.stop();
    assert_eq!(stored_keys(&installation).await, ["before", "of-the-other"].map(str::to_owned).into());
}

#[tokio::test]
async fn what_was_acknowledged_before_the_write_ahead_log_was_deleted_is_kept() {
    for suffix in ["-wal", "-shm"] {
        let (server, client) = server_with_finding().await;
        let installation = server.installation().clone();
        let file = data(&installation).join(format!("novantra.db{suffix}"));
        fs::remove_file(&file).unwrap();
        assert_refused(&server, &client, &file, "was deleted or moved").await;
        let installation = if suffix == "-wal" {
            server.kill()
        } else {
            server.stop();
            installation
        };
        assert_eq!(stored_keys(&installation).await, ["before".to_owned()].into(), "{suffix}");
    }
}
