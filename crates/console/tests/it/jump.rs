//! The jump box.

use auth::Role;
use store_contract::samples;

use crate::support::TestApp;

#[tokio::test]
async fn the_jump_box_goes_to_the_record_with_the_key_or_the_identifier() {
    let app = TestApp::open().await;
    let home = app.fixture.home;
    let finding = app.fixture.create(home, samples::finding("IA-1")).await;
    let reader = app.browser(Role::Reader).await;
    let path = format!("/app/findings/{}", finding.meta.id);
    for text in ["IA-1", "+IA-1+", &finding.meta.id.to_string()] {
        let page = reader.get(&format!("/app/go?q={text}")).await.expect(303);
        assert_eq!(page.location(), path, "{text}");
    }
}

#[tokio::test]
async fn several_hits_are_listed_by_module_and_none_says_so() {
    let app = TestApp::open().await;
    let home = app.fixture.home;
    app.fixture.create(home, samples::finding("IA-1")).await;
    app.fixture.create(home, samples::full_control("IA-1")).await;
    let reader = app.browser(Role::Reader).await;
    let page = reader.get("/app/go?q=IA-1").await.expect(200);
    page.expect_text(">Findings</h2>").expect_text(">Controls</h2>");
    let page = reader.get("/app/go?q=%3Cscript%3Ealert(1)%3C/script%3E").await.expect(404);
    page.expect_text("Nothing has this key or id").expect_no_text("<script>alert");
    reader.get("/app/go").await.expect(200).expect_text("Type a key or an id");
    reader.get(&format!("/app/go?q={}", "a".repeat(2000))).await.expect(404);
}

#[tokio::test]
async fn records_of_another_workspace_and_people_whom_the_role_may_not_see_are_not_found() {
    let app = TestApp::open().await;
    let other = app.fixture.create_organization("other").await;
    let finding = app.fixture.create(other, samples::finding("IA-1")).await;
    let user = app.person("Lin Ortega", Role::Lead).await;
    let reader = app.browser(Role::Reader).await;
    reader.get("/app/go?q=IA-1").await.expect(404);
    reader.get(&format!("/app/go?q={}", finding.meta.id)).await.expect(404);
    reader.get(&format!("/app/go?q={user}")).await.expect(404);
    let admin = app.browser(Role::Admin).await;
    assert_eq!(admin.get(&format!("/app/go?q={user}")).await.expect(303).location(), format!("/app/people/{user}"));
}

#[tokio::test]
async fn the_jump_box_finds_service_accounts_webhooks_deliveries_and_audit_entries_for_those_who_may_see_them() {
    let app = TestApp::open().await;
    let home = app.fixture.home;
    let account = app.fixture.create(home, samples::account("nightly-scan")).await;
    let subscription = app.fixture.create(home, samples::subscription(account.meta.id, 0)).await;
    let delivery = samples::delivery(subscription.meta.id, app.fixture.new_id(), app.fixture.now());
    let delivery = app.fixture.create(home, delivery).await;
    let admin = app.browser(Role::Admin).await;
    admin.get("/app/risks").await.expect(200);
    let entry = app.fixture.audit_log(home).await.pop().unwrap().entry.id;
    let (credentials, webhooks) = ("/app/developers/api/credentials", "/app/developers/webhooks");
    let expected = [
        ("nightly-scan".to_owned(), format!("{credentials}/{}", account.meta.id)),
        (account.meta.id.to_string(), format!("{credentials}/{}", account.meta.id)),
        (subscription.meta.id.to_string(), format!("{webhooks}/{}", subscription.meta.id)),
        (delivery.meta.id.to_string(), format!("{webhooks}/{}/deliveries/{}", subscription.meta.id, delivery.meta.id)),
        (entry.to_string(), format!("/app/audit/{entry}")),
    ];
    let contributor = app.browser(Role::Contributor).await;
    for (text, path) in expected {
        assert_eq!(admin.get(&format!("/app/go?q={text}")).await.expect(303).location(), path, "{text}");
        contributor.get(&format!("/app/go?q={text}")).await.expect(404);
    }
}
