//! Attachments in folders and buckets, with the real program: their backup, restore, copy and verification.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use crate::support::{Client, Installation, Server, Setup, eventually};

const ATTACHMENTS: &str = "/api/v1/governance/evidence/attachments";
pub(crate) const SCOPES: &[&str] = &["governance.evidence:read", "governance.evidence:write"];

/// Uploads a file. Returns the status and the attachment.
async fn try_upload(client: &Client, server: &Server, bytes: Vec<u8>) -> (u16, Value) {
    try_upload_as(client, server, "report.csv", bytes).await
}

async fn try_upload_as(client: &Client, server: &Server, name: &str, bytes: Vec<u8>) -> (u16, Value) {
    let url = format!("{}{ATTACHMENTS}?reason=The%20monthly%20report", server.url);
    let request = reqwest::Client::new().post(url).bearer_auth(client.token()).body(bytes);
    let request = request.header("Content-Disposition", format!("attachment; filename=\"{name}\""));
    let response = request.header("Content-Type", "text/csv").send().await.expect("a response");
    let status = response.status().as_u16();
    let body: Value = response.json().await.unwrap_or_default();
    (status, body)
}

async fn upload(client: &Client, server: &Server, bytes: &[u8]) -> String {
    upload_as(client, server, "report.csv", bytes).await
}

/// Uploads a file with this name. Returns the identifier of the attachment.
pub(crate) async fn upload_as(client: &Client, server: &Server, name: &str, bytes: &[u8]) -> String {
    let (status, body) = try_upload_as(client, server, name, bytes.to_vec()).await;
    assert_eq!(status, 201, "{body}");
    body["attachment"]["id"].as_str().expect("a text").to_owned()
}

/// Downloads an attachment. Returns the status and the bytes, or `None` if the response was cut off.
async fn download(client: &Client, server: &Server, id: &str) -> Option<(u16, Vec<u8>)> {
    let url = format!("{}{ATTACHMENTS}/{id}/content", server.url);
    let response = reqwest::Client::new().get(url).bearer_auth(client.token()).send().await.ok()?;
    let status = response.status().as_u16();
    response.bytes().await.ok().map(|bytes| (status, bytes.to_vec()))
}

async fn assert_downloads(client: &Client, server: &Server, id: &str, bytes: &[u8]) {
    let (status, found) = download(client, server, id).await.expect("a whole response");
    assert_eq!(status, 200);
    assert!(found == bytes, "{} bytes instead of {}", found.len(), bytes.len());
}

fn sample(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index % 251) as u8).collect()
}

/// The files below a folder.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.expect("an entry of the folder");
        if entry.file_type().expect("an entry of the folder").is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found.sort();
    found
}

