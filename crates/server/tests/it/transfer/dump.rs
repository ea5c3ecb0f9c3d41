//! Backups of PostgreSQL with its own tools, as described in docs/operating.md.

use std::process::Command;

use super::load::{FINDINGS, Load, SCOPES, assert_audit_logs_verify, stored_finding_ids};
use crate::support::{Installation, Server};

fn run(program: &str, arguments: &[&str]) {
    let folder = postgres_cluster::find_programs().expect("PostgreSQL's programs");
    let ran = Command::new(folder.join(program)).args(arguments).output().unwrap();
    assert!(ran.status.success(), "{program}: {}", String::from_utf8_lossy(&ran.stderr));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dump_under_load_restores_every_write_acknowledged_before_it() {
    let server = Server::start_with(Installation::with_new_postgres().await);
    let installation = server.installation().clone();
    let dump = installation.folder().join("novantra.dump");
    let dump = dump.to_str().unwrap();
    let load = Load::start(&server).await;
    let before = load.wait_for_acknowledged(40).await;
    let url = installation.database_url();
    let to = dump.to_owned();
    let dumped = move || run("pg_dump", &["--format=custom", "--no-owner", "--file", &to, &url]);
    tokio::task::spawn_blocking(dumped).await.unwrap();
    load.wait_for_acknowledged(10).await;
    load.stop().await;

    let restored = Installation::with_new_postgres().await;
    let url = restored.database_url();
    run("pg_restore", &["--single-transaction", "--exit-on-error", "--no-owner", "--dbname", &url, dump]);
    restored.copy_master_key_from(&installation);
    assert_audit_logs_verify(&restored);
    let restored_ids = stored_finding_ids(&restored).await;
    assert!(before.is_subset(&restored_ids) && restored_ids.is_subset(&stored_finding_ids(&installation).await));
    let server = Server::start_with(restored);
    let client = server.create_client("after", SCOPES).await;
    assert_eq!(client.list_all(FINDINGS, "findings").await.len(), restored_ids.len());
}
