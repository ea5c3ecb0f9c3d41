//! The queue of evidence, a claim with its files, and the review.

use auth::Role;
use evidence::{
    AttachedFile, ClaimSource, EvidenceClaim, EvidenceClaimStatus, EvidenceRequirement, EvidenceRequirementStatus,
};
use kernel::{GroupList, Stored};
use store_contract::samples;

use crate::support::TestApp;

const REASON: (&str, &str) = ("reason", "Compared with the job log");
const BYTES: &[u8] = b"table,restored\nmembers,yes\n";

async fn requirement(app: &TestApp) -> Stored<EvidenceRequirement> {
    let requirement = EvidenceRequirement {
        key: samples::key("backup-restore-test"),
        title: samples::title("Restore test of the backup"),
        description: samples::description("The report of a restore test."),
        subject: None,
        status: EvidenceRequirementStatus::Active,
    };
    app.fixture.create(app.fixture.home, requirement).await
}

async fn claim(app: &TestApp, change: impl FnOnce(EvidenceClaim) -> EvidenceClaim) -> Stored<EvidenceClaim> {
    let requirement = requirement(app).await;
    let file = app.store_file("restore-test.csv", BYTES).await;
    let claim = EvidenceClaim {
        evidence_requirement_id: requirement.meta.id,
        key: samples::key("restore-2026-05"),
        title: samples::title("Restore test of May"),
        description: None,
        status: EvidenceClaimStatus::Pending,
        valid_from: app.fixture.now(),
        valid_until: None,
        source_kind: ClaimSource::Integration,
        source_reference: None,
        attachments: GroupList::from_iter([AttachedFile::from_attachment(&file)]),
        reviewed_at: None,
        review_note: None,
    };
    let claim = app.fixture.create(app.fixture.home, change(claim)).await;
    app.take_events();
    claim
}

fn path(claim: &Stored<EvidenceClaim>, rest: &str) -> String {
    format!("/app/evidence-claims/{}{rest}", claim.meta.id)
}

#[tokio::test]
async fn the_queue_has_pending_claims_with_their_requirements() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Reader).await;
    browser.get("/app/evidence").await.expect(200).expect_text("Nothing waits for a review");
    claim(&app, |claim| claim).await;
    let page = browser.get("/app/evidence").await.expect(200);
    page.expect_text("Restore test of May").expect_text("Restore test of the backup");
}

#[tokio::test]
async fn an_approval_is_audited_and_fires_its_event() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Lead).await;
    let claim = claim(&app, |claim| claim).await;
    let page = browser.get(&path(&claim, "")).await.expect(200);
    page.expect_text("restore-test.csv")
        .expect_text("Record the decision")
        .expect_text("The report of a restore test.");
    let fields = [("revision", "1"), ("decision", "approved"), ("note", "Matches the log."), REASON];
    browser.post(&path(&claim, "/review"), &fields).await.expect(303);
    assert_eq!(app.take_events(), ["evidence.claim.approved"]);
    let approved = app.fixture.get(app.fixture.home, claim.meta.id).await.unwrap().record;
    assert_eq!(approved.status, EvidenceClaimStatus::Approved);
    assert_eq!(approved.review_note.unwrap().as_str(), "Matches the log.");
    assert!(app.actions().await.contains(&("evidence_claim.approved".to_owned(), Some(REASON.1.to_owned()))));
    let page = browser.get(&path(&claim, "?done=approved")).await.expect(200);
    page.expect_text("The evidence claim was approved.").expect_text("Withdraw the claim");
    let again = browser.post(&path(&claim, "/review"), &[("revision", "2"), ("decision", "rejected"), REASON]).await;
    again.expect(409).expect_text("can't become rejected").expect_text(REASON.1);
}