/// A new bucket of the S3 server of the tests, and the settings that name a store in it.
struct Bucket {
    settings: [(&'static str, String); 4],
    _name: tempfile::TempDir,
}

impl Bucket {
    async fn create() -> Self {
        let endpoint = std::env::var("NOVANTRA_TEST_S3_URL")
            .expect("NOVANTRA_TEST_S3_URL is not set: run the tests by `cargo xtask test`, which starts an S3 server");
        let unique = tempfile::Builder::new().prefix("server-").tempdir().expect("a folder");
        let name = unique.path().file_name().expect("a name").to_str().expect("a name").to_lowercase();
        let name = format!("{name}-{}", std::process::id());
        let created = reqwest::Client::new().put(format!("{endpoint}/{name}")).send().await.expect("a response");
        assert!(created.status().is_success(), "{created:?}");
        let settings = [
            ("ATTACHMENTS_URL", format!("s3://{name}/novantra")),
            ("ATTACHMENTS_ENDPOINT", endpoint),
            ("ATTACHMENTS_ACCESS_KEY", "test".to_owned()),
            ("ATTACHMENTS_SECRET", "test".to_owned()),
        ];
        Self { settings, _name: unique }
    }

    fn server(&self, installation: Installation) -> Setup {
        let setup = Setup::with_installation(installation).unlimited();
        self.settings.iter().fold(setup, |setup, (name, value)| setup.set(name, value))
    }

    /// Runs a command with the settings of this bucket.
    fn run(&self, installation: &Installation, arguments: &[&str]) -> Result<Value, String> {
        let mut program = installation.program();
        program.args(arguments).arg("--json");
        for (name, value) in &self.settings {
            program.env(format!("NOVANTRA_{name}"), value);
        }
        let output = program.output().expect("the program starts");
        if output.status.success() {
            Ok(serde_json::from_slice(&output.stdout).expect("one JSON document"))
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }
}

/// Imports an evidence requirement. Returns its identifier.
pub(crate) async fn import_requirement(installation: &Installation, client: &Client) -> String {
    let requirement = json!({ "kind": "evidence-requirement", "record": {
        "requirementKey": "restore-tests", "title": "Restore tests", "status": "active",
        "subjectModuleKey": "controls", "subjectResourceType": "control", "subjectResourceId": "BK-1",
    } });
    fs::write(installation.folder().join("requirements.jsonl"), requirement.to_string()).expect("a file");
    installation.run_json(&["import", "bundle", "requirements.jsonl", "--workspace", "default"]);
    let requirements = client.list_all("/api/v1/governance/evidence/requirements", "requirements").await;
    requirements[0]["id"].as_str().expect("an id").to_owned()
}

/// Makes a claim with these fields for the requirement. Returns its identifier.
pub(crate) async fn claim(client: &Client, requirement: &str, mut fields: Value) -> String {
    fields["evidenceRequirementId"] = requirement.into();
    fields["title"] = "The restore test".into();
    fields["reason"] = "The monthly restore test".into();
    let answer = client.post("/api/v1/governance/evidence/claims", &fields).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.body["claim"]["id"].as_str().expect("an id").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_contains_the_attachments_and_a_restored_installation_serves_them() {
    let server = Server::start();
    let client = server.create_client("uploader", SCOPES).await;
    let (small, large) = (b"a report".to_vec(), sample(3_000_000));
    let ids = [upload(&client, &server, &small).await, upload(&client, &server, &large).await];
    let installation = server.installation().clone();
    // An upload that was cut off is no attachment.
    let organization = files(&installation.folder().join("data/attachments"))[0].ancestors().nth(2).unwrap().to_owned();
    fs::write(organization.join("uploads/01KSFQEHQ80000000000000001"), "half a report").unwrap();
    let report = installation.run_json(&["backup", "backup.tar"]);
    assert_eq!(report["attachments"], 2, "{report}");
    let without = installation.run_json(&["backup", "without.tar", "--without-attachments"]);
    assert_eq!(without["attachments"], 0, "{without}");

    let restored = Installation::new();
    let backup = installation.folder().join("backup.tar");
    let report = restored.run_json(&["restore", backup.to_str().unwrap(), "--replaces-original"]);
    assert_eq!(report["attachments"], 2, "{report}");
    restored.copy_master_key_from(&installation);
    let account = server.create_account("reader", SCOPES);
    drop(server);
    let verified = restored.run_json(&["evidence", "verify", "--workspace", "default"]);
    assert_eq!((&verified["ok"], &verified["objects"]), (&true.into(), &2.into()), "{verified}");
    let server = Server::start_with(restored);
    drop(account);
    let client = server.create_client("another", SCOPES).await;
    for (id, bytes) in ids.iter().zip([&small, &large]) {
        assert_downloads(&client, &server, id, bytes).await;
    }
    assert_eq!(server.probe("/readyz").await, (200, "ready\n".to_owned()));
}

#[tokio::test]
async fn altered_and_missing_bytes_are_named_by_the_verification_and_never_served() {
    let server = Server::start();
    let client = server.create_client("uploader", SCOPES).await;
    let mut ids = Vec::new();
    for number in 0..4 {
        ids.push(upload(&client, &server, format!("report {number}").as_bytes()).await);
    }
    let installation = server.installation().clone();
    let verify = || installation.run(&["evidence", "verify", "--workspace", "default", "--json"]);
    assert!(verify().status.success());

    let stored = files(&installation.folder().join("data/attachments"));
    let of = |number: u32| {
        let content = format!("report {number}");
        stored.iter().find(|file| fs::read_to_string(file).is_ok_and(|text| text == content)).unwrap()
    };
    let (altered, truncated, missing) = (of(0), of(1), of(2));
    fs::write(altered, "rEport 0").unwrap();
    fs::write(truncated, "report").unwrap();
    fs::remove_file(missing).unwrap();

    let ran = verify();
    assert_eq!(ran.status.code(), Some(1), "{}", ran.stdout);
    let document: Value = serde_json::from_str(&ran.stdout).unwrap();
    let mut named: Vec<String> = document["differences"]
        .as_array()
        .unwrap()
        .iter()
        .map(|difference| format!("{} {}", difference["about"], difference["message"]))
        .collect();
    named.sort();
    assert_eq!(named.len(), 3, "{named:?}");
    for (file, id, message) in
        [(altered, &ids[0], "altered"), (truncated, &ids[1], "altered"), (missing, &ids[2], "missing")]
    {
        let name = file.file_name().unwrap().to_str().unwrap();
        let line = named.iter().find(|line| line.contains(name)).unwrap();
        assert!(line.contains(message) && line.contains(id.as_str()), "{line}");
    }

    for id in &ids[..3] {
        let response = download(&client, &server, id).await;
        assert!(response.is_none_or(|(status, _)| status >= 500), "{id}");
    }
    assert_downloads(&client, &server, &ids[3], b"report 3").await;
    let metrics = server.probe("/metrics").await.1;
    assert!(metrics.contains("novantra_attachments_failures_total{reason=\"altered\"} 2"), "{metrics}");
    assert!(metrics.contains("novantra_attachments_failures_total{reason=\"missing\"} 1"), "{metrics}");
    // A backup that would contain altered bytes is not made, and says which.
    let backup = installation.run(&["backup", "backup.tar"]);
    assert_eq!(backup.status.code(), Some(1));
    assert!(
        backup.stderr.contains("altered") && !installation.folder().join("backup.tar").exists(),
        "{}",
        backup.stderr
    );
}

#[tokio::test]
async fn a_record_that_was_changed_in_the_database_is_found_by_the_audit_log() {
    let server = Server::start();
    let client = server.create_client("uploader", SCOPES).await;
    let ids = [upload(&client, &server, b"one").await, upload(&client, &server, b"two").await];
    let installation = server.installation().clone();
    assert!(server.stop().success());
    // The second attachment gets the bytes of the first.
    let database = installation.database().await;
    let hash = "SELECT sha256 FROM evidence_attachments ORDER BY id LIMIT 1";
    let hash = database.cell(hash).await;
    database.execute(&format!("UPDATE evidence_attachments SET sha256 = '{hash}'")).await;
    let ran = installation.run(&["evidence", "verify", "--workspace", "default"]);
    assert_eq!(ran.status.code(), Some(1));
    assert!(ran.stdout.contains(&ids[1]) && ran.stdout.contains("by the audit log"), "{}", ran.stdout);
    assert!(!ran.stdout.contains(&ids[0]), "{}", ran.stdout);
}

#[tokio::test]
async fn the_attachments_of_one_claim_are_verified_alone() {
    let server = Server::start();
    let client = server.create_client("uploader", SCOPES).await;
    let installation = server.installation().clone();
    let requirement = import_requirement(&installation, &client).await;
    for number in 0..2 {
        let id = upload(&client, &server, format!("report {number}").as_bytes()).await;
        let key = format!("claim-{number}");
        claim(&client, &requirement, json!({ "claimKey": key, "attachmentIds": [id] })).await;
    }
    let verify = |claim: &str| installation.run(&["evidence", "verify", "--workspace", "default", "--claim", claim]);
    for file in files(&installation.folder().join("data/attachments")) {
        if fs::read(&file).unwrap() == b"report 1" {
            fs::remove_file(file).unwrap();
        }
    }
    let intact = verify("claim-0");
    assert!(intact.status.success(), "{}{}", intact.stdout, intact.stderr);
    assert_eq!(
        intact.stdout,
        "default: 1 claims, 1 attachments, 3 entries of the audit log, 1 objects, 8 bytes, intact\n"
    );
    let damaged = verify("claim-1");
    assert_eq!(damaged.status.code(), Some(1));
    assert!(damaged.stdout.contains("its bytes are missing"), "{}", damaged.stdout);
    let unknown = verify("claim-2");
    assert!(unknown.stderr.contains("there is no evidence claim claim-2"), "{}", unknown.stderr);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attachments_are_stored_in_a_bucket_backed_up_from_it_and_moved_between_stores() {
    let bucket = Bucket::create().await;
    let server = bucket.server(Installation::new()).start();
    let client = server.create_client("uploader", SCOPES).await;
    let (small, large) = (b"a report".to_vec(), sample(9_000_000));
    let ids = [upload(&client, &server, &small).await, upload(&client, &server, &large).await];
    for (id, bytes) in ids.iter().zip([&small, &large]) {
        assert_downloads(&client, &server, id, bytes).await;
    }
    assert_eq!(server.probe("/readyz").await.0, 200);
    let installation = server.installation().clone();
    assert!(files(&installation.folder().join("data/attachments")).is_empty());
    assert!(files(&installation.folder().join("data/uploads")).is_empty(), "nothing remains of an upload");
    let verified = bucket.run(&installation, &["evidence", "verify", "--workspace", "default"]).unwrap();
    assert_eq!((&verified["ok"], &verified["bytes"]), (&true.into(), &9_000_008.into()), "{verified}");
    let checked = bucket.run(&installation, &["check"]).unwrap().to_string();
    assert!(checked.contains("novantra can be written to"), "{checked}");
    let backup = bucket.run(&installation, &["backup", "backup.tar"]).unwrap();
    assert_eq!(backup["attachments"], 2, "{backup}");
    assert!(server.stop().success());

    // From the bucket to a folder, and from there to another bucket.
    let folder = format!("file:{}", installation.folder().join("copied").display());
    let copied = bucket.run(&installation, &["copy", "--attachments-to", &folder]).unwrap();
    assert_eq!(copied["attachments"]["copied"], 2, "{copied}");
    let other = Bucket::create().await;
    let copied = other.run(&installation, &["copy", "--attachments-from", &folder]).unwrap();
    assert_eq!(copied["attachments"]["copied"], 2, "{copied}");
    let again = other.run(&installation, &["copy", "--attachments-from", &folder]).unwrap();
    assert_eq!((&again["attachments"]["copied"], &again["attachments"]["present"]), (&0.into(), &2.into()), "{again}");
    let server = other.server(installation.clone()).start();
    let client = server.create_client("another", SCOPES).await;
    for (id, bytes) in ids.iter().zip([&small, &large]) {
        assert_downloads(&client, &server, id, bytes).await;
    }
    drop(server);

    // A backup is restored to a bucket without attachments.
    let path = installation.folder().join("backup.tar").display().to_string();
    let refused = other.run(&Installation::new(), &["restore", &path]).unwrap_err();
    assert!(refused.contains("contains attachments already"), "{refused}");
    let (third, restored) = (Bucket::create().await, Installation::new());
    assert_eq!(third.run(&restored, &["restore", &path]).unwrap()["attachments"], 2);
    restored.copy_master_key_from(&installation);
    let verified = third.run(&restored, &["evidence", "verify", "--workspace", "default"]).unwrap();
    assert_eq!(verified["ok"], true, "{verified}");
}

#[tokio::test]
async fn a_bucket_of_another_installation_is_refused() {
    let bucket = Bucket::create().await;
    let server = bucket.server(Installation::new()).start();
    drop(server);
    let other = Installation::new();
    let refused = bucket.run(&other, &["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]);
    let refused = refused.unwrap_err();
    assert!(refused.contains("belongs to the installation") && refused.contains("attachments_url"), "{refused}");
}

#[tokio::test]
async fn a_store_that_can_not_be_written_is_named_by_readyz_and_check_and_no_server_starts_without_its_folder() {
    let server = Server::start();
    let client = server.create_client("uploader", SCOPES).await;
    let id = upload(&client, &server, b"a report").await;
    let installation = server.installation().clone();
    let (folder, moved) = (installation.folder().join("data/attachments"), installation.folder().join("moved"));
    fs::rename(&folder, &moved).unwrap();
    let reason = eventually("the server is not ready", async || {
        let (status, text) = server.probe("/readyz").await;
        (status == 503).then_some(text)
    })
    .await;
    assert!(reason.starts_with("attachments: ") && reason.contains("data/attachments"), "{reason}");
    let (status, _) = try_upload(&client, &server, b"another report".to_vec()).await;
    assert_eq!(status, 503);
    let check = installation.run(&["check"]);
    assert_eq!(check.status.code(), Some(1));
    assert!(check.stdout.contains("the folder of attachments"), "{}", check.stdout);
    assert!(!folder.exists(), "the folder is not created again");
    let installation = server.kill();
    for arguments in [&["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"][..], &["backup", "b.tar"]]
    {
        let refused = installation.run(arguments);
        assert_eq!(refused.status.code(), Some(1));
        assert!(refused.stderr.contains("is missing, but the database names attachments in it"), "{}", refused.stderr);
    }
    fs::rename(&moved, &folder).unwrap();
    let server = Server::start_with(installation);
    let client = server.create_client("another", SCOPES).await;
    assert_downloads(&client, &server, &id, b"a report").await;
}

#[tokio::test]
async fn an_upload_that_fills_the_disk_is_refused_and_leaves_nothing() {
    // The size of files is limited instead of the disk, to 4 MiB. The signal that the limit sends is ignored.
    let server = Setup::new().unlimited().prelude("trap '' 25; ulimit -S -f 8192").start();
    let client = server.create_client("uploader", SCOPES).await;
    let (status, problem) = try_upload(&client, &server, sample(6_000_000)).await;
    assert_eq!(status, 503, "{problem}");
    assert!(problem.to_string().contains("no space left"), "{problem}");
    assert!(files(&server.installation().folder().join("data/attachments")).is_empty());
    let id = upload(&client, &server, b"a report").await;
    assert_downloads(&client, &server, &id, b"a report").await;
}
