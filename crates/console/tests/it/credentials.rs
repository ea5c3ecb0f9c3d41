//! Service accounts, as an administrator manages them in the web app.

use std::time::Duration;

use auth::{AccountStatus, Role, ServiceAccount};
use axum::http::{Request, header};
use http_body_util::BodyExt as _;
use kernel::Id;
use scopes::{Scope, ScopeSet};
use serde_json::Value;
use store_contract::samples;
use tower::ServiceExt as _;

use crate::support::{Browser, TestApp, cookie, with_cookie};

pub(crate) const LIST: &str = "/app/developers/api/credentials";

/// The fields of a form that creates an account.
pub(crate) const NEW: [(&str, &str); 4] = [
    ("name", "mobile-code-scan"),
    ("contact", "appsec@cedar.example"),
    ("scope", "governance.findings:write"),
    ("reason", "Second scanner for the mobile apps"),
];

/// Creates an account, and returns its identifier with the cookie that carries its secret.
pub(crate) async fn create(browser: &Browser) -> (Id<ServiceAccount>, String) {
    let page = browser.post(LIST, &NEW).await.expect(303);
    let id = page.location().strip_prefix(&format!("{LIST}/")).unwrap().strip_suffix("/secret").unwrap();
    (id.parse().unwrap(), cookie(&page, "novantra-secret"))
}

pub(crate) async fn account(app: &TestApp, id: Id<ServiceAccount>) -> auth::Account {
    app.fixture.get::<ServiceAccount>(app.fixture.home, id).await.unwrap()
}

fn secret_in(html: &str) -> String {
    let start = html.find("nvsec_").unwrap();
    html[start..].chars().take_while(|letter| letter.is_ascii_alphanumeric() || *letter == '_').collect()
}

#[tokio::test]
async fn a_new_account_has_a_secret_that_is_shown_once_and_works() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Admin).await;
    let (id, carried) = create(&browser).await;
    let page = with_cookie(&browser, &carried).get(&format!("{LIST}/{id}/secret")).await.expect(200);
    assert_eq!(page.headers[header::CACHE_CONTROL], "no-store");
    assert_eq!(cookie(&page, "novantra-secret"), "novantra-secret=", "the browser forgets the secret");
    let secret = secret_in(&page.html());
    // The browser has no cookie any more.
    let again = browser.get(&format!("{LIST}/{id}/secret")).await.expect(200);
    again.expect_text("was shown already").expect_no_text("nvsec_");
    let body = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
    let request = Request::post("/api/v1/auth/token")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::HOST, "novantra.test")
        .body(axum::body::Body::from(body));
    let response = app.router.clone().oneshot(request.unwrap()).await.unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
    let actions = app.actions().await;
    let created = ("service_account.created".to_owned(), Some("Second scanner for the mobile apps".to_owned()));
    assert!(actions.contains(&created), "{actions:?}");
    assert!(actions.contains(&("service_account.secret_shown".to_owned(), None)), "{actions:?}");
}

#[tokio::test]
async fn a_secret_is_shown_to_no_other_session_at_no_other_page_and_not_later() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Admin).await;
    let (id, carried) = create(&browser).await;
    let path = format!("{LIST}/{id}/secret");
    let other = app.browser(Role::Admin).await;
    with_cookie(&other, &carried).get(&path).await.expect(200).expect_no_text("nvsec_");
    let second = browser.post(LIST, &[("name", "other"), NEW[2], NEW[3]]).await.expect(303);
    with_cookie(&browser, &carried).get(second.location()).await.expect(200).expect_no_text("nvsec_");
    let altered = carried.replace(&carried[20..22], if &carried[20..22] == "00" { "11" } else { "00" });
    with_cookie(&browser, &altered).get(&path).await.expect(200).expect_no_text("nvsec_");
    app.fixture.clock.advance(Duration::from_secs(601));
    with_cookie(&browser, &carried).get(&path).await.expect(200).expect_no_text("nvsec_");
}

