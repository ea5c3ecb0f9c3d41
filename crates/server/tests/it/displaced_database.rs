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

/// The write-ahead logs of the installation that were put aside.
fn displaced_logs(installation: &Installation) -> Vec<PathBuf> {
    let files = fs::read_dir(data(installation)).expect("the data folder").map(|entry| entry.expect("an entry").path());
    files.filter(|path| path.display().to_string().contains("novantra.db-wal.displaced-")).collect()
}

const SERVE: [&str; 5] = ["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];

#[tokio::test]
async fn a_log_whose_database_is_missing_or_empty_is_kept_by_every_command_until_the_database_is_back() {
    let (server, client) = server_with_finding().await;
    let installation = server.kill();
    drop(client);
    let (file, aside) = (database(&installation), data(&installation).join("aside"));
    let log = data(&installation).join("novantra.db-wal");
    let changes = fs::read(&log).unwrap();
    assert!(!changes.is_empty());
    fs::rename(&file, &aside).unwrap();
    let backup = installation.folder().join("none.tar");
    fs::write(&backup, "").unwrap();
    let commands: [&[&str]; 9] = [
        &["check"],
        &["backup", "backup.tar"],
        &["workspace", "list"],
        &["migrate"],
        &["clock", "reset"],
        &["installation", "create"],
        &["restore", "none.tar"],
        &SERVE,
        &[SERVE[0], SERVE[1], SERVE[2], SERVE[3], SERVE[4], "--new-installation"],
    ];
    for is_empty in [false, true] {
        for arguments in commands {
            if is_empty {
                fs::write(&file, "").unwrap();
            }
            let ran = installation.run(arguments);
            assert_eq!(ran.status.code(), Some(1), "{arguments:?}: {}", ran.stdout);
            let expected = format!("its write-ahead log {} still holds changes: put the database back", log.display());
            assert!(ran.stderr.contains(&expected), "{arguments:?}: {}", ran.stderr);
            assert!(fs::metadata(&file).map_or(true, |metadata| metadata.len() == 0), "{arguments:?}");
            assert_eq!(fs::read(&log).unwrap(), changes, "{arguments:?}");
        }
    }
    fs::rename(&aside, &file).unwrap();
    assert_eq!(stored_keys(&installation).await, ["before".to_owned()].into());
}

#[tokio::test]
async fn a_command_that_is_run_while_the_database_of_a_server_is_moved_away_does_no_harm() {
    let (server, client) = server_with_finding().await;
    let file = database(server.installation());
    let aside = file.with_extension("aside");
    fs::rename(&file, &aside).unwrap();
    assert_eq!(server.installation().run(&["check"]).status.code(), Some(1));
    assert!(!file.exists());
    fs::rename(&aside, &file).unwrap();
    eventually("the server is ready again", async || (server.probe("/readyz").await.0 == 200).then_some(())).await;
    assert_eq!(client.post(FINDINGS, &finding("after")).await.status, 201);
    let installation = server.kill();
    assert_eq!(stored_keys(&installation).await, ["after", "before"].map(str::to_owned).into());
}

#[tokio::test]
async fn a_database_that_is_restored_after_one_was_deleted_or_replaced_does_not_get_the_changes_of_its_log() {
    for is_replaced in [false, true] {
        let (server, client) = server_with_finding().await;
        let installation = server.installation().clone();
        installation.run_json(&["backup", "backup.tar"]);
        let backup = installation.folder().join("backup.tar");
        let restored = Installation::new();
        restored.run_json(&["restore", backup.to_str().unwrap(), "--replaces-original"]);
        for number in 0..30 {
            assert_eq!(client.post(FINDINGS, &finding(&format!("lost-{number}"))).await.status, 201);
        }
        let file = database(&installation);
        if is_replaced {
            fs::rename(database(&restored), &file).unwrap();
            assert_refused(&server, &client, &file, "was replaced by another file").await;
        } else {
            fs::remove_file(&file).unwrap();
            assert_refused(&server, &client, &file, "was deleted or moved").await;
        }
        server.stop();
        let [log] = displaced_logs(&installation).try_into().expect("one log that was put aside");
        assert!(!data(&installation).join("novantra.db-wal").exists());
        for arguments in [&SERVE[..], &["check"], &["restore", "backup.tar"]] {
            let ran = installation.run(arguments);
            assert_eq!(ran.status.code(), Some(1), "{arguments:?}: {}", ran.stdout);
            assert!(ran.stderr.contains(&log.display().to_string()), "{arguments:?}: {}", ran.stderr);
        }
        fs::rename(&log, installation.folder().join("log-of-the-deleted-database")).unwrap();
        if !is_replaced {
            installation.run_json(&["restore", "backup.tar", "--replaces-original"]);
        }
        assert_eq!(stored_keys(&installation).await, ["before".to_owned()].into(), "replaced: {is_replaced}");
    }
}

#[tokio::test]
async fn a_database_that_was_moved_when_its_server_stopped_has_all_changes_once_it_and_its_log_are_back() {
    let (server, _client) = server_with_finding().await;
    let installation = server.installation().clone();
    let (file, aside) = (database(&installation), data(&installation).join("aside"));
    fs::rename(&file, &aside).unwrap();
    server.stop();
    fs::rename(&aside, &file).unwrap();
    let [log] = displaced_logs(&installation).try_into().expect("one log that was put aside");
    let start = installation.run(&SERVE);
    let original = data(&installation).join("novantra.db-wal");
    assert!(start.stderr.contains(&format!("rename this log to {}", original.display())), "{}", start.stderr);
    fs::rename(&log, &original).unwrap();
    assert_eq!(stored_keys(&installation).await, ["before".to_owned()].into());
}

#[tokio::test]
async fn a_server_whose_log_was_truncated_is_not_ready_and_acknowledges_nothing() {
    let (server, client) = server_with_finding().await;
    let log = data(server.installation()).join("novantra.db-wal");
    fs::write(&log, "").unwrap();
    for number in 0..20 {
        assert_eq!(client.post(FINDINGS, &finding(&format!("refused-{number}"))).await.status, 503);
    }
    assert_eq!(client.get(FINDINGS).await.status, 503);
    let (status, text) = server.probe("/readyz").await;
    assert!(status == 503 && text.contains("was shortened") && text.contains("restore a backup"), "{status}: {text}");
    let errors = server.log().lines().filter(|line| line.contains("ERROR") && line.contains("was shortened")).count();
    assert_eq!(errors, 1, "{}", server.log());
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
