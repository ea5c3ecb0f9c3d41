//! The steps of a sign-in, as an attacker sees them.

use auth::Role;
use axum::http::header;

use crate::support::{Browser, EMAIL, PASSWORD, Page, TestApp, form_value};

/// The cookie of the session that a response begins.
#[track_caller]
pub(crate) fn session_of(page: &Page) -> String {
    let cookies = page.headers.get_all(header::SET_COOKIE).iter().map(|value| value.to_str().unwrap());
    let mut sessions = cookies.filter(|cookie| cookie.starts_with("__Host-novantra-session="));
    let cookie = sessions.next().unwrap_or_else(|| panic!("{}: {}", page.status, page.html()));
    assert!(cookie.ends_with("; HttpOnly; SameSite=Lax; Secure"), "{cookie}");
    cookie.split(';').next().unwrap().to_owned()
}

/// Accepts the invitation of an administrator, and returns their browser and the key of their app.
pub(crate) async fn first_sign_in(app: &TestApp) -> (Browser, String) {
    let link = app.invite(Role::Admin).await;
    let mut browser = app.stranger();
    let page = browser.get(&link).await.expect(200);
    let (offer, html) = (form_value(&page, "offer"), page.html());
    let key = html.split_once("<code id=\"key\">").unwrap().1.split('<').next().unwrap().to_owned();
    let fields = [("password", PASSWORD), ("offer", offer.as_str()), ("code", &app.code(&key))];
    let page = browser.post(&link, &fields).await.expect(200).expect_text("Keep these recovery codes");
    browser.cookie = session_of(&page);
    browser.form_token = form_value(&browser.get("/app").await.expect(200), "formToken");
    (browser, key)
}

pub(crate) async fn enter_password(browser: &Browser, next: &str) -> Page {
    browser
        .post("/app/sign-in", &[("workspace", "home"), ("email", EMAIL), ("password", PASSWORD), ("next", next)])
        .await
}

#[tokio::test]
async fn the_session_changes_at_each_step_and_none_that_was_there_before_is_adopted() {
    let app = TestApp::open().await;
    let (first, key) = first_sign_in(&app).await;
    let mut browser = app.stranger();
    // A session that an attacker planted in the browser.
    let planted = app.browser(Role::Reader).await.cookie;
    browser.cookie.clone_from(&planted);
    let page = enter_password(&browser, "/app").await.expect(303);
    assert!(page.location().starts_with("/app/second-factor?next="));
    let half = session_of(&page);
    browser.cookie.clone_from(&half);
    // Half a sign-in opens nothing.
    assert!(browser.get("/app").await.expect(303).location().starts_with("/app/sign-in"));
    browser.get("/app/account").await.expect(303);
    app.fixture.clock.advance(std::time::Duration::from_secs(30));
    let code = app.code(&key);
    let page = browser.post("/app/second-factor", &[("code", &code), ("next", "/app")]).await.expect(303);
    let full = session_of(&page);
    let sessions = [&first.cookie, &planted, &half, &full];
    assert!(sessions.iter().enumerate().all(|(index, one)| !sessions[..index].contains(one)));
    // The session of the first step is over.
    browser.get("/app").await.expect(303);
    browser.cookie = full;
    browser.get("/app").await.expect(200);
    // The code works once.
    let again = enter_password(&app.stranger(), "/app").await.expect(303);
    let mut thief = app.stranger();
    thief.cookie = session_of(&again);
    thief.post("/app/second-factor", &[("code", &code)]).await.expect(401);
}

#[tokio::test]
async fn after_the_sign_out_the_session_opens_nothing() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Reader).await;
    let page = browser.post("/app/sign-out", &[]).await.expect(303);
    assert!(session_of_end(&page).contains("Max-Age=0"));
    browser.get("/app").await.expect(303);
    browser.get("/app/account").await.expect(303);
}

