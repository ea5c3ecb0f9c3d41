//! The redaction of entries of the audit log by a command, with and without a running server.

use std::fs;

use serde_json::Value;

use crate::support::{Client, CommandOutput, Installation, Server, eventually, finding};

const FINDINGS: &str = "/api/v1/governance/findings";
const ENTRIES: &str = "/api/v1/audit/entries";

fn redact(installation: &Installation, entry: &str, more: &[&str]) -> CommandOutput {
    let arguments = ["audit", "redact", entry, "--workspace", "default", "--reason", "order 12/26 of the court"];
    installation.run(&[&arguments[..], more].concat())
}

fn assert_success(ran: &CommandOutput) {
    assert!(ran.status.success(), "{}{}", ran.stdout, ran.stderr);
}

/// The entries of this action, newest first.
async fn entries(client: &Client, action: &str) -> Vec<Value> {
    let listed = client.get(&format!("{ENTRIES}?limit=200&action={action}")).await;
    assert_eq!(listed.status, 200, "{}", listed.body);
    listed.body["entries"].as_array().expect("entries").clone()
}

/// Exports the log, and verifies it with nothing but the public key. Returns the export.
fn exported(installation: &Installation) -> String {
    let write = |name: &str, arguments: &[&str]| {
        let ran = installation.run(arguments);
        assert_success(&ran);
        let path = installation.folder().join(name);
        fs::write(&path, &ran.stdout).expect("a file");
        (path.to_str().expect("a path").to_owned(), ran.stdout)
    };
    let (key, _) = write("key.pem", &["audit", "public-key"]);
    let (export, text) = write("export.jsonl", &["audit", "export", "--workspace", "default"]);
    assert_success(&Installation::new().run(&["audit", "verify", "--file", &export, "--public-key", &key]));
    text
}

#[tokio::test]
async fn a_redaction_that_was_recorded_but_not_done_is_done_by_the_next_server() {
    let server = Server::start();
    let installation = server.installation().clone();
    let account = server.create_account("writer", &["governance.findings:write", "audit:read"]);
    let client = Client::with_token(&server.url, &account).await;
    assert_eq!(client.post(FINDINGS, &finding("key")).await.status, 201);
    installation.wait_until_sealed().await;
    let id = entries(&client, "finding.created").await[0]["id"].as_str().unwrap().to_owned();
    let database = rusqlite::Connection::open(installation.folder().join("data/novantra.db")).unwrap();
    database
        .execute_batch(
            "CREATE TRIGGER broken BEFORE UPDATE OF redacted ON audit_heads BEGIN SELECT RAISE(ABORT, 'broken'); END",
        )
        .unwrap();
    let refused = redact(&installation, &id, &["--yes"]);
    assert_eq!(refused.status.code(), Some(1), "{}", refused.stdout);
    assert_eq!(entries(&client, "finding.created").await.len(), 1, "it is not done");
    assert_eq!(entries(&client, "audit.entry_redacted").await.len(), 1, "it is recorded");
    assert!(server.stop().success());
    database.execute_batch("DROP TRIGGER broken").unwrap();

    let server = Server::start_with(installation.clone());
    let client = Client::with_token(&server.url, &account).await;
    eventually("the entry is redacted", async || entries(&client, "finding.created").await.is_empty().then_some(()))
        .await;
    assert!(server.stop().success());
    assert_success(&installation.run(&["audit", "verify"]));
}

#[tokio::test]
async fn the_content_of_an_entry_is_removed_while_a_server_runs_and_without_one() {
    let server = Server::start();
    let installation = server.installation().clone();
    let account = server.create_account("writer", &["governance.findings:write", "audit:read"]);
    let client = Client::with_token(&server.url, &account).await;
    for number in 0..3 {
        let created = client.post(FINDINGS, &finding(&format!("key-{number}"))).await;
        assert_eq!(created.status, 201, "{}", created.body);
    }
    installation.wait_until_sealed().await;
    let created = entries(&client, "finding.created").await;
    let ids: Vec<&str> = created.iter().map(|entry| entry["id"].as_str().expect("an id")).collect();

    let described = redact(&installation, ids[1], &[]);
    assert_eq!(described.status.code(), Some(1));
    assert!(described.stderr.contains("finding.created") && described.stderr.contains("--yes"), "{}", described.stderr);
    assert_eq!(entries(&client, "finding.created").await.len(), 3, "nothing was done");

    assert_success(&redact(&installation, ids[1], &["--yes"]));
    let left = entries(&client, "finding.created").await;
    assert_eq!(left.iter().map(|entry| entry["id"].as_str().expect("an id")).collect::<Vec<_>>(), [ids[0], ids[2]]);
    let proof = client.get(&format!("{ENTRIES}/{}/proof", ids[1])).await;
    assert_eq!(proof.status, 200, "whoever has the content can still prove it: {}", proof.body);
    let records = entries(&client, "audit.entry_redacted").await;
    assert_eq!(records.len(), 1);
    assert_eq!(
        (&records[0]["subject"]["id"], &records[0]["reason"]),
        (&ids[1].into(), &"order 12/26 of the court".into())
    );
    let again = redact(&installation, ids[1], &["--yes"]);
    assert_eq!(again.status.code(), Some(1), "{}", again.stdout);
    assert!(again.stderr.contains(records[0]["id"].as_str().expect("an id")), "{}", again.stderr);
    assert_eq!(entries(&client, "audit.entry_redacted").await.len(), 1, "it is recorded once");

    let of_log = redact(&installation, records[0]["id"].as_str().expect("an id"), &["--yes"]);
    assert!(of_log.stderr.contains("by which others verify it"), "{}", of_log.stderr);
    let unknown = redact(&installation, "aud_01KSFQX5Y80000000000000006", &["--yes"]);
    assert!(unknown.stderr.contains("no sealed entry"), "{}", unknown.stderr);

    // The sealer goes on with the block that has the stub.
    assert_eq!(client.post(FINDINGS, &finding("later")).await.status, 201);
    installation.wait_until_sealed().await;
    let ids = [ids[0].to_owned(), ids[1].to_owned()];
    assert!(server.stop().success());

    assert_success(&redact(&installation, &ids[0], &["--yes"]));
    assert_success(&installation.run(&["audit", "verify"]));
    let export = exported(&installation);
    for id in &ids {
        let lines: Vec<&str> =
            export.lines().filter(|line| line.contains(&format!("\"id\":\"{id}\",\"organizationId\""))).collect();
        assert!(matches!(lines.as_slice(), [line] if line.starts_with("{\"redacted\":{\"hash\":")), "{lines:?}");
    }
    // A log that hides an entry without a record of it does not verify.
    let forged = export.lines().filter(|line| !line.contains("audit.entry_redacted"));
    let path = installation.folder().join("forged.jsonl");
    fs::write(&path, forged.map(|line| format!("{line}\n")).collect::<String>()).expect("a file");
    let key = installation.folder().join("key.pem");
    let verified = installation.run(&[
        "audit",
        "verify",
        "--file",
        path.to_str().expect("a path"),
        "--public-key",
        key.to_str().expect("a path"),
    ]);
    assert_eq!(verified.status.code(), Some(1), "{}", verified.stdout);
}
