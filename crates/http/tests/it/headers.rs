//! The headers of pages, redirects, errors and assets.

use auth::Role;
use axum::http::Method;

use crate::{
    support::{Answer, Site},
    surfaces::{call, path},
};

const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Fails unless the response has the rules for browsers.
#[track_caller]
fn check(answer: &Answer, context: &str) {
    let context = format!("{context}: {answer:?}");
    assert_eq!(answer.header("content-security-policy"), CONTENT_SECURITY_POLICY, "{context}");
    assert_eq!(answer.header("x-frame-options"), "DENY", "{context}");
    assert_eq!(answer.header("referrer-policy"), "same-origin", "{context}");
    assert_eq!(answer.header("x-content-type-options"), "nosniff", "{context}");
    assert_eq!(answer.header("cross-origin-opener-policy"), "same-origin", "{context}");
    assert_eq!(answer.header("cross-origin-resource-policy"), "same-origin", "{context}");
    assert!(!answer.headers.contains_key("access-control-allow-origin"), "{context}");
}

/// Fails unless the response is one for a person, which no cache keeps.
#[track_caller]
fn check_page(answer: &Answer, context: &str) {
    check(answer, context);
    assert_eq!(answer.header("cache-control"), "no-store", "{context}");
    assert_eq!(answer.header("vary"), "Accept, Accept-Encoding, Cookie", "{context}");
    let is_download = answer.header("content-disposition").starts_with("attachment;");
    assert!(answer.is_page() || answer.status == 303 || is_download, "{context}: {answer:?}");
}

#[tokio::test]
async fn every_response_of_the_web_app_has_the_rules_for_browsers_and_is_kept_by_no_cache() {
    let site = Site::open().await;
    let (admin, reader) = (site.signed_in(Role::Admin).await, site.signed_in(Role::Reader).await);
    for page in site.pages {
        for session in [Some(&admin), Some(&reader), None] {
            for same_origin in [true, false] {
                let mut call = call(&site, page);
                call = session.into_iter().fold(call, |call, session| call.session(session));
                call = if same_origin { call.same_origin() } else { call };
                check_page(&call.send().await, &format!("{} {}", page.method, page.path));
            }
        }
    }
    for path in ["/app/nowhere", "/app/", "/app/sign-in/", "/app/%ff", &format!("/app?{}", "a".repeat(17_000))] {
        check_page(&site.get(path).send().await, path);
    }
    for method in [Method::PUT, Method::DELETE, Method::OPTIONS, Method::TRACE] {
        check_page(&site.call(&method, "/app").send().await.expect(405), "/app");
    }
}

#[tokio::test]
async fn a_head_request_has_the_headers_of_the_page() {
    let site = Site::open().await;
    let admin = site.signed_in(Role::Admin).await;
    for page in site.pages.iter().filter(|page| page.method == Method::GET) {
        let path = path(page);
        let get = site.get(&path).session(&admin).send().await;
        let head = site.call(&Method::HEAD, &path).session(&admin).send().await;
        assert_eq!(head.status, get.status, "{path}");
        for name in ["content-type", "cache-control", "vary", "content-security-policy", "location"] {
            assert_eq!(head.header(name), get.header(name), "{path} {name}");
        }
    }
}

#[tokio::test]
async fn only_pages_depend_on_cookies() {
    let site = Site::open().await;
    for operation in site.api {
        let answer = call(&site, operation).send().await;
        assert_eq!(answer.header("vary"), "Accept, Accept-Encoding, Authorization", "{}", operation.path);
    }
    for path in ["/", "/api/v1/nowhere", "/favicon.ico"] {
        let answer = site.get(path).send().await.expect(404);
        assert_eq!(answer.header("vary"), "Accept, Accept-Encoding, Authorization", "{path}");
    }
}

/// The addresses of the assets that the page names.
fn assets(page: &Answer) -> Vec<String> {
    let html = page.text();
    let attributes = html.split('"').filter(|text| text.starts_with("/app/static/"));
    attributes.map(str::to_owned).collect()
}

#[tokio::test]
async fn every_page_names_assets_that_browsers_may_keep_forever() {
    let site = Site::open().await;
    let session = site.signed_in(Role::Reader).await;
    let pages = [site.get("/app/sign-in"), site.get("/app").session(&session), site.get("/app/nowhere")];
    for page in pages {
        let assets = assets(&page.send().await);
        assert_eq!(assets.len(), 3, "{assets:?}");
        for (path, kind) in
            assets.iter().zip(["image/svg+xml", "text/css; charset=utf-8", "text/javascript; charset=utf-8"])
        {
            let answer = site.get(path).send().await.expect(200);
            check(&answer, path);
            assert_eq!(answer.header("content-type"), kind);
            assert_eq!(answer.header("cache-control"), "public, max-age=31536000, immutable");
            assert_eq!(answer.header("vary"), "Accept-Encoding");
            assert!(!answer.body.is_empty() && !answer.headers.contains_key("set-cookie"));
            let with_cookie = site.get(path).session(&session).send().await.expect(200);
            assert_eq!(with_cookie.body, answer.body);
        }
    }
}

#[tokio::test]
async fn an_asset_of_another_version_leads_to_the_present_one_and_an_unknown_one_to_none() {
    let site = Site::open().await;
    let present = assets(&site.get("/app/sign-in").send().await);
    for (path, stem) in present.iter().zip(["icon", "console", "console"]) {
        let (_, extension) = path.rsplit_once('.').unwrap();
        let other = site.get(&format!("/app/static/{stem}-0123456789abcdef.{extension}")).send().await.expect(303);
        assert_eq!(other.header("location"), path);
        assert_eq!(other.header("cache-control"), "no-store");
        for unknown in
            [format!("{stem}.{extension}"), format!("{stem}-x.{extension}"), format!("x-0123456789abcdef.{extension}")]
        {
            let answer = site.get(&format!("/app/static/{unknown}")).send().await.expect(404);
            check_page(&answer, &unknown);
        }
    }
}
