//! The page to go on to, which forms and addresses name in `next`: it is one of this web app.

use std::time::Duration;

use auth::{Role, User, UserId};
use axum::http::{Method, header};
use http_api::{endpoints::Operation, request::Access};
use maud::Render as _;

use crate::{
    sign_in::{enter_password, first_sign_in, session_of},
    support::{Browser, PASSWORD, Page, TestApp, form_value},
};

const OWN: &str = "/app/risks?status=accepted";

const OTHERS: [&str; 9] = [
    "https://evil.example",
    "//evil.example",
    "/\\evil.example",
    "/app/../..//evil.example\\",
    "/app\n//evil.example",
    "javascript:alert(1)",
    "/application",
    "/app//evil.example",
    "/app/%2e%2e/x",
];

/// The workspace with people at each step of a sign-in.
struct Steps {
    app: TestApp,
    administrator: UserId,
    /// The key of the authenticator app of another administrator.
    key: String,
    /// The e-mail address of somebody who signs in with a password alone.
    email: String,
}

impl Steps {
    async fn open() -> Self {
        let app = TestApp::open().await;
        let (_, key) = first_sign_in(&app).await;
        let administrator = app.person("Dana Whitlock", Role::Admin).await;
        app.set_password(administrator).await;
        let email = new_email(&app, Role::Reader).await;
        Self { app, administrator, key, email }
    }

    /// A browser at the step at which somebody uses this endpoint.
    async fn browser(&self, operation: &Operation) -> Browser {
        let mut browser = self.app.stranger();
        match operation.path {
            "/app/second-factor" => {
                // Each code works once.
                self.app.fixture.clock.advance(Duration::from_secs(30));
                browser.cookie = session_of(&enter_password(&browser, "/app").await);
            }
            "/app/set-up-second-factor" => {
                let email = new_email(&self.app, Role::Admin).await;
                let fields = [("workspace", "home"), ("email", email.as_str()), ("password", PASSWORD)];
                browser.cookie = session_of(&browser.post("/app/sign-in", &fields).await);
            }
            _ if operation.access != Access::Public => browser = self.app.session_of(self.administrator).await,
            _ => {}
        }
        browser
    }

    /// Uses an endpoint with all that a form with `next` needs.
    async fn call(&self, operation: &Operation, next: &str) -> Page {
        let browser = self.browser(operation).await;
        let path = operation.path.split('/').map(|part| if part.starts_with('{') { "nothing" } else { part });
        let path = path.collect::<Vec<_>>().join("/");
        if operation.method == Method::GET {
            let next: String = form_urlencoded::byte_serialize(next.as_bytes()).collect();
            return browser.get(&format!("{path}?next={next}")).await;
        }
        let (mut offer, mut key) = (String::new(), self.key.clone());
        if operation.path == "/app/set-up-second-factor" {
            let page = browser.get(&path).await.expect(200);
            offer = form_value(&page, "offer");
            page.html().split_once("<code id=\"key\">").unwrap().1.split('<').next().unwrap().clone_into(&mut key);
        }
        let (code, email) = (self.app.code(&key), self.email.as_str());
        let fields =
            [("workspace", "home"), ("email", email), ("password", PASSWORD), ("offer", &offer), ("code", &code)];
        let fields: Vec<_> = fields.into_iter().chain([("rows", "compact"), ("next", next)]).collect();
        browser.post(&path, &fields).await
    }
}

/// The e-mail address of a new person with a password.
async fn new_email(app: &TestApp, role: Role) -> String {
    let user = app.person("Lin Ortega", role).await;
    app.set_password(user).await;
    app.fixture.get::<User>(app.fixture.home, user).await.unwrap().record.email.to_string()
}

/// Whether the page, a link of it or a field of its form leads to this address.
fn leads_to(page: &Page, address: &str) -> bool {
    let html = page.html();
    let location = page.headers.get(header::LOCATION).map(|location| location.to_str().unwrap());
    let shown = address.render().into_string();
    location == Some(address)
        || ["href", "value", "action"].iter().any(|name| html.contains(&format!("{name}=\"{shown}\"")))
}

#[tokio::test]
async fn whoever_names_the_next_page_leads_nobody_to_another_site() {
    let steps = Steps::open().await;
    let mut with_next = Vec::new();
    for operation in console::route_table() {
        let what = format!("{} {}", operation.method, operation.path);
        if leads_to(&steps.call(operation, OWN).await, OWN) {
            with_next.push(what.clone());
        }
        let others = if with_next.contains(&what) { &OTHERS[..] } else { &OTHERS[..1] };
        for other in others {
            let page = steps.call(operation, other).await;
            assert!(!leads_to(&page, other), "{what} leads to {other:?}: {}", page.html());
            let location = page.headers.get(header::LOCATION).map_or("/app", |location| location.to_str().unwrap());
            assert!(
                location == "/app" || location.starts_with("/app/") || location.starts_with("/app?"),
                "{what}: {location}"
            );
        }
    }
    with_next.sort_unstable();
    let expected = [
        "GET /app/confirm-password",
        "GET /app/second-factor",
        "GET /app/set-up-second-factor",
        "GET /app/sign-in",
        "POST /app/confirm-password",
        "POST /app/rows",
        "POST /app/second-factor",
        "POST /app/set-up-second-factor",
        "POST /app/sign-in",
        "POST /app/sign-in/passkey",
    ];
    assert_eq!(with_next, expected, "the walk comes to each page that has a next one");
}
