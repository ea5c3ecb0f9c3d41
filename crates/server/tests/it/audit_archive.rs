//! The archive of the audit log: old entries move to objects, and are read, verified and missed like what they are.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tokio::task::JoinSet;

use crate::support::{Client, CommandOutput, Installation, Server, Setup, eventually, finding};

/// The number of entries of an object.
const ENTRIES: usize = 65_536;
const OLDEST: &str = "/api/v1/audit/entries?limit=5&order=updated&updatedAfter=2020-01-01";
const NEWEST: &str = "/api/v1/audit/entries?limit=1";
const FINDINGS: &str = "/api/v1/governance/findings";

/// Makes more entries than an object has, by requests that cost little.
async fn fill_log(client: &Client) {
    let mut readers = JoinSet::new();
    for _ in 0..8 {
        let client = client.clone();
        readers.spawn(async move {
            for _ in 0..ENTRIES / 8 {
                assert_eq!(client.get("/api/v1/governance/findings/fnd_01KSFQX5Y80000000000000001").await.status, 404);
            }
        });
    }
    readers.join_all().await;
}

fn with_archive(installation: Installation, archive: &Path) -> Setup {
    Setup::with_installation(installation)
        .unlimited()
        .set("AUDIT_ARCHIVE_URL", &format!("file:{}", archive.display()))
        .set("AUDIT_ARCHIVE_AFTER", "1s")
}

/// Runs a command that has the archive.
fn run(installation: &Installation, archive: &Path, arguments: &[&str]) -> CommandOutput {
    let mut program = installation.program();
    let program = program.args(arguments).env("NOVANTRA_AUDIT_ARCHIVE_URL", format!("file:{}", archive.display()));
    CommandOutput::from(program.output().expect("the program starts"))
}

/// The objects of all logs.
fn objects(archive: &Path) -> Vec<PathBuf> {
    let Ok(logs) = fs::read_dir(archive.join("audit")) else { return Vec::new() };
    let files = logs.flat_map(|log| fs::read_dir(log.expect("a folder").path()).expect("a folder"));
    let files = files.map(|file| file.expect("a file").path());
    files.filter(|file| file.extension().is_some_and(|extension| extension == "nva")).collect()
}

fn assert_verifies(installation: &Installation, archive: &Path) {
    let verified = run(installation, archive, &["audit", "verify"]);
    assert!(verified.status.success(), "{}{}", verified.stdout, verified.stderr);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn old_entries_move_to_the_archive_are_read_from_it_and_verify_by_themselves() {
    let installation = Installation::new();
    let archive = installation.folder().join("archive");
    fs::create_dir(&archive).unwrap();
    let server = Setup::with_installation(installation.clone()).unlimited().start();
    let scopes = ["governance.findings:read", "governance.findings:write", "audit:read"];
    let account = server.create_account("caller", &scopes);
    fill_log(&Client::with_token(&server.url, &account).await).await;
    let database = installation.database().await;
    eventually("the entries are in segments", async || {
        (database.cell("SELECT max(last_sequence) FROM audit_segments").await == ENTRIES.to_string()).then_some(())
    })
    .await;
    drop(database);
    assert!(server.stop().success());

    let server = with_archive(installation.clone(), &archive).start();
    let object = eventually("an object is archived", async || objects(&archive).pop()).await;
    let client = Client::with_token(&server.url, &account).await;
    assert_missed(&server, &client, &archive).await;
    let oldest = client.get(OLDEST).await;
    assert_eq!(oldest.status, 200, "{}", oldest.body);
    assert_eq!(oldest.headers.get("x-audit-archived").map(|archived| archived.as_bytes()), Some(&b"true"[..]));
    let newest = client.get(NEWEST).await;
    assert_eq!((newest.status, newest.headers.get("x-audit-archived")), (200, None));

    let checked = run(&installation, &archive, &["check"]);
    assert!(
        checked.stdout.contains("the archive of the audit log can be read"),
        "{}{}",
        checked.stdout,
        checked.stderr
    );
    assert!(server.stop().success());

    assert_verifies(&installation, &archive);
    let without = installation.run(&["audit", "verify"]);
    assert_eq!(without.status.code(), Some(1));
    assert!(without.stderr.contains("audit_archive_url"), "{}", without.stderr);
    let due = run(&installation, &archive, &["audit", "archive"]);
    assert!(due.stdout.contains("no entries are due"), "{}{}", due.stdout, due.stderr);
    assert_object_verifies(&installation, &archive, &object);
}

/// Asserts that an archive that is away is said so, and that nothing but its entries waits for it.
async fn assert_missed(server: &Server, client: &Client, archive: &Path) {
    let away = archive.with_extension("away");
    fs::rename(archive, &away).expect("the archive is renamed");
    let oldest = client.get(OLDEST).await;
    assert_eq!(oldest.status, 503, "{}", oldest.body);
    assert!(oldest.body["message"].as_str().expect("a message").contains("archive"), "{}", oldest.body);
    assert_eq!(client.get(NEWEST).await.status, 200);
    assert_eq!(client.post(FINDINGS, &finding("while-away")).await.status, 201);
    let checked = run(server.installation(), archive, &["check"]);
    assert!(checked.stdout.contains("the archive of the audit log can't be read"), "{}", checked.stdout);
    fs::rename(&away, archive).expect("the archive is renamed");
}

/// Asserts that an object verifies with a checkpoint that was kept elsewhere, and that a changed byte is named.
fn assert_object_verifies(installation: &Installation, archive: &Path, object: &Path) {
    let write = |name: &str, arguments: &[&str]| {
        let ran = run(installation, archive, arguments);
        assert!(ran.status.success(), "{}", ran.stderr);
        let path = installation.folder().join(name);
        let checkpoints: Vec<&str> = ran.stdout.lines().filter(|line| !line.starts_with("{\"entry\"")).collect();
        fs::write(&path, checkpoints.join("\n")).expect("a file");
        path.to_str().expect("a path").to_owned()
    };
    let key = write("key.pem", &["audit", "public-key"]);
    let checkpoints = write("checkpoints.jsonl", &["audit", "export", "--workspace", "default"]);
    let object = object.to_str().expect("a path");
    let verify = || {
        Installation::new().run(&[
            "audit",
            "verify",
            "--file",
            object,
            "--public-key",
            &key,
            "--checkpoint",
            &checkpoints,
        ])
    };
    let verified = verify();
    assert!(verified.status.success(), "{}{}", verified.stdout, verified.stderr);
    let genuine = fs::read(object).expect("an object");
    for part in 1..8 {
        let mut bytes = genuine.clone();
        bytes[genuine.len() * part / 8] ^= 1;
        fs::write(object, bytes).expect("the object is written");
        let refused = verify();
        assert_eq!(refused.status.code(), Some(1));
        let is_named =
            ["the entries ", "the sequences ", "segment "].iter().any(|range| refused.stderr.contains(range));
        assert!(is_named, "{}", refused.stderr);
    }
}
