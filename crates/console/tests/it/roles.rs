//! The limits of each role, by direct address.

use auth::Role;
use findings::Finding;
use store_contract::samples;

use crate::support::TestApp;

#[tokio::test]
async fn who_may_only_read_changes_nothing_by_direct_address() {
    let app = TestApp::open().await;
    let finding = app.fixture.create(app.fixture.home, samples::finding("IA-1")).await;
    let path = format!("/app/findings/{}", finding.meta.id);
    for role in [Role::Auditor, Role::Reader] {
        let browser = app.browser(role).await;
        let page = browser.get(&path).await.expect(200);
        page.expect_no_text("Move the finding").expect_no_text("Add the comment");
        browser.get("/app/findings").await.expect(200).expect_no_text("New finding").expect_no_text("class=\"pick\"");
        for address in ["/app/findings/new", &format!("{path}/edit"), &format!("{path}/events/new")] {
            browser.get(address).await.expect(403).expect_text("lead");
        }
        let fields = [("revision", "1"), ("status", "closed"), ("comment", "Hello"), ("reason", "Because I can do it")];
        for rest in ["/transition", "/comments", "/events", "/edit"] {
            browser.post(&format!("{path}{rest}"), &fields).await.expect(403);
        }
        browser.post("/app/findings", &fields).await.expect(403);
        browser.post("/app/findings/triage", &[("id", &finding.meta.id.to_string())]).await.expect(403);
        browser.post("/app/findings/triage/apply", &fields).await.expect(403);
    }
    let after = app.fixture.get::<Finding>(app.fixture.home, finding.meta.id).await.unwrap();
    assert_eq!(after.meta.revision.0, 1);
}

#[tokio::test]
async fn audit_entries_of_a_finding_are_shown_to_those_who_may_read_the_log() {
    let app = TestApp::open().await;
    let finding = app.fixture.create(app.fixture.home, samples::finding("IA-1")).await;
    let path = format!("/app/findings/{}", finding.meta.id);
    for (role, is_shown) in
        [(Role::Auditor, true), (Role::Lead, true), (Role::Contributor, false), (Role::Reader, false)]
    {
        let html = app.browser(role).await.get(&path).await.expect(200).html();
        assert_eq!(html.contains("Audit entries"), is_shown, "{}", role.name());
    }
}

#[tokio::test]
async fn records_of_another_workspace_are_not_found() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Admin).await;
    let other = app.fixture.create_organization("other").await;
    let finding = app.fixture.create(other, samples::finding("IA-1")).await;
    let id = finding.meta.id.to_string();
    browser.get(&format!("/app/findings/{id}")).await.expect(404);
    let fields = [("revision", "1"), ("status", "closed"), ("reason", "Because I can do it")];
    browser.post(&format!("/app/findings/{id}/transition"), &fields).await.expect(404);
    browser.post("/app/findings/triage", &[("id", &id)]).await.expect(200).expect_text("Nothing is selected");
}

#[tokio::test]
async fn an_empty_workspace_shows_each_role_the_first_steps_that_it_may_take() {
    let app = TestApp::open().await;
    let admin = app.browser(Role::Admin).await.get("/app").await.expect(200);
    admin.expect_text("First steps").expect_text("Make a service account").expect_text("Invite somebody");
    let contributor = app.browser(Role::Contributor).await.get("/app").await.expect(200);
    contributor.expect_text("Record the first risk").expect_no_text("Invite somebody");
    app.browser(Role::Reader).await.get("/app").await.expect(200).expect_no_text("First steps");
}
