//! The audit log as evidence: verified on its installation, and from an export with only the public key.

use std::{fs, path::PathBuf};

use crate::support::{CommandOutput, Installation, Server, finding};

/// Creates an installation with some history and a stopped server.
async fn installation_with_history() -> Installation {
    let server = Server::start();
    let client = server.create_client("writer", &["governance.findings:read", "governance.findings:write"]).await;
    for number in 0..10 {
        let created = client.post("/api/v1/governance/findings", &finding(&format!("key-{number}"))).await;
        assert_eq!(created.status, 201, "{}", created.body);
        assert_eq!(client.get("/api/v1/governance/findings").await.status, 200);
    }
    let installation = server.installation().clone();
    assert!(server.stop().success());
    installation
}

fn export(installation: &Installation) -> (PathBuf, PathBuf) {
    let write = |name: &str, arguments: &[&str]| {
        let ran = installation.run(arguments);
        assert!(ran.status.success(), "{}", ran.stderr);
        let path = installation.folder().join(name);
        fs::write(&path, ran.stdout).expect("a file");
        path
    };
    (write("export.jsonl", &["audit", "export", "--workspace", "default"]), write("key.pem", &["audit", "public-key"]))
}

fn verify_file(export: &std::path::Path, key: &std::path::Path) -> CommandOutput {
    let (export, key) = (export.to_str().expect("a path"), key.to_str().expect("a path"));
    Installation::new().run(&["audit", "verify", "--file", export, "--public-key", key])
}

#[tokio::test]
async fn an_export_is_verified_with_the_public_key_alone() {
    let installation = installation_with_history().await;
    let (export, key) = export(&installation);
    let verified = verify_file(&export, &key);
    assert!(verified.status.success(), "{}", verified.stderr);
    let text = fs::read_to_string(&export).unwrap();
    assert!(text.lines().count() > 20, "{text}");
    assert!(text.lines().last().unwrap().starts_with("{\"checkpoint\":"), "an export ends with a checkpoint");
}

#[tokio::test]
async fn a_changed_character_in_an_export_is_reported_with_its_entry() {
    let installation = installation_with_history().await;
    let (export, key) = export(&installation);
    let text = fs::read_to_string(&export).unwrap();
    let line = text.lines().find(|line| line.contains("\"finding.created\"")).unwrap();
    let entry: serde_json::Value = serde_json::from_str(line).unwrap();
    let changed = line.replacen("finding.created", "finding.treated", 1);
    fs::write(&export, text.replacen(line, &changed, 1)).unwrap();
    let verified = verify_file(&export, &key);
    assert_eq!(verified.status.code(), Some(1));
    assert!(verified.stderr.contains(entry["entry"]["id"].as_str().unwrap()), "{}", verified.stderr);
}

#[tokio::test]
async fn a_truncated_export_is_detected_with_a_retained_checkpoint() {
    let installation = installation_with_history().await;
    let retained = installation.folder().join("checkpoint.json");
    let checkpoint = installation.run(&["audit", "checkpoint", "--workspace", "default"]);
    fs::write(&retained, &checkpoint.stdout).unwrap();
    let retained = retained.to_str().unwrap();
    assert_eq!(installation.run_json(&["audit", "verify", "--checkpoint", retained])["ok"], true);
    let (export, key) = export(&installation);
    let text = fs::read_to_string(&export).unwrap();
    let checkpoints: Vec<usize> = text
        .lines()
        .enumerate()
        .filter(|(_, line)| line.starts_with("{\"checkpoint\""))
        .map(|(index, _)| index)
        .collect();
    let end = checkpoints[checkpoints.len() - 2];
    let remaining: Vec<&str> = text.lines().take(end + 1).collect();
    fs::write(&export, remaining.join("\n")).unwrap();
    assert!(
        verify_file(&export, &key).status.success(),
        "without the retained checkpoint, the truncated chain verifies"
    );
    let (export, key) = (export.to_str().unwrap(), key.to_str().unwrap());
    let ran = installation.run(&["audit", "verify", "--file", export, "--public-key", key, "--checkpoint", retained]);
    assert_eq!(ran.status.code(), Some(1));
    assert!(ran.stderr.contains("the last entries were removed"), "{}", ran.stderr);
}

#[tokio::test]
async fn checkpoints_of_several_logs_verify_one_of_them() {
    let installation = installation_with_history().await;
    let checkpoint_of = |workspace| installation.run(&["audit", "checkpoint", "--workspace", workspace]).stdout;
    assert!(installation.run(&["workspace", "create", "--slug", "other", "--name", "Other"]).status.success());
    let (own, others) = (checkpoint_of("default"), checkpoint_of("-") + &checkpoint_of("other"));
    let others = others.lines().next().map(|line| format!("{line}\n")).expect("a checkpoint of another log");
    let (export, key) = export(&installation);
    let (export, key) = (export.to_str().expect("a path"), key.to_str().expect("a path"));
    let retained = installation.folder().join("checkpoints.jsonl");
    let verify = |lines: &str, arguments: &[&str]| {
        fs::write(&retained, lines).expect("a file");
        let arguments = [&["audit", "verify", "--checkpoint", retained.to_str().expect("a path")], arguments].concat();
        installation.run(&arguments)
    };
    let export_arguments = ["--file", export, "--public-key", key];
    let both = format!("{others}{own}");
    let ran = verify(&both, &export_arguments);
    assert!(
        ran.status.success() && ran.stdout.contains("1 of the checkpoints in the --checkpoint file"),
        "{}",
        ran.stderr
    );
    let ran = verify(&both, &["--workspace", "default"]);
    assert!(ran.status.success(), "{}", ran.stderr);
    for arguments in [&export_arguments[..], &["--workspace", "default"]] {
        let ran = verify(&others, arguments);
        assert_eq!(
            ran.status.code(),
            Some(1),
            "checkpoints of other logs prove nothing about this one: {}",
            ran.stdout
        );
    }
}

#[tokio::test]
async fn an_unreadable_entry_in_the_database_is_reported() {
    let installation = installation_with_history().await;
    let database = rusqlite::Connection::open(installation.folder().join("data/novantra.db")).unwrap();
    let find = "SELECT id FROM audit_entries WHERE action = 'finding.created' ORDER BY id LIMIT 1";
    let id: String = database.query_row(find, [], |row| row.get(0)).unwrap();
    let corrupt = "UPDATE audit_entries SET changes = replace(changes, '[', '(') WHERE id = ?";
    assert_eq!(database.execute(corrupt, [&id]).unwrap(), 1);
    drop(database);
    let ran = installation.run(&["audit", "verify", "--json"]);
    assert_eq!(ran.status.code(), Some(1));
    assert!(ran.stderr.contains(&format!("aud_{id}")), "{}", ran.stderr);
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(report["ok"], false, "{report}");
}