#[tokio::test]
async fn all_faults_of_a_new_account_are_shown_at_once_and_what_was_typed_stays() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Admin).await;
    let typed = [("name", ""), ("contact", "nobody"), ("expires", "2001-01-01"), ("reason", "short")];
    let page = browser.post(LIST, &typed).await.expect(400).expect_text("There are 5 problems");
    let page = page.expect_text("value=\"nobody\"").expect_text("value=\"2001-01-01\"");
    page.expect_text("<title>Error: ").expect_text("href=\"#scopes\"");
    create(&browser).await;
    browser.post(LIST, &NEW).await.expect(409).expect_text("is taken by another service account");
}

#[tokio::test]
async fn an_account_is_rotated_disabled_enabled_and_changed_with_a_reason() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Admin).await;
    let (id, _) = create(&browser).await;
    let path = format!("{LIST}/{id}");
    let reason = ("reason", "The yearly review asks for it");
    browser.get(&format!("{path}/rotate")).await.expect(200).expect_text("How long the present secret keeps working");
    let rotated = browser.post(&format!("{path}/rotate"), &[("revision", "1"), ("grace", "3600"), reason]).await;
    assert_eq!(rotated.expect(303).location(), format!("{path}/secret"));
    assert_eq!(account(&app, id).await.record.valid_secrets(app.fixture.now()).count(), 2);
    browser.get(&path).await.expect(200).expect_text("Rotating");
    let scopes = [("revision", "2"), ("scope", "governance.findings:read"), ("scope", "audit:read"), reason];
    browser.post(&format!("{path}/scopes"), &scopes).await.expect(303);
    let expected = ScopeSet::from_iter([Scope::FindingsRead, Scope::AuditRead]);
    assert_eq!(account(&app, id).await.record.scopes, expected);
    let limits = [("revision", "3"), ("reads", "1200"), ("writes", ""), reason];
    browser.post(&format!("{path}/limits"), &limits).await.expect(303);
    assert_eq!(account(&app, id).await.record.limits.reads, Some(1200));
    browser.get("/app/developers/api/limits").await.expect(200).expect_text("mobile-code-scan").expect_text("1,200");
    let details = [("revision", "4"), ("contact", ""), ("expires", "2099-12-31"), reason];
    browser.post(&format!("{path}/edit"), &details).await.expect(303);
    let changed = account(&app, id).await.record;
    assert!(changed.contact.is_none() && changed.expires_at.is_some());
    browser.get(&format!("{path}/status")).await.expect(200).expect_text("Disable mobile-code-scan");
    let disable = [("revision", "5"), ("status", "disabled"), reason];
    browser.post(&format!("{path}/status"), &disable).await.expect(303);
    assert_eq!(account(&app, id).await.record.status, AccountStatus::Disabled);
    let enable = [("revision", "6"), ("status", "active"), reason];
    browser.post(&format!("{path}/status"), &enable).await.expect(303);
    let actions: Vec<String> =
        app.actions().await.into_iter().filter(|(_, why)| why.is_some()).map(|(action, _)| action).collect();
    let names = ["created", "rotated", "scopes_set", "limits_set", "updated", "disabled", "enabled"];
    assert_eq!(actions, names.map(|name| format!("service_account.{name}")));
    let changes = browser.get(&format!("{path}/changes")).await.expect(200);
    changes.expect_text("service_<wbr>account.<wbr>scopes_<wbr>set").expect_text("Dana Whitlock");
}

