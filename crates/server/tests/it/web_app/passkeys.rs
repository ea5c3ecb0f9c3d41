//! Passkeys, with an authenticator that Chromium plays.

use super::{PASSWORD, pictures::Device, web_driver::WebDriver};
use crate::support::Setup;

#[tokio::test]
async fn a_passkey_is_added_and_signs_in_alone_and_after_the_password() {
    let server = Setup::new().start();
    let browser = WebDriver::open().await;
    // Browsers have passkeys at names only.
    let url = server.url.replace("127.0.0.1", "localhost");
    let link = server.ready_message["sign_in_link"]["url"].as_str().expect("a link").replace("127.0.0.1", "localhost");
    let authenticator = browser.add_authenticator().await;
    browser.go(&link).await;
    browser.fill("#name", "Dana Whitlock").await;
    browser.fill("#email", "dana@cedar.example").await;
    browser.fill("#password", PASSWORD).await;
    browser.click("button[name=factor]").await;
    browser.wait_for("h1", "Set up your second factor").await;
    browser.expect_no_faults("set-up").await;
    browser.fill("#name", "Laptop").await;
    browser.click("form[data-passkey] button").await;
    browser.wait_for("h1", "Keep these recovery codes").await;
    browser.click("div.save a").await;
    for device in [Device { theme: "light", width: 1280 }, Device { theme: "dark", width: 390 }] {
        browser.show_on(device).await;
        for path in ["/account", "/account/passkeys/new"] {
            browser.go(&format!("{url}/app{path}")).await;
            browser.expect_no_faults(&format!("/app{path}, {device:?}")).await;
        }
    }
    browser.show_on(Device { theme: "light", width: 1280 }).await;
    browser.go(&format!("{url}/app/account")).await;
    assert!(browser.text("#main").await.contains("Laptop"));
    for link in ["a[href^='/app/account/passkeys/pkey_']:not([href$=remove])", "a[href$='/remove']"] {
        browser.go(&format!("{url}/app/account")).await;
        browser.click(&format!("#main {link}")).await;
        browser.wait_until("return String(location.pathname.startsWith('/app/account/passkeys/'))", "true").await;
        browser.expect_no_faults(link).await;
    }
    let sign_out = "document.querySelector('form[action=\"/app/sign-out\"] button').click()";
    browser.run(sign_out).await;
    // The authenticator answers at once what the browser offers in the field for the e-mail address.
    browser.go(&format!("{url}/app/sign-in?next=%2Fapp%2Faccount")).await;
    browser.wait_for("h1", "Your account").await;
    browser.set_verifying(&authenticator, false).await;
    browser.run(sign_out).await;
    browser.wait_for("h1", "Sign in").await;
    browser.expect_no_faults("sign-in").await;
    browser.click("form[data-passkey] button").await;
    browser.wait_for("[data-passkey-problem]", "No passkey was used. Try again, or go on another way.").await;
    browser.set_verifying(&authenticator, true).await;
    browser.click("form[data-passkey] button").await;
    browser.wait_for("h1", "Overview").await;
    browser.set_verifying(&authenticator, false).await;
    browser.run(sign_out).await;
    browser.wait_for("h1", "Sign in").await;
    browser.fill("#email", "dana@cedar.example").await;
    browser.fill("#password", PASSWORD).await;
    browser.click("form[action=\"/app/sign-in\"] button").await;
    browser.wait_for("h1", "Use your passkey").await;
    browser.expect_no_faults("second step").await;
    browser.set_verifying(&authenticator, true).await;
    browser.click("form[data-passkey] button").await;
    browser.wait_for("h1", "Overview").await;
    browser.go(&format!("{url}/app/account/passkeys/new")).await;
    browser.fill("#name", "Again").await;
    browser.click("form[data-passkey] button").await;
    browser.wait_for("[data-passkey-problem]", "You have a passkey on this device or key already.").await;
}
