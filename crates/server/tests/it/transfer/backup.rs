//! Backups to a file, and restores from one.

use std::fs;

use serde_json::Value;

use super::load::{FINDINGS, Load, SCOPES, assert_audit_logs_verify, stored_finding_ids};
use crate::support::{Installation, Server, finding};

/// Creates an installation with findings, a stopped server and the backup `backup.tar`.
async fn backed_up_installation() -> Installation {
    let server = Server::start();
    let client = server.create_client("writer", SCOPES).await;
    for number in 0..10 {
        assert_eq!(client.post(FINDINGS, &finding(&format!("key-{number}"))).await.status, 201);
    }
    let installation = server.installation().clone();
    assert!(server.stop().success());
    installation.run_json(&["backup", "backup.tar"]);
    installation
}

fn backup_path(installation: &Installation) -> String {
    installation.folder().join("backup.tar").display().to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_under_load_restores_every_write_acknowledged_before_it() {
    let server = Server::start();
    let installation = server.installation().clone();
    let load = Load::start(&server).await;
    let before = load.wait_for_acknowledged(40).await;
    let backed_up = installation.clone();
    let backup_report =
        tokio::task::spawn_blocking(move || backed_up.run_json(&["backup", "backup.tar"])).await.unwrap();
    load.wait_for_acknowledged(10).await;
    load.stop().await;
    assert_eq!(backup_report["attachments"], 0, "{backup_report}");
    let again = installation.run(&["backup", "backup.tar"]);
    assert_eq!(again.status.code(), Some(1));
    assert!(again.stderr.contains("is not overwritten"), "{}", again.stderr);
    let key = fs::read(installation.folder().join("data/master.key")).unwrap();
    let backup = fs::read(backup_path(&installation)).unwrap();
    assert!(!backup.windows(40).any(|window| window == &key[..40]), "a backup contains no master key");

    let restored = Installation::new();
    let report = restored.run_json(&["restore", &backup_path(&installation)]);
    assert_eq!(report["master_key"]["ok"], false, "{report}");
    assert!(report["master_key"]["message"].as_str().unwrap().contains("there is no master key at"), "{report}");
    restored.copy_master_key_from(&installation);
    assert_audit_logs_verify(&restored);
    let restored_ids = stored_finding_ids(&restored).await;
    assert!(before.is_subset(&restored_ids) && restored_ids.is_subset(&stored_finding_ids(&installation).await));
    let files: Vec<_> =
        fs::read_dir(restored.folder().join("data")).unwrap().map(|one| one.unwrap().file_name()).collect();
    assert!(files.iter().all(|name| !name.to_string_lossy().starts_with('.')), "{files:?}");

    let refused = restored.run(&["restore", &backup_path(&installation)]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(refused.stderr.contains("novantra.db exists already"), "{}", refused.stderr);
    drop(server);
    let server = Server::start_with(restored);
    let client = server.create_client("after", SCOPES).await;
    assert_eq!(client.list_all(FINDINGS, "findings").await.len(), restored_ids.len());
}

#[tokio::test]
async fn a_backup_is_restored_only_to_an_empty_postgres() {
    let installation = backed_up_installation().await;
    let postgres = Installation::with_new_postgres().await;
    postgres.copy_master_key_from(&installation);
    let report = postgres.run_json(&["restore", &backup_path(&installation)]);
    assert_eq!(report["master_key"]["ok"], true, "{report}");
    assert_audit_logs_verify(&postgres);
    assert_eq!(stored_finding_ids(&postgres).await, stored_finding_ids(&installation).await);
    let again = postgres.run(&["restore", &backup_path(&installation)]);
    assert_eq!(again.status.code(), Some(1));
    assert!(again.stderr.contains("already contains an installation"), "{}", again.stderr);
    let refused = postgres.run(&["backup", "backup.tar"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(refused.stderr.contains("pg_dump") && refused.stderr.lines().count() == 1, "{}", refused.stderr);
}

#[tokio::test]
async fn a_truncated_or_unsupported_backup_is_refused_and_leaves_no_files() {
    let installation = backed_up_installation().await;
    let backup = fs::read(backup_path(&installation)).unwrap();
    let refused = |content: &[u8], message: &str| {
        let restored = Installation::new();
        let file = restored.folder().join("bad.tar");
        fs::write(&file, content).unwrap();
        let ran = restored.run(&["restore", file.to_str().unwrap()]);
        assert_eq!(ran.status.code(), Some(1));
        assert!(ran.stderr.contains(message) && ran.stderr.lines().count() == 1, "{message}: {}", ran.stderr);
        let data = fs::read_dir(restored.folder().join("data")).unwrap().map(|one| one.unwrap().file_name());
        assert_eq!(data.count(), 0);
    };
    refused(&backup[..backup.len() / 2], "truncated");
    refused(b"SQLite format 3", "not a Novantra backup");
    let version_offset = String::from_utf8_lossy(&backup[..2048]).find("\"format\": 1").unwrap() + "\"format\": ".len();
    let mut changed = backup.clone();
    changed[version_offset] = b'2';
    refused(&changed, "the backup has format 2");
}

#[tokio::test]
async fn a_restore_detects_the_master_key_of_another_installation() {
    let installation = backed_up_installation().await;
    let other = Installation::new();
    other.run_json(&["workspace", "create", "--slug", "other", "--name", "Other"]);
    let restored = Installation::new();
    restored.copy_master_key_from(&other);
    let ran = restored.run(&["restore", &backup_path(&installation)]);
    assert!(ran.status.success(), "{}", ran.stderr);
    assert!(
        ran.stdout.contains("belongs to another installation") && ran.stdout.contains("audit verify"),
        "{}",
        ran.stdout
    );
}

/// The entries of a workspace's log with this action.
fn entries_with(installation: &Installation, workspace: &str, action: &str) -> Vec<Value> {
    let entries = installation.audit_entries(workspace);
    entries.into_iter().filter(|entry| entry["action"] == action).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_log_goes_on_under_another_name_and_names_its_last_entry() {
    let installation = backed_up_installation().await;
    let note = |installation: &Installation| {
        installation.run(&["audit", "checkpoint", "--workspace", "default", "--note"]).stdout
    };
    let of_backup = note(&installation);
    let last = installation.audit_entries("default").pop().unwrap();
    installation.create_account("after-the-backup", SCOPES);
    let lost = note(&installation);

    let restored = Installation::new();
    restored.run_json(&["restore", &backup_path(&installation), "--replaces-original"]);
    restored.copy_master_key_from(&installation);
    let server = Server::start_with(restored.clone());
    let client = server.create_client("after-the-restore", SCOPES).await;
    assert_eq!(client.get(FINDINGS).await.status, 200);
    assert!(server.stop().success());
    let mut continued = entries_with(&restored, "default", "audit.log_continued");
    assert_eq!(continued.len(), 1, "{continued:?}");
    let continued = continued.remove(0);
    assert_eq!(continued["previousHash"], last["hash"], "nothing is sealed before it");
    let changes = continued["changes"].to_string();
    assert!(changes.contains(last["hash"].as_str().unwrap()), "{changes}");
    let origin = |note: &str| note.lines().next().unwrap().to_owned();
    let name = origin(&of_backup);
    let (installation_name, organization) = name.rsplit_once('/').unwrap();
    let renamed = origin(&note(&restored));
    assert!(renamed.starts_with(&format!("{installation_name}/2-")), "{renamed}");
    assert!(renamed.ends_with(organization), "{renamed}");

    let kept = restored.folder().join("kept.note");
    let verify = |note: &str| {
        fs::write(&kept, note).unwrap();
        restored.run(&["audit", "verify", "--workspace", "default", "--checkpoint", kept.to_str().unwrap()])
    };
    for intact in [&of_backup, &note(&restored)] {
        let verified = verify(intact);
        assert!(verified.status.success(), "{}", verified.stderr);
    }
    let verified = verify(&lost);
    assert_eq!(verified.status.code(), Some(1), "{}", verified.stdout);
    drop(Server::start_with(restored.clone()));
    assert_eq!(entries_with(&restored, "default", "audit.log_continued").len(), 1, "only the first start records it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_was_restored_by_other_means_is_continued_by_a_command() {
    let installation = backed_up_installation().await;
    let continued = installation.run_json(&["audit", "continue", "--reason", "restored a snapshot of the disk"]);
    assert_eq!(continued["continued"], true);
    let again = installation.run_json(&["audit", "continue", "--reason", "restored a snapshot of the disk"]);
    assert_eq!(again["continued"], false, "no server has started since");
    assert!(Server::start_with(installation.clone()).stop().success());
    assert_eq!(entries_with(&installation, "default", "audit.log_continued").len(), 1);
    assert_audit_logs_verify(&installation);
}

#[tokio::test]
async fn the_folder_of_a_backup_that_was_killed_is_named_by_the_check_and_removed_by_the_next_backup() {
    let installation = Installation::new();
    installation.run_json(&["installation", "create"]);
    let left = installation.folder().join("data/.novantra-backup-0x1yz2");
    fs::create_dir(&left).unwrap();
    fs::write(left.join("novantra.db"), "half a database").unwrap();
    for path in [left.join("novantra.db"), left.clone()] {
        fs::File::open(path).unwrap().set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    }
    let check = installation.run(&["check"]);
    assert!(check.stdout.contains(&format!("rm -r {}", left.display())), "{}", check.stdout);
    let backup = installation.run(&["backup", "data/backup.tar"]);
    assert!(backup.status.success(), "{}", backup.stderr);
    assert!(!left.exists() && backup.stderr.contains("which a backup or restore that was killed had left"));
    assert!(!installation.run(&["check"]).stdout.contains("rm -r"));
}
