//! The common parts of all lists.

use auth::Role;
use kernel::Record as _;
use registers::{Framework, FrameworkVersion, PatchRequirement, PatchStatus};
use store_contract::samples;

use crate::support::TestApp;

#[tokio::test]
async fn the_height_of_rows_is_kept_in_a_cookie_and_leads_back_to_the_list_only() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Reader).await;
    let page =
        browser.post("/app/rows", &[("rows", "compact"), ("next", "/app/risks?status=accepted")]).await.expect(303);
    assert_eq!(page.location(), "/app/risks?status=accepted");
    assert!(page.headers["set-cookie"].to_str().unwrap().starts_with("novantra-rows=compact; Path=/app"));
    let page = browser.post("/app/rows", &[("rows", "compact"), ("next", "//evil.example")]).await.expect(303);
    assert_eq!(page.location(), "/app");
}

#[tokio::test]
async fn pages_are_not_cached_and_have_nothing_inline() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Admin).await;
    for path in
        ["/app/findings", "/app/evidence", "/app/submissions", "/app/assessments", "/app/risks", "/app/findings/new"]
    {
        let page = browser.get(path).await.expect(200);
        assert_eq!(page.headers["cache-control"], "no-store", "{path}");
        let html = page.html();
        for inline in ["style=", "<style", " onclick", "javascript:", "data:", "http://", "https://"] {
            assert!(!html.contains(inline), "{path} has {inline}");
        }
    }
}

#[tokio::test]
async fn an_empty_list_says_what_to_do_next_or_which_filter_to_drop() {
    let app = TestApp::open().await;
    let (lead, reader) = (app.browser(Role::Lead).await, app.browser(Role::Reader).await);
    lead.get("/app/risks").await.expect(200).expect_text("create a risk here").expect_text("href=\"/app/risks/new\"");
    let page = reader.get("/app/risks").await.expect(200).expect_text("once an import or a program has sent them");
    page.expect_no_text("/app/risks/new");
    let page = lead.get("/app/risks?status=closed").await.expect(200);
    page.expect_text("None has status closed. Drop this filter").expect_text("Show all risks");
    let page = lead.get("/app/findings?severity=low&status=open,triaged").await.expect(200);
    let page = page.expect_text("<a class=\"btn\" href=\"/app/findings?status=open,triaged\">Without severity low</a>");
    page.expect_text("<a class=\"btn\" href=\"/app/findings?severity=low\">Without status open or triaged</a>");
}

#[tokio::test]
async fn a_filter_by_a_record_accepts_its_key_and_shows_it() {
    let app = TestApp::open().await;
    let (browser, home) = (app.browser(Role::Reader).await, app.fixture.home);
    let framework = app.fixture.create(home, Framework { key: samples::key("acme-1"), ..Framework::example() }).await;
    let version = FrameworkVersion { framework_id: framework.meta.id, ..FrameworkVersion::example() };
    app.fixture.create(home, version).await;
    let page = browser.get("/app/framework-versions?frameworkId=acme-1").await.expect(303);
    assert_eq!(page.location(), format!("/app/framework-versions?frameworkId={}", framework.meta.id));
    let page = browser.get(page.location()).await.expect(200);
    page.expect_text("framework acme-1</span>").expect_text("value=\"acme-1\"").expect_text("1 framework version");
    browser.get("/app/framework-versions?frameworkId=acme-2").await.expect(400);
    let page = browser.get(&format!("/app/frameworks/{}", framework.meta.id)).await.expect(200);
    page.expect_text(&format!("href=\"/app/framework-versions?frameworkId={}\"", framework.meta.id));
}

#[tokio::test]
async fn the_forms_of_registers_have_no_hint_that_repeats_its_label() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Lead).await;
    let page = browser.get("/app/risks/new").await.expect(200).expect_text("The event that may happen");
    page.expect_no_text("The title of the risk.").expect_no_text("The status of the risk.");
}

#[tokio::test]
async fn a_new_record_has_no_grade_that_nobody_chose_and_its_subject_stands_apart() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Lead).await;
    let page = browser.get("/app/findings/new").await.expect(200).expect_text("What it is about");
    page.expect_text("<option value=\"\" selected>Choose…</option><option value=\"info\">");
    let page = browser.get("/app/risks/new").await.expect(200);
    page.expect_text("<option value=\"draft\">").expect_no_text("Choose…");
}

#[tokio::test]
async fn an_overdue_date_stands_out_in_a_list_as_long_as_the_record_is_open() {
    let app = TestApp::open().await;
    let (browser, home) = (app.browser(Role::Reader).await, app.fixture.home);
    let due_at = Some("2020-01-01T12:00:00.000Z".parse().expect("a timestamp"));
    let patch = |status| PatchRequirement { due_at, status, ..PatchRequirement::example() };
    app.fixture.create(home, patch(PatchStatus::Done)).await;
    browser.get("/app/patch-requirements").await.expect(200).expect_no_text("days over");
    app.fixture.create(home, PatchRequirement { key: samples::key("late"), ..patch(PatchStatus::Open) }).await;
    browser.get("/app/patch-requirements").await.expect(200).expect_text("days over");
}

#[tokio::test]
async fn every_error_of_an_address_is_shown_in_the_words_of_the_page() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Reader).await;
    let page = browser.get("/app/findings?status=closed,risk_accepted,false_positive&dueBefore=tomorrow").await;
    let page = page.expect(400).expect_text("Some values are wrong.").expect_no_text("see issues");
    let page = page.expect_text("<li>Due before: ").expect_no_text("query.").expect_no_text("Query.");
    assert_eq!(page.html().matches("<li>Status: must be one of: ").count(), 2, "{}", page.html());
    let page = browser.get("/app/findings?limit=0").await.expect(400);
    page.expect_text("One value is wrong.").expect_text("<li>Limit: ").expect_no_text("Query.");
}

#[tokio::test]
async fn a_list_shows_the_times_of_its_order() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Reader).await;
    app.fixture.create(app.fixture.home, samples::control("AC-2")).await;
    app.fixture.create(app.fixture.home, samples::finding("IA-1")).await;
    for path in ["/app/controls", "/app/findings"] {
        browser.get(path).await.expect(200).expect_text(">Recorded</th>").expect_no_text(">Changed</th>");
        let by_change = format!("{path}?order=updated&updatedAfter=1970-01-01T00%3A00%3A00.000Z");
        browser.get(&by_change).await.expect(200).expect_text(">Changed</th>").expect_no_text(">Recorded</th>");
    }
}
