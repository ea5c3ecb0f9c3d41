//! The web app in a real browser.

mod web_driver;

use aws_lc_rs::hmac;

use crate::support::{Server, Setup};

use web_driver::WebDriver;

const PASSWORD: &str = "kestrel venn oblique";

/// The code that an authenticator app with this key shows now.
fn code(base32: &str) -> String {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let (mut bits, mut value, mut secret) = (0, 0_u64, Vec::new());
    for symbol in base32.bytes().filter(|byte| *byte != b' ') {
        value = value << 5 | alphabet.iter().position(|one| *one == symbol).expect("base 32") as u64;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            secret.push((value >> bits & 0xff) as u8);
        }
    }
    #[expect(clippy::disallowed_methods, reason = "the program under test uses the real time")]
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a time").as_secs();
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &secret);
    let tag = hmac::sign(&key, &(now / 30).to_be_bytes());
    let offset = usize::from(tag.as_ref()[19] & 15);
    let number = u32::from_be_bytes(tag.as_ref()[offset..offset + 4].try_into().expect("4 bytes")) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}

/// Opens the link of the first start, and becomes the first administrator, with a second factor.
async fn become_first_administrator(server: &Server, browser: &WebDriver) {
    browser.go(server.ready_message["sign_in_link"]["url"].as_str().expect("a link")).await;
    browser.fill("#name", "Dana Whitlock").await;
    browser.fill("#email", "dana@cedar.example").await;
    browser.fill("#password", PASSWORD).await;
    let key = browser.text("#key").await;
    browser.fill("#code", &code(&key)).await;
    browser.click("div.save button").await;
    assert_eq!(browser.text("h1").await, "Keep these recovery codes");
    assert_eq!(browser.faults().await, [""; 0], "recovery codes");
    browser.click("div.save a").await;
    assert_eq!(browser.text("h1").await, "Overview");
}

#[tokio::test]
async fn a_first_administrator_sets_up_a_second_factor_creates_a_record_and_every_page_is_accessible() {
    let server = Setup::new().start();
    let browser = WebDriver::open().await;
    become_first_administrator(&server, &browser).await;
    browser.go(&format!("{}/app/risks/new", server.url)).await;
    browser.fill("#riskKey", "R-12").await;
    browser.fill("#title", "The only supplier of cards fails").await;
    browser.fill("#reason", "Found in the review of suppliers").await;
    browser.click("div.save button").await;
    assert_eq!(browser.text("h1").await, "The only supplier of cards fails");
    browser.fill("#jump", "R-12\u{e007}").await;
    assert_eq!(browser.text("h1").await, "The only supplier of cards fails");
    let paths = [
        "",
        "/risks",
        "/risks/new",
        "/findings",
        "/people",
        "/people/invite",
        "/account",
        "/account/profile",
        "/account/password",
        "/account/second-factor",
        "/account/recovery-codes",
        "/workspace",
        "/go?q=nothing",
        "/confirm-password",
        "/no-such-page",
    ];
    for theme in ["light", "dark"] {
        browser.go(&format!("{}/app/account", server.url)).await;
        browser.click(&format!("input[value={theme}]")).await;
        browser.click("#appearance button").await;
        assert_eq!(browser.run("return document.documentElement.dataset.theme").await, theme);
        for width in [1280, 390] {
            browser.resize(width, 900).await;
            for path in paths {
                browser.go(&format!("{}/app{path}", server.url)).await;
                assert_eq!(browser.faults().await, [""; 0], "/app{path} at {width} px, {theme}");
            }
        }
    }
}

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
    assert_eq!(browser.text("h1").await, "Set up your second factor");
    assert_eq!(browser.faults().await, [""; 0], "set-up");
    browser.fill("#name", "Laptop").await;
    browser.click("form[data-passkey] button").await;
    browser.wait_for("h1", "Keep these recovery codes").await;
    browser.click("div.save a").await;
    for (width, theme) in [(1280, "light"), (390, "dark")] {
        browser.resize(width, 900).await;
        browser.go(&format!("{url}/app/account")).await;
        browser.click(&format!("input[value={theme}]")).await;
        browser.click("#appearance button").await;
        for path in ["/account", "/account/passkeys/new"] {
            browser.go(&format!("{url}/app{path}")).await;
            assert_eq!(browser.faults().await, [""; 0], "/app{path} at {width} px, {theme}");
        }
    }
    browser.resize(1280, 900).await;
    browser.go(&format!("{url}/app/account")).await;
    assert!(browser.text("#main").await.contains("Laptop"));
    let sign_out = "document.querySelector('form[action=\"/app/sign-out\"] button').click()";
    browser.run(sign_out).await;
    // The authenticator answers at once what the browser offers in the field for the e-mail address.
    browser.go(&format!("{url}/app/sign-in?next=%2Fapp%2Faccount")).await;
    browser.wait_for("h1", "Your account").await;
    browser.set_verifying(&authenticator, false).await;
    browser.run(sign_out).await;
    browser.wait_for("h1", "Sign in").await;
    assert_eq!(browser.faults().await, [""; 0], "sign-in");
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
    assert_eq!(browser.faults().await, [""; 0], "second step");
    browser.set_verifying(&authenticator, true).await;
    browser.click("form[data-passkey] button").await;
    browser.wait_for("h1", "Overview").await;
    browser.go(&format!("{url}/app/account/passkeys/new")).await;
    browser.fill("#name", "Again").await;
    browser.click("form[data-passkey] button").await;
    browser.wait_for("[data-passkey-problem]", "You have a passkey on this device or key already.").await;
}
