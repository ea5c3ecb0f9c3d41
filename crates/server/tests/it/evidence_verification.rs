//! `novantra evidence verify` after someone has changed the database.

use std::fs;

use serde_json::{Value, json};

use crate::{
    attachments::{SCOPES, claim, import_requirement, upload_as},
    support::{CommandOutput, Database, Installation, Setup},
};

const TABLES: [&str; 3] = ["evidence_attachments", "evidence_claims", "evidence_contents"];

const FIRST: &str = "WHERE file_name = 'one.csv'";
const CONTENT_OF_FIRST: &str = "WHERE key = (SELECT sha256 FROM evidence_attachments WHERE file_name = 'one.csv')";
const FALSE_ROW: &str = "INSERT INTO evidence_attachments SELECT organization_id, '01KSFQEHQ80000000000000001', revision, created_at, updated_at, file_name, content_type, size, sha256, uploaded_by, NULL, 'unlinked' FROM evidence_attachments WHERE file_name = 'three.csv'";

/// Evidence: a claim with two files that was approved, one with a file in the request, one that was imported, and a file
/// that is not linked.
struct Evidence {
    installation: Installation,
    database: Database,
    /// The identifier of the first claim.
    claim: String,
}

impl Evidence {
    async fn new(installation: Installation) -> Self {
        let server = Setup::with_installation(installation).unlimited().start();
        let installation = server.installation().clone();
        let client = server.create_client("uploader", SCOPES).await;
        let requirement = import_requirement(&installation, &client).await;
        let one = upload_as(&client, &server, "one.csv", b"one").await;
        let two = upload_as(&client, &server, "two.csv", b"two").await;
        upload_as(&client, &server, "three.csv", b"three").await;
        let attached = json!({ "claimKey": "reviewed", "attachmentIds": [one, two] });
        let id = claim(&client, &requirement, attached).await;
        let inline = json!([{ "fileName": "four.csv", "contentType": "text/csv", "contentBase64": "Zm91cg==" }]);
        claim(&client, &requirement, json!({ "claimKey": "inline", "attachments": inline })).await;
        assert!(server.stop().success());
        let imported = json!({ "kind": "evidence-claim", "record": {
            "claimKey": "imported", "evidenceRequirementKey": "restore-tests", "title": "One", "validFrom": "2026-01-01",
        } });
        for title in ["One", "Another"] {
            let line = imported.to_string().replace("One", title);
            fs::write(installation.folder().join("claims.jsonl"), line).expect("a file");
            installation.run_json(&["import", "bundle", "claims.jsonl", "--workspace", "default"]);
        }
        installation.run_json(&["evidence", "approve", "reviewed", "--workspace", "default"]);
        let database = installation.database().await;
        for table in TABLES {
            database.execute(&format!("CREATE TABLE saved_{table} AS SELECT * FROM {table}")).await;
        }
        Self { installation, database, claim: id }
    }

    fn verify(&self, arguments: &[&str]) -> CommandOutput {
        self.installation.run(&[&["evidence", "verify", "--workspace", "default"], arguments].concat())
    }

    /// Executes the statements, asserts that the verification says this and that the audit log itself is intact, and
    /// restores the tables.
    async fn assert_named(&self, statements: &[String], message: &str, claim: Option<&str>) {
        for statement in statements {
            assert_eq!(self.database.execute(statement).await, 1, "{statement}");
        }
        let claim = claim.map(|claim| vec!["--claim", claim]);
        for arguments in [Some(vec![]), claim].into_iter().flatten() {
            let ran = self.verify(&arguments);
            assert_eq!(ran.status.code(), Some(1), "{statements:?} {arguments:?}: {}", ran.stdout);
            assert!(ran.stdout.contains(message), "{statements:?} {arguments:?}: {}{}", ran.stdout, ran.stderr);
        }
        for table in TABLES {
            self.database.execute(&format!("DELETE FROM {table}")).await;
            self.database.execute(&format!("INSERT INTO {table} SELECT * FROM saved_{table}")).await;
        }
    }
}

