//! The audit log in the web app.

use std::collections::BTreeMap;

use audit::{Hash, TlogProof, VerifierKey};
use auth::{Role, ServiceAccount};
use crypto::{CheckpointPublicKey, Ed25519NoteVerifier, read_checkpoints, verify_export};
use kernel::Id;

use crate::support::{Browser, TestApp};

pub(crate) const CREDENTIALS: &str = "/app/developers/api/credentials";

pub(crate) async fn create_account(browser: &Browser, name: &str) {
    let fields = [("name", name), ("scope", "audit:read"), ("reason", "Feeding the monitoring of security")];
    browser.post(CREDENTIALS, &fields).await.expect(303);
}

#[tokio::test]
async fn the_list_is_filtered_by_action_actor_subject_and_time() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Admin).await;
    create_account(&browser, "siem").await;
    let all = browser.get("/app/audit").await.expect(200);
    let all = all.expect_text("service_account.created").expect_text("Dana Whitlock").expect_text("303");
    all.expect_text("/app/audit/export.jsonl");
    let filtered = browser.get("/app/audit?action=service_account.created&time=hour").await.expect(200);
    filtered.expect_text("service_account.created").expect_no_text("overview.read</a>").expect_text("Last hour");
    let unused: Id<ServiceAccount> = app.fixture.new_id();
    let none = browser.get(&format!("/app/audit?actorId={unused}")).await.expect(200);
    none.expect_text("No entry matches these filters");
    // A form sends its empty fields, too.
    let page = browser.get("/app/audit?time=&action=a.b&actorId=&subjectId=").await.expect(303);
    assert_eq!(page.location(), "/app/audit?action=a.b");
    browser.get("/app/audit?time=century").await.expect(400);
}

#[tokio::test]
async fn an_entry_shows_what_changed_why_and_from_where() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Admin).await;
    create_account(&browser, "siem <b>").await;
    let log = app.fixture.audit_log(app.fixture.home).await;
    let entry = log.iter().find(|stored| stored.entry.action.as_str() == "service_account.created").unwrap();
    let page = browser.get(&format!("/app/audit/{}", entry.entry.id)).await.expect(200);
    let page =
        page.expect_text("Feeding the monitoring of security").expect_text("192.0.2.7").expect_text("audit:read");
    let page = page.expect_text(&entry.entry.origin.request_id.to_string()).expect_text("siem &lt;b&gt;");
    page.expect_text("Not sealed yet");
    let other = TestApp::open().await;
    other.browser(Role::Admin).await.get(&format!("/app/audit/{}", entry.entry.id)).await.expect(404);
}

#[tokio::test]
async fn an_extract_has_a_line_for_each_entry_that_matches_and_is_itself_recorded() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Auditor).await;
    create_account(&app.browser(Role::Admin).await, "siem").await;
    let page = browser.get("/app/audit/export.jsonl?action=service_account.created").await.expect(200);
    assert_eq!(page.headers["content-disposition"], "attachment; filename=\"audit-log-extract.jsonl\"");
    assert_eq!(page.headers["content-type"], "application/x-ndjson");
    let text = page.html();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert!(lines[0].starts_with("{\"action\":\"service_account.created\""), "{text}");
    assert_eq!(lines[1], "{\"pagination\":{}}");
    let actions = app.actions().await;
    assert!(actions.iter().any(|(action, _)| action == "audit_log.exported"), "{actions:?}");
}

#[tokio::test]
async fn only_those_who_may_read_the_audit_log_see_it() {
    let app = TestApp::open().await;
    let id = app.fixture.audit_log(app.fixture.home).await.first().map(|stored| stored.entry.id);
    for role in [Role::Contributor, Role::Reader] {
        let browser = app.browser(role).await;
        browser.get("/app/audit").await.expect(403).expect_text("auditor");
        browser.get("/app/audit/export.jsonl").await.expect(403);
        if let Some(id) = id {
            browser.get(&format!("/app/audit/{id}")).await.expect(403);
        }
    }
    for role in [Role::Admin, Role::Lead, Role::Auditor] {
        app.browser(role).await.get("/app/audit").await.expect(200);
    }
}

