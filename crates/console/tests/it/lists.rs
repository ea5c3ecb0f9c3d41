//! The common parts of all lists.

use auth::Role;

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
