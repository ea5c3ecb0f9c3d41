//! The demo, its administrator, and people with other roles.

use auth::Role;
use serde_json::json;

use super::{PASSWORD, web_driver::WebDriver};
use crate::{
    support::{Client, Credentials, Server, Setup, eventually, finding},
    webhook_commands::receiver::WebhookReceiver,
};

/// A server of the demo with a browser in which its administrator has signed in.
pub(super) struct Demo {
    pub(super) server: Server,
    pub(super) browser: WebDriver,
}

impl Demo {
    /// Opens the demo in this browser.
    pub(super) async fn open(browser: WebDriver) -> Self {
        let server = Setup::new().unlimited().argument("--demo").start();
        browser.go(server.ready_message["sign_in_link"]["url"].as_str().expect("a link")).await;
        browser.click("form button").await;
        browser.wait_for("h1", "You are signed in").await;
        browser.click("a.btn.primary").await;
        browser.wait_for("h1", "Overview").await;
        Self { server, browser }
    }

    /// Goes to the page with this path.
    pub(super) async fn go(&self, path: &str) {
        self.browser.go(&format!("{}{path}", self.server.url)).await;
    }

    /// The credentials of the service account with this name, which the server printed.
    pub(super) fn credentials(&self, name: &str) -> Credentials {
        let accounts = self.server.ready_message["service_accounts"].as_array().expect("accounts");
        Credentials::from_json(accounts.iter().find(|account| account["name"] == name).expect("the account"))
    }

    /// Subscribes the mirror to new findings, and waits until it got the event of one.
    pub(super) async fn deliver_an_event(&self) {
        let client = Client::with_token(&self.server.url, &self.credentials("mirror")).await;
        let receiver = WebhookReceiver::start();
        let subscription =
            json!({ "url": receiver.url, "eventTypes": ["finding.created"], "reason": "subscribed by a test" });
        let subscribed = client.post("/api/v1/webhooks/subscriptions", &subscription).await;
        assert_eq!(subscribed.status, 201, "{}", subscribed.body);
        assert_eq!(client.post("/api/v1/governance/findings", &finding("delivered")).await.status, 201);
        receiver.next_post();
        let id = subscribed.body["webhookSubscription"]["id"].as_str().expect("an id");
        let deliveries = format!("/api/v1/webhooks/subscriptions/{id}/deliveries?status=delivered");
        eventually("the delivery is recorded", async || {
            let listed = client.get(&deliveries).await;
            listed.body.to_string().contains("\"whdel_").then_some(())
        })
        .await;
    }

    /// Uploads a table that can be imported, with a row that can't.
    pub(super) async fn upload_a_table(&self) {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("risks.csv");
        let table = "riskKey,title,status\nR-201,The archive burns down,identified\nR-202,,unheard of\n";
        std::fs::write(&file, table).expect("a file");
        self.go("/app/import?kind=risk").await;
        self.browser.fill("#file", file.to_str().expect("a path in UTF-8")).await;
        self.browser.click("form[enctype] button").await;
        self.browser.wait_until("return String(location.pathname.startsWith('/app/import/'))", "true").await;
    }

    /// Invites somebody with this role, and returns the link with which they choose a password.
    pub(super) async fn invite(&self, role: Role) -> String {
        self.go("/app/people/invite").await;
        self.browser.fill("#name", &format!("Robin {}", role.name())).await;
        self.browser.fill("#email", &format!("{}@cedar-valley.example", role.name())).await;
        self.browser.click(&format!("input[name=role][value={}]", role.name())).await;
        self.browser.fill("#reason", "Walks through every page").await;
        self.browser.click("div.save button").await;
        self.browser.expect_no_faults("the link of an invitation").await;
        self.browser.text("#link").await
    }

    /// Signs the person in whom this link is for.
    pub(super) async fn accept(&self, link: &str) {
        self.browser.go(link).await;
        self.browser.fill("#password", PASSWORD).await;
        self.browser.click("div.save button").await;
        self.browser.wait_for("h1", "Overview").await;
    }

    /// Signs out with the menu.
    pub(super) async fn sign_out(&self) {
        self.go("/app").await;
        self.browser.click("header.bar-top details summary").await;
        self.browser.click("form[action='/app/sign-out'] button").await;
        self.browser.wait_for("h1", "Sign in").await;
    }
}
