//! Claims that people make, with the files that they send along.

use api_v1::AttachmentLimits;
use auth::Role;
use evidence::{
    ClaimSource, EvidenceAttachment, EvidenceClaim, EvidenceClaimStatus, EvidenceRequirement, EvidenceRequirementStatus,
};
use kernel::{Reader, Stored};
use store_contract::samples;

use crate::support::{Browser, Page, TestApp, multipart};

const FORM: &str = "/app/evidence-claims";
const REASON: (&str, &str) = ("reason", "The monthly restore test was run");
const REPORT: (&str, &str, &[u8]) = ("files", "report.csv", b"table,restored\r\nmembers,yes\r\n");

type Fields<'f> = &'f [(&'f str, &'f str)];
type Files<'f> = &'f [(&'f str, &'f str, &'f [u8])];

async fn requirement(app: &TestApp, key: &str, status: EvidenceRequirementStatus) -> Stored<EvidenceRequirement> {
    let requirement = EvidenceRequirement {
        key: samples::key(key),
        title: samples::title("Restore test of the backup"),
        description: samples::description("The report of a restore test."),
        subject: None,
        status,
    };
    app.fixture.create(app.fixture.home, requirement).await
}

/// Sends the form with these fields beside those that every claim has.
async fn send(browser: &Browser, fields: &[(&str, &str)], files: &[(&str, &str, &[u8])]) -> Page {
    let common = [
        ("formToken", browser.form_token.as_str()),
        ("evidenceRequirementId", "restore-test"),
        ("claimKey", "restore-2026-05"),
        ("title", "Restore test of May"),
        REASON,
    ];
    let is_given = |name: &str| fields.iter().any(|(given, _)| *given == name);
    let all: Vec<_> = common.into_iter().filter(|(name, _)| !is_given(name)).chain(fields.iter().copied()).collect();
    browser.post_file(FORM, multipart(&all, files)).await
}

async fn claims(app: &TestApp) -> Vec<Stored<EvidenceClaim>> {
    let store = &*app.fixture.store;
    Reader::<EvidenceClaim>::get_by_keys(store, app.fixture.home, &["restore-2026-05"]).await.unwrap()
}

async fn with_requirement() -> (TestApp, Browser) {
    let app = TestApp::open().await;
    requirement(&app, "restore-test", EvidenceRequirementStatus::Active).await;
    let browser = app.browser(Role::Contributor).await;
    app.take_events();
    (app, browser)
}

#[tokio::test]
async fn a_contributor_makes_a_claim_with_files_for_a_requirement() {
    let (app, browser) = with_requirement().await;
    browser.get("/app/evidence").await.expect(200).expect_text("href=\"/app/evidence-claims/new\"");
    let page = browser.get("/app/evidence-claims/new?requirement=restore-test").await.expect(200);
    let page = page.expect_text("value=\"restore-test\"").expect_text("Restore test of the backup");
    page.expect_text("multipart/form-data").expect_text("each up to 1.0 MiB").expect_text("type=\"file\" multiple");

    let files = [REPORT, ("files", "C:\\logs\\job.log", b"done"), ("files", "copy.csv", REPORT.2)];
    let fields = [("validFrom", "2026-05-25T08:00"), ("sourceReference", "backup-job/88123")];
    let page = send(&browser, &fields, &files).await.expect(303);
    let claim = claims(&app).await.remove(0);
    assert_eq!(page.location(), format!("{FORM}/{}?done=created", claim.meta.id));
    assert_eq!(app.take_events(), ["evidence.claim.created"]);
    let EvidenceClaim { status, source_kind, source_reference, attachments, .. } = claim.record.clone();
    assert_eq!((status, source_kind), (EvidenceClaimStatus::Pending, ClaimSource::Manual));
    assert_eq!(source_reference.unwrap().as_str(), "backup-job/88123");
    let attached: Vec<_> = attachments.iter().collect();
    let names: Vec<&str> = attached.iter().map(|file| file.file_name.as_str()).collect();
    assert_eq!(names, ["report.csv", "job.log", "copy.csv"]);
    assert_eq!(attached[0].content_type.as_str(), "text/csv");
    assert_eq!(app.stored_objects().await, 2, "equal files are stored once");
    let attachment: Stored<EvidenceAttachment> =
        app.fixture.get(app.fixture.home, attached[0].attachment_id()).await.unwrap();
    assert_eq!((attachment.record.uploaded_by, attachment.record.claim_id), (None, Some(claim.meta.id)));

    let actions = app.actions().await;
    assert!(actions.contains(&("evidence_claim.created".to_owned(), Some(REASON.1.to_owned()))), "{actions:?}");
    let created = actions.iter().filter(|(action, _)| action == "evidence_attachment.created").count();
    assert_eq!(created, 3);
    let page = browser.get(page.location()).await.expect(200);
    page.expect_text("The evidence claim was created.").expect_text("report.csv");
    let file = browser.get(&format!("{FORM}/{}/files/{}", claim.meta.id, attached[0].id)).await.expect(200);
    assert_eq!(file.body, REPORT.2);
}

#[tokio::test]
async fn a_claim_needs_no_file_and_no_beginning() {
    let (app, browser) = with_requirement().await;
    send(&browser, &[("validFrom", "")], &[("files", "", b"")]).await.expect(303);
    let claim = claims(&app).await.remove(0).record;
    assert_eq!(claim.attachments.iter().count(), 0);
    assert_eq!(claim.valid_from, app.fixture.now());
}

#[tokio::test]
async fn a_form_with_faults_comes_back_with_what_was_typed_and_keeps_no_file() {
    let (app, browser) = with_requirement().await;
    requirement(&app, "draft", EvidenceRequirementStatus::Draft).await;
    let large = vec![b'x'; 1024 * 1024 + 1];
    let many: Vec<_> = (0..51).map(|_| REPORT).collect();
    let cases: &[(Fields<'_>, Files<'_>, &str)] = &[
        (&[("title", " ")], &[REPORT], "Title is "),
        (&[("evidenceRequirementId", "nothing")], &[REPORT], "“nothing” is not the key or the id of"),
        (&[("evidenceRequirementId", "")], &[], "Requirement is required"),
        (&[("evidenceRequirementId", "draft")], &[REPORT], "is draft: a claim can only be made for one that is active"),
        (&[("validUntil", "2020-01-01T00:00")], &[REPORT], "Valid until must be in the future"),
        (&[("reason", "short")], &[REPORT], "Reason has 5 characters"),
        (&[], &[("files", "big.bin", &large), REPORT], "Files include “big.bin”, which is larger than 1.0 MiB"),
        (&[], &[("files", "empty.csv", b"")], "Files include “empty.csv”, which is empty"),
        (&[], &[("files", "what?.csv", b"x")], "Files include “what?.csv”, whose name must not have"),
        (&[], &many, "Files are more than 50"),
    ];
    for (fields, files, message) in cases {
        let description = [("description", "Tom & <b>")];
        let fields: Vec<_> = fields.iter().chain(&description).copied().collect();
        let page = send(&browser, &fields, files).await.expect(400).expect_text(message);
        let page = page.expect_text("Tom &amp; &lt;b&gt;</textarea>").expect_text("id=\"problem\"");
        if !files.is_empty() && !message.starts_with("Files") {
            page.expect_text("Files have to be chosen again");
        }
        assert_eq!(app.stored_objects().await, 0, "{message}");
    }
    assert!(claims(&app).await.is_empty() && app.take_events().is_empty());
    assert_eq!(app.actions().await.last().unwrap().0, "evidence_claim.created.refused");
}

#[tokio::test]
async fn a_key_that_another_claim_has_comes_back_and_its_files_are_discarded() {
    let (app, browser) = with_requirement().await;
    send(&browser, &[], &[]).await.expect(303);
    let page = send(&browser, &[("title", "Another one")], &[REPORT]).await.expect(409);
    page.expect_text("“restore-2026-05” is taken").expect_text("value=\"Another one\"").expect_text("chosen again");
    assert_eq!((claims(&app).await.len(), app.stored_objects().await), (1, 0));
}

#[tokio::test]
async fn no_byte_of_a_file_of_a_claim_is_stored_before_the_token_of_its_form_is_right() {
    let (app, browser) = with_requirement().await;
    let (token, wrong) = (browser.form_token.as_str(), "0".repeat(64));
    let behind = {
        let mut body = multipart(&[("claimKey", "restore-2026-05")], &[REPORT]);
        body.truncate(body.len() - "--x-1--\r\n".len());
        body.extend_from_slice(&multipart(&[("formToken", token)], &[]));
        body
    };
    let early = multipart(&[], &[REPORT]);
    for body in [multipart(&[("formToken", &wrong)], &[REPORT]), early, behind, multipart(&[], &[])] {
        browser.post_file(FORM, body).await.expect(403);
    }
    let cut = multipart(&[("formToken", token)], &[REPORT]);
    browser.post_file(FORM, cut[..cut.len() - 15].to_vec()).await.expect(400);
    assert_eq!(app.stored_objects().await, 0);
    assert!(claims(&app).await.is_empty());
}

#[tokio::test]
async fn the_files_of_a_claim_are_within_the_limits_of_the_person_and_of_the_workspace() {
    let limits = |unlinked, organization| AttachmentLimits {
        max_bytes: 100,
        max_unlinked_bytes: unlinked,
        max_organization_bytes: organization,
    };
    let (one, other) = ([b'a'; 60], [b'b'; 60]);
    let files: [(&str, &str, &[u8]); 2] = [("files", "one.txt", &one), ("files", "other.txt", &other)];
    for (limits, status, message) in [
        (limits(Some(100), None), 400, "Files were not stored: the files that you are sending at the same time"),
        (limits(None, Some(100)), 400, "Files were not stored: the attachments of this organization"),
    ] {
        let app = TestApp::with_limits(limits).await;
        requirement(&app, "restore-test", EvidenceRequirementStatus::Active).await;
        let browser = app.browser(Role::Contributor).await;
        send(&browser, &[], &files).await.expect(status).expect_text(message).expect_text("Restore test of May");
        assert_eq!(app.stored_objects().await, 0);
        send(&browser, &[], &files[..1]).await.expect(303);
        // What is linked to a claim does not count for the person, only for the workspace.
        let again = send(&browser, &[("claimKey", "another")], &files[1..]).await;
        again.expect(if limits.max_organization_bytes.is_some() { 400 } else { 303 });
    }
    let app = TestApp::with_limits(limits(Some(100), None)).await;
    let browser = app.browser(Role::Contributor).await;
    let large = vec![b'x'; 2 * 1024 * 1024];
    send(&browser, &[], &[("files", "large", &large)]).await.expect(413);
}

#[tokio::test]
async fn only_who_may_change_records_makes_claims_and_only_for_requirements_in_force() {
    let app = TestApp::open().await;
    let active = requirement(&app, "restore-test", EvidenceRequirementStatus::Active).await;
    let retired = requirement(&app, "old", EvidenceRequirementStatus::Retired).await;
    let page = |id| format!("/app/evidence-requirements/{id}");
    let link = "/app/evidence-claims/new?requirement=restore-test";
    for role in [Role::Reader, Role::Auditor] {
        let browser = app.browser(role).await;
        for address in ["/app/evidence", "/app/evidence-claims", &page(active.meta.id)] {
            browser.get(address).await.expect(200).expect_no_text("evidence-claims/new");
        }
        send(&browser, &[], &[REPORT]).await.expect(403);
        browser.get(link).await.expect(403);
    }
    assert_eq!(app.stored_objects().await, 0);
    let lead = app.browser(Role::Lead).await;
    lead.get(&page(active.meta.id)).await.expect(200).expect_text(link);
    lead.get(&page(retired.meta.id)).await.expect(200).expect_no_text("evidence-claims/new");
    lead.get("/app/evidence-claims").await.expect(200).expect_text("href=\"/app/evidence-claims/new\"");
    lead.get(link).await.expect(200);
    // A form without the encoding for files makes a claim without files.
    let fields =
        [("evidenceRequirementId", "restore-test"), ("claimKey", "restore-2026-05"), ("title", "Restore test"), REASON];
    lead.post(FORM, &fields).await.expect(303);
    assert_eq!(claims(&app).await.len(), 1);
}
