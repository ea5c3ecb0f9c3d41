//! An assessment and the commands that move it.

use auth::Role;
use kernel::{Filter, PageRequest};
use registers::{Assessment, AssessmentStatus};
use store_contract::samples;

use crate::support::TestApp;

const REASON: (&str, &str) = ("reason", "The work of this quarter");

#[tokio::test]
async fn an_assessment_is_started_and_completed_with_its_event() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Contributor).await;
    browser.get("/app/assessments/new").await.expect(200).expect_no_text("name=\"status\"");
    let fields = [("assessmentKey", "ASM-1"), ("title", "Access review"), ("status", "completed"), REASON];
    let created = browser.post("/app/assessments", &fields).await.expect(303);
    let path = created.location().split('?').next().unwrap().to_owned();
    let stored = async || {
        let all = app.fixture.list::<Assessment>(app.fixture.home, &Filter::default(), &PageRequest::default()).await;
        all.items[0].record.clone()
    };
    assert_eq!(stored().await.status, AssessmentStatus::Planned, "only commands set the status");
    let refused =
        browser.post(&format!("{path}/transition"), &[("revision", "1"), ("command", "complete"), REASON]).await;
    refused.expect(409).expect_text("not possible for an assessment with status planned");
    let fields = [("revision", "1"), ("command", "start"), ("completedAt", "2026-07-01T10:00"), REASON];
    let dropped = browser.post(&format!("{path}/transition"), &fields).await.expect(400);
    dropped.expect_text("is only kept with a completion");
    browser.post(&format!("{path}/transition"), &[("revision", "1"), ("command", "start"), REASON]).await.expect(303);
    assert!(app.take_events().is_empty());
    let fields = [("revision", "2"), ("command", "complete"), ("completedAt", ""), REASON];
    browser.post(&format!("{path}/transition"), &fields).await.expect(303);
    assert_eq!(app.take_events(), ["assessment.completed"]);
    let completed = stored().await;
    assert_eq!((completed.status, completed.completed_at.is_some()), (AssessmentStatus::Completed, true));
    let actions = app.actions().await;
    assert!(actions.contains(&("assessment.completed".to_owned(), Some(REASON.1.to_owned()))), "{actions:?}");
    browser.get(&path).await.expect(200).expect_text("Reopen it").expect_text(samples::title("Access review").as_str());
}
