//! Copies from one database to another.

use std::process::Stdio;

use serde_json::{Value, json};

use crate::{
    load::{FINDINGS, SCOPES, is_whole},
    support::{Database, Installation, Server, Setup, eventually, finding},
};

/// What all databases of an installation agree on, however it is spelled.
const TOLD: &[&str] = &[
    "SELECT count(*), max(id) FROM findings",
    "SELECT count(*), max(id) FROM audit_entries",
    "SELECT organization_id, sequence, hash FROM audit_heads ORDER BY organization_id",
    "SELECT count(*), max(signed_at) FROM audit_checkpoints",
    "SELECT id, body, state FROM outbox ORDER BY id",
    "SELECT operation, key, fingerprint, status, body, expires_at FROM idempotency ORDER BY operation, key",
    "SELECT id, sealed, signs_from FROM signing_keys ORDER BY id",
    "SELECT key, value FROM installation ORDER BY key",
    "SELECT id, secrets, last_used_at FROM service_accounts JOIN service_account_uses ON account_id = id ORDER BY id",
];

async fn told(database: &Database) -> Vec<Vec<Vec<String>>> {
    let mut told = Vec::new();
    for query in TOLD {
        let rows = database.rows(query).await;
        // Binary cells come in the form of either engine.
        told.push(rows.into_iter().map(|row| row.into_iter().map(bytes_as_hex).collect()).collect());
    }
    told
}

fn bytes_as_hex(cell: String) -> String {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    cell.strip_prefix("\\x").map_or_else(|| hex(cell.as_bytes()), str::to_owned)
}

fn copy(from: &Installation, to: &Installation) -> Value {
    from.json(&["copy", "--from", &from.database_url(), "--to", &to.database_url()])
}

