//! Forms that need a recent proof of who the person is: they wait for the password, and nothing is typed twice.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use auth::{
    Account, AccountStatus, GroupRoles, IdentityProvider, OpenIdFlow, OpenIdRefusal, OpenIdRules, ProviderPerson, Role,
    ServiceAccount,
};
use crypto::{MasterKey, OpenIdFlowCipher};
use maud::Render as _;
use people::{OpenIdConnect, OpenIdSettings};
use scopes::{Scope, ScopeSet};
use store_contract::samples;

use crate::support::{Browser, PASSWORD, Page, TestApp, form_value};

const ACCOUNTS: &str = "/app/developers/api/credentials";
const WEBHOOKS: &str = "/app/developers/webhooks";
const REASON: (&str, &str) = ("reason", "The yearly review & its <findings>");
const LATER: Duration = Duration::from_secs(16 * 60);

type Fields<'f> = Vec<(&'f str, &'f str)>;

/// The hidden fields of a page, as the browser sends them.
fn hidden_fields(page: &Page) -> Vec<(String, String)> {
    let unescaped =
        |text: String| text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&");
    page.hidden_fields().into_iter().map(|(name, value)| (name, unescaped(value))).collect()
}

fn with_password<'f>(fields: &'f [(String, String)], password: &'f str) -> Fields<'f> {
    let fields = fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    fields.chain([("password", password)]).collect()
}

/// Sends a form too late, enters the password, and returns the response to the form that the browser sends again.
async fn send(app: &TestApp, browser: &Browser, path: &str, fields: &[(&str, &str)]) -> Page {
    let asked = browser.post(path, fields).await.expect(401).expect_text("What you typed is kept");
    let last = app.actions().await.pop().unwrap().0;
    assert!(last.ends_with(".refused"), "{path}: {last}");
    let hidden = hidden_fields(&asked);
    let again = with_password(&hidden, PASSWORD);
    let sent = browser.post("/app/confirm-password", &again).await.expect(307);
    assert_eq!(sent.location(), path);
    browser.post(path, &again).await
}

/// A service account of its own for each form, so that each sees the first revision.
async fn account(app: &TestApp, name: &str, status: AccountStatus) -> Account {
    let scopes = ScopeSet::from_iter([Scope::FindingsRead, Scope::WebhooksManage]);
    let record = ServiceAccount { scopes, status, ..samples::account(name) };
    app.fixture.create(app.fixture.home, record).await
}

async fn subscription(app: &TestApp, number: u32) -> String {
    let owner = account(app, &format!("owner {number}"), AccountStatus::Active).await;
    let subscription = samples::subscription(owner.meta.id, 0);
    app.fixture.create(app.fixture.home, subscription).await.meta.id.to_string()
}

