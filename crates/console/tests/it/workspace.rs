//! The settings of the workspace.

use auth::Role;
use kernel::Organization;

use crate::support::{TestApp, form_value};

#[tokio::test]
async fn an_administrator_changes_the_settings_of_the_workspace() {
    let app = TestApp::open().await;
    let admin = app.browser(Role::Admin).await;
    let home = app.fixture.home;
    let opened = admin.get("/app/workspace").await.expect(200);
    let revision = form_value(&opened, "revision");
    let bad =
        [("revision", revision.as_str()), ("name", ""), ("locale", "english"), ("timezone", "Mars"), ("reason", "x")];
    admin.post("/app/workspace", &bad).await.expect(400).expect_text("There are 3 problems");
    let name = "Cedar <script>alert(1)</script>";
    let fields = |revision: &str| {
        let fields =
            [("name", name), ("locale", "en-US"), ("timezone", "America/Denver"), ("reason", "We moved to Denver")];
        let mut fields: Vec<(String, String)> = fields.map(|(name, text)| (name.to_owned(), text.to_owned())).to_vec();
        fields.push(("revision".to_owned(), revision.to_owned()));
        fields
    };
    let send = async |revision: &str| {
        let fields = fields(revision);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        admin.post("/app/workspace", &fields).await
    };
    send(&revision).await.expect(303);
    let stored = app.fixture.get::<Organization>(home, home).await.unwrap();
    assert_eq!((stored.record.name.as_str(), stored.record.timezone.as_str()), (name, "America/Denver"));
    let recorded = ("organization.updated".to_owned(), Some("We moved to Denver".to_owned()));
    assert!(app.actions().await.contains(&recorded));
    let page = admin.get("/app").await.expect(200);
    page.expect_no_text("<script>alert").expect_text("Times in America/Denver");
    // Whoever opened the form before sees that it was changed meanwhile, and loses nothing.
    send(&revision).await.expect(409).expect_text("Somebody changed these settings");
}
