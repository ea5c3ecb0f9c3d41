//! Writes of people: only pages of this server have browsers send them, and their size is bounded.

use auth::Role;
use axum::http::Method;
use novantra_http::request::Access;

use crate::{
    support::{Call, Site, is_handled},
    surfaces::call,
};

type Headers = &'static [(&'static str, &'static str)];

/// The headers of requests that another site had the browser send, or nobody.
const OTHER_SITES: &[Headers] = &[
    &[],
    &[("sec-fetch-site", "cross-site")],
    &[("sec-fetch-site", "same-site")],
    &[("sec-fetch-site", "none")],
    &[("sec-fetch-site", "")],
    &[("sec-fetch-site", "cross-site"), ("origin", "https://novantra.test")],
    &[("origin", "https://evil.example")],
    &[("origin", "null")],
    &[("origin", "")],
    &[("origin", "novantra.test")],
    &[("origin", "https://novantra.test.evil.example")],
    &[("origin", "https://evil.example/novantra.test")],
    &[("origin", "https://novantra.test:8443")],
    &[("origin", "https://sub.novantra.test")],
    &[("origin", "https://novantra.test@evil.example")],
    &[("referer", "https://novantra.test/desk")],
];

/// The headers of requests that a page of this server had the browser send.
const THIS_SERVER: &[Headers] = &[
    &[("sec-fetch-site", "same-origin")],
    &[("sec-fetch-site", "same-origin"), ("origin", "https://novantra.test")],
    &[("origin", "https://novantra.test")],
    &[("origin", "http://novantra.test")],
];

fn with(call: Call, headers: Headers) -> Call {
    headers.iter().fold(call, |call, (name, value)| call.header(name, value))
}

#[tokio::test]
async fn a_form_is_read_only_if_a_page_of_this_server_has_sent_it() {
    let site = Site::open().await;
    let session = site.signed_in(Role::Admin).await;
    for path in ["/desk/own", "/desk/open-form"] {
        let form = site.post(path).session(&session);
        for headers in OTHER_SITES {
            let answer = with(form.clone(), headers).send().await.expect(403);
            assert!(answer.text().contains("other_site"), "{path} {headers:?}: {}", answer.text());
        }
        for headers in THIS_SERVER {
            let answer = with(form.clone(), headers).send().await.expect(200);
            assert!(is_handled(&answer), "{path} {headers:?}");
        }
    }
}

#[tokio::test]
async fn every_write_of_the_web_app_is_refused_to_other_sites() {
    let site = Site::open().await;
    let session = site.signed_in(Role::Admin).await;
    let writes: Vec<_> = site.pages.iter().filter(|page| page.method != Method::GET).collect();
    assert!(writes.len() > 5);
    for page in &writes {
        for headers in OTHER_SITES {
            let answer = with(call(&site, page).session(&session), headers).send().await.expect(403);
            let context = format!("{} {headers:?}: {}", page.path, answer.text());
            assert!(answer.is_page() && answer.text().contains("was not sent by a page of this server"), "{context}");
            assert!(answer.new_session().is_none(), "{context}");
        }
    }
    assert!(writes.iter().any(|page| page.access == Access::Public), "nobody is signed in by another site either");
}

#[tokio::test]
async fn another_site_may_link_to_a_page() {
    let site = Site::open().await;
    let session = site.signed_in(Role::Reader).await;
    for headers in OTHER_SITES {
        with(site.get("/desk").session(&session), headers).send().await.expect(200);
    }
}

#[tokio::test]
async fn a_form_is_bounded_and_that_of_a_stranger_more_so() {
    let site = Site::open().await;
    let session = site.signed_in(Role::Reader).await;
    let form = |path, bytes: usize| site.post(path).same_origin().session(&session).body("a".repeat(bytes));
    for (path, max) in [("/desk/open-form", 16 * 1024), ("/desk/own", 1024 * 1024)] {
        let answer = form(path, max).send().await.expect(200);
        assert!(answer.text().contains(&format!("{max} bytes")), "{}", answer.text());
        let refused = form(path, max + 1).send().await.expect(413);
        assert!(refused.text().contains("the desk refuses: payload_too_large"), "{}", refused.text());
    }
    let password = "a".repeat(20_000);
    let sign_in = site.post("/app/sign-in").form(&[("email", "a@b.example"), ("password", &password)]);
    assert!(sign_in.send().await.expect(413).is_page());
    assert_eq!(site.hasher.calls(), 0);
}

#[tokio::test]
async fn a_form_with_more_fields_than_any_page_has_is_refused() {
    let site = Site::open().await;
    let form = |fields: usize| {
        let body = vec!["a"; fields].join("&");
        site.post("/app/sign-in").same_origin().header("content-type", "application/x-www-form-urlencoded").body(body)
    };
    form(2000).send().await.expect(401);
    let refused = form(2001).send().await.expect(400);
    assert!(refused.is_page() && refused.text().contains("more than 2000 fields"), "{}", refused.text());
    assert_eq!(site.hasher.calls(), 1);
}

#[tokio::test]
async fn a_form_in_another_format_is_refused() {
    let site = Site::open().await;
    for content_type in ["application/json", "multipart/form-data; boundary=x", "text/plain"] {
        let form = site.post("/app/sign-in").same_origin().header("content-type", content_type).body("email=a");
        assert!(form.send().await.expect(415).is_page(), "{content_type}");
    }
}
