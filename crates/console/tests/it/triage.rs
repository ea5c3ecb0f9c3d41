//! Triage in bulk: what it offers, what it changes, and its result.

use auth::Role;
use findings::{Finding, Severity, Status};
use kernel::Stored;

use crate::{
    findings::{REASON, current, path, store},
    support::TestApp,
};

#[tokio::test]
async fn triage_offers_what_some_allow_and_names_each_that_failed() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Lead).await;
    let open = store(&app, "IA-1", |finding| finding).await;
    let stale = store(&app, "IA-2", |finding| finding).await;
    let verified = store(&app, "IA-3", |finding| Finding { status: Status::Verified, ..finding }).await;
    let ids: Vec<String> = [&open, &stale, &verified].iter().map(|finding| finding.meta.id.to_string()).collect();
    let selected: Vec<(&str, &str)> =
        ids.iter().map(|id| ("id", id.as_str())).chain([("back", "?severity=medium")]).collect();
    let page = browser.post("/app/findings/triage", &selected).await.expect(200);
    let page = page.expect_text("Triage 3 findings").expect_text("value=\"remediating\"");
    page.expect_text("/app/findings?severity=medium").expect_text("value=\"triaged\">Triaged (2 of 3)</option>");
    app.fixture.update(&stale, Finding { severity: Severity::Low, ..stale.record.clone() }).await;
    app.take_events();
    let opened: Vec<String> = ids.iter().map(|id| format!("{id}:1")).collect();
    let fields: Vec<(&str, &str)> = opened
        .iter()
        .map(|finding| ("finding", finding.as_str()))
        .chain([("status", "triaged"), ("owner", "dana whitlock"), ("back", "?severity=medium"), REASON])
        .collect();
    let page = browser.post("/app/findings/triage/apply", &fields).await.expect(303);
    let result = page.location().to_owned();
    for _ in 0..2 {
        let page = browser.get(&result).await.expect(200).expect_text("href=\"/app/findings?severity=medium\"");
        let page = page.expect_text("1 finding was changed.").expect_text("2 findings were left unchanged.");
        let page = page.expect_text("IA-2").expect_text("It was changed by another write");
        page.expect_text("It was verified and can't become triaged. It could become: closed, remediating.");
    }
    let forged = browser.get(&result.replace("changed=", "stale=")).await.expect(303);
    assert_eq!(forged.location(), "/app/findings");
    app.browser(Role::Lead).await.get(&result).await.expect(303);
    let changed = current(&app, open.meta.id).await.record;
    assert_eq!(changed.status, Status::Triaged);
    assert!(changed.owner_member_user_id.unwrap().as_str().starts_with("user_"));
    assert_eq!(current(&app, verified.meta.id).await.record.status, Status::Verified);
    assert_eq!(app.take_events(), ["finding.updated", "finding.status_changed"]);
    let nothing: Vec<(&str, &str)> =
        opened.iter().map(|finding| ("finding", finding.as_str())).chain([REASON]).collect();
    browser.post("/app/findings/triage/apply", &nothing).await.expect(400).expect_text("choose a status");
}

#[tokio::test]
async fn a_finding_that_cannot_move_does_not_keep_the_others_from_it() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Lead).await;
    let open = store(&app, "IA-1", |finding| finding).await;
    let closed = store(&app, "IA-2", |finding| Finding { status: Status::Closed, ..finding }).await;
    let archived = store(&app, "IA-3", |finding| Finding { status: Status::Archived, ..finding }).await;
    let select = async |findings: &[&Stored<Finding>]| {
        let ids: Vec<String> = findings.iter().map(|finding| finding.meta.id.to_string()).collect();
        let fields: Vec<(&str, &str)> = ids.iter().map(|id| ("id", id.as_str())).collect();
        browser.post("/app/findings/triage", &fields).await.expect(200)
    };
    let page = select(&[&open, &closed, &archived]).await.expect_text("Triaged (1 of 3)");
    page.expect_text("Open (1 of 3)").expect_text("left unchanged as a whole, and named afterwards");
    select(&[&archived]).await.expect_text("There is no status that any of them can move to.");
    select(&[&open]).await.expect_text("value=\"triaged\">Triaged</option>");
}

#[tokio::test]
async fn a_triage_that_changes_nothing_is_recorded_as_refused() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Lead).await;
    let archived = store(&app, "IA-1", |finding| Finding { status: Status::Archived, ..finding }).await;
    let opened = format!("{}:1", archived.meta.id);
    let fields = [("finding", opened.as_str()), ("status", "triaged"), REASON];
    let page = browser.post("/app/findings/triage/apply", &fields).await.expect(303);
    browser.get(page.location()).await.expect(200).expect_text("1 finding was left unchanged.");
    let actions = app.actions().await;
    assert!(actions.iter().any(|(action, _)| action == "finding.updated.refused"), "{actions:?}");
    assert!(!actions.iter().any(|(action, _)| action == "finding.updated"), "{actions:?}");
}

#[tokio::test]
async fn a_due_date_without_a_time_is_the_end_of_its_day() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Lead).await;
    let finding = store(&app, "IA-1", |finding| finding).await;
    let opened = format!("{}:1", finding.meta.id);
    // The clock shows 25 May, 08:08 in Denver.
    let fields = [("finding", opened.as_str()), ("dueAt", "2026-05-25"), REASON];
    browser.post("/app/findings/triage/apply", &fields).await.expect(303);
    let due_at = current(&app, finding.meta.id).await.record.due_at.unwrap();
    assert_eq!(due_at.to_string(), "2026-05-26T05:59:59.999Z");
    browser.get("/app/findings").await.expect(200).expect_text("25 May").expect_text(">today</span>");
    let fields = [("revision", "2"), ("title", "Another title"), ("severity", "low"), ("dueAt", "2026-05-27"), REASON];
    browser.post(&path(&finding, "/edit"), &fields).await.expect(303);
    let due_at = current(&app, finding.meta.id).await.record.due_at.unwrap();
    assert_eq!(due_at.to_string(), "2026-05-28T05:59:59.999Z");
    browser.get(&path(&finding, "/edit")).await.expect(200).expect_text("Due (America/Denver)");
}