#[track_caller]
fn session_of_end(page: &Page) -> String {
    page.headers[header::SET_COOKIE].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_person_are_answered_alike() {
    let app = TestApp::open().await;
    first_sign_in(&app).await;
    let answer = async |email: &str| {
        let fields = [("workspace", "home"), ("email", email), ("password", "not the password")];
        let page = app.stranger().post("/app/sign-in", &fields).await.expect(401);
        let html = page.html();
        // Each page has a challenge for passkeys of its own.
        let challenge = html.split_once("challenge&quot;:&quot;").unwrap().1.split_once("&quot;").unwrap().0;
        html.replace(challenge, "").replace(email, "")
    };
    assert_eq!(answer(EMAIL).await, answer("nobody@brackwater.example").await);
}

#[tokio::test]
async fn a_sign_in_that_waits_for_a_code_is_offered_no_other_factor() {
    let app = TestApp::open().await;
    first_sign_in(&app).await;
    let mut browser = app.stranger();
    browser.cookie = session_of(&enter_password(&browser, "/app/risks").await.expect(303));
    let page = browser.get("/app/set-up-second-factor?next=/app/risks").await.expect(303);
    assert_eq!(page.location(), "/app/second-factor?next=%2Fapp%2Frisks");
}

#[tokio::test]
async fn the_key_of_a_second_factor_stays_the_same_until_its_form_is_accepted() {
    let app = TestApp::open().await;
    let link = app.invite(Role::Admin).await;
    let mut browser = app.stranger();
    let page = browser.get(&link).await.expect(200);
    let (offer, key) = (form_value(&page, "offer"), key_of(&page));
    let code = app.code(&key);
    for (password, code) in [("passwordpassword", code.as_str()), (PASSWORD, "000000")] {
        let page = browser.post(&link, &[("password", password), ("offer", &offer), ("code", code)]).await.expect(400);
        assert_eq!((form_value(&page, "offer"), key_of(&page)), (offer.clone(), key.clone()));
    }
    // An offer that nobody made is replaced.
    let page = browser.post(&link, &[("password", PASSWORD), ("offer", "x"), ("code", &code)]).await.expect(400);
    assert_ne!(key_of(&page), key);
    let fields = [("password", PASSWORD), ("offer", offer.as_str()), ("code", &code)];
    let page = browser.post(&link, &fields).await.expect(200).expect_text("Keep these recovery codes");
    browser.cookie = session_of(&page);

    let account = "/app/account/second-factor";
    let page = browser.get(account).await.expect(200);
    browser.form_token = form_value(&page, "formToken");
    let (offer, key) = (form_value(&page, "offer"), key_of(&page));
    let page = browser.post(account, &[("offer", &offer), ("code", "000000")]).await.expect(400);
    assert_eq!((form_value(&page, "offer"), key_of(&page)), (offer, key));
}

/// The key that a page offers.
fn key_of(page: &Page) -> String {
    page.html().split_once("<code id=\"key\">").unwrap().1.split('<').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_session_that_was_ended_elsewhere_is_said_to_have_ended_and_leads_back() {
    let app = TestApp::open().await;
    let user = app.person("Lin Ortega", Role::Lead).await;
    let (theirs, other) = (app.session_of(user).await, app.session_of(user).await);
    other.post("/app/account/sessions", &[("session", "others")]).await.expect(303);
    let page = theirs.get("/app/risks?status=accepted").await.expect(303);
    assert_eq!(page.location(), "/app/sign-in?next=%2Fapp%2Frisks%3Fstatus%3Daccepted&ended=yes");
    let page = theirs.get(page.location()).await.expect(200).expect_text("Your session has ended.");
    page.expect_no_text("What you have just sent was not stored.");
    // A form that has a page at its address leads back to that; another one to the overview.
    let finding = app.fixture.create(app.fixture.home, store_contract::samples::finding("IA-1")).await.meta.id;
    let form = format!("/app/findings/{finding}/edit");
    for (path, next) in [(form.as_str(), form.as_str()), ("/app/findings/triage/apply", "/app")] {
        let page = theirs.post(path, &[("title", "Typed")]).await.expect(303);
        let next: String = form_urlencoded::byte_serialize(next.as_bytes()).collect();
        assert_eq!(page.location(), format!("/app/sign-in?next={next}&ended=unsent"));
        theirs.get(page.location()).await.expect(200).expect_text("What you have just sent was not stored.");
    }
    // Who had no session learns nothing of one.
    let page = app.stranger().get("/app/risks").await.expect(303);
    assert_eq!(page.location(), "/app/sign-in?next=%2Fapp%2Frisks");
    app.stranger().get(page.location()).await.expect(200).expect_no_text("Your session has ended.");
}