#[tokio::test]
async fn an_entry_is_verified_against_its_neighbors_and_the_checkpoint() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Admin).await;
    create_account(&browser, "siem").await;
    browser.get("/app/audit").await.expect(200).expect_text("Nothing sealed yet");
    app.seal().await;
    browser.get("/app/audit").await.expect(200).expect_text("Sealed and signed").expect_text("Valid");
    let log = app.fixture.audit_log(app.fixture.home).await;
    let entry = log.iter().find(|stored| stored.entry.action.as_str() == "service_account.created").unwrap();
    let seal = entry.seal.unwrap();
    let page = browser.get(&format!("/app/audit/{}", entry.entry.id)).await.expect(200);
    let page = page.expect_text("Verified now").expect_text(&seal.hash.to_string());
    let before = log.iter().find(|other| other.seal.is_some_and(|other| other.sequence == seal.sequence - 1)).unwrap();
    page.expect_text(&format!("/app/audit/{}", before.entry.id));
    let key = browser.get("/app/audit/log.vkey").await.expect(200);
    let proof = browser.get(&format!("/app/audit/{}/proof", entry.entry.id)).await.expect(200);
    let (key, proof): (VerifierKey, TlogProof) = (key.html().trim().parse().unwrap(), proof.html().parse().unwrap());
    proof.verify(seal.hash, &key, &[], &Ed25519NoteVerifier).unwrap();
}

#[tokio::test]
async fn the_export_verifies_with_the_files_that_the_page_offers() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Auditor).await;
    create_account(&app.browser(Role::Admin).await, "siem").await;
    app.seal().await;
    browser.get("/app/audit").await.expect(200).expect_text("href=\"/app/audit/checkpoint.json\"");
    let checkpoint = browser.get("/app/audit/checkpoint.json").await.expect(200);
    assert_eq!(checkpoint.headers["content-disposition"], "attachment; filename=\"checkpoint.json\"");
    app.seal().await;
    let page = browser.get("/app/audit").await.expect(200).expect_text("href=\"/app/audit/public-key.pem\"");
    page.expect_text("novantra audit verify --file audit-log.jsonl --public-key public-key.pem");
    let key = browser.get("/app/audit/public-key.pem").await.expect(200);
    assert_eq!(key.headers["content-disposition"], "attachment; filename=\"public-key.pem\"");
    let export = browser.get("/app/audit/export.jsonl").await.expect(200);
    assert_eq!(export.headers["content-disposition"], "attachment; filename=\"audit-log.jsonl\"");
    let key = CheckpointPublicKey::from_pem(&key.html()).unwrap();
    let kept = read_checkpoints(&checkpoint.html()).unwrap();
    let verified = verify_export(&*export.body, &key, kept.clone(), BTreeMap::new()).unwrap();
    assert_eq!((verified.chain.checkpoints, verified.foreign_checkpoints), (3, 0));
    assert_eq!(export.html().lines().count() as u64, verified.chain.entries + 2);
    let forged = export.html().replace("siem", "SIEM");
    assert!(verify_export(forged.as_bytes(), &key, kept, BTreeMap::new()).is_err());
}

#[tokio::test]
async fn a_filtered_page_says_that_its_extract_is_no_chain() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Auditor).await;
    let page = browser.get("/app/audit?action=a.b").await.expect(200).expect_text("can’t be verified as a chain");
    page.expect_text("Download an extract");
    browser.get("/app/audit").await.expect(200).expect_no_text("extract").expect_text("Export the log");
}

#[tokio::test]
async fn there_is_no_checkpoint_before_the_log_is_sealed() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Auditor).await;
    browser.get("/app/audit/checkpoint.json").await.expect(404);
    browser.get("/app/audit").await.expect(200).expect_no_text("/app/audit/checkpoint.json");
}

#[tokio::test]
async fn the_hash_of_an_entry_is_that_of_the_text_on_its_page() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Admin).await;
    create_account(&browser, "siem <b> & \"c\"").await;
    app.seal().await;
    let log = app.fixture.audit_log(app.fixture.home).await;
    let entry = log.iter().find(|stored| stored.entry.action.as_str() == "service_account.created").unwrap();
    let html = browser.get(&format!("/app/audit/{}", entry.entry.id)).await.expect(200).html();
    let (_, text) = html.split_once("<pre id=\"json\"").unwrap();
    let text = text.split_once('>').unwrap().1.split_once("</pre>").unwrap().0;
    let text = text.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    assert_eq!(Hash::digest(text.as_bytes()), entry.seal.unwrap().hash, "{text}");
}
