//! The sign-out: nothing is left in the browser.

use super::{demo::Demo, web_driver::WebDriver};

#[tokio::test]
async fn after_the_sign_out_the_way_back_shows_nothing() {
    let demo = Demo::open(WebDriver::open().await).await;
    let browser = &demo.browser;
    demo.go("/app/findings").await;
    let finding = browser.text("tbody tr a.prime").await;
    browser.click("tbody tr a.prime").await;
    browser.wait_for("h1", &finding).await;
    demo.sign_out().await;
    // Back to the overview, the finding and the list.
    for _ in 0..3 {
        browser.back().await;
        browser.wait_for("h1", "Sign in").await;
        assert!(!browser.html().await.contains(&finding));
    }
}
