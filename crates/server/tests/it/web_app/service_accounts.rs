//! The life of a service account: created, used by a program, rotated, disabled.

use super::{demo::Demo, web_driver::WebDriver};
use crate::support::{Client, Credentials, finding};

const ACCOUNTS: &str = "/app/developers/api/credentials";

/// The credentials that the page with the secret shows. Asserts that no later view of the page has the secret.
async fn credentials_shown_once(demo: &Demo) -> Credentials {
    let browser = &demo.browser;
    browser.expect_no_faults("the page with the secret").await;
    let shown = Credentials {
        client_id: browser.text("#client-id").await,
        client_secret: browser.text("#client-secret").await,
    };
    let path = browser.run("return location.pathname").await.as_str().expect("a path").to_owned();
    for _ in 0..2 {
        demo.go(&path).await;
        assert_eq!(browser.run("return document.querySelector('#client-secret')").await, serde_json::Value::Null);
        assert!(!browser.html().await.contains(&shown.client_secret));
        browser.back().await;
        assert!(!browser.html().await.contains(&shown.client_secret));
    }
    shown
}

async fn submit_with_reason(browser: &WebDriver) {
    browser.fill("#reason", "Decided with the owner of the scanner").await;
    browser.click("div.save button").await;
}

#[tokio::test]
async fn a_service_account_is_created_used_rotated_and_disabled() {
    let demo = Demo::open(WebDriver::open().await).await;
    let (browser, url) = (&demo.browser, demo.server.url.as_str());
    demo.go(&format!("{ACCOUNTS}/new")).await;
    browser.fill("#name", "nightly scan").await;
    browser.click("input[value='governance.findings:write']").await;
    submit_with_reason(browser).await;
    let first = credentials_shown_once(&demo).await;
    let client = Client::with_token(url, &first).await;
    assert_eq!(client.post("/api/v1/governance/findings", &finding("pushed")).await.status, 201);
    assert_eq!(client.get("/api/v1/governance/findings").await.status, 403);

    let account = format!("{ACCOUNTS}/{}", first.client_id);
    demo.go(&format!("{account}/rotate")).await;
    browser.click("input[name=grace][value='3600']").await;
    submit_with_reason(browser).await;
    let second = credentials_shown_once(&demo).await;
    assert_eq!(first.client_id, second.client_id);
    assert_ne!(first.client_secret, second.client_secret);
    for credentials in [&first, &second] {
        assert_eq!(client.request_token(credentials).await.status, 200);
    }
    demo.go(&account).await;
    assert!(browser.text("main").await.contains("Rotating"));

    browser.click(&format!("a[href='{account}/status']")).await;
    submit_with_reason(browser).await;
    assert!(browser.text("main").await.contains("Its next call is refused."));
    browser.expect_no_faults("a disabled account").await;
    assert_eq!(client.post("/api/v1/governance/findings", &finding("refused")).await.status, 401);
    for credentials in [&first, &second] {
        assert_eq!(client.request_token(credentials).await.status, 401);
    }

    // Its calls are on its page, and in the audit log.
    demo.go(&format!("{account}/calls")).await;
    let calls = browser.texts("tbody tr").await;
    let has_call = |status: &str, call: &str| calls.iter().any(|row| row.contains(status) && row.contains(call));
    assert!(has_call("201", "POST /governance/findings") && has_call("403", "GET /governance/findings"), "{calls:?}");
    assert!(has_call("401", "POST /governance/findings"), "{calls:?}");
    demo.go("/app/audit").await;
    browser.fill("#actorId", &first.client_id).await;
    browser.fill("#action", "finding.created").await;
    browser.click("form.filters > button").await;
    let query = browser.run("return location.search").await;
    assert_eq!(query, format!("?action=finding.created&actorId={}", first.client_id));
    let entries = browser.texts("tbody tr").await;
    assert!(!entries.is_empty() && entries.iter().all(|row| row.contains("nightly scan")), "{entries:?}");
    assert!(entries.iter().all(|row| row.contains("finding.created")), "{entries:?}");
    browser.expect_no_faults("the filtered audit log").await;
    browser.click("a.chip").await;
    browser.wait_until("return location.search", &format!("?actorId={}", first.client_id)).await;
    assert!(browser.texts("tbody tr").await.len() > entries.len());
}