#[tokio::test]
async fn each_form_that_needs_a_proof_is_kept_until_the_password_was_entered_and_then_has_its_effect() {
    let app = TestApp::open().await;
    let user = app.person("Dana Whitlock", Role::Admin).await;
    app.set_password(user).await;
    let account_of = async |name, status| format!("{ACCOUNTS}/{}", account(&app, name, status).await.meta.id);
    let active = AccountStatus::Active;
    let rotated = format!("{}/rotate", account_of("rotated", active).await);
    let scoped = format!("{}/scopes", account_of("scoped", active).await);
    let limited = format!("{}/limits", account_of("limited", active).await);
    let edited = format!("{}/edit", account_of("edited", active).await);
    let enabled = format!("{}/status", account_of("enabled", AccountStatus::Disabled).await);
    let owner = account(&app, "owner", active).await.meta.id.to_string();
    let (signing, moved) = (subscription(&app, 1).await, subscription(&app, 2).await);
    let (signing, moved) = (format!("{WEBHOOKS}/{signing}/rotate"), format!("{WEBHOOKS}/{moved}/edit"));
    let person = format!("/app/people/{}", app.person("Lin Ortega", Role::Lead).await);
    let [role, reset, sessions, disable, enable] =
        ["role", "reset", "sessions", "disable", "enable"].map(|form| format!("{person}/{form}"));
    let revision = ("revision", "1");
    let subscribed = [("url", "https://hooks.example/in?a=1&b=2"), ("description", "Tickets"), REASON];
    let forms: Vec<(&str, Fields<'_>, &str)> = vec![
        (ACCOUNTS, vec![("name", "scanner"), ("scope", "audit:read"), REASON], "service_account.created"),
        (&rotated, vec![revision, ("grace", "3600"), REASON], "service_account.rotated"),
        (
            &scoped,
            vec![revision, ("scope", "audit:read"), ("scope", "governance.findings:write"), REASON],
            "service_account.scopes_set",
        ),
        (&limited, vec![revision, ("reads", "100"), ("writes", ""), REASON], "service_account.limits_set"),
        (&edited, vec![revision, ("contact", "a@b.example"), ("expires", ""), REASON], "service_account.updated"),
        (&enabled, vec![revision, ("status", "active"), REASON], "service_account.enabled"),
        (
            WEBHOOKS,
            [("account", owner.as_str()), ("event", "finding.created")].into_iter().chain(subscribed).collect(),
            "webhook_subscription.created",
        ),
        (&signing, vec![revision, ("grace", "3600"), REASON], "webhook_subscription.secret_rotated"),
        (
            &moved,
            [revision, ("event", "finding.created")].into_iter().chain(subscribed).collect(),
            "webhook_subscription.updated",
        ),
        (
            "/app/people/invite",
            vec![("name", "Ines <b>"), ("email", "ines@cedar.example"), ("role", "reader"), REASON],
            "user.created",
        ),
        (&role, vec![("role", "reader"), REASON], "user.role_set"),
        (&reset, vec![("lost", "yes"), REASON], "user.reset_link_issued"),
        (&sessions, vec![("session", "all"), REASON], "user.sessions_revoked"),
        (&disable, vec![REASON], "user.disabled"),
        (&enable, vec![REASON], "user.enabled"),
    ];
    for (path, fields, action) in forms {
        let browser = app.session_of(user).await;
        app.fixture.clock.advance(LATER);
        let done = send(&app, &browser, path, &fields).await;
        assert!([200, 303].contains(&done.status), "{path}: {} {}", done.status, done.html());
        let actions = app.actions().await;
        let last = actions.iter().rev().take(3).find(|(last, _)| last == action);
        assert_eq!(last.and_then(|(_, reason)| reason.as_deref()), Some(REASON.1), "{path}: {actions:?}");
    }
}

#[tokio::test]
async fn a_service_account_is_stopped_without_a_proof() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Admin).await;
    let account = account(&app, "leaked", AccountStatus::Active).await.meta.id;
    app.fixture.clock.advance(LATER);
    let path = format!("{ACCOUNTS}/{account}/status");
    browser.get(&path).await.expect(200);
    browser.post(&path, &[("revision", "1"), ("status", "disabled"), REASON]).await.expect(303);
    let opened = browser.get(&path).await.expect(303);
    assert!(opened.location().starts_with("/app/confirm-password?next="), "{}", opened.location());
}

#[tokio::test]
async fn a_second_factor_that_is_set_up_too_late_is_stored_after_the_password() {
    let app = TestApp::open().await;
    let user = app.person("Dana Whitlock", Role::Lead).await;
    app.set_password(user).await;
    let browser = app.session_of(user).await;
    let page = browser.get("/app/account/second-factor").await.expect(200);
    let (offer, html) = (form_value(&page, "offer"), page.html());
    let key = html.split_once("<code id=\"key\">").unwrap().1.split('<').next().unwrap().to_owned();
    app.fixture.clock.advance(LATER);
    let fields = [("offer", offer.as_str()), ("code", &app.code(&key))];
    let done = send(&app, &browser, "/app/account/second-factor", &fields).await;
    assert_eq!(done.expect(303).location(), "/app/account/recovery-codes/shown");
}

#[tokio::test]
async fn a_wrong_password_keeps_the_form_and_no_form_is_sent_to_another_site() {
    let app = TestApp::open().await;
    let user = app.person("Dana Whitlock", Role::Admin).await;
    app.set_password(user).await;
    let browser = app.session_of(user).await;
    app.fixture.clock.advance(LATER);
    let fields = [("name", "Lin"), ("email", "lin@cedar.example"), ("role", "reader"), REASON];
    let hidden = hidden_fields(&browser.post("/app/people/invite", &fields).await.expect(401));
    let wrong = with_password(&hidden, "not the password");
    let asked = browser.post("/app/confirm-password", &wrong).await.expect(401);
    let asked = asked.expect_text("The password is wrong");
    assert_eq!(hidden_fields(&asked), hidden);
    assert!(!app.actions().await.iter().any(|(action, _)| action == "user.created"));
    for other in ["https://evil.example", "//evil.example", "/app/../x", "/application", ""] {
        let fields = [("proofForm", other), ("password", PASSWORD)];
        browser.post("/app/confirm-password", &fields).await.expect(400);
    }
}