#[tokio::test]
async fn a_form_that_was_opened_before_another_change_shows_what_is_stored_now() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Admin).await;
    let (id, _) = create(&browser).await;
    let path = format!("{LIST}/{id}");
    let reason = ("reason", "The yearly review asks for it");
    let first = [("revision", "1"), ("scope", "audit:read"), reason];
    browser.post(&format!("{path}/scopes"), &first).await.expect(303);
    let second = [("revision", "1"), ("scope", "governance.risks:read"), reason];
    let page = browser.post(&format!("{path}/scopes"), &second).await.expect(409);
    let page = page.expect_text("Somebody else changed this account").expect_text("Stored scopes");
    page.expect_text("name=\"revision\" value=\"2\"").expect_text("value=\"governance.risks:read\" checked");
    let rotate = [("revision", "1"), ("grace", "0"), reason];
    browser.post(&format!("{path}/rotate"), &rotate).await.expect(409);
    let limits = [("revision", "1"), ("reads", "7"), reason];
    browser.post(&format!("{path}/limits"), &limits).await.expect(409).expect_text("value=\"7\"");
    assert_eq!(account(&app, id).await.meta.revision.0, 2);
}

#[tokio::test]
async fn who_may_only_see_integrations_changes_none_and_others_see_none() {
    let app = TestApp::open().await;
    let (id, _) = create(&app.browser(Role::Admin).await).await;
    let path = format!("{LIST}/{id}");
    let pages = ["", "/calls", "/findings", "/webhooks", "/changes"];
    let forms = ["/rotate", "/status", "/scopes", "/limits", "/edit"];
    let fields =
        [("revision", "1"), ("status", "disabled"), ("scope", "audit:read"), ("reason", "Because I can do it")];
    for role in [Role::Lead, Role::Auditor, Role::Contributor, Role::Reader] {
        let browser = app.browser(role).await;
        let sees = matches!(role, Role::Lead | Role::Auditor);
        for page in pages {
            browser.get(&format!("{path}{page}")).await.expect(if sees { 200 } else { 403 });
        }
        for form in forms {
            browser.get(&format!("{path}{form}")).await.expect(403);
            browser.post(&format!("{path}{form}"), &fields).await.expect(403);
        }
        browser.get(&format!("{path}/secret")).await.expect(403);
        browser.get(&format!("{LIST}/new")).await.expect(403);
        browser.post(LIST, &NEW).await.expect(403);
        browser.get(LIST).await.expect(if sees { 200 } else { 403 }).expect_no_text("New service account");
    }
    assert_eq!(account(&app, id).await.meta.revision.0, 1);
}

#[tokio::test]
async fn a_form_without_its_token_changes_nothing() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Admin).await;
    browser.post_without_token(LIST, &NEW).await.expect(403);
    browser.get(LIST).await.expect(200).expect_text("No service accounts yet");
}

#[tokio::test]
async fn the_name_of_an_account_is_inert_wherever_it_is_shown() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Admin).await;
    let name = "<script>alert(1)</script>\" onload=\"x";
    let page = browser.post(LIST, &[("name", name), NEW[2], NEW[3]]).await.expect(303);
    let path = page.location().strip_suffix("/secret").unwrap().to_owned();
    let pages = ["", "/calls", "/changes", "/webhooks", "/rotate", "/status", "/scopes", "/limits", "/edit", "/secret"];
    for address in pages.iter().map(|page| format!("{path}{page}")).chain([LIST.to_owned()]) {
        browser.get(&address).await.expect(200).expect_no_text("<script>alert").expect_no_text("\" onload=");
    }
}

#[tokio::test]
async fn the_account_of_another_workspace_is_not_found() {
    let app = TestApp::open().await;
    let other = app.fixture.create_organization("other").await;
    let foreign = app.fixture.create(other, store_contract::samples::account("foreign")).await;
    let browser = app.browser(Role::Admin).await;
    let path = format!("{LIST}/{}", foreign.meta.id);
    for page in ["", "/calls", "/rotate", "/secret"] {
        browser.get(&format!("{path}{page}")).await.expect(404);
    }
    let fields = [("revision", "1"), ("grace", "0"), ("reason", "Because I can do it")];
    browser.post(&format!("{path}/rotate"), &fields).await.expect(404);
}

