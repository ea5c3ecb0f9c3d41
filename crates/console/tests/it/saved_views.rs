//! Saved views: tabs above a list, with a menu that saves, changes and deletes them.

use std::time::Duration;

use auth::Role;
use findings::{Finding, Severity};
use store_contract::samples;

use crate::support::{Browser, Page, TestApp};

/// The address of the only view that the page links to.
fn view_of(html: &str) -> String {
    let (_, rest) = html.split_once("href=\"/app/views/").unwrap();
    format!("/app/views/{}", &rest[..rest.find('"').unwrap()])
}

async fn save(browser: &Browser, list: &str, query: &str, name: &str, shared: bool) -> Page {
    let mut fields = vec![("list", list), ("query", query), ("name", name)];
    if shared {
        fields.push(("shared", "yes"));
    }
    browser.post("/app/views", &fields).await
}

#[tokio::test]
async fn a_saved_view_is_a_tab_that_leads_to_its_list() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Reader).await;
    browser.get("/app/findings").await.expect(200).expect_no_text("Save as a view");
    browser.get("/app/risks").await.expect(200).expect_no_text("aria-label=\"Views\"");
    let query = "severity=high&status=open,triaged";
    let page = browser.get(&format!("/app/findings?{query}")).await.expect(200).expect_text("Save as a view");
    page.expect_text("value=\"severity=high&amp;status=open,triaged\"").expect_no_text("everybody");
    let page = save(&browser, "findings", query, "Grave ones", false).await.expect(303);
    assert_eq!(page.location(), format!("/app/findings?{query}"));
    let html = browser.get(page.location()).await.expect(200).expect_text("Change this view").html();
    let view = view_of(&html);
    assert!(html.contains(&format!("<a href=\"{view}\" aria-current=\"page\">Grave ones</a>")), "{html}");
    assert_eq!(browser.get(&view).await.expect(303).location(), format!("/app/findings?{query}"));
    save(&browser, "risks", "status=accepted", "Accepted", false).await.expect(303);
    let page = browser.get("/app/risks").await.expect(200).expect_text("Accepted</a>");
    page.expect_no_text("Grave ones").expect_no_text("Change this view");
    let other = app.browser(Role::Admin).await;
    other.get(&view).await.expect(404);
    other.get("/app/findings").await.expect(200).expect_no_text("Grave ones");
    let actions: Vec<String> = app.actions().await.into_iter().map(|(action, _)| action).collect();
    assert_eq!(actions.iter().filter(|action| *action == "saved_view.created").count(), 2, "{actions:?}");
}

#[tokio::test]
async fn a_shared_view_is_changed_and_deleted_by_its_owner_or_an_administrator() {
    let app = TestApp::open().await;
    let (owner, other) = (app.browser(Role::Lead).await, app.browser(Role::Contributor).await);
    save(&owner, "risks", "status=accepted", "Accepted", true).await.expect(303);
    let page = other.get("/app/risks?status=accepted").await.expect(200);
    let view = view_of(&page.html());
    page.expect_text("Shared: ").expect_no_text("Change this view");
    let name = [("name", "Taken over"), ("shared", "yes")];
    other.post(&format!("{view}/edit"), &name).await.expect(403);
    other.post(&format!("{view}/delete"), &[]).await.expect(403);
    let administrator = app.browser(Role::Admin).await;
    let page = administrator.post(&format!("{view}/edit"), &name).await.expect(303);
    other.get(page.location()).await.expect(200).expect_text("Taken over");
    owner.post(&format!("{view}/edit"), &[("name", "Mine again")]).await.expect(303);
    other.get("/app/risks").await.expect(200).expect_no_text("Mine again");
    administrator.post(&format!("{view}/delete"), &[]).await.expect(404);
    let page = owner.post(&format!("{view}/delete"), &[]).await.expect(303);
    assert_eq!(page.location(), "/app/risks?status=accepted");
    owner.get(&view).await.expect(404);
}

#[tokio::test]
async fn a_view_with_moving_dates_is_about_today_whenever_it_is_opened() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Lead).await;
    let now = app.fixture.now();
    let due = |days: u64| Some(now + Duration::from_secs(days * 24 * 60 * 60));
    let store = async |key: &str, due_at| {
        app.fixture
            .create(app.fixture.home, Finding { due_at, severity: Severity::High, ..samples::finding(key) })
            .await
    };
    store("IA-1", due(3)).await;
    store("IA-2", due(12)).await;
    let week = due(7).unwrap().to_string();
    let moment: String = form_urlencoded::byte_serialize(week.as_bytes()).collect();
    let query = format!("dueBefore={moment}&severity=high");
    browser.get(&format!("/app/findings?{query}")).await.expect(200).expect_text("Move its dates along with today");
    let fields =
        [("list", "findings"), ("query", &query), ("name", "Due in a week"), ("moving", "yes"), ("shared", "yes")];
    let page = browser.post("/app/views", &fields).await.expect(303);
    let page = browser.get(page.location()).await.expect(200).expect_text("IA-1").expect_no_text("IA-2");
    let view = view_of(&page.html());
    app.fixture.clock.advance(Duration::from_secs(6 * 24 * 60 * 60));
    let browser = app.browser(Role::Lead).await;
    let page = browser.get(&view).await.expect(303);
    let page = browser.get(page.location()).await.expect(200).expect_text("IA-2");
    page.expect_text("aria-current=\"page\"><svg");
}

#[tokio::test]
async fn a_view_that_is_not_right_is_refused_with_what_was_typed() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Lead).await;
    save(&browser, "findings", "status=open", "Open", false).await.expect(303);
    let page = save(&browser, "findings", "status=closed", "Open", false).await.expect(400);
    page.expect_text("is taken by another view").expect_text("value=\"Open\"").expect_text("<title>Error: ");
    save(&browser, "findings", "status=closed", " ", false).await.expect(400).expect_text("1 to 60 characters");
    save(&browser, "findings", "status=gone", "Gone", false).await.expect(400).expect_text("must be one of");
    save(&browser, "findings", "order=title", "Order", false).await.expect(400);
    let owners: Vec<String> = (0..40).map(|number| format!("{number:060}")).collect();
    let long = format!("ownerMemberUserId={}", owners.join(","));
    save(&browser, "findings", &long, "Long", false).await.expect(400);
    save(&browser, "users", "", "Users", false).await.expect(404);
    let script = "<script>alert('here')</script>";
    save(&browser, "findings", "status=closed&other=<b>", script, false).await.expect(303);
    let page = browser.get("/app/findings").await.expect(200);
    page.expect_text("&lt;script&gt;alert").expect_no_text(script);
    let fields = [("list", "findings"), ("query", "status=open"), ("name", "Forged")];
    browser.post_without_token("/app/views", &fields).await.expect(403);
}
