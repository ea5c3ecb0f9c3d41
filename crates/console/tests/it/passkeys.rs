//! Passkeys in the pages, which an authenticator in software answers.

use auth::{Role, User, UserId};
use axum::http::header;
use serde_json::Value;
use webauthn::{KeyAlgorithm, SoftwareAuthenticator};

use crate::support::{Browser, PASSWORD, Page, TestApp, form_value};

fn authenticator() -> SoftwareAuthenticator {
    SoftwareAuthenticator::new(KeyAlgorithm::Es256, "https://localhost", "localhost")
}

/// The options that the page has for the browser.
fn options(page: &Page) -> Value {
    let html = page.html();
    let (_, rest) = html.split_once("data-options=\"").unwrap_or_else(|| panic!("{html}"));
    let text = rest.split('"').next().unwrap().replace("&quot;", "\"").replace("&lt;", "<").replace("&amp;", "&");
    serde_json::from_str(&text).unwrap()
}

/// The cookies that a response sets, by the beginning of their names.
fn cookie(page: &Page, name: &str) -> String {
    let cookies = page.headers.get_all(header::SET_COOKIE).iter().map(|value| value.to_str().unwrap());
    let mut found = cookies.filter(|cookie| cookie.starts_with(name));
    found.next().unwrap_or_else(|| panic!("{name}: {}", page.html())).split(';').next().unwrap().to_owned()
}

/// Somebody with this role and a passkey, in a browser in which they have signed in.
async fn with_passkey(app: &TestApp, role: Role) -> (UserId, Browser, SoftwareAuthenticator) {
    let user = app.person("Dana Whitlock", role).await;
    app.set_password(user).await;
    let (mut browser, mut authenticator) = (app.session_of(user).await, authenticator());
    let asked = options(&browser.get("/app/account/passkeys/new").await.expect(200));
    let fields = [("name", "Blue <b>key</b>"), ("answer", &authenticator.register(&asked))];
    let page = browser.post("/app/account/passkeys/new", &fields).await.expect(303);
    assert_eq!(page.location(), "/app/account/recovery-codes/shown");
    browser.cookie = cookie(&page, "__Host-novantra-session=");
    browser.form_token = form_value(&browser.get("/app/account").await.expect(200), "formToken");
    app.fixture.clock.advance(std::time::Duration::from_secs(1));
    (user, browser, authenticator)
}

/// Opens the page of the sign-in in a browser of nobody.
async fn sign_in_page(app: &TestApp) -> (Browser, Value) {
    let mut browser = app.stranger();
    let page = browser.get("/app/sign-in?next=%2Fapp%2Frisks").await.expect(200);
    let page = page.expect_text("autocomplete=\"username webauthn\"");
    browser.cookie = cookie(&page, "novantra-passkey=");
    (browser, options(&page))
}

#[tokio::test]
async fn a_passkey_signs_in_and_leads_to_the_page_that_was_asked_for() {
    let app = TestApp::open().await;
    let (_, _, mut authenticator) = with_passkey(&app, Role::Lead).await;
    let (mut browser, asked) = sign_in_page(&app).await;
    let fields = [("next", "/app/risks"), ("answer", &authenticator.sign_in(&asked))];
    let page = browser.post("/app/sign-in/passkey", &fields).await.expect(303);
    assert_eq!(page.location(), "/app/risks");
    browser.cookie = cookie(&page, "__Host-novantra-session=");
    browser.get("/app/account").await.expect(200).expect_text("Blue &lt;b&gt;key&lt;/b&gt;").expect_no_text("Blue <b>");
}

