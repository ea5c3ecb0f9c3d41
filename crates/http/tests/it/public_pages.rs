//! The limit of requests for the pages on which people sign in, and who can use it up.

use auth::Role;
use novantra_http::{ApiSettings, Quotas};

use crate::support::{Answer, Call, PASSWORD, Site};

const EMAIL: &str = "dana@cedar.example";
/// The requests a minute without a sign-in, here.
const LIMIT: u32 = 20;

async fn open() -> Site {
    let unlimited = Site::unlimited();
    let quotas = Quotas { unauthenticated: LIMIT, ..unlimited.quotas };
    Site::with_settings(ApiSettings { quotas, ..unlimited }).await
}

/// Sends requests from one address until they are refused, and returns how many were answered.
async fn exhaust(call: &Call) -> u32 {
    for answered in 0..10 * LIMIT {
        if call.clone().send().await.status == 429 {
            return answered;
        }
    }
    panic!("the requests were not limited");
}

fn sign_in(site: &Site, password: &str) -> Call {
    site.post("/app/sign-in").form(&[("email", EMAIL), ("password", password)])
}

/// The cookie that makes the device known, as the browser sends it.
fn device_cookie(answer: &Answer) -> String {
    let cookies = answer.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap());
    let cookie = cookies.into_iter().find(|cookie| cookie.starts_with("novantra-device=")).unwrap();
    cookie.split(';').next().unwrap().to_owned()
}

/// The address of the stylesheet.
async fn stylesheet(site: &Site) -> String {
    let html = site.get("/app/sign-in").sent_by([198, 51, 100, 1]).send().await.expect(200).text();
    let (_, rest) = html.split_once("rel=\"stylesheet\" href=\"").unwrap();
    rest.split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn nothing_but_pages_uses_up_the_requests_for_the_sign_in() {
    let site = open().await;
    let style = stylesheet(&site).await;
    assert_eq!(exhaust(&site.get("/app/nothing")).await, LIMIT);
    for probe in ["/nothing", "/api/v1/governance/findings", "/api/v2", "/app/static/nothing.css"] {
        site.get(probe).send().await.expect(429);
    }
    site.get("/app/sign-in").send().await.expect(200);
    assert!(site.get("/app/risks").send().await.leads_to_sign_in());
    for _ in 0..3 * LIMIT {
        site.get(&style).send().await.expect(200);
    }
    site.get("/app/sign-in").send().await.expect(200);
}

#[tokio::test]
async fn whoever_uses_up_the_requests_of_an_address_locks_no_recognized_device_out_there() {
    let site = open().await;
    site.user(site.fixture.home, EMAIL, Role::Lead).await;
    let cookie = device_cookie(&sign_in(&site, PASSWORD).sent_by([198, 51, 100, 1]).send().await.expect(303));
    assert_eq!(exhaust(&site.get("/app/sign-in")).await, LIMIT);
    assert!(exhaust(&site.get("/app/risks")).await < LIMIT, "a page that leads to the sign-in counts, too");
    for page in ["/app/setup/x", "/app/second-factor", "/app/sign-in/openid", "/app/sign-in/openid/callback"] {
        site.get(page).send().await.expect(429);
    }
    sign_in(&site, PASSWORD).send().await.expect(429);
    let with_cookie = |call: Call| call.header("cookie", &cookie);
    with_cookie(site.get("/app/sign-in")).send().await.expect(200);
    assert!(with_cookie(site.get("/app/risks")).send().await.leads_to_sign_in());
    with_cookie(sign_in(&site, PASSWORD)).send().await.expect(303);
    // The device is limited, too, and no cookie that the server did not sign makes one known.
    assert_eq!(exhaust(&with_cookie(site.get("/app/sign-in"))).await, LIMIT - 3);
    site.get("/app/sign-in").header("cookie", format!("{cookie}A")).send().await.expect(429);
    site.advance(60);
    site.get("/app/sign-in").send().await.expect(200);
}

#[tokio::test]
async fn a_refused_sign_in_is_charged_before_it_costs_anything() {
    let site = open().await;
    site.user(site.fixture.home, EMAIL, Role::Lead).await;
    let wrong = sign_in(&site, "another password");
    let refused_by_limit = |answer: &Answer| answer.status == 429 && answer.text().contains("rate limit");
    let mut reached = 0;
    while !refused_by_limit(&wrong.clone().send().await) {
        reached += 1;
    }
    assert_eq!((reached, site.hasher.calls()), (LIMIT, 5));
    // The next one is not looked at: it is charged to nothing of the user.
    let failed = async || {
        let log = site.fixture.audit_log(site.fixture.home).await;
        log.iter().filter(|stored| stored.entry.action.as_str() == "user.sign_in_failed").count()
    };
    let before = failed().await;
    for _ in 0..LIMIT {
        wrong.clone().send().await.expect(429);
    }
    assert_eq!(failed().await, before);
}

#[tokio::test]
async fn a_form_must_come_from_the_public_url_of_a_server_that_has_one() {
    let settings = ApiSettings { public_url: "https://grc.example.org".to_owned(), ..Site::unlimited() };
    let site = Site::with_settings(settings).await;
    site.user(site.fixture.home, EMAIL, Role::Lead).await;
    let form = || {
        let body: String = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("email", EMAIL), ("password", PASSWORD)])
            .finish();
        site.post("/app/sign-in").header("content-type", "application/x-www-form-urlencoded").body(body)
    };
    // A name of somebody else that points to the server: browsers find host and origin the same.
    for headers in [
        [("origin", "https://novantra.test"), ("x-a", "b")],
        [("origin", "http://grc.example.org"), ("x-a", "b")],
        [("origin", "https://grc.example.org:8443"), ("x-a", "b")],
        [("origin", "https://novantra.test"), ("sec-fetch-site", "same-origin")],
        [("origin", "https://grc.example.org"), ("sec-fetch-site", "cross-site")],
    ] {
        let call = headers.iter().fold(form(), |call, (name, value)| call.header(name, value));
        let page = call.send().await.expect(403);
        assert!(page.text().contains("https://grc.example.org"), "{headers:?}");
    }
    for headers in [
        [("origin", "https://grc.example.org"), ("x-a", "b")],
        [("origin", "https://grc.example.org"), ("sec-fetch-site", "same-origin")],
        [("sec-fetch-site", "same-origin"), ("x-a", "b")],
    ] {
        // Behind a proxy, the host may be one of the inner network.
        let call = headers.iter().fold(form(), |call, (name, value)| call.header(name, value));
        call.send().await.expect(303);
    }
}
