//! The account of a person, as they set it themselves.

use auth::{Role, User};
use axum::http::header;

use crate::support::{Browser, PASSWORD, Page, TestApp, cookie, form_value, with_cookie};

/// The recovery codes of the page that a response leads to, which offers them as a file and to be copied.
async fn shown_codes(browser: &Browser, page: &Page) -> Vec<String> {
    let carried = with_cookie(browser, &cookie(page, "novantra-secret"));
    let page = carried.get(page.location()).await.expect(200).expect_text("Keep these recovery codes");
    let html = page.expect_text("data-copy=\"recovery-codes\"").html();
    let (_, file) = html.split_once("href=\"data:text/plain;charset=utf-8,").unwrap();
    let codes = file.split('"').next().unwrap().split("%0A").filter(|code| !code.is_empty());
    let codes: Vec<String> = codes.map(str::to_owned).collect();
    assert_eq!(codes.len(), 10);
    assert!(codes.iter().all(|code| html.contains(&format!("<code>{code}</code>\n"))), "{codes:?}");
    codes
}

#[tokio::test]
async fn a_person_changes_their_name_and_time_zone() {
    let app = TestApp::open().await;
    let user = app.person("Dana Whitlock", Role::Reader).await;
    let browser = app.session_of(user).await;
    let page =
        browser.post("/app/account/profile", &[("name", ""), ("timezone", "Atlantis/Capital")]).await.expect(400);
    page.expect_text("There are 2 problems").expect_text("no time zone “Atlantis/Capital”");
    let fields = [("name", "Dana <script>alert(1)</script>"), ("timezone", "America/Denver")];
    browser.post("/app/account/profile", &fields).await.expect(303);
    let stored = app.fixture.get::<User>(app.fixture.home, user).await.unwrap();
    assert_eq!(stored.record.timezone.unwrap().as_str(), "America/Denver");
    let page = browser.get("/app/account").await.expect(200);
    page.expect_text("Times in America/Denver").expect_no_text("<script>alert");
    assert!(app.actions().await.iter().any(|(action, _)| action == "user.updated"));
}

#[tokio::test]
async fn another_password_ends_all_sessions_and_begins_a_new_one() {
    let app = TestApp::open().await;
    let user = app.person("Dana Whitlock", Role::Lead).await;
    app.set_password(user).await;
    let (browser, other) = (app.session_of(user).await, app.session_of(user).await);
    let new = "tarn gorse lapwing";
    let page = browser.post("/app/account/password", &[("current", "wrong"), ("password", new)]).await.expect(401);
    page.expect_text("not your present password");
    let page = browser.post("/app/account/password", &[("current", PASSWORD), ("password", "short")]).await.expect(400);
    page.expect_text("The new password must have at least 12 characters").expect_no_text(PASSWORD);
    other.get("/app").await.expect(200);
    let page = browser.post("/app/account/password", &[("current", PASSWORD), ("password", new)]).await.expect(303);
    let cookie = page.headers[header::SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
    assert_ne!(cookie, browser.cookie);
    browser.get("/app").await.expect(303);
    other.get("/app").await.expect(303);
    let mut renewed = app.stranger();
    renewed.cookie = cookie;
    renewed.get("/app").await.expect(200);
}

#[tokio::test]
async fn a_second_factor_is_set_up_replaced_and_removed() {
    let app = TestApp::open().await;
    let user = app.person("Dana Whitlock", Role::Lead).await;
    app.set_password(user).await;
    let mut browser = app.session_of(user).await;
    let path = "/app/account/second-factor";
    let page = browser.get(path).await.expect(200);
    let (offer, html) = (form_value(&page, "offer"), page.html());
    let key = html.split_once("<code id=\"key\">").unwrap().1.split('<').next().unwrap().to_owned();
    let wrong = browser.post(path, &[("offer", &offer), ("code", "000000x")]).await.expect(400);
    // The key that was scanned is offered again.
    assert_eq!(form_value(&wrong, "offer"), offer);
    let page = browser.post(path, &[("offer", &offer), ("code", &app.code(&key))]).await.expect(303);
    let session = cookie(&page, "__Host-novantra-session");
    assert_ne!(session, browser.cookie);
    browser.cookie = session;
    let codes = shown_codes(&browser, &page).await;
    browser.form_token = form_value(&browser.get("/app/account").await.expect(200), "formToken");
    browser.get("/app/account").await.expect(200).expect_text("10 recovery codes are left");
    let page = browser.post("/app/account/recovery-codes", &[]).await.expect(303);
    let others = shown_codes(&browser, &page).await;
    assert!(codes.iter().all(|code| !others.contains(code)));
    // A reload of the page makes no others.
    browser.get(page.location()).await.expect(200).expect_text("were shown already").expect_no_text(&others[0]);
    browser.post("/app/account/second-factor/remove", &[]).await.expect(303);
    browser.get("/app/account").await.expect(200).expect_text("Set up a second factor…");
}

#[tokio::test]
async fn a_person_ends_one_of_their_sessions_or_all_others() {
    let app = TestApp::open().await;
    let user = app.person("Dana Whitlock", Role::Reader).await;
    let browsers = [app.session_of(user).await, app.session_of(user).await, app.session_of(user).await];
    let own = browsers[0].get("/app/account").await.expect(200).expect_no_text("<script>alert");
    assert_eq!(own.html().matches("value=\"sess_").count(), 3);
    browsers[0].post("/app/account/sessions", &[("session", "others")]).await.expect(303);
    browsers[0].get("/app").await.expect(200);
    browsers[1].get("/app").await.expect(303);
    browsers[2].get("/app").await.expect(303);
    let session = form_value(&browsers[0].get("/app/account").await, "session");
    let page = browsers[0].post("/app/account/sessions", &[("session", &session)]).await.expect(303);
    assert_eq!(page.location(), "/app/sign-in");
    browsers[0].get("/app").await.expect(303);
}

#[tokio::test]
async fn nobody_ends_a_session_of_somebody_else() {
    let app = TestApp::open().await;
    let (mallory, dana) = (app.browser(Role::Reader).await, app.browser(Role::Admin).await);
    let session = form_value(&dana.get("/app/account").await, "session");
    mallory.post("/app/account/sessions", &[("session", &session)]).await.expect(303);
    dana.get("/app").await.expect(200);
}

#[tokio::test]
async fn colors_and_rows_are_kept_in_cookies_with_one_of_a_few_values() {
    let app = TestApp::open().await;
    let mut browser = app.browser(Role::Reader).await;
    let page = browser.post("/app/account/appearance", &[("theme", "dark"), ("rows", "compact")]).await.expect(303);
    let cookies: Vec<_> =
        page.headers.get_all(header::SET_COOKIE).iter().map(|value| value.to_str().unwrap()).collect();
    assert!(cookies.iter().any(|cookie| cookie.starts_with("novantra-theme=dark; Path=/app; ")), "{cookies:?}");
    assert!(cookies.iter().all(|cookie| cookie.contains("; HttpOnly; SameSite=Lax; Secure")), "{cookies:?}");
    browser.cookie += "; novantra-theme=dark; novantra-rows=compact";
    browser.get("/app/account").await.expect(200).expect_text("data-theme=\"dark\"");
    let page = browser.post("/app/account/appearance", &[("theme", "dark\r\nX: y"), ("rows", "\"")]).await.expect(303);
    let values: Vec<_> = page.headers.get_all(header::SET_COOKIE).iter().map(|value| value.to_str().unwrap()).collect();
    assert!(values.iter().all(|cookie| cookie.contains("=; ") && cookie.contains("Max-Age=0")), "{values:?}");
}