#[tokio::test]
async fn a_wrong_late_or_foreign_answer_leads_back_to_the_sign_in_with_a_reason() {
    let app = TestApp::open().await;
    let (_, _, mut authenticator) = with_passkey(&app, Role::Lead).await;
    let (browser, asked) = sign_in_page(&app).await;
    let answer = authenticator.sign_in(&asked);
    let path = "/app/sign-in/passkey";
    let foreign = app.stranger().post(path, &[("answer", &answer)]).await.expect(401);
    foreign.expect_text("open for more than five minutes");
    browser.post(path, &[("answer", "{}")]).await.expect(401).expect_text("does not sign in here");
    authenticator.is_verifying = false;
    let unverified = authenticator.sign_in(&asked);
    browser.post(path, &[("answer", &unverified)]).await.expect(401).expect_text("only after your password");
    app.fixture.clock.advance(std::time::Duration::from_secs(300));
    let late = browser.post(path, &[("answer", &answer)]).await.expect(401);
    // The page that says so has a new challenge.
    authenticator.is_verifying = true;
    let again = authenticator.sign_in(&options(&late));
    browser.post(path, &[("answer", &again)]).await.expect(303);
}

#[tokio::test]
async fn a_passkey_is_the_second_step_after_the_password() {
    let app = TestApp::open().await;
    let (user, _, mut authenticator) = with_passkey(&app, Role::Lead).await;
    let email = app.fixture.get::<User>(app.fixture.home, user).await.unwrap().record.email;
    let mut browser = app.stranger();
    let fields = [("workspace", "home"), ("email", email.as_str()), ("password", PASSWORD)];
    let page = browser.post("/app/sign-in", &fields).await.expect(303);
    assert!(page.location().starts_with("/app/second-factor"));
    browser.cookie = cookie(&page, "__Host-novantra-session=");
    let page = browser.get("/app/second-factor").await.expect(200).expect_text("Use your passkey");
    let asked = options(&page.expect_text("Recovery code"));
    let mut other = crate::passkeys::authenticator();
    other.register(&serde_json::json!({ "challenge": "AAAA", "user": { "id": "AAAA" } }));
    let wrong = browser.post("/app/second-factor/passkey", &[("answer", &other.sign_in(&asked))]).await.expect(401);
    wrong.expect_text("does not sign in here");
    authenticator.is_verifying = false;
    let answer = authenticator.sign_in(&asked);
    let page = browser.post("/app/second-factor/passkey", &[("answer", &answer)]).await.expect(303);
    browser.cookie = cookie(&page, "__Host-novantra-session=");
    browser.get("/app").await.expect(200);
}

#[tokio::test]
async fn an_administrator_sets_up_a_passkey_instead_of_an_app() {
    let app = TestApp::open().await;
    let (mut browser, mut authenticator) = (app.stranger(), authenticator());
    let link = app.invite(Role::Admin).await;
    browser.get(&link).await.expect(200).expect_text("Use a passkey instead");
    let page = browser.post(&link, &[("password", PASSWORD), ("factor", "passkey")]).await.expect(303);
    assert_eq!(page.location(), "/app/set-up-second-factor?next=%2Fapp");
    browser.cookie = cookie(&page, "__Host-novantra-session=");
    let page = browser.get("/app/set-up-second-factor").await.expect(200);
    let (asked, offer) = (options(&page), form_value(&page, "offer"));
    let path = "/app/set-up-second-factor/passkey";
    let answer = authenticator.register(&asked);
    let nameless = browser.post(path, &[("name", ""), ("answer", &answer), ("offer", &offer)]).await.expect(400);
    // The key of the app beside it is the one that was scanned.
    assert_eq!(form_value(&nameless.expect_text("The name must be one line"), "offer"), offer);
    let wrong = [("offer", offer.as_str()), ("code", "000000")];
    let wrong = browser.post("/app/set-up-second-factor", &wrong).await.expect(400);
    assert_eq!(form_value(&wrong, "offer"), offer);
    let page = browser.post(path, &[("name", "Laptop"), ("answer", &answer)]).await.expect(200);
    let page = page.expect_text("Keep these recovery codes");
    browser.cookie = cookie(&page, "__Host-novantra-session=");
    let page = browser.get("/app/account").await.expect(200).expect_text("10 recovery codes are left");
    let (_, rest) =
        page.html().split_once("/app/account/passkeys/pkey_").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let path = format!("/app/account/passkeys/pkey_{}", rest.split('"').next().unwrap());
    browser.form_token = form_value(&page, "formToken");
    let page = browser.get(&format!("{path}/remove")).await.expect(200);
    page.expect_text("your role requires one").expect_no_text("danger-fill");
    browser.post(&format!("{path}/remove"), &[]).await.expect(422);
}

