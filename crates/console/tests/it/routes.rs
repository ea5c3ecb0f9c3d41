//! Every address of the route table: who may use it, its headers, and from where its forms may come.

use auth::{Permission, Role};
use axum::http::{HeaderName, Method, header};
use http_api::{endpoints::Operation, request::Access};

use crate::support::{Browser, Page, TestApp};

/// The address of a route with something in the place of each parameter.
fn address(operation: &Operation) -> String {
    let parts = operation.path.split('/').map(|part| if part.starts_with('{') { "nothing" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

fn is_public(operation: &Operation) -> bool {
    operation.access == Access::Public
}

async fn call(browser: &Browser, operation: &Operation, fields: &[(&str, &str)]) -> Page {
    let address = address(operation);
    if operation.method == Method::GET { browser.get(&address).await } else { browser.post(&address, fields).await }
}

fn describe(operation: &Operation) -> String {
    format!("{} {}", operation.method, operation.path)
}

#[tokio::test]
async fn every_route_is_open_to_the_roles_that_its_permission_names_and_to_no_other() {
    let app = TestApp::open().await;
    for role in Role::ALL {
        let user = app.person("Dana Whitlock", *role).await;
        app.set_password(user).await;
        for operation in console::route_table().iter().filter(|operation| !is_public(operation)) {
            let browser = app.session_of(user).await;
            let page = call(&browser, operation, &[]).await;
            let what = format!("{} as {}: {}", describe(operation), role.name(), page.status);
            let is_permitted = match operation.access {
                Access::Permission(permission) => role.permits(permission),
                _ => true,
            };
            assert_eq!(page.status == 403, !is_permitted, "{what}");
            if !is_permitted {
                assert!(page.html().contains("This needs the role"), "{what}");
            }
            let is_sign_out = operation.path == "/app/sign-out";
            let location = page.headers.get(header::LOCATION).map(|to| to.to_str().unwrap().to_owned());
            let asks_to_sign_in = location.is_some_and(|to| to.starts_with("/app/sign-in"));
            assert_eq!(asks_to_sign_in, is_sign_out, "{what}");
        }
    }
}

#[tokio::test]
async fn nobody_opens_a_route_without_signing_in() {
    let app = TestApp::open().await;
    let token = app.access_token().await;
    for operation in console::route_table().iter().filter(|operation| !is_public(operation)) {
        let page = call(&app.stranger(), operation, &[]).await.expect(303);
        assert!(page.location().starts_with("/app/sign-in?next="), "{}", describe(operation));
        // The token of a program opens none of them, either.
        let page = app.stranger().with_bearer(&address(operation), &operation.method, &token).await;
        assert_eq!(page.status, 303, "{}", describe(operation));
    }
}

#[tokio::test]
async fn a_session_opens_nothing_of_the_api() {
    let app = TestApp::open().await;
    let admin = app.browser(Role::Admin).await;
    admin.get("/api/v1/governance/findings").await.expect(401);
    let token = app.access_token().await;
    app.stranger().with_bearer("/api/v1/governance/findings", &Method::GET, &token).await.expect(200);
}

#[tokio::test]
async fn no_form_is_accepted_without_its_token_or_from_another_site() {
    let app = TestApp::open().await;
    let user = app.person("Dana Whitlock", Role::Admin).await;
    app.set_password(user).await;
    for operation in console::route_table().iter().filter(|operation| operation.method == Method::POST) {
        let browser = app.session_of(user).await;
        let (address, before) = (address(operation), app.actions().await.len());
        if !is_public(operation) {
            let page = browser.post_without_token(&address, &[("formToken", &"0".repeat(64))]).await;
            // Some look for the record first.
            let is_refused = page.status == 403 || (page.status == 404 && operation.path.contains('{'));
            assert!(is_refused, "{}: {}", describe(operation), page.status);
        }
        for site in [Some("cross-site"), Some("same-site"), None] {
            let page = browser.post_from(&address, site).await;
            assert_eq!(page.status, 403, "{} from {site:?}", describe(operation));
        }
        let new: Vec<_> = app.actions().await.split_off(before);
        assert!(new.iter().all(|(action, _)| action.ends_with(".refused")), "{}: {new:?}", describe(operation));
    }
}

#[tokio::test]
async fn every_response_forbids_what_pages_do_not_need_and_is_kept_by_no_cache() {
    let app = TestApp::open().await;
    let admin = app.browser(Role::Admin).await;
    let reader = app.browser(Role::Reader).await;
    let is_asset = |operation: &&Operation| !operation.path.starts_with("/app/static/");
    for operation in console::route_table().iter().filter(is_asset) {
        let admin = if operation.path == "/app/sign-out" { &reader } else { &admin };
        for page in [call(admin, operation, &[]).await, call(&app.stranger(), operation, &[]).await] {
            expect_headers(&page, &describe(operation));
        }
    }
    let admin = app.browser(Role::Admin).await;
    expect_headers(&admin.get("/app/no-such-page").await.expect(404), "a page that does not exist");
    expect_headers(&app.stranger().get("/app/no-such-page").await.expect(404), "a page that does not exist");
}

#[track_caller]
fn expect_headers(page: &Page, what: &str) {
    let header = |name: &'static str| {
        let value = page.headers.get(HeaderName::from_static(name));
        value.map_or("", |value| value.to_str().unwrap()).to_owned()
    };
    assert!(header("content-security-policy").starts_with("default-src 'none'; "), "{what}");
    assert!(!header("content-security-policy").contains("unsafe"), "{what}");
    assert_eq!(header("x-frame-options"), "DENY", "{what}");
    assert_eq!(header("x-content-type-options"), "nosniff", "{what}");
    assert_eq!(header("referrer-policy"), "same-origin", "{what}");
    assert_eq!(header("cache-control"), "no-store", "{what}");
    let html = page.html();
    assert!(!html.contains(" style=") && !html.contains("<style") && !html.contains("onclick"), "{what}");
}

#[tokio::test]
async fn the_rail_shows_only_sections_that_exist_and_are_open_to_the_role() {
    let app = TestApp::open().await;
    for role in Role::ALL {
        let browser = app.browser(*role).await;
        let html = browser.get("/app").await.expect(200).html();
        let (_, rail) = html.split_once("<nav class=\"rail\"").unwrap();
        let (rail, _) = rail.split_once("</nav>").unwrap();
        let links: Vec<&str> = rail.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
        assert_eq!(links.contains(&"/app/workspace"), role.permits(Permission::ManageWorkspace), "{}", role.name());
        assert_eq!(links.contains(&"/app/people"), role.permits(Permission::ReadPeople), "{}", role.name());
        for link in links {
            browser.get(link).await.expect(200);
        }
    }
}

#[tokio::test]
async fn an_error_of_somebody_who_has_signed_in_is_shown_inside_the_frame() {
    let app = TestApp::open().await;
    let reader = app.browser(Role::Reader).await;
    let page = reader.get("/app/no-such-page").await.expect(404);
    page.expect_text("class=\"rail\"").expect_text("There is no such page here").expect_text("req_");
    let page = reader.get("/app/workspace").await.expect(403);
    page.expect_text("class=\"rail\"").expect_text("This needs the role admin");
    app.stranger().get("/app/no-such-page").await.expect(404).expect_no_text("class=\"rail\"");
}
