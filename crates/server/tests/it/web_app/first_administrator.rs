//! The first administrator: from the link of the first start to a record.

use super::{PASSWORD, authenticator::code, web_driver::WebDriver};
use crate::support::Setup;

#[tokio::test]
async fn a_first_administrator_sets_up_a_second_factor_and_creates_a_record() {
    let server = Setup::new().start();
    let browser = WebDriver::open().await;
    browser.go(server.ready_message["sign_in_link"]["url"].as_str().expect("a link")).await;
    browser.expect_no_faults("the link of the first start").await;
    browser.fill("#name", "Dana Whitlock").await;
    browser.fill("#email", "dana@cedar.example").await;
    browser.fill("#password", PASSWORD).await;
    let key = browser.text("#key").await;
    browser.fill("#code", &code(&key)).await;
    browser.click("div.save button").await;
    browser.wait_for("h1", "Keep these recovery codes").await;
    browser.expect_no_faults("the recovery codes").await;
    browser.click("div.save a").await;
    browser.wait_for("h1", "Overview").await;
    browser.expect_no_faults("the overview of an empty workspace").await;
    browser.go(&format!("{}/app/risks/new", server.url)).await;
    browser.fill("#riskKey", "R-12").await;
    browser.fill("#title", "The only supplier of cards fails").await;
    browser.fill("#reason", "Found in the review of suppliers").await;
    browser.click("div.save button").await;
    browser.wait_for("h1", "The only supplier of cards fails").await;
    browser.fill("#jump", "R-12\u{e007}").await;
    // The page after the creation has a query, and the one to which the box leads has none.
    browser.wait_until("return location.search", "").await;
    browser.wait_for("h1", "The only supplier of cards fails").await;
    for theme in ["light", "dark"] {
        browser.go(&format!("{}/app/account", server.url)).await;
        browser.click(&format!("input[value={theme}]")).await;
        browser.click("#appearance button").await;
        browser.wait_until("return document.documentElement.dataset.theme", theme).await;
        browser.wait_until("return getComputedStyle(document.documentElement).colorScheme", theme).await;
        browser.expect_no_faults(&format!("the account, {theme}")).await;
    }
}
