//! Errors of a surface for people: in its own form, with the status and the headers of the error.

use auth::{OpaqueToken, Role, TokenUse};
use axum::http::Method;
use kernel::OrganizationId;
use novantra_http::{ApiSettings, Quotas};

use crate::support::{Answer, Site, is_handled};

/// Fails unless the surface has rendered this error.
#[track_caller]
fn expect(answer: Answer, status: u16, code: &str) -> Answer {
    let answer = answer.expect(status);
    assert!(answer.is_page() && !is_handled(&answer), "{answer:?}");
    assert!(answer.text().starts_with(&format!("<h1>the desk refuses: {code}</h1>req_")), "{}", answer.text());
    assert!(answer.text().ends_with(answer.header("x-request-id")), "{}", answer.text());
    assert_eq!(answer.header("cache-control"), "no-store");
    answer
}

#[tokio::test]
async fn every_error_of_a_handler_and_of_the_pipeline_has_the_form_of_the_surface() {
    let site = Site::open().await;
    let session = site.signed_in(Role::Reader).await;
    expect(site.get("/desk").send().await, 401, "signed_out");
    expect(site.get("/desk/audit").session(&session).send().await, 403, "missing_permission");
    expect(site.get("/desk/failing").send().await, 500, "internal");
    expect(site.get("/desk/panic").send().await, 500, "internal");
    let busy = expect(site.get("/desk/busy").send().await, 503, "internal");
    assert_eq!(busy.header("retry-after"), "2");
    expect(site.get("/desk/nowhere").send().await, 404, "not_found");
    expect(site.get("/desk/open/").send().await, 404, "not_found");
    expect(site.get("/desk/%ff").send().await, 404, "not_found");
    for path in ["/desk", "/desk/open"] {
        let refused = expect(site.call(&Method::DELETE, path).send().await, 405, "method_not_allowed");
        assert_eq!(refused.header("allow"), "GET, HEAD");
    }
    expect(site.get("/desk/open").header("accept", "application/json").send().await, 406, "not_acceptable");
    expect(site.get(&format!("/desk/open?{}", "a".repeat(17_000))).send().await, 414, "uri_too_long");
    let large = site.get("/desk/open").header("x-large", "a".repeat(33_000));
    expect(large.send().await, 431, "header_fields_too_large");
    expect(site.get("/desk/open").header("x-on-behalf-of", "user_1").send().await, 400, "validation");
}

#[tokio::test]
async fn paths_beside_the_surface_have_another_form() {
    let site = Site::open().await;
    for path in ["/desks", "/desk-open", "/", "/api/desk"] {
        let answer = site.get(path).send().await.expect(404);
        assert_eq!(answer.header("content-type"), "application/json", "{path}");
    }
    let page = site.get("/app/nowhere").send().await.expect(404);
    assert!(page.is_page() && page.text().contains("There is no such page here"), "{}", page.text());
}

#[tokio::test]
async fn a_person_who_sends_too_many_requests_is_asked_to_wait() {
    let unlimited = Site::unlimited();
    let quotas = Quotas { token_read: 3, ..unlimited.quotas };
    let site = Site::with_settings(ApiSettings { quotas, ..unlimited }).await;
    let (session, other) = (site.signed_in(Role::Reader).await, site.signed_in(Role::Reader).await);
    for _ in 0..3 {
        site.get("/desk").session(&session).send().await.expect(200);
    }
    let refused = expect(site.get("/desk").session(&session).send().await, 429, "rate_limited");
    assert!(refused.header("retry-after").parse::<u32>().is_ok_and(|wait| wait > 0), "{refused:?}");
    site.get("/desk").session(&other).send().await.expect(200);
}

#[tokio::test]
async fn a_store_that_fails_closes_every_page_and_opens_none() {
    let site = Site::open().await;
    let session = site.signed_in(Role::Admin).await;
    site.fixture.store.close().await;
    expect(site.get("/desk").session(&session).send().await, 503, "internal");
    let page = site.get("/app").session(&session).send().await.expect(503);
    assert!(page.is_page() && page.text().contains("The server can"), "{}", page.text());
}

#[tokio::test]
async fn a_mistyped_address_with_the_token_of_a_link_is_recorded_without_it() {
    let site = Site::open().await;
    let session = site.signed_in(Role::Reader).await;
    let link = OpaqueToken::generate(TokenUse::Link, site.fixture.home, &*site.fixture.entropy);
    for path in [format!("/app/setup/{}/", link.expose()), format!("/setup/{}", link.expose())] {
        site.get(&path).send().await.expect(404);
        site.get(&path).session(&session).send().await.expect(404);
    }
    let secret = &link.expose()[40..70];
    for log in [OrganizationId::INSTALLATION, site.fixture.home] {
        let entries = site.fixture.audit_log(log).await;
        assert!(!format!("{entries:?}").contains(secret));
    }
    let home = site.fixture.audit_log(site.fixture.home).await;
    let route = home.last().unwrap().entry.origin.route.clone();
    assert_eq!(route.as_deref(), Some("/app/setup/nvlnk_…/"));
}
