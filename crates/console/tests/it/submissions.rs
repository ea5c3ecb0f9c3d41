//! The calendar of submissions, and a package with its life and its events.

use auth::Role;
use kernel::Stored;
use store_contract::samples;
use submissions::{SubmissionKind, SubmissionPackage, SubmissionPackageStatus, SubmissionRequirement};

use crate::support::TestApp;

const REASON: (&str, &str) = ("reason", "Complete for this quarter");

async fn package(app: &TestApp, status: SubmissionPackageStatus) -> Stored<SubmissionPackage> {
    let requirement = SubmissionRequirement {
        key: samples::key("call-report"),
        ..<SubmissionRequirement as kernel::Record>::example()
    };
    assert_ne!(SubmissionKind::ALL.len(), 0);
    let requirement = app.fixture.create(app.fixture.home, requirement).await;
    let package = SubmissionPackage {
        submission_requirement_id: requirement.meta.id,
        key: samples::key("call-report-q2"),
        title: samples::title("Call report of Q2"),
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
    browser.get("/app/submissions").await.expect(200).expect_text("July 2026").expect_text("Call report of Q2");
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
    }
    let undated = SubmissionPackage { key: samples::key("undated"), due_at: None, ..first.record.clone() };
    app.fixture.create(app.fixture.home, undated).await;
    let page = app.browser(Role::Reader).await.get("/app/submissions").await.expect(200);
    let page = page.expect_text("July 2026").expect_text("Call report of Q2").expect_text("March 2027");
    page.expect_text("The 200 packages in preparation that are due first").expect_no_text("Without a due date");
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
        ("occurredAt", "2026-07-29T15:30"),
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
    let fields = [("revision", "1"), ("eventKind", "receipt"), ("occurredAt", "2026-07-29T15:30"), REASON];
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
