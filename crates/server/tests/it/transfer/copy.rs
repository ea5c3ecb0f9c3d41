//! Copies from one database to another.

use std::process::Stdio;

use serde_json::{Value, json};

use super::load::{FINDINGS, SCOPES, assert_audit_logs_verify};
use crate::support::{Installation, Server, Setup, eventually, finding};

/// Queries that return the same rows on every database of an installation, apart from the encoding of binary cells.
const COMPARED_QUERIES: &[&str] = &[
    "SELECT count(*), max(id) FROM findings",
    "SELECT organization_id, first_sequence, last_sequence, first_id, high_id, length(body) FROM audit_runs ORDER BY organization_id, first_sequence",
    "SELECT sum(entries), max(id) FROM audit_waiting",
    "SELECT organization_id, sequence, hash, high_id, length(edge) FROM audit_heads ORDER BY organization_id",
    "SELECT count(*), max(signed_at) FROM audit_checkpoints",
    "SELECT id, body FROM outbox ORDER BY id",
    "SELECT id, name, created_at FROM pending_events ORDER BY id",
    "SELECT operation, key, fingerprint, status, length(body), body, expires_at FROM idempotency ORDER BY operation, key",
    "SELECT id, length(sealed), signs_from FROM signing_keys ORDER BY id",
    "SELECT key, value FROM installation ORDER BY key",
    "SELECT id, secrets, last_used_at FROM service_accounts JOIN service_account_uses ON account_id = id ORDER BY id",
];

fn assert_same_rows(query: &str, one: Vec<Vec<String>>, other: Vec<Vec<String>>) {
    // Binary cells are encoded differently by the two engines.
    let decoded = |rows: Vec<Vec<String>>| -> Vec<String> { rows.into_iter().flatten().map(decode_cell).collect() };
    assert_eq!(decoded(one), decoded(other), "{query}");
}

/// Decodes a PostgreSQL cell in hexadecimal to its text, with replacement characters as in a cell of SQLite.
fn decode_cell(cell: String) -> String {
    let Some(hex) = cell.strip_prefix("\\x") else { return cell };
    let byte = |index| u8::from_str_radix(&hex[index..index + 2], 16).expect("two digits");
    String::from_utf8_lossy(&(0..hex.len()).step_by(2).map(byte).collect::<Vec<_>>()).into_owned()
}

/// Asserts that the compared queries return the same rows on both installations.
async fn assert_same_data(one: &Installation, other: &Installation) {
    let (one, other) = (one.database().await, other.database().await);
    for query in COMPARED_QUERIES {
        assert_same_rows(query, one.rows(query).await, other.rows(query).await);
    }
}

fn copy(from: &Installation, to: &Installation) -> Value {
    from.run_json(&["copy", "--from", &from.database_url(), "--to", &to.database_url(), "--replaces-original"])
}