#[tokio::test]
async fn a_rejection_and_a_withdrawal_are_recorded() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Lead).await;
    let claim = claim(&app, |claim| claim).await;
    let stale = browser.post(&path(&claim, "/review"), &[("revision", "4"), ("decision", "rejected"), REASON]).await;
    stale.expect(409).expect_text("Somebody else changed this record");
    browser.post(&path(&claim, "/review"), &[("revision", "1"), ("decision", "rejected"), REASON]).await.expect(303);
    assert_eq!(app.take_events(), ["evidence.claim.rejected"]);
}

#[tokio::test]
async fn a_review_that_comes_too_late_keeps_note_and_reason_on_the_page() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Lead).await;
    let claim = claim(&app, |claim| claim).await;
    browser.post(&path(&claim, "/review"), &[("revision", "1"), ("decision", "rejected"), REASON]).await.expect(303);
    let fields = [("revision", "1"), ("decision", "approved"), ("note", "Read\nby me."), REASON];
    let page = browser.post(&path(&claim, "/review"), &fields).await.expect(409);
    page.expect_text("“Approved” is not possible any more, and nothing can be decided here any more")
        .expect_text("Read\nby me.</textarea>")
        .expect_text(&format!("{}</textarea>", REASON.1))
        .expect_no_text("what you typed is kept");
}

#[tokio::test]
async fn a_withdrawal_refuses_a_note_instead_of_dropping_it() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Lead).await;
    let claim = claim(&app, |claim| claim).await;
    let fields = |note| [("revision", "1"), ("decision", "withdrawn"), ("note", note), REASON];
    let page = browser.post(&path(&claim, "/review"), &fields("Uploaded twice.")).await.expect(400);
    page.expect_text("Note is not kept with a withdrawal")
        .expect_text("Uploaded twice.</textarea>")
        .expect_text("value=\"withdrawn\" checked");
    browser.post(&path(&claim, "/review"), &fields(" ")).await.expect(303);
}

#[tokio::test]
async fn a_claim_whose_bytes_are_missing_is_not_approved() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Lead).await;
    let claim = claim(&app, |claim| claim).await;
    app.remove_files().await;
    let fields = [("revision", "1"), ("decision", "approved"), REASON];
    browser.post(&path(&claim, "/review"), &fields).await.expect(409).expect_text("are missing");
    assert!(app.take_events().is_empty());
}

#[tokio::test]
async fn only_who_may_review_evidence_reviews_it() {
    let app = TestApp::open().await;
    let claim = claim(&app, |claim| claim).await;
    for role in [Role::Contributor, Role::Auditor, Role::Reader] {
        let browser = app.browser(role).await;
        browser.get(&path(&claim, "")).await.expect(200).expect_no_text("Record the decision");
        let fields = [("revision", "1"), ("decision", "approved"), REASON];
        browser.post(&path(&claim, "/review"), &fields).await.expect(403);
    }
    let lead = app.browser(Role::Lead).await;
    let fields = [("revision", "1"), ("decision", "approved"), REASON];
    lead.post_without_token(&path(&claim, "/review"), &fields).await.expect(403);
    assert!(app.take_events().is_empty());
}

#[tokio::test]
async fn a_download_by_a_person_is_a_part_of_the_custody() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Auditor).await;
    let claim = claim(&app, |claim| claim).await;
    let file = claim.record.attachments.iter().next().unwrap();
    let address = path(&claim, &format!("/files/{}", file.id));
    let response = browser.get(&address).await.expect(200);
    assert_eq!(response.body, BYTES);
    assert_eq!(response.headers["content-disposition"], "attachment; filename=\"restore-test.csv\"");
    assert_eq!(response.headers["content-security-policy"], "default-src 'none'; sandbox");
    let actions = app.actions().await;
    assert!(actions.contains(&("evidence_attachment.downloaded".to_owned(), None)), "{actions:?}");
    browser.get(&path(&claim, "")).await.expect(200).expect_text("Downloaded").expect_text("Dana Whitlock");
    let other = app.store_file("other.csv", b"other").await;
    browser.get(&path(&claim, &format!("/files/{}", other.meta.id))).await.expect(404);
}