async fn assert_every_change_is_named(installation: Installation) {
    let evidence = Evidence::new(installation).await;
    let intact = evidence.verify(&[]);
    assert_eq!(
        intact.stdout, "default: 3 claims, 4 attachments, 11 entries of the audit log, 4 objects, 15 bytes, intact\n",
        "{}",
        intact.stderr
    );
    assert!(evidence.verify(&["--claim", "reviewed"]).status.success());
    let reviewed = Some("reviewed");
    let first = |set: &str| format!("UPDATE evidence_attachments SET {set} {FIRST}");
    let delete = |condition: &str| format!("DELETE FROM evidence_attachments {condition}");
    let no_files = "UPDATE evidence_claims SET attachments = '' WHERE key = 'reviewed'".to_owned();
    let no_object = format!("UPDATE evidence_contents SET object_key = NULL {CONTENT_OF_FIRST}");
    let missing = r#"its record of "one.csv" is missing, although the audit log has its creation"#;
    for (statements, message, claim) in [
        // What is gone.
        (vec![delete(FIRST)], missing, reviewed),
        (vec![delete(FIRST), no_files.clone()], missing, reviewed),
        (vec![format!("DELETE FROM evidence_contents {CONTENT_OF_FIRST}"), delete(FIRST)], missing, reviewed),
        (vec![delete("WHERE file_name = 'three.csv'")], r#"its record of "three.csv" is missing"#, None),
        (vec![delete("WHERE file_name = 'four.csv'")], r#"its record of "four.csv" is missing"#, Some("inline")),
        (
            vec!["DELETE FROM evidence_claims WHERE key = 'reviewed'".to_owned()],
            r#"its record of "reviewed" is missing"#,
            Some(&evidence.claim),
        ),
        (
            vec!["DELETE FROM evidence_claims WHERE key = 'imported'".to_owned()],
            r#"its record of "imported" is missing"#,
            None,
        ),
        (vec![format!("DELETE FROM evidence_contents {CONTENT_OF_FIRST}")], "the record of the bytes of", reviewed),
        (vec![no_object.clone()], r#"the bytes of "one.csv" were removed"#, reviewed),
        // What seems to have been removed, or to belong to no claim.
        (
            vec![no_object.clone(), first("status = 'removed'")],
            r#"its status is "removed", but by the audit log "linked""#,
            reviewed,
        ),
        (
            vec![no_object, first("status = 'removed'"), no_files.clone()],
            r#"its status is "removed", but by the audit log "linked""#,
            reviewed,
        ),
        (vec![first("claim_id = NULL, status = 'unlinked'")], "its claim_id is null, but by the audit log", reviewed),
        (vec![no_files], "its attachments is [], but by the audit log", reviewed),
        // What has other fields.
        (
            vec![first("file_name = 'uno.csv'")],
            r#"its file_name is "uno.csv", but by the audit log "one.csv""#,
            reviewed,
        ),
        (vec![first("content_type = 'text/html'")], r#"its content_type is "text/html""#, reviewed),
        (vec![first("uploaded_by = NULL")], "its uploaded_by is null", reviewed),
        (vec![first("size = 4")], "its size is 4, but by the audit log 3", reviewed),
        (vec![first("created_at = created_at + 1")], "is another file than the claim says", reviewed),
        (
            vec![
                "UPDATE evidence_claims SET attachments = replace(attachments, 'one', 'uno') WHERE key = 'reviewed'"
                    .to_owned(),
            ],
            "its attachments is [",
            reviewed,
        ),
        (
            vec!["UPDATE evidence_claims SET status = 'approved' WHERE key = 'inline'".to_owned()],
            r#"its status is "approved", but by the audit log "pending""#,
            Some("inline"),
        ),
        (
            vec!["UPDATE evidence_claims SET title = 'One' WHERE key = 'imported'".to_owned()],
            r#"its title is "One", but by the audit log "Another""#,
            Some("imported"),
        ),
        (
            vec!["UPDATE evidence_claims SET valid_until = 1 WHERE key = 'reviewed'".to_owned()],
            "its valid_until is",
            reviewed,
        ),
        // What has other times.
        (
            vec!["UPDATE evidence_claims SET created_at = created_at - 86400000 WHERE key = 'inline'".to_owned()],
            "it was created at",
            Some("inline"),
        ),
        (
            vec![
                "UPDATE evidence_attachments SET created_at = created_at - 1 WHERE file_name = 'three.csv'".to_owned(),
            ],
            "it was created at",
            None,
        ),
        (
            vec!["UPDATE evidence_claims SET updated_at = updated_at - 1 WHERE key = 'reviewed'".to_owned()],
            "it was changed last at",
            reviewed,
        ),
        // What nobody uploaded.
        (vec![FALSE_ROW.to_owned()], "the audit log has no entry of its creation", None),
    ] {
        evidence.assert_named(&statements, message, claim).await;
    }
    let restored = evidence.verify(&[]);
    assert_eq!(restored.stdout, intact.stdout);
    let unknown = evidence.verify(&["--claim", "evclm_01KSFQEHQ80000000000000002"]);
    assert!(unknown.stderr.contains("there is no evidence claim evclm_01"), "{}", unknown.stderr);
    let report = evidence.installation.run_json(&["evidence", "verify", "--workspace", "default"]);
    let counts = [&report["claims"], &report["attachments"], &report["entries"], &report["differing"]];
    assert_eq!(counts.map(Value::as_u64), [Some(3), Some(4), Some(11), Some(0)], "{report}");
}

#[tokio::test]
async fn every_record_that_was_removed_or_changed_in_the_database_is_named() {
    assert_every_change_is_named(Installation::new()).await;
}

#[tokio::test]
async fn every_record_that_was_removed_or_changed_in_postgresql_is_named() {
    assert_every_change_is_named(Installation::with_new_postgres().await).await;
}