/// The single line of the error with which a copy is refused.
#[track_caller]
fn refusal_message(from: &Installation, to: &Installation) -> String {
    let ran = from.run(&["copy", "--from", &from.database_url(), "--to", &to.database_url(), "--replaces-original"]);
    assert_eq!(ran.status.code(), Some(1), "{}", ran.stdout);
    assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    ran.stderr
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_installation_copied_to_postgres_and_back_keeps_tokens_cursors_and_audit_logs() {
    let server = Server::start();
    let sqlite = server.installation().clone();
    let client = server.create_client("integration", SCOPES).await;
    for number in 0..30 {
        assert_eq!(client.post(FINDINGS, &finding(&format!("key-{number}"))).await.status, 201);
    }
    let first = client.post_with_key(FINDINGS, "once", &finding("once")).await;
    let page = client.get(&format!("{FINDINGS}?limit=10")).await;
    let cursor = page.body["pagination"]["nextCursor"].as_str().expect("a cursor").to_owned();
    let next = client.get(&format!("{FINDINGS}?limit=10&cursor={cursor}")).await.body["findings"].clone();
    let findings = client.list_all(FINDINGS, "findings").await;

    let postgres = Installation::with_new_postgres().await;
    let refused = refusal_message(&sqlite, &postgres);
    assert!(refused.contains("a server runs on") && refused.contains("stop it first"), "{refused}");
    assert!(server.stop().success());
    // The state that a server leaves behind if it is killed before the fan-out of its last event.
    let source = sqlite.database().await;
    source
        .execute(
            "INSERT INTO pending_events (organization_id, created_at, subject_revision, id, name, subject_id) \
             SELECT organization_id, created_at, subject_revision, id, name, subject_id FROM outbox \
             WHERE id = (SELECT max(id) FROM outbox)",
        )
        .await;
    drop(source);

    let copied = copy(&sqlite, &postgres);
    assert_eq!((&copied["tables"]["findings"], &copied["begun_again"]), (&json!(31), &json!(false)), "{copied}");
    assert_same_data(&postgres, &sqlite).await;
    assert_eq!(postgres.database().await.cell("SELECT count(*) FROM pending_events").await, "1");

    postgres.copy_master_key_from(&sqlite);
    assert_audit_logs_verify(&postgres);
    let server = Server::start_with(postgres.clone());
    let client = client.for_server(&server.url);
    assert_eq!(client.list_all(FINDINGS, "findings").await, findings);
    assert_eq!(client.get(&format!("{FINDINGS}?limit=10&cursor={cursor}")).await.body["findings"], next);
    let again = client.post_with_key(FINDINGS, "once", &finding("once")).await;
    assert_eq!((again.status, &again.body), (first.status, &first.body));
    assert_eq!(client.post(FINDINGS, &finding("after")).await.status, 201);

    let back = Installation::new();
    let refused = refusal_message(&postgres, &back);
    assert!(refused.contains("processes are using the source"), "{refused}");
    assert!(server.stop().success());
    let refused = refusal_message(&sqlite, &postgres);
    assert!(refused.contains("already contains an installation"), "{refused}");
    copy(&postgres, &back);
    assert_same_data(&back, &postgres).await;
    back.copy_master_key_from(&sqlite);
    assert_audit_logs_verify(&back);
    let server = Server::start_with(back);
    assert_eq!(client.for_server(&server.url).list_all(FINDINGS, "findings").await.len(), 32);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unfinished_copy_cannot_be_used_and_can_be_restarted() {
    let server = Server::start();
    let client = server.create_client("writer", SCOPES).await;
    for number in 0..20 {
        assert_eq!(client.post(FINDINGS, &finding(&format!("key-{number}"))).await.status, 201);
    }
    let (from, to) = (server.installation().clone(), Installation::with_new_postgres().await);
    assert!(server.stop().success());
    to.run_json(&["migrate"]);

    // The copy is killed while it waits to store the events, after everything before them is stored.
    let (blocker, observer) = (to.database().await, to.database().await);
    blocker.execute("BEGIN").await;
    blocker.execute("LOCK TABLE outbox IN SHARE MODE").await;
    let mut copying = from
        .program()
        .args(["copy", "--from", &from.database_url(), "--to", &to.database_url(), "--replaces-original"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    eventually("the copy waits for the lock", async || {
        let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                       AND wait_event_type = 'Lock' AND query LIKE 'INSERT INTO outbox%'";
        (observer.cell(waiting).await == "1").then_some(())
    })
    .await;
    copying.kill().unwrap();
    copying.wait().unwrap();
    blocker.execute("ROLLBACK").await;
    assert_eq!(observer.cell("SELECT count(*) FROM findings").await, "20");

    to.copy_master_key_from(&from);
    for refused in [&["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"][..], &["workspace", "list"]]
    {
        let ran = to.run(refused);
        assert_eq!(ran.status.code(), Some(1), "{refused:?}");
        assert!(ran.stderr.contains("an unfinished copy of another"), "{}", ran.stderr);
    }

    assert_eq!(copy(&from, &to)["begun_again"], true);
    assert_same_data(&to, &from).await;
    assert_audit_logs_verify(&to);
    let server = Setup::with_installation(to).unlimited().start();
    assert_eq!(client.for_server(&server.url).list_all(FINDINGS, "findings").await.len(), 20);
}

#[tokio::test]
async fn a_refused_copy_is_explained_in_one_line_and_changes_nothing() {
    let (source, target) = (Installation::new(), Installation::new());
    let refused = refusal_message(&source, &target);
    assert!(refused.contains("there is no database at"), "{refused}");
    assert!(!target.folder().join("data").exists());

    source.run_json(&["workspace", "create", "--slug", "made", "--name", "Made"]);
    let same = source.run(&["copy", "--from", &source.database_url(), "--to", &source.database_url()]);
    assert_eq!(same.status.code(), Some(2), "{}", same.stderr);
    let secret = "postgres://user:hunter2@127.0.0.1:1/nowhere";
    let unreachable = source.run(&["copy", "--from", &source.database_url(), "--to", secret]);
    assert_eq!(unreachable.status.code(), Some(1));
    assert!(
        unreachable.stderr.contains("the target") && !unreachable.stderr.contains("hunter2"),
        "{}",
        unreachable.stderr
    );

    let url_file = source.folder().join("url");
    std::fs::write(&url_file, format!("{}\n", target.database_url())).unwrap();
    source.run_json(&["copy", "--from", &source.database_url(), "--to-file", url_file.to_str().unwrap()]);
    target.copy_master_key_from(&source);
    let listed = target.run_json(&["workspace", "list"]);
    assert!(listed.to_string().contains("\"made\""), "{listed}");
}
