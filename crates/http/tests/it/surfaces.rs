//! Programs and people each have their own surface: the credentials of the one open nothing of the other.

use auth::Role;
use kernel::ActorKind;
use novantra_http::{endpoints::Operation, request::Access};

use crate::support::{Call, Site};

/// A request to the endpoint, whose parameters name nothing that exists.
pub(crate) fn call(site: &Site, operation: &Operation) -> Call {
    site.call(&operation.method, &path(operation))
}

/// The path of the endpoint with values for its parameters.
pub(crate) fn path(operation: &Operation) -> String {
    let segment = |segment: &'static str| if segment.starts_with('{') { "x1" } else { segment };
    operation.path.split('/').map(segment).collect::<Vec<_>>().join("/")
}

fn needs_session(operation: &&Operation) -> bool {
    matches!(operation.access, Access::Permission(_) | Access::SignedIn)
}

#[tokio::test]
async fn every_endpoint_of_the_web_app_is_for_people_and_every_one_of_the_api_for_programs() {
    let site = Site::open().await;
    assert!(site.pages.len() > 20 && site.api.len() > 20);
    for page in site.pages {
        assert!(page.path == "/app" || page.path.starts_with("/app/"), "{}", page.path);
        assert!(!matches!(page.access, Access::Scope(_)), "{}", page.path);
    }
    for operation in site.api {
        assert!(operation.path.starts_with("/api/v1/"), "{}", operation.path);
        assert!(!needs_session(&operation), "{}", operation.path);
    }
}

#[tokio::test]
async fn an_access_token_opens_no_page() {
    let site = Site::open().await;
    let token = site.access_token().await;
    for page in site.pages {
        let answer = call(&site, page).same_origin().bearer(&token).send().await;
        if needs_session(&page) {
            assert!(answer.leads_to_sign_in(), "{} {}: {answer:?}", page.method, page.path);
        } else {
            let anonymous = call(&site, page).same_origin().send().await;
            assert_eq!(answer.status, anonymous.status, "{} {}", page.method, page.path);
        }
        assert!(!answer.headers.contains_key("x-ratelimit-limit"), "{} {}", page.method, page.path);
    }
    let log = site.fixture.audit_log(site.fixture.home).await;
    let on_pages = log.iter().filter(|stored| {
        let route = stored.entry.origin.route.as_deref().unwrap_or_default();
        stored.entry.actor.kind == ActorKind::ServiceAccount && route.starts_with("/app")
    });
    assert_eq!(on_pages.count(), 0);
}

#[tokio::test]
async fn a_session_opens_no_endpoint_of_the_api() {
    let site = Site::open().await;
    let session = site.signed_in(Role::Admin).await;
    for operation in site.api {
        let answer = call(&site, operation).same_origin().session(&session).send().await;
        let anonymous = call(&site, operation).send().await;
        assert_eq!(answer.status, anonymous.status, "{} {}", operation.method, operation.path);
        if matches!(operation.access, Access::Scope(_)) {
            assert_eq!(answer.status, 401, "{} {}", operation.method, operation.path);
            assert!(answer.text().contains("unauthenticated"), "{} {}", operation.method, operation.path);
        }
        assert!(answer.new_session().is_none(), "{} {}", operation.method, operation.path);
    }
}

#[tokio::test]
async fn nobody_sees_a_page_of_the_workspace_without_a_session() {
    let site = Site::open().await;
    for page in site.pages.iter().filter(needs_session) {
        let answer = call(&site, page).same_origin().send().await;
        assert!(answer.leads_to_sign_in(), "{} {}: {answer:?}", page.method, page.path);
        assert!(answer.body.is_empty());
    }
}

#[test]
fn no_page_is_in_the_document_of_the_api() {
    let document: serde_json::Value = serde_json::from_str(&api_v1::openapi()).unwrap();
    let paths = document["paths"].as_object().unwrap();
    assert!(paths.len() > 20);
    assert!(paths.keys().all(|path| path.starts_with("/api/v1/")), "{:?}", paths.keys());
    assert!(!document.to_string().contains("/app/"));
}
