//! Webhook subscriptions, as an administrator manages those of all accounts in the web app.

use auth::{Account, Role};
use kernel::Id;
use scopes::{Scope, ScopeSet};
use store_contract::samples;
use webhooks::{DeliveryState, SubscriptionStatus, WebhookDelivery, WebhookSubscription};

use crate::support::{Browser, TestApp};

const LIST: &str = "/app/developers/webhooks";
const REASON: (&str, &str) = ("reason", "Mirroring findings as incidents");

async fn owner(app: &TestApp) -> Account {
    let scopes = ScopeSet::from_iter([Scope::FindingsRead, Scope::WebhooksManage]);
    let record = auth::ServiceAccount { scopes, ..samples::account("mirror") };
    app.fixture.create(app.fixture.home, record).await
}

async fn create(browser: &Browser, account: &Account) -> Id<WebhookSubscription> {
    let account = account.meta.id.to_string();
    let fields = [
        ("account", account.as_str()),
        ("url", "https://itsm.cedar.example/hooks?token=abc"),
        ("description", "ServiceNow mirror"),
        ("event", "finding.created"),
        ("event", "finding.closed"),
        REASON,
    ];
    let page = browser.post(LIST, &fields).await.expect(303);
    page.location().strip_prefix(&format!("{LIST}/")).unwrap().strip_suffix("/secret").unwrap().parse().unwrap()
}

async fn stored(app: &TestApp, id: Id<WebhookSubscription>) -> kernel::Stored<WebhookSubscription> {
    app.fixture.get::<WebhookSubscription>(app.fixture.home, id).await.unwrap()
}

#[tokio::test]
async fn a_subscription_is_created_tested_changed_and_deleted() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Admin).await;
    let account = owner(&app).await;
    browser.get(&format!("{LIST}/new")).await.expect(200).expect_text("mirror").expect_text("A finding was created");
    let id = create(&browser, &account).await;
    assert_eq!(stored(&app, id).await.record.account, account.meta.id);
    let path = format!("{LIST}/{id}");
    // A secret in the address is masked where those who may only see it look.
    browser.get(LIST).await.expect(200).expect_text("itsm.cedar.example").expect_no_text("token=abc");
    browser.get(&path).await.expect(200).expect_text("Nothing sent yet").expect_no_text("token=abc");
    let tested = browser.post(&format!("{path}/test"), &[("revision", "1"), REASON]).await.expect(303);
    let delivery = browser.get(tested.location()).await.expect(200);
    delivery.expect_text("webhook.test").expect_text("202").expect_text("12 ms").expect_text("ServiceNow mirror");
    browser.get(&path).await.expect(200).expect_text("webhook.test").expect_text("Delivered");
    browser.get(&format!("{path}?status=failed,exhausted")).await.expect(200).expect_text("No deliveries here");
    let edit = [
        ("revision", "1"),
        ("url", "https://new.cedar.example/"),
        ("description", ""),
        ("event", "finding.created"),
        REASON,
    ];
    browser.post(&format!("{path}/edit"), &edit).await.expect(303);
    assert_eq!(stored(&app, id).await.record.event_types.len(), 1);
    let stale = browser.post(&format!("{path}/edit"), &edit).await.expect(409);
    stale.expect_text("Somebody else changed this subscription");
    browser.post(&format!("{path}/status"), &[("revision", "2"), ("deed", "disable"), REASON]).await.expect(303);
    assert_eq!(stored(&app, id).await.record.status, SubscriptionStatus::Disabled);
    browser.post(&format!("{path}/status"), &[("revision", "3"), ("deed", "enable"), REASON]).await.expect(303);
    let rotate = [("revision", "4"), ("grace", "3600"), REASON];
    assert_eq!(browser.post(&format!("{path}/rotate"), &rotate).await.expect(303).location(), format!("{path}/secret"));
    browser.post(&format!("{path}/delete"), &[("revision", "5"), REASON]).await.expect(303);
    browser.get(&path).await.expect(404);
    let actions: Vec<String> =
        app.actions().await.into_iter().filter(|(_, why)| why.is_some()).map(|(action, _)| action).collect();
    let names = ["created", "tested", "updated", "updated", "updated", "secret_rotated", "deleted"];
    assert_eq!(actions, names.map(|name| format!("webhook_subscription.{name}")));
    assert!(app.notified() >= 6);
}

#[tokio::test]
async fn an_event_that_the_account_may_not_read_is_refused() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Admin).await;
    let account = owner(&app).await.meta.id.to_string();
    let fields = [
        ("account", account.as_str()),
        ("url", "https://itsm.cedar.example/"),
        ("event", "evidence.claim.created"),
        REASON,
    ];
    let page = browser.post(LIST, &fields).await.expect(422);
    page.expect_text("governance.evidence:read").expect_text("value=\"evidence.claim.created\" checked");
    let faults = [("account", ""), ("url", "http://127.0.0.1/"), ("reason", "short")];
    browser.post(LIST, &faults).await.expect(400).expect_text("There are 4 problems");
    browser.get(LIST).await.expect(200).expect_text("No subscriptions yet");
}