/// The line that a copy is refused with.
#[track_caller]
fn refusal(from: &Installation, to: &Installation) -> String {
    let ran = from.run(&["copy", "--from", &from.database_url(), "--to", &to.database_url()]);
    assert_eq!(ran.status.code(), Some(1), "{}", ran.stdout);
    assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    ran.stderr
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_installation_goes_to_postgres_and_back_with_all_that_clients_and_auditors_hold() {
    let server = Server::start();
    let sqlite = server.installation().clone();
    let client = server.client("integration", SCOPES).await;
    for number in 0..30 {
        assert_eq!(client.post(FINDINGS, &finding(&format!("key-{number}"))).await.status, 201);
    }
    let first = client.post_once(FINDINGS, "once", &finding("once")).await;
    let page = client.get(&format!("{FINDINGS}?limit=10")).await;
    let cursor = page.body["pagination"]["nextCursor"].as_str().expect("a cursor").to_owned();
    let next = client.get(&format!("{FINDINGS}?limit=10&cursor={cursor}")).await.body["findings"].clone();
    let findings = client.all(FINDINGS, "findings").await;

    let postgres = Installation::on_postgres().await;
    let refused = refusal(&sqlite, &postgres);
    assert!(refused.contains("a server runs on") && refused.contains("stop it first"), "{refused}");
    assert!(server.stop().success());

    let copied = copy(&sqlite, &postgres);
    assert_eq!((&copied["tables"]["findings"], &copied["begun_again"]), (&json!(31), &json!(false)), "{copied}");
    assert_eq!(told(&postgres.database().await).await, told(&sqlite.database().await).await);
    assert!(postgres.database().await.cell("SELECT count(*) FROM outbox WHERE state = 'pending'").await != "0");

    postgres.take_key_of(&sqlite);
    is_whole(&postgres);
    let server = Server::over(postgres.clone());
    let client = client.at(&server.url);
    assert_eq!(client.all(FINDINGS, "findings").await, findings);
    assert_eq!(client.get(&format!("{FINDINGS}?limit=10&cursor={cursor}")).await.body["findings"], next);
    let again = client.post_once(FINDINGS, "once", &finding("once")).await;
    assert_eq!((again.status, &again.body), (first.status, &first.body));
    assert_eq!(client.post(FINDINGS, &finding("after")).await.status, 201);

    let back = Installation::new();
    let refused = refusal(&postgres, &back);
    assert!(refused.contains("at work on the source"), "{refused}");
    assert!(server.stop().success());
    let refused = refusal(&sqlite, &postgres);
    assert!(refused.contains("holds an installation already"), "{refused}");
    copy(&postgres, &back);
    assert_eq!(told(&back.database().await).await, told(&postgres.database().await).await);
    back.take_key_of(&sqlite);
    is_whole(&back);
    let server = Server::over(back);
    assert_eq!(client.at(&server.url).all(FINDINGS, "findings").await.len(), 32);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_was_killed_is_nobodys_to_work_on_and_is_begun_again() {
    let server = Server::start();
    let client = server.client("writer", SCOPES).await;
    for number in 0..20 {
        assert_eq!(client.post(FINDINGS, &finding(&format!("key-{number}"))).await.status, 201);
    }
    let (from, to) = (server.installation().clone(), Installation::on_postgres().await);
    assert!(server.stop().success());
    to.json(&["migrate"]);

    // It is killed while it waits to store the events, with everything before them stored.
    let (blocking, looking) = (to.database().await, to.database().await);
    blocking.execute("BEGIN").await;
    blocking.execute("LOCK TABLE outbox IN SHARE MODE").await;
    let mut copying = from
        .program()
        .args(["copy", "--from", &from.database_url(), "--to", &to.database_url()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    eventually("it waits", async || {
        let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                       AND wait_event_type = 'Lock' AND query LIKE 'INSERT INTO outbox%'";
        (looking.cell(waiting).await == "1").then_some(())
    })
    .await;
    copying.kill().unwrap();
    copying.wait().unwrap();
    blocking.execute("ROLLBACK").await;
    assert_eq!(looking.cell("SELECT count(*) FROM findings").await, "20");

    to.take_key_of(&from);
    for refused in [&["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"][..], &["workspace", "list"]]
    {
        let ran = to.run(refused);
        assert_eq!(ran.status.code(), Some(1), "{refused:?}");
        assert!(ran.stderr.contains("an unfinished copy of another"), "{}", ran.stderr);
    }

    assert_eq!(copy(&from, &to)["begun_again"], true);
    assert_eq!(told(&to.database().await).await, told(&from.database().await).await);
    is_whole(&to);
    let server = Setup::over(to).unlimited().start();
    assert_eq!(client.at(&server.url).all(FINDINGS, "findings").await.len(), 20);
}

#[tokio::test]
async fn what_can_not_be_copied_is_said_in_one_line_and_changes_nothing() {
    let (here, there) = (Installation::new(), Installation::new());
    let refused = refusal(&here, &there);
    assert!(refused.contains("there is no database at"), "{refused}");
    assert!(!there.folder().join("data").exists());

    here.json(&["workspace", "create", "--slug", "made", "--name", "Made"]);
    let same = here.run(&["copy", "--from", &here.database_url(), "--to", &here.database_url()]);
    assert_eq!(same.status.code(), Some(2), "{}", same.stderr);
    let secret = "postgres://user:hunter2@127.0.0.1:1/nowhere";
    let unreachable = here.run(&["copy", "--from", &here.database_url(), "--to", secret]);
    assert_eq!(unreachable.status.code(), Some(1));
    assert!(
        unreachable.stderr.contains("the target") && !unreachable.stderr.contains("hunter2"),
        "{}",
        unreachable.stderr
    );

    let named = here.folder().join("url");
    std::fs::write(&named, format!("{}\n", there.database_url())).unwrap();
    here.json(&["copy", "--from", &here.database_url(), "--to-file", named.to_str().unwrap()]);
    there.take_key_of(&here);
    let listed = there.json(&["workspace", "list"]);
    assert!(listed.to_string().contains("\"made\""), "{listed}");
}
