//! Edits of a record that somebody else changes meanwhile, and decisions that are no longer possible.

use auth::Role;
use findings::{Finding, Severity, Status};
use kernel::Stored;
use store_contract::samples;

use crate::support::TestApp;

const REASON: (&str, &str) = ("reason", "Confirmed by the portal team");

async fn store(app: &TestApp) -> Stored<Finding> {
    let due_at = Some("2026-12-30T18:13:27.456Z".parse().unwrap());
    let finding = Finding { due_at, severity: Severity::Medium, ..samples::finding("IA-1") };
    app.fixture.create(app.fixture.home, finding).await
}

async fn current(app: &TestApp, finding: &Stored<Finding>) -> Stored<Finding> {
    app.fixture.get(app.fixture.home, finding.meta.id).await.unwrap()
}

fn path(finding: &Stored<Finding>, rest: &str) -> String {
    format!("/app/findings/{}{rest}", finding.meta.id)
}

/// The fields of the form that edits the finding, as a browser sends them when nothing is typed.
fn untouched(finding: &Stored<Finding>) -> Vec<(&'static str, String)> {
    let Finding { title, description, severity, .. } = &finding.record;
    vec![
        ("title", title.as_str().to_owned()),
        ("description", description.as_str().replace('\n', "\r\n")),
        ("severity", severity.name().to_owned()),
        ("dueAt", "2026-12-30T11:13".to_owned()),
        ("reason", REASON.1.to_owned()),
    ]
}

/// The fields with what is typed into some of them, and the hidden ones.
fn typed<'f>(
    fields: &'f [(&'static str, String)],
    hidden: &'f [(String, String)],
    changes: &[(&'static str, &'f str)],
) -> Vec<(&'f str, &'f str)> {
    let change = |name: &str| changes.iter().find(|(changed, _)| *changed == name).map(|(_, text)| *text);
    let fields = fields.iter().map(|(name, text)| (*name, change(name).unwrap_or(text)));
    fields.chain(hidden.iter().map(|(name, text)| (name.as_str(), text.as_str()))).collect()
}

#[tokio::test]
async fn an_edit_conflict_keeps_what_the_other_person_changed_in_fields_that_were_not_touched() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Lead).await;
    let finding = store(&app).await;
    let opened = browser.get(&path(&finding, "/edit")).await.expect(200).hidden_fields();
    let other =
        Finding { severity: Severity::High, title: samples::title("Title of the other"), ..finding.record.clone() };
    app.fixture.update(&finding, other).await;
    let fields = untouched(&finding);
    let changes = [("title", "My own title"), ("dueAt", "2027-01-15T09:00")];
    let page = browser.post(&path(&finding, "/edit"), &typed(&fields, &opened, &changes)).await.expect(409);
    let page = page
        .expect_text("They changed what you did not: Severity.")
        .expect_text("value=\"high\" selected")
        .expect_text("value=\"My own title\"")
        .expect_text("Title of the other")
        .expect_text("<ins>My own title</ins>")
        .expect_text("value=\"2027-01-15T09:00\"")
        .expect_no_text("<ins>15 Jan")
        .expect_no_text("<ins>Medium");
    let again = page.hidden_fields();
    let changes = [("severity", "high"), ("title", "My own title"), ("dueAt", "2027-01-15T09:00")];
    browser.post(&path(&finding, "/edit"), &typed(&fields, &again, &changes)).await.expect(303);
    let stored = current(&app, &finding).await.record;
    assert_eq!((stored.title.as_str(), stored.severity), ("My own title", Severity::High));
}

#[tokio::test]
async fn an_edit_conflict_is_shown_beside_faults_and_is_not_forgotten_with_them() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Lead).await;
    let finding = store(&app).await;
    let opened = browser.get(&path(&finding, "/edit")).await.expect(200).hidden_fields();
    app.fixture.update(&finding, Finding { severity: Severity::High, ..finding.record.clone() }).await;
    let fields = untouched(&finding);
    let changes = [("severity", "low"), ("reason", "short")];
    let page = browser.post(&path(&finding, "/edit"), &typed(&fields, &opened, &changes)).await.expect(409);
    page.expect_text("Somebody else changed this record").expect_text("has 5 characters").expect_text("<ins>");
}

#[tokio::test]
async fn an_edit_that_does_not_touch_a_time_keeps_its_seconds() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Lead).await;
    let finding = store(&app).await;
    let opened = browser.get(&path(&finding, "/edit")).await.expect(200).expect_text("value=\"2026-12-30T11:13\"");
    let opened = opened.hidden_fields();
    let fields = untouched(&finding);
    browser.post(&path(&finding, "/edit"), &typed(&fields, &opened, &[])).await.expect(303);
    assert_eq!(current(&app, &finding).await.meta.revision, finding.meta.revision, "nothing was changed");
    browser.post(&path(&finding, "/edit"), &typed(&fields, &opened, &[("title", "Another")])).await.expect(303);
    let stored = current(&app, &finding).await.record;
    assert_eq!((stored.title.as_str(), stored.due_at), ("Another", finding.record.due_at));
}

#[tokio::test]
async fn a_decision_that_is_no_longer_possible_chooses_no_other() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Lead).await;
    let finding = store(&app).await;
    browser.get(&path(&finding, "")).await.expect(200).expect_no_text("name=\"status\" value=\"triaged\" checked");
    app.fixture.update(&finding, Finding { status: Status::Closed, ..finding.record.clone() }).await;
    let fields = [("revision", "1"), ("status", "accepted"), REASON];
    let page = browser.post(&path(&finding, "/transition"), &fields).await.expect(409);
    page.expect_text("“Accepted” is not possible any more")
        .expect_text(REASON.1)
        .expect_text("value=\"open\"")
        .expect_no_text("value=\"open\" checked")
        .expect_no_text("what you typed is kept");
    let fields = [("revision", "1"), ("status", "open"), ("reason", "short")];
    let page = browser.post(&path(&finding, "/transition"), &fields).await.expect(409);
    page.expect_text("Somebody else changed this record").expect_text("value=\"open\" checked");
}
