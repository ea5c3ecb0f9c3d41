//! The review of a claim: its event, and its custody.

use serde_json::Value;

use super::{demo::Demo, web_driver::WebDriver};
use crate::webhook_commands::receiver::WebhookReceiver;

async fn submit_with_reason(browser: &WebDriver, reason: &str) {
    browser.fill("#reason", reason).await;
    browser.click("div.save button").await;
}

#[tokio::test]
async fn an_approval_is_sent_to_the_subscription_that_wants_it_and_stands_in_the_custody() {
    let demo = Demo::open(WebDriver::open().await).await;
    let (browser, receiver) = (&demo.browser, WebhookReceiver::start());
    let account = demo.credentials("mirror").client_id;
    demo.go(&format!("/app/developers/api/credentials/{account}/scopes")).await;
    browser.click("input[value='governance.evidence:read']").await;
    submit_with_reason(browser, "It mirrors claims from now on").await;
    demo.go("/app/developers/webhooks/new").await;
    browser.click(&format!("#account option[value='{account}']")).await;
    browser.fill("#url", &receiver.url).await;
    browser.click("input[value='evidence.claim.approved']").await;
    submit_with_reason(browser, "The mirror wants approvals").await;
    browser.expect_no_faults("the signing secret").await;
    let secret = browser.text("#signing-secret").await;
    let path = browser.run("return location.pathname").await.as_str().expect("a path").to_owned();
    demo.go(&path).await;
    assert!(!browser.html().await.contains(&secret));

    demo.go("/app/evidence").await;
    browser.click("tbody tr a.prime").await;
    let title = browser.text("h1").await;
    browser.click("input[name=decision][value=approved]").await;
    browser.fill("#note", "Complete, and signed by the owner").await;
    submit_with_reason(browser, "Compared with the export of last week").await;
    browser.wait_for("h1", &title).await;
    browser.expect_no_faults("the approved claim").await;

    let post = receiver.next_post();
    post.expect_signature(&secret);
    let event: Value = serde_json::from_slice(&post.body).expect("JSON");
    assert_eq!(event["type"], "evidence.claim.approved");
    let claim = &event["data"]["claim"];
    assert_eq!((claim["title"].as_str(), claim["status"].as_str()), (Some(title.as_str()), Some("approved")));
    let id = claim["id"].as_str().expect("an id");
    browser.wait_until("return location.pathname", &format!("/app/evidence-claims/{id}")).await;

    let custody = browser.texts("section[aria-labelledby=h-custody] tbody tr").await;
    let newest = custody.first().expect("an event");
    for text in ["Approved", "Dana Whitlock", "Compared with the export of last week"] {
        assert!(newest.contains(text), "{text} is missing in {custody:?}");
    }
}
