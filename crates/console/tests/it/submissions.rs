//! The calendar of submissions, and a package with its life and its events.

use auth::Role;
use kernel::Stored;
use store_contract::samples;
use submissions::{SubmissionPackage, SubmissionPackageStatus, SubmissionRequirement};

use crate::support::TestApp;

const REASON: (&str, &str) = ("reason", "Complete for this quarter");

async fn package(app: &TestApp, status: SubmissionPackageStatus) -> Stored<SubmissionPackage> {
    package_for(app, "call-report", "National Credit Union Administration", status).await
}

/// Stores a requirement with this key and recipient, and a package for it.
async fn package_for(
    app: &TestApp,
    key: &str,
    recipient: &str,
    status: SubmissionPackageStatus,
) -> Stored<SubmissionPackage> {
    let requirement = SubmissionRequirement {
        key: samples::key(key),
        recipient_name: Some(samples::title(recipient)),
        ..<SubmissionRequirement as kernel::Record>::example()
    };
    let requirement = app.fixture.create(app.fixture.home, requirement).await;
    let package = SubmissionPackage {
        submission_requirement_id: requirement.meta.id,
        key: samples::key(&format!("{key}-q2")),
        title: samples::title(&format!("Package of {key}")),
        status,
        due_at: Some("2026-07-30T00:00:00.000Z".parse().unwrap()),
        submitted_at: None,
        acknowledged_at: None,
        decided_at: None,
        recipient_reference: None,
    };
    let package = app.fixture.create(app.fixture.home, package).await;
    app.take_events();
    package
}

fn path(package: &Stored<SubmissionPackage>, rest: &str) -> String {
    format!("/app/submission-packages/{}{rest}", package.meta.id)
}

async fn status(app: &TestApp, package: &Stored<SubmissionPackage>) -> SubmissionPackageStatus {
    app.fixture.get(app.fixture.home, package.meta.id).await.unwrap().record.status
}

#[tokio::test]
async fn the_calendar_has_packages_by_the_month_of_their_due_dates() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Reader).await;
    browser.get("/app/submissions").await.expect(200).expect_text("Nothing is to be submitted");
    package(&app, SubmissionPackageStatus::Draft).await;
    browser.get("/app/submissions").await.expect(200).expect_text("July 2026").expect_text("Package of call-report");
}

#[tokio::test]
async fn the_calendar_has_what_is_due_first_however_many_packages_are_newer() {
    let app = TestApp::open().await;
    let first = package(&app, SubmissionPackageStatus::Ready).await;
    for number in 0..205 {
        let later = SubmissionPackage {
            key: samples::key(&format!("later-{number}")),
            title: samples::title(&format!("Later {number}")),
            due_at: Some("2027-03-31T00:00:00.000Z".parse().unwrap()),
            ..first.record.clone()
        };
        app.fixture.create(app.fixture.home, later).await;
        let sent = SubmissionPackage {
            key: samples::key(&format!("sent-{number}")),
            title: samples::title(&format!("Sent {number}.")),
            status: SubmissionPackageStatus::Submitted,
            ..first.record.clone()
        };
        app.fixture.create(app.fixture.home, sent).await;
    }
    let undated = SubmissionPackage { key: samples::key("undated"), due_at: None, ..first.record.clone() };
    app.fixture.create(app.fixture.home, undated).await;
    let page = app.browser(Role::Reader).await.get("/app/submissions").await.expect(200);
    let page = page.expect_text("July 2026").expect_text("Package of call-report").expect_text("March 2027");
    let page =
        page.expect_text("The 200 packages to be submitted that are due first").expect_no_text("Without a due date");
    page.expect_text("The newest 200 packages that are with their recipient")
        .expect_text("Sent 204.")
        .expect_no_text("Sent 0.");
}

#[tokio::test]
async fn a_package_moves_from_draft_to_an_answer_with_its_events() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Contributor).await;
    let package = package(&app, SubmissionPackageStatus::Draft).await;
    for (revision, command) in [("1", "start-review"), ("2", "approve")] {
        let fields = [("revision", revision), ("command", command), REASON];
        browser.post(&path(&package, "/transition"), &fields).await.expect(303);
        assert_eq!(app.take_events(), ["submission.package.status_changed"]);
    }
    assert_eq!(status(&app, &package).await, SubmissionPackageStatus::Ready);
    browser.get(&path(&package, "")).await.expect(200).expect_text("Record the submission…");
    browser
        .get(&path(&package, "/events/new?kind=submission"))
        .await
        .expect(200)
        .expect_text("value=\"submission\" checked");
    let fields = [
        ("revision", "3"),
        ("eventKind", "submission"),
        ("occurredAt", "2026-05-24T15:30"),
        ("recipientReference", "NCUA-4711"),
        ("note", "Sent through the portal."),
        REASON,
    ];
    browser.post(&path(&package, "/events"), &fields).await.expect(303);
    assert_eq!(app.take_events(), ["submission.package.event_recorded", "submission.package.status_changed"]);
    assert_eq!(status(&app, &package).await, SubmissionPackageStatus::Submitted);
    let page = browser.get(&path(&package, "")).await.expect(200);
    page.expect_text("NCUA-4711").expect_text("Sent through the portal.").expect_text("recorded its submission");
    let actions = app.actions().await;
    for action in ["review_started", "approved", "event_recorded"] {
        let entry = (format!("submission_package.{action}"), Some(REASON.1.to_owned()));
        assert!(actions.contains(&entry), "{action} is missing in {actions:?}");
    }
}

