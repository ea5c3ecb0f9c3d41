//! Audit entries of forms that nobody filled in: nothing is recorded as done that was not.

use auth::Role;
use axum::http::Method;
use findings::Finding;
use http_api::{endpoints::Operation, request::Access};
use kernel::OrganizationId;
use store_contract::samples;

use crate::support::TestApp;

/// The forms that do something, or only lead to a page, without anything typed: with what is recorded of them.
const DONE: [(&str, &str); 6] = [
    ("/app/account/appearance", "user.appearance_set"),
    ("/app/developers/api/credentials/new", "service_account.preset_chosen"),
    ("/app/findings/triage", "finding.triage_opened"),
    ("/app/findings/triage/apply", "finding.triage_opened"),
    ("/app/rows", "rows.chosen"),
    ("/app/sign-out", "user.signed_out"),
];

/// The address of a route with a record that exists in the place of its parameter, where there is one.
fn address(operation: &Operation, records: &[(&str, String)]) -> String {
    let id = records.iter().find(|(below, _)| operation.path.starts_with(below));
    let id = id.map_or("nothing", |(_, id)| id.as_str());
    let parts = operation.path.split('/').map(|part| if part.starts_with('{') { id } else { part });
    parts.collect::<Vec<_>>().join("/")
}

async fn actions(app: &TestApp) -> Vec<String> {
    let mut actions = Vec::new();
    for organization in [app.fixture.home, OrganizationId::INSTALLATION] {
        let log = app.fixture.audit_log(organization).await;
        actions.extend(log.into_iter().map(|stored| stored.entry.action.to_string()));
    }
    actions
}

#[tokio::test]
async fn a_form_that_nobody_filled_in_is_recorded_as_done_only_where_that_does_something() {
    let app = TestApp::open().await;
    let user = app.person("Dana Whitlock", Role::Admin).await;
    app.set_password(user).await;
    let home = app.fixture.home;
    let account = app.fixture.create(home, samples::account("scanner")).await.meta.id;
    let subscription = app.fixture.create(home, samples::subscription(account, 0)).await.meta.id;
    let finding = app.fixture.create::<Finding>(home, samples::finding("IA-1")).await.meta.id;
    let person = app.person("Lin Ortega", Role::Lead).await;
    let records = [
        ("/app/developers/api/credentials/", account.to_string()),
        ("/app/developers/webhooks/", subscription.to_string()),
        ("/app/findings/", finding.to_string()),
        ("/app/people/", person.to_string()),
    ];
    let mut done = Vec::new();
    for operation in console::route_table().iter().filter(|operation| operation.method == Method::POST) {
        let browser = if operation.access == Access::Public { app.stranger() } else { app.session_of(user).await };
        let before = actions(&app).await;
        let page = browser.post(&address(operation, &records), &[]).await;
        let mut new = actions(&app).await;
        for action in before {
            let index = new.iter().position(|one| *one == action).unwrap();
            new.swap_remove(index);
        }
        new.retain(|action| !action.ends_with(".refused") && action != "user.sign_in_failed");
        if !new.is_empty() {
            assert!(page.status < 400, "{}, which was refused: {new:?}", operation.path);
            done.push((operation.path, new.join(", ")));
        }
    }
    done.sort_unstable();
    assert_eq!(done, DONE.map(|(path, action)| (path, action.to_owned())));
}

#[tokio::test]
async fn a_triage_that_changed_nothing_is_recorded_as_refused() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Lead).await;
    let finding = app.fixture.create::<Finding>(app.fixture.home, samples::finding("IA-1")).await;
    let stale = format!("{}:7", finding.meta.id);
    let fields = [("finding", stale.as_str()), ("status", "triaged"), ("reason", "Confirmed by the portal team")];
    let done = browser.post("/app/findings/triage/apply", &fields).await.expect(303);
    assert_eq!(app.actions().await.last().unwrap().0, "finding.updated.refused");
    browser.get(done.location()).await.expect(200).expect_text("It was changed by another write");
}
