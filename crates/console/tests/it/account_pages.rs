//! The pages of service accounts: which secret works, until when, and what an account has called and made.

use auth::{Role, ServiceAccount};
use axum::http::{Request, header};
use kernel::Id;
use serde_json::Value;
use store::{AccountCalls, CallSpan, CallTotals};
use store_contract::samples;
use tower::ServiceExt as _;

use crate::{
    credentials::{LIST, NEW, account, create},
    support::{TestApp, cookie, with_cookie},
};

#[tokio::test]
async fn a_second_rotation_says_which_secret_stops_at_once_and_a_disabled_account_claims_of_none_that_it_works() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Admin).await;
    let (id, carried) = create(&browser).await;
    let path = format!("{LIST}/{id}");
    let secret = with_cookie(&browser, &carried).get(&format!("{path}/secret")).await.expect(200);
    let secret =
        secret.expect_text("The account is ready.").expect_text("/app/developers/api/reference/findings#createFinding");
    secret.expect_no_text("read -rs SECRET     # paste");
    let reference = browser.get("/app/developers/api/reference/findings").await.expect(200);
    reference.expect_text("id=\"createFinding\"").expect_text("id=\"listFindings\"");
    let rotate = format!("{path}/rotate");
    const STOPS: &str = "The secret from before the last rotation stops working at once.";
    browser.get(&rotate).await.expect(200).expect_no_text(STOPS);
    let reason = ("reason", "The yearly review asks for it");
    let rotated = browser.post(&rotate, &[("revision", "1"), ("grace", "3600"), reason]).await.expect(303);
    let page = with_cookie(&browser, &cookie(&rotated, "novantra-secret")).get(rotated.location()).await.expect(200);
    page.expect_text("The old one works until").expect_no_text("The account is ready.");
    browser.get(&rotate).await.expect(200).expect_text(STOPS);
    browser.get(&path).await.expect(200).expect_text("Older secret").expect_text("Works until");
    let disable = [("revision", "2"), ("status", "disabled"), reason];
    browser.post(&format!("{path}/status"), &disable).await.expect(303);
    let page = browser.get(&path).await.expect(200).expect_no_text("Works until");
    let html = page.expect_text("Refused while the account is disabled").html();
    assert!(html.find("Enable…").unwrap() < html.find("Rotate the secret…").unwrap(), "{html}");
    browser.get(&rotate).await.expect(200).expect_no_text(STOPS);
    let enable = [("revision", "3"), ("status", "active"), reason];
    browser.post(&format!("{path}/status"), &enable).await.expect(303);
    let rotated = browser.post(&rotate, &[("revision", "4"), ("grace", "0"), reason]).await.expect(303);
    let page = with_cookie(&browser, &cookie(&rotated, "novantra-secret")).get(rotated.location()).await.expect(200);
    page.expect_text("The old one does not any more");
}

#[tokio::test]
async fn an_account_works_through_its_last_day() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Admin).await;
    let fields = [NEW[0], NEW[2], NEW[3], ("expires", "2099-12-31")];
    let page = browser.post(LIST, &fields).await.expect(303);
    let path = page.location().strip_suffix("/secret").unwrap().to_owned();
    let id: Id<ServiceAccount> = path.rsplit('/').next().unwrap().parse().unwrap();
    let end = "2100-01-01T07:00:00.000Z".parse().unwrap();
    assert_eq!(account(&app, id).await.record.expires_at, Some(end));
    for address in [path.as_str(), LIST] {
        let page = browser.get(address).await.expect(200);
        page.expect_text("End of <time").expect_text(">31 Dec 2099</time>").expect_no_text("1 Jan 2100");
    }
    let form = browser.get(&format!("{path}/edit")).await.expect(200);
    form.expect_text("value=\"2099-12-31\"").expect_text("It works until this day ends in");
    // A form that is saved as it was opened changes nothing.
    let kept = [("revision", "1"), ("contact", ""), ("expires", "2099-12-31"), NEW[3]];
    browser.post(&format!("{path}/edit"), &kept).await.expect(303);
    assert_eq!(account(&app, id).await.record.expires_at, Some(end));
}

#[tokio::test]
async fn the_pages_of_accounts_count_their_calls() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Lead).await;
    let account = app.fixture.create(app.fixture.home, samples::account("nightly-scan")).await.meta.id;
    let path = format!("{LIST}/{account}");
    browser.get(&path).await.expect(200).expect_text("<dd>0 calls</dd>").expect_no_text("figure class=\"chart\"");
    let hour = CallSpan::Hour;
    let calls = |hours: u32, answered, refused| AccountCalls {
        organization: app.fixture.home,
        account,
        span: hour,
        starts_at: hour.start_of(app.fixture.now()) - hour.length() * hours,
        calls: CallTotals { answered, refused, ..CallTotals::default() },
    };
    app.fixture
        .store
        .add_calls(&[calls(0, 30, 10), calls(23, 60, 0), calls(24, 900, 0), calls(167, 0, 100), calls(168, 7, 0)])
        .await
        .unwrap();
    let page = browser.get(&path).await.expect(200);
    let page = page.expect_text("<dd>100 calls, 10 refused (10 %)</dd>");
    let page = page.expect_text("<dd>1,100 calls, 110 refused (10 %)</dd>");
    page.expect_text("Calls by hour in the last 24 hours").expect_text("Show these numbers as a table");
    let list = browser.get(LIST).await.expect(200).expect_text("100, 10 % refused or failed");
    list.expect_text("aria-label=\"Calls by hour of nightly-scan: 60, 0,");
}

/// Sends a call to the API, and returns its status.
async fn call(app: &TestApp, token: &str, path: &str, body: &Value) -> u16 {
    let request = Request::post(path)
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .header(header::CONTENT_TYPE, "application/json")
        .header("idempotency-key", app.fixture.new_id::<ServiceAccount>().to_string())
        .header(header::HOST, "novantra.test")
        .body(axum::body::Body::from(body.to_string()));
    app.router.clone().oneshot(request.unwrap()).await.unwrap().status().as_u16()
}

#[tokio::test]
async fn an_account_leads_to_the_findings_that_it_made_and_was_used_when_it_called() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Auditor).await;
    let token = app.access_token().await;
    let path = browser.get("/app/go?q=scanner").await.expect(303).location().to_owned();
    browser.get(&format!("{path}/findings")).await.expect(200).expect_text("No findings created or changed yet");
    let finding = serde_json::json!({
        "findingKey": "scan-1", "title": "Default credentials <b>", "severity": "high", "sourceKind": "module_signal",
        "reason": "The nightly scan has found it",
    });
    assert_eq!(call(&app, &token, "/api/v1/governance/findings", &finding).await, 201);
    let id = browser.get("/app/go?q=scan-1").await.expect(303).location().rsplit('/').next().unwrap().to_owned();
    let page = browser.get(&format!("{path}/findings")).await.expect(200).expect_text("All 1 finding");
    let page = page.expect_text(&format!("href=\"/app/findings/{id}\">Default credentials &lt;b&gt;</a>"));
    page.expect_text("scan-1").expect_text("created it").expect_text("High").expect_text("Open");
    let page = browser.get(&path).await.expect(200).expect_text(&format!("href=\"/app/go?q={id}\">scan-1</a>"));
    let html = page.html();
    let (_, used) = html.split_once("<dt>Last used</dt><dd>").unwrap();
    assert!(used.starts_with("<time"), "{used}");
    browser.get(&format!("{path}/calls")).await.expect(200).expect_text(&format!("href=\"/app/go?q={id}\""));
}