#[tokio::test]
async fn what_a_package_does_not_allow_is_refused_with_what_was_typed() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Lead).await;
    let package = package(&app, SubmissionPackageStatus::Draft).await;
    let fields = [("revision", "1"), ("command", "approve"), REASON];
    browser.post(&path(&package, "/transition"), &fields).await.expect(409).expect_text("This was not done.");
    let fields = [("revision", "1"), ("eventKind", "receipt"), ("occurredAt", "2026-05-24T15:30"), REASON];
    browser.post(&path(&package, "/events"), &fields).await.expect(409).expect_text(REASON.1);
    let fields = [("revision", "1"), ("eventKind", "comment"), ("occurredAt", "yesterday"), REASON];
    browser.post(&path(&package, "/events"), &fields).await.expect(400).expect_text("is not a date");
    let fields = [("revision", "9"), ("command", "start-review"), REASON];
    browser.post(&path(&package, "/transition"), &fields).await.expect(409).expect_text("Somebody else changed");
    browser.post_without_token(&path(&package, "/transition"), &fields).await.expect(403);
    browser.post_without_token(&path(&package, "/events"), &fields).await.expect(403);
    assert_eq!(status(&app, &package).await, SubmissionPackageStatus::Draft);
    assert!(app.take_events().is_empty());
}

#[tokio::test]
async fn a_rejected_package_is_due_again_and_one_with_its_recipient_is_not() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Reader).await;
    let rejected = package_for(&app, "rejected", "NCUA", SubmissionPackageStatus::Rejected).await;
    package_for(&app, "submitted", "State of Colorado", SubmissionPackageStatus::Submitted).await;
    let html = browser.get("/app/submissions").await.expect(200).html();
    let (due, with_recipient) = html.split_once("With the recipient").expect("one is with its recipient");
    assert!(due.contains("July 2026") && due.contains("Package of rejected") && !due.contains("Package of submitted"));
    assert!(with_recipient.contains("Package of submitted") && !with_recipient.contains("Package of rejected"));
    browser.get(&path(&rejected, "")).await.expect(200).expect_text(", <span class=\"\">in 65 days</span>");
}

#[tokio::test]
async fn a_package_shows_its_recipient_and_the_calendar_is_filtered_by_it() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Reader).await;
    let first = package_for(&app, "first", "NCUA", SubmissionPackageStatus::Draft).await;
    package_for(&app, "second", "State of Colorado", SubmissionPackageStatus::Draft).await;
    browser.get(&path(&first, "")).await.expect(200).expect_text("<span>To <b><bdi>NCUA</bdi></b></span>");
    let page = browser.get("/app/submissions").await.expect(200).expect_text("<bdi>NCUA</bdi>");
    page.expect_text("Package of first").expect_text("Package of second");
    let page = browser.get("/app/submissions?recipient=NCUA").await.expect(200).expect_text("Package of first");
    page.expect_no_text("Package of second").expect_text("<option value=\"NCUA\" selected>");
    browser.get("/app/submissions?recipient=Nobody").await.expect(200).expect_no_text("Package of first");
    let page = browser.get("/app/submission-packages").await.expect(200);
    page.expect_text("<span class=\"sub\">NCUA</span>").expect_text("<span class=\"sub\">State of Colorado</span>");
}

#[tokio::test]
async fn the_time_of_an_event_is_neither_in_the_future_nor_before_what_it_follows_nor_skipped_by_clocks() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Contributor).await;
    let package = package(&app, SubmissionPackageStatus::Ready).await;
    let send = async |revision: &str, kind: &str, time: &str| {
        let fields = [("revision", revision), ("eventKind", kind), ("occurredAt", time), REASON];
        browser.post(&path(&package, "/events"), &fields).await
    };
    let page = browser.get(&path(&package, "/events/new?kind=submission")).await.expect(200);
    page.expect_text("Time of the event (America/Denver)");
    let page = send("1", "submission", "2027-12-01T10:00").await.expect(400).expect_text("is in the future");
    page.expect_text("value=\"2027-12-01T10:00\"").expect_text(REASON.1);
    let page = send("1", "submission", "2026-03-08T02:30").await.expect(400);
    page.expect_text("does not exist in America/Denver");
    send("1", "submission", "2026-05-24T10:00").await.expect(303);
    let page = send("2", "receipt", "2026-05-24T09:59").await.expect(400);
    page.expect_text("is before the submission, which was at 24 May 2026, 10:00");
    assert_eq!(status(&app, &package).await, SubmissionPackageStatus::Submitted);
    send("2", "receipt", "2026-05-24T10:00").await.expect(303);
}

#[tokio::test]
async fn the_steps_of_a_package_are_only_those_that_it_had() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Contributor).await;
    let package = package(&app, SubmissionPackageStatus::Ready).await;
    for (revision, kind, time) in [("1", "submission", "2026-05-23T10:00"), ("2", "rejection", "2026-05-24T10:00")] {
        let fields = [("revision", revision), ("eventKind", kind), ("occurredAt", time), REASON];
        browser.post(&path(&package, "/events"), &fields).await.expect(303);
    }
    let html = browser.get(&path(&package, "")).await.expect(200).html();
    let (_, steps) = html.split_once("<ol class=\"steps\"").unwrap();
    let steps = steps.split_once("</ol>").unwrap().0;
    assert!(steps.contains("Submitted") && steps.contains("Rejected"), "{steps}");
    assert!(!steps.contains("Acknowledged") && !steps.contains("Draft"), "it was never received: {steps}");
}