#[tokio::test]
async fn a_passkey_is_renamed_and_removed() {
    let app = TestApp::open().await;
    let (_, browser, _) = with_passkey(&app, Role::Lead).await;
    let html = browser.get("/app/account").await.expect(200).html();
    let id = html.split_once("/app/account/passkeys/pkey_").unwrap().1.split('"').next().unwrap();
    let path = format!("/app/account/passkeys/pkey_{id}");
    browser.get(&path).await.expect(200).expect_text("Rename the passkey");
    browser.post(&path, &[("name", "a\u{202e}b")]).await.expect(400).expect_text("The name must be");
    browser.post(&path, &[("name", "Phone")]).await.expect(303);
    browser.get("/app/account").await.expect(200).expect_text("Phone");
    browser.get(&format!("{path}/remove")).await.expect(200).expect_text("your only second factor");
    browser.post(&format!("{path}/remove"), &[]).await.expect(303);
    browser.get("/app/account").await.expect(200).expect_text("Set up a second factor…").expect_no_text("Phone");
    browser.post(&format!("{path}/remove"), &[]).await.expect(404);
    browser.get("/app/account/passkeys/pkey_1").await.expect(404);
    let actions: Vec<_> = app.actions().await.into_iter().map(|(action, _)| action).collect();
    for action in ["user.passkey_added", "user.passkey_renamed", "user.passkey_removed"] {
        assert!(actions.iter().any(|one| one == action), "{action}: {actions:?}");
    }
}

#[tokio::test]
async fn an_administrator_sees_passkeys_and_removes_them_with_a_reset() {
    let app = TestApp::open().await;
    let (user, _, mut authenticator) = with_passkey(&app, Role::Lead).await;
    let (admin, path) = (app.browser(Role::Admin).await, format!("/app/people/{user}"));
    admin.get(&path).await.expect(200).expect_text("1 passkey").expect_text("10 left");
    admin.get("/app/people").await.expect(200).expect_text("1 passkey");
    let reset = format!("{path}/reset");
    admin.get(&reset).await.expect(200).expect_text("lost their second factors");
    let fields = [("reason", "Lost the laptop on a train"), ("lost", "yes")];
    admin.post(&reset, &fields).await.expect(303);
    let (browser, asked) = sign_in_page(&app).await;
    let answer = authenticator.sign_in(&asked);
    browser.post("/app/sign-in/passkey", &[("answer", &answer)]).await.expect(401);
}

#[tokio::test]
async fn where_browsers_have_no_passkeys_pages_offer_none() {
    let app = TestApp::open().await;
    let user = app.person("Dana Whitlock", Role::Lead).await;
    app.set_password(user).await;
    let mut browser = app.session_of(user).await;
    browser.host = "192.0.2.1";
    let stranger = Browser { host: "192.0.2.1", ..app.stranger() };
    let page = stranger.get("/app/sign-in").await.expect(200).expect_no_text("data-passkey");
    page.expect_no_text("passkey").expect_text("autocomplete=\"username\"");
    let page = browser.get("/app/account/passkeys/new").await.expect(200).expect_text("do not work at this address");
    page.expect_no_text("localhost");
    let loopback = Browser { host: "127.0.0.1:8080", ..app.session_of(user).await };
    let page = loopback.get("/app/account/passkeys/new").await.expect(200).expect_text("do not work at this address");
    page.expect_text("href=\"https://localhost:8080/app/account/passkeys/new\"");
    for path in ["/app/sign-in/passkey", "/app/account/passkeys/new"] {
        browser.post(path, &[("answer", "{}"), ("name", "Laptop")]).await.expect(404);
    }
}
