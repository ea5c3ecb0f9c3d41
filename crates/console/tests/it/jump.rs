//! The jump box.

use auth::Role;
use findings::Finding;
use registers::Risk;
use store::index_titles;
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
    page.expect_text("Nothing has these words, this key or this id").expect_no_text("<script>alert");
    reader.get("/app/go").await.expect(200).expect_text("Type words of a title, a key or an id");
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

fn finding(key: &str, title: &str) -> Finding {
    Finding { title: samples::title(title), ..samples::finding(key) }
}

fn risk(key: &str, title: &str) -> Risk {
    Risk { key: samples::key(key), title: samples::title(title), ..kernel::Record::example() }
}

async fn index(app: &TestApp) {
    index_titles(&*app.fixture.store, app.fixture.home).await.unwrap();
}

#[tokio::test]
async fn records_are_found_by_the_beginnings_of_words_of_their_titles_and_of_their_keys() {
    let app = TestApp::open().await;
    let home = app.fixture.home;
    let first = app.fixture.create(home, finding("scan-1", "Ransomware in the branch")).await;
    app.fixture.create(home, finding("scan-2", "The branch is under water")).await;
    app.fixture.create(home, risk("R-12", "Ransom is demanded")).await;
    index(&app).await;
    let reader = app.browser(Role::Reader).await;
    let page = reader.get("/app/go?q=RANSOM").await.expect(200);
    let page = page.expect_text(">Findings</h2>").expect_text(">Risks</h2>").expect_text("Ransomware in the branch");
    page.expect_text(&format!("href=\"/app/findings/{}\"", first.meta.id)).expect_no_text("under water");
    let page = reader.get("/app/go?q=branch+ransom").await.expect(200);
    page.expect_text("Ransomware in the branch").expect_no_text("under water").expect_no_text(">Risks</h2>");
    reader.get("/app/go?q=scan-").await.expect(200).expect_text("under water").expect_text("Ransomware");
    reader.get("/app/go?q=r-1").await.expect(200).expect_text("Ransom is demanded").expect_no_text("under water");
    for nothing in ["omware", "ransom+gone", "'", "%25", "_", "%00", "-", "in=risk"] {
        reader.get(&format!("/app/go?q={nothing}")).await.expect(404);
    }
    assert_eq!(reader.get("/app/go?q=R-12").await.expect(303).location().split('/').nth(2), Some("risks"));
}

#[tokio::test]
async fn a_record_is_found_by_its_present_words_only() {
    let app = TestApp::open().await;
    let stored = app.fixture.create(app.fixture.home, finding("scan-1", "Ransomware in the branch")).await;
    index(&app).await;
    app.fixture.update(&stored, finding("scan-1", "A fire in the branch")).await;
    let reader = app.browser(Role::Reader).await;
    // The index still has the old words of it.
    reader.get("/app/go?q=ransom").await.expect(404);
    reader.get("/app/go?q=branch").await.expect(200).expect_text("A fire in the branch");
    index(&app).await;
    reader.get("/app/go?q=fire").await.expect(200).expect_text("A fire in the branch");
}

#[tokio::test]
async fn a_search_shows_some_records_of_each_module_and_more_of_one_on_request() {
    let app = TestApp::open().await;
    for number in 10..30 {
        app.fixture.create(app.fixture.home, finding(&format!("scan-{number}"), "Ransomware")).await;
    }
    app.fixture.create(app.fixture.home, risk("R-12", "Ransom is demanded")).await;
    index(&app).await;
    let reader = app.browser(Role::Reader).await;
    let page = reader.get("/app/go?q=ransom").await.expect(200);
    page.expect_text("More findings").expect_text("scan-29").expect_no_text("scan-19").expect_no_text("More risks");
    let page = reader.get("/app/go?q=ransom&in=finding").await.expect(200);
    page.expect_text("scan-29").expect_text("scan-10").expect_no_text(">Risks</h2>").expect_no_text("At most");
    reader.get("/app/go?q=ransom&in=organization").await.expect(404);
}

#[tokio::test]
async fn a_search_finds_nothing_of_other_workspaces_or_of_modules_that_the_role_may_not_see() {
    let app = TestApp::open().await;
    let other = app.fixture.create_organization("other").await;
    app.fixture.create(other, finding("scan-1", "Ransomware")).await;
    app.fixture.create(app.fixture.home, samples::account("nightly-scan")).await;
    app.person("Lin Ortega", Role::Lead).await;
    for organization in [app.fixture.home, other] {
        index_titles(&*app.fixture.store, organization).await.unwrap();
    }
    let reader = app.browser(Role::Reader).await;
    let admin = app.browser(Role::Admin).await;
    for (text, is_found) in [("ransom", false), ("ortega", true), ("nightly", true), ("ortega&in=user", true)] {
        reader.get(&format!("/app/go?q={text}")).await.expect(404);
        admin.get(&format!("/app/go?q={text}")).await.expect(if is_found { 200 } else { 404 });
    }
}