/// A provider that nobody asks in these tests.
struct Provider;

#[async_trait]
impl IdentityProvider for Provider {
    fn issuer(&self) -> &str {
        "https://login.cedar.example"
    }

    async fn authorization_url(&self, _: &OpenIdFlow) -> Result<String, OpenIdRefusal> {
        Err(OpenIdRefusal::ProviderUnavailable)
    }

    async fn redeem(&self, _: &str, _: Option<&str>, _: &OpenIdFlow) -> Result<ProviderPerson, OpenIdRefusal> {
        Err(OpenIdRefusal::ProviderUnavailable)
    }
}

fn provider(app: &store_contract::Fixture) -> OpenIdConnect {
    OpenIdConnect {
        provider: Arc::new(Provider),
        flows: Arc::new(OpenIdFlowCipher::new(&MasterKey::generate(&*app.entropy))),
        settings: OpenIdSettings {
            label: "Sign in".to_owned(),
            workspace: None,
            allows_passwords: true,
            rules: OpenIdRules { roles: GroupRoles { mapping: Vec::new(), default: None }, ..OpenIdRules::default() },
        },
    }
}

#[tokio::test]
async fn who_has_no_password_comes_back_from_the_provider_to_what_they_typed() {
    let app = TestApp::with_people(|fixture, people| people.with_openid(provider(fixture))).await;
    let browser = app.browser(Role::Admin).await;
    let account_of = async |name, status| format!("{ACCOUNTS}/{}", account(&app, name, status).await.meta.id);
    let scoped = format!("{}/scopes", account_of("scoped", AccountStatus::Active).await);
    let limited = format!("{}/limits", account_of("limited", AccountStatus::Active).await);
    let edited = format!("{}/edit", account_of("edited", AccountStatus::Active).await);
    let rotated = format!("{}/rotate", account_of("rotated", AccountStatus::Active).await);
    let enabled = format!("{}/status", account_of("enabled", AccountStatus::Disabled).await);
    let moved = format!("{WEBHOOKS}/{}/edit", subscription(&app, 1).await);
    let person = format!("/app/people/{}/role", app.person("Lin Ortega", Role::Lead).await);
    let revision = ("revision", "1");
    let forms: Vec<(&str, Fields<'_>)> = vec![
        (ACCOUNTS, vec![("name", "scanner"), ("contact", "a@b.example"), ("scope", "audit:read"), REASON]),
        (&scoped, vec![revision, ("scope", "audit:read"), REASON]),
        (&limited, vec![revision, ("reads", "123"), ("writes", "45"), REASON]),
        (&edited, vec![revision, ("contact", "c@d.example"), ("expires", "2031-12-31"), REASON]),
        (&rotated, vec![revision, ("grace", "3600"), REASON]),
        (&enabled, vec![revision, ("status", "active"), REASON]),
        (WEBHOOKS, vec![("url", "https://hooks.example/in"), ("event", "finding.created"), REASON]),
        (&moved, vec![revision, ("url", "https://new.example/in"), ("event", "finding.created"), REASON]),
        ("/app/people/invite", vec![("name", "Ines <b>"), ("email", "ines@b.example"), ("role", "reader"), REASON]),
        (&person, vec![("role", "auditor"), REASON]),
    ];
    app.fixture.clock.advance(LATER);
    let recent = app.browser(Role::Admin).await;
    for (path, fields) in forms {
        let page = browser.post(path, &fields).await.expect(401).expect_text("Nothing was done yet.");
        let html = page.html();
        let again = html.split_once("href=\"/app/sign-in/openid?again=yes&amp;next=").unwrap().1;
        let again = format!("next={}", again.split('"').next().unwrap());
        let (_, next) = form_urlencoded::parse(again.as_bytes()).next().unwrap();
        assert!(!next.contains("formToken"), "{next}");
        let html = recent.get(&next).await.expect(200).html();
        for (name, value) in fields.iter().filter(|(name, _)| *name != "revision") {
            assert!(html.contains(&value.render().into_string()), "{path}: {name}");
        }
    }
    // More than fits into the address of the provider.
    let long = "Because of the review. ".repeat(70);
    let fields = [("role", "auditor"), ("reason", long.as_str())];
    let page = browser.post(&person, &fields).await.expect(401).expect_no_text("What you typed is kept");
    page.expect_text("fill it in again").expect_no_text("Because");
}
