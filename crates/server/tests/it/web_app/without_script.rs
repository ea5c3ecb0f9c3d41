//! The web app in a browser that runs no script.

use super::{demo::Demo, web_driver::WebDriver};

#[tokio::test]
async fn the_forms_work_without_script() {
    let demo = Demo::open(WebDriver::open_without_script().await).await;
    let browser = &demo.browser;
    assert_eq!(browser.run("return document.documentElement.className").await, "", "the script of the page runs");
    browser.wait_for("h1", "Overview").await;

    demo.go("/app/risks/new").await;
    browser.fill("#riskKey", "R-112").await;
    browser.click("div.save button").await;
    assert!(browser.text("#problem").await.contains("problems"));
    browser.fill("#title", "The only supplier of cards fails").await;
    browser.fill("#reason", "Found in the review of suppliers").await;
    browser.click("div.save button").await;
    browser.wait_for("h1", "The only supplier of cards fails").await;
    browser.fill("#jump", "R-112\u{e007}").await;
    // The page after the creation has a query, and the one to which the box leads has none.
    browser.wait_until("return location.search", "").await;
    browser.wait_for("h1", "The only supplier of cards fails").await;

    demo.go("/app/findings").await;
    browser.click("details.pop:has(input[name=severity]) summary").await;
    browser.click("input[name=severity][value=critical]").await;
    browser.click("details.pop:has(input[name=severity]) button").await;
    browser.wait_until("return location.search", "?severity=critical").await;
    browser.click("tbody tr:first-child input.pick").await;
    browser.click("div.bulk button.primary").await;
    browser.wait_for("h1", "Triage 1 finding").await;

    demo.go("/app/developers/api/credentials/new").await;
    browser.fill("#name", "nightly scan").await;
    browser.click("input[value='governance.findings:write']").await;
    browser.fill("#reason", "Decided with the owner of the scanner").await;
    browser.click("div.save button").await;
    assert!(browser.text("#client-secret").await.starts_with("nvsec_"));
    demo.sign_out().await;
}