#[tokio::test]
async fn the_document_has_what_the_pages_say_about_limits() {
    let app = TestApp::open().await;
    let document: Value = api_v1::document();
    assert!(document["paths"]["/api/v1/auth/token"].is_object());
    let page = app.browser(Role::Admin).await.get(&format!("{LIST}/new?preset=push-findings")).await.expect(200);
    page.expect_text("1,000,000 a minute")
        .expect_text("value=\"governance.findings:read\" checked")
        .expect_text("value=\"governance.findings:write\" checked")
        .expect_text("token of 15 minutes");
}

#[tokio::test]
async fn a_secret_is_created_or_rotated_only_shortly_after_the_password_was_entered() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Admin).await;
    let (id, _) = create(&browser).await;
    let webhooks = "/app/developers/webhooks";
    let subscription = samples::subscription(id, 0);
    let subscription = app.fixture.create(app.fixture.home, subscription).await.meta.id;
    app.fixture.clock.advance(Duration::from_secs(16 * 60));
    let new = format!("{LIST}/new");
    let rotate = format!("{LIST}/{id}/rotate");
    let rotate_signing = format!("{webhooks}/{subscription}/rotate");
    for path in [new.as_str(), &rotate, &format!("{webhooks}/new"), &rotate_signing] {
        let location = browser.get(path).await.expect(303).location().to_owned();
        assert!(location.starts_with("/app/confirm-password?next="), "{path}: {location}");
    }
    let reason = ("reason", "The yearly review asks for it");
    let rotation = [("revision", "1"), ("grace", "3600"), reason];
    let address = ("url", "https://hooks.example/in");
    let account = id.to_string();
    let subscribe = [("account", account.as_str()), address, ("event", "finding.created"), reason];
    let forms: [(&str, &[(&str, &str)]); 4] =
        [(LIST, &NEW), (&rotate, &rotation), (webhooks, &subscribe), (&rotate_signing, &rotation)];
    for (path, fields) in forms {
        browser.post(path, fields).await.expect(401).expect_text("Enter your password again");
    }
    assert_eq!(account_revision(&app, id).await, 1);
    browser
        .post(&format!("{LIST}/{id}/status"), &[("revision", "1"), ("status", "disabled"), reason])
        .await
        .expect(303);
}

#[tokio::test]
async fn a_preset_keeps_what_was_typed() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Admin).await;
    let new = format!("{LIST}/new");
    let page = browser.get(&new).await.expect(200);
    page.expect_text(&format!(
        "<button class=\"chip bare\" formaction=\"{new}\" name=\"preset\" value=\"push-findings\""
    ));
    let typed = [NEW[0], NEW[1], ("expires", "2031-12-31"), ("scope", "audit:read"), NEW[3]];
    for (preset, is_granted) in [("push-findings", true), ("", false)] {
        let fields: Vec<_> = typed.into_iter().chain([("preset", preset)]).collect();
        let page = browser.post(&new, &fields).await.expect(303);
        assert!(!page.location().contains("formToken"), "{}", page.location());
        let page = browser.get(page.location()).await.expect(200).expect_no_text("\"audit:read\" checked");
        for (name, value) in [NEW[0], NEW[1], ("expires", "2031-12-31"), NEW[3]] {
            assert!(page.html().contains(&format!("value=\"{value}\"")), "{name}");
        }
        let is_ticked = page.html().contains("value=\"governance.findings:write\" checked");
        assert_eq!(is_ticked, is_granted, "{preset}");
    }
}

#[tokio::test]
async fn a_refused_form_is_recorded_as_refused() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Admin).await;
    let fields = [NEW[0], NEW[1], NEW[2], ("reason", "short")];
    browser.post(LIST, &fields).await.expect(400);
    assert_eq!(app.actions().await.last().unwrap().0, "service_account.created.refused");
    create(&browser).await;
    browser.post(LIST, &NEW).await.expect(409);
    let actions: Vec<String> = app.actions().await.into_iter().map(|(action, _)| action).collect();
    assert_eq!(actions.iter().filter(|action| *action == "service_account.created").count(), 1, "{actions:?}");
}

async fn account_revision(app: &TestApp, id: Id<ServiceAccount>) -> i64 {
    account(app, id).await.meta.revision.0
}
