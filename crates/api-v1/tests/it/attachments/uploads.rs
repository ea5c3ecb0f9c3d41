//! Uploads.

mod digests;
mod idempotency;
mod interrupted;

use evidence::{EvidenceAttachment, EvidenceContent};
use kernel::{FieldValue, PageRequest};
use scopes::Scope;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::{UPLOADS, bytes, upload, uploaded};
use crate::support::{Call, ContentFault, Fault, MAX_ATTACHMENT_BYTES, TestApi};

/// The hash of bytes in hexadecimal.
fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A header with the hash of these bytes.
fn digest(bytes: &[u8]) -> String {
    http_api::request::sha256_digest(&Sha256::digest(bytes).into())
}

/// Fails unless nothing of an upload is stored.
async fn assert_nothing_is_stored(api: &TestApi) {
    assert_eq!(api.contents.names().await, []);
    assert_eq!(
        api.fixture.list_all::<EvidenceAttachment>(api.home, &Default::default(), PageRequest::default()).await,
        []
    );
}

#[tokio::test]
async fn a_file_is_stored_with_its_name_type_size_and_hash_and_its_upload_is_in_the_audit_log() {
    let api = TestApi::open().await;
    let client = api.client(api.home, &[Scope::EvidenceWrite]).await;
    let file = bytes(300_000);
    let response = upload(&api, &client, file.clone()).send().await.expect(201);
    let attachment = response.json()["attachment"].clone();
    assert_eq!(
        attachment,
        json!({
            "id": attachment["id"],
            "fileName": "report.csv",
            "contentType": "text/csv",
            "size": 300_000,
            "sha256": sha256(&file),
            "createdAt": attachment["createdAt"],
        })
    );
    let id = attachment["id"].as_str().unwrap();
    assert_eq!(response.header("location"), format!("/api/v1/governance/evidence/attachments/{id}/content"));
    let stored = api.fixture.get::<EvidenceAttachment>(api.home, id.parse().unwrap()).await.unwrap();
    assert_eq!(stored.record.uploaded_by, Some(client.account.meta.id));
    let names: Vec<String> = api.contents.names().await.iter().map(ToString::to_string).collect();
    let content =
        api.fixture.list_all::<EvidenceContent>(api.home, &Default::default(), PageRequest::default()).await.remove(0);
    assert_eq!(names, [content.record.object_key.unwrap().to_string()]);

    let entries = api.entries_by_request().await;
    let entry = &entries[response.header("x-request-id")][0].entry;
    assert_eq!(entry.action.as_str(), "evidence_attachment.created");
    assert_eq!(entry.subject.as_ref().unwrap().id, id);
    assert_eq!(entry.reason.as_ref().unwrap().as_str(), "Report of the nightly backup");
    let hash = entry.changes.iter().find(|change| change.field == "sha256").unwrap();
    assert_eq!(hash.after, FieldValue::Text(sha256(&file)));
}

#[tokio::test]
async fn a_file_name_is_kept_as_it_is_or_refused() {
    let api = TestApi::open().await;
    let client = api.full_access_client().await;
    let call = api.post(UPLOADS).auth(&client).body_without_content_type("x");
    let long = "x".repeat(255);
    for (header, name) in [
        ("attachment; filename=report.pdf", "report.pdf"),
        ("attachment; filename=\"Prüfung 1.pdf\"", "Prüfung 1.pdf"),
        ("attachment; filename*=UTF-8''Pr%C3%BCfung%20%282%29.pdf; filename=\"x\"", "Prüfung (2).pdf"),
        ("attachment; filename=\"..a; b!.pdf\"", "..a; b!.pdf"),
        (&format!("attachment; filename={long}"), &long),
    ] {
        let response = call.clone().header("content-disposition", header).send().await.expect(201).json();
        assert_eq!(response["attachment"]["fileName"], *name, "{header}");
        assert_eq!(response["attachment"]["contentType"], "application/octet-stream");
    }
    for header in [
        "attachment",
        "attachment; filename=\"\"",
        "attachment; filename=\" \"",
        "attachment; filename=\"..\"",
        "attachment; filename=\"../../etc/passwd\"",
        "attachment; filename=\"C:\\temp\\report.pdf\"",
        "attachment; filename*=UTF-8''a%2Fb",
        "attachment; filename*=UTF-8''a%00b",
        "attachment; filename*=UTF-8''a%0D%0Ab",
        "attachment; filename*=UTF-8''report%E2%80%AEfdp.exe",
        "attachment; filename*=ISO-8859-1''a",
        "attachment; filename=\"NUL\"",
        "attachment; filename=\"con.txt\"",
        "attachment; filename=\"report.pdf.\"",
        &format!("attachment; filename={long}x"),
    ] {
        let response = call.clone().header("content-disposition", header).send().await.expect(400);
        assert_eq!(response.issue_paths(), ["header.Content-Disposition"], "{header}");
    }
    let stream = call.clone().header("content-disposition", "attachment; filename=\"a.txt:evil\"");
    let message = stream.send().await.expect(400).issue_message("header.Content-Disposition").to_owned();
    assert!(message.starts_with("the file name must not have the characters < >"), "{message}");
    let twice = call.clone().header("content-disposition", "attachment; filename=a");
    let response = twice.header("content-disposition", "attachment; filename=b").send().await.expect(400);
    assert_eq!(response.issue_message("header.Content-Disposition"), "is repeated");
    let missing = call.send().await.expect(400);
    assert!(missing.issue_message("header.Content-Disposition").starts_with("is required"), "{:?}", missing.json());
}