#[tokio::test]
async fn a_delivery_that_was_given_up_is_sent_again() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Admin).await;
    let id = create(&browser, &owner(&app).await).await;
    let path = format!("{LIST}/{id}");
    let tested = browser.post(&format!("{path}/test"), &[("revision", "1"), REASON]).await.expect(303);
    let delivery = tested.location().to_owned();
    browser
        .post(&format!("{delivery}/redeliver"), &[("reason", "no")])
        .await
        .expect(400)
        .expect_text("Write at least 10");
    browser.post(&format!("{delivery}/redeliver"), &[REASON]).await.expect(303);
    let delivery_id: Id<WebhookDelivery> = delivery.rsplit('/').next().unwrap().parse().unwrap();
    let after = app.fixture.get::<WebhookDelivery>(app.fixture.home, delivery_id).await.unwrap();
    assert_eq!(after.record.state, DeliveryState::Pending);
    // A delivery that is pending has nothing to repeat.
    browser.post(&format!("{delivery}/redeliver"), &[REASON]).await.expect(422).expect_text("already pending");
    let window = [("since", "2001-01-01T00:00"), ("until", ""), REASON];
    let recovered = browser.post(&format!("{path}/recover"), &window).await.expect(303);
    browser.get(recovered.location()).await.expect(200).expect_text("deliveries are sent again");
    let reversed = [("since", "2026-01-02T00:00"), ("until", "2026-01-01T00:00"), REASON];
    browser.post(&format!("{path}/recover"), &reversed).await.expect(400).expect_text("must be after the beginning");
    let (actions, _): (Vec<String>, Vec<_>) = app.actions().await.into_iter().unzip();
    assert!(actions.contains(&"webhook_delivery.redelivered".to_owned()), "{actions:?}");
    assert!(actions.contains(&"webhook_subscription.recovered".to_owned()), "{actions:?}");
}

#[tokio::test]
async fn who_may_only_see_webhooks_changes_none_and_others_see_none() {
    let app = TestApp::open().await;
    let id = create(&app.browser(Role::Admin).await, &owner(&app).await).await;
    let path = format!("{LIST}/{id}");
    for role in [Role::Lead, Role::Auditor, Role::Contributor, Role::Reader] {
        let browser = app.browser(role).await;
        let expected = if matches!(role, Role::Lead | Role::Auditor) { 200 } else { 403 };
        browser.get(LIST).await.expect(expected);
        browser.get(&path).await.expect(expected).expect_no_text("Send a test");
        for form in ["/edit", "/rotate", "/status", "/test", "/delete", "/recover"] {
            browser.get(&format!("{path}{form}")).await.expect(403);
            browser.post(&format!("{path}{form}"), &[("revision", "1"), REASON]).await.expect(403);
        }
        browser.get(&format!("{path}/secret")).await.expect(403);
    }
    assert_eq!(stored(&app, id).await.meta.revision.0, 1);
}

#[tokio::test]
async fn a_subscription_of_another_workspace_is_not_found() {
    let app = TestApp::open().await;
    let other = TestApp::open().await;
    let id = create(&other.browser(Role::Admin).await, &owner(&other).await).await;
    let browser = app.browser(Role::Admin).await;
    for page in ["", "/edit", "/secret", "/delete"] {
        browser.get(&format!("{LIST}/{id}{page}")).await.expect(404);
    }
}

#[tokio::test]
async fn the_purpose_of_a_subscription_is_inert_wherever_it_is_shown() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Admin).await;
    let account = owner(&app).await.meta.id.to_string();
    let fields = [
        ("account", account.as_str()),
        ("url", "https://itsm.cedar.example/"),
        ("description", "<script>alert(1)</script>\" onload=\"x"),
        ("event", "finding.created"),
        REASON,
    ];
    let page = browser.post(LIST, &fields).await.expect(303);
    let path = page.location().strip_suffix("/secret").unwrap().to_owned();
    let tested = browser.post(&format!("{path}/test"), &[("revision", "1"), REASON]).await.expect(303);
    let pages = ["", "/edit", "/rotate", "/status", "/test", "/delete", "/recover", "/secret"];
    let addresses = pages.iter().map(|page| format!("{path}{page}"));
    for address in addresses.chain([LIST.to_owned(), tested.location().to_owned()]) {
        browser.get(&address).await.expect(200).expect_no_text("<script>alert").expect_no_text("\" onload=");
    }
}

#[tokio::test]
async fn a_form_about_webhooks_without_its_token_changes_nothing() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Admin).await;
    let id = create(&browser, &owner(&app).await).await;
    for form in ["edit", "rotate", "status", "test", "delete", "recover"] {
        let fields = [("revision", "1"), ("deed", "disable"), REASON];
        browser.post_without_token(&format!("{LIST}/{id}/{form}"), &fields).await.expect(403);
    }
    assert_eq!(stored(&app, id).await.meta.revision.0, 1);
}