#[tokio::test]
async fn a_content_type_is_kept_with_its_parameters_or_refused() {
    let api = TestApi::open().await;
    let client = api.full_access_client().await;
    let call = api.post(UPLOADS).auth(&client).header("content-disposition", "attachment; filename=a");
    for kind in ["text/csv; charset=utf-8", "application/vnd.ms-excel", "application/json"] {
        let response = call.clone().body(kind, "x").send().await.expect(201).json();
        assert_eq!(response["attachment"]["contentType"], kind);
    }
    for kind in ["", "text", "text/", "/csv", "text/csv/x", "te xt/csv", "text/csv; \u{e9}", &"x/".repeat(150)] {
        let response = call.clone().body(kind, "x").send().await.expect(400);
        assert_eq!(response.issue_paths(), ["header.Content-Type"], "{kind}");
    }
    call.body("text/csv", "x").header("content-encoding", "gzip").send().await.expect(415);
}

#[tokio::test]
async fn every_fault_in_the_head_of_an_upload_is_reported_at_once() {
    let api = TestApi::open().await;
    let client = api.full_access_client().await;
    let call = api.post("/api/v1/governance/evidence/attachments?claim=x").auth(&client).body("nonsense", "x");
    let response = call.header("content-digest", "md5=:AA==:").send().await.expect(400);
    let mut paths = response.issue_paths();
    paths.sort();
    let expected =
        ["header.Content-Digest", "header.Content-Disposition", "header.Content-Type", "query.claim", "query.reason"];
    assert_eq!(paths, expected);
    assert_nothing_is_stored(&api).await;
}

#[tokio::test]
async fn a_parameter_that_is_repeated_is_refused_and_a_list_of_values_is_asked_for_only_where_there_can_be_one() {
    let api = TestApi::open().await;
    let client = api.full_access_client().await;
    let path = format!("{UPLOADS}&reason=Another+reason+given");
    let call = api.post(&path).auth(&client).file("report.csv", "text/csv", "x");
    assert_eq!(call.send().await.expect(400).issue_message("query.reason"), "is repeated; give it once");
    let list = |query: &str| api.get(&format!("/api/v1/governance/evidence/claims?{query}")).auth(&client).send();
    let response = list("limit=1&limit=2&status=pending&status=approved").await.expect(400);
    assert_eq!(response.issue_message("query.limit"), "is repeated; give it once");
    assert_eq!(response.issue_message("query.status"), "is repeated; separate several values by commas");
}

#[tokio::test]
async fn an_empty_file_is_refused() {
    let api = TestApi::open().await;
    let client = api.full_access_client().await;
    let response = upload(&api, &client, "").send().await.expect(400);
    assert_eq!(response.message(), "the body is empty: send the file");
    assert_nothing_is_stored(&api).await;
}

#[tokio::test]
async fn a_file_may_have_the_maximum_size_and_not_a_byte_more() {
    let api = TestApi::open().await;
    let client = api.full_access_client().await;
    let max = MAX_ATTACHMENT_BYTES as usize;
    let large = uploaded(&api, &client, bytes(max)).await;
    assert_eq!(large["size"], MAX_ATTACHMENT_BYTES);
    let objects = api.contents.names().await;
    let response = upload(&api, &client, bytes(max + 1)).send().await.expect(413);
    assert!(response.message().contains("4194304"), "{}", response.message());
    assert_eq!(api.contents.names().await, objects);
}

#[tokio::test]
async fn files_with_the_same_bytes_are_stored_once_in_each_organization() {
    let api = TestApi::open().await;
    let guest = api.fixture.create_organization("guest").await;
    let (client, other) = (api.full_access_client().await, api.client(guest, Scope::ALL).await);
    let first = uploaded(&api, &client, "the same").await;
    let second = uploaded(&api, &client, "the same").await;
    assert_ne!(first["id"], second["id"]);
    assert_eq!(api.contents.names().await.len(), 1);
    uploaded(&api, &other, "the same").await;
    assert_eq!(api.contents.names().await.len(), 2);
}

#[tokio::test]
async fn a_store_that_fails_or_is_full_causes_503_and_nothing_remains() {
    let api = TestApi::open().await;
    let client = api.full_access_client().await;
    for (fault, message) in [(ContentFault::Unavailable, "is not available"), (ContentFault::Full, "no space left")] {
        api.contents.set_fault(fault);
        let response = upload(&api, &client, bytes(200_000)).idempotency_key("k").send().await.expect(503);
        assert!(response.message().contains(message), "{}", response.message());
        assert!(response.headers.contains_key("retry-after"));
        api.contents.set_fault(None);
        assert_nothing_is_stored(&api).await;
    }
    upload(&api, &client, bytes(200_000)).idempotency_key("k").send().await.expect(201);
}

#[tokio::test]
async fn no_attachment_refers_to_bytes_whose_storage_failed_or_whose_commit_was_lost() {
    let api = TestApi::open().await;
    let client = api.full_access_client().await;
    api.contents.set_fault(ContentFault::LostAnswer);
    upload(&api, &client, "a").send().await.expect(503);
    api.contents.set_fault(None);
    api.probe.fail(Call::Commit, Fault::Unavailable);
    upload(&api, &client, "b").send().await.expect(503);
    api.probe.clear_faults();
    assert_eq!(
        api.fixture.list_all::<EvidenceAttachment>(api.home, &Default::default(), PageRequest::default()).await,
        []
    );
    for file in ["a", "b"] {
        let attachment = uploaded(&api, &client, file).await;
        assert_eq!(super::download(&api, &client, &attachment).send().await.expect(200).body, file);
    }
}
