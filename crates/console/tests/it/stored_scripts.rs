//! Scripts in the texts of records: every page shows them as the text that they are.

use std::time::Duration;

use auth::Role;
use findings::Finding;
use kernel::{
    Action, Actor, ActorKind, Change, ColumnType, Entry, OwnedScalar, Reader, Reason, Record, ScalarValue, Stored,
    Subject, WriteContext,
};
use maud::Render as _;
use store::DynStore;
use store_contract::{Fixture, samples};

use crate::support::{Browser, TestApp};

/// Texts that would be run by a browser if a page had them as they are: as an element, in an attribute, as an address.
const PAYLOADS: [&str; 3] =
    ["\"'><script>alert(7)</script>", "'\"autofocus/onfocus='alert(7)'\"", "javascript:alert(7)"];

/// The record with the payload in each column that may contain it, and whether there is one.
fn with_payload<R: Record>(mut record: R, payload: &str) -> (R, bool) {
    let mut is_changed = false;
    for (index, column) in R::COLUMNS.iter().enumerate() {
        if !matches!(column.column_type, ColumnType::Text { .. }) {
            continue;
        }
        let mut values: Vec<OwnedScalar> = record.values().into_iter().map(ScalarValue::to_owned).collect();
        values[index] = OwnedScalar::Text(payload.to_owned());
        if let Ok(changed) = R::from_values(values) {
            (record, is_changed) = (changed, true);
        }
    }
    (record, is_changed)
}

/// Asserts that a page shows nothing that a browser would run. Returns its HTML.
async fn expect_inert(browser: &Browser, path: &str) -> String {
    let html = browser.get(path).await.html();
    for dangerous in ["<script>alert", "href=\"javascript:", " onfocus=", "/onfocus='alert(7)'\""] {
        assert!(!html.contains(dangerous), "{dangerous} is in {path}: {html}");
    }
    html
}

/// Changes a record to one with the payload, by somebody of this name and for this reason.
async fn change<R: Record>(app: &TestApp, before: &Stored<R>, record: R, payload: &str) {
    let Fixture { store, entropy, home, .. } = &app.fixture;
    let mut attribution = samples::attribution(&**entropy, app.fixture.now());
    attribution.actor = Actor { kind: ActorKind::User, id: None, name: payload.into() };
    let reason = Reason::parse(&format!("because {payload}")).unwrap();
    let context = WriteContext {
        organization: &samples::organization_ref(*home),
        attribution: &attribution,
        reason: Some(&reason),
        entropy: &**entropy,
    };
    let timestamp = store.begin_write().after([before]);
    let subject = Some(Subject::from_id(before.meta.id));
    let mut changeset = context.begin(timestamp, Action::on_record(R::KIND, "updated"), subject);
    let after = before.changed(changeset.at(), record);
    changeset.update(before, &after);
    changeset.set_changes(Change::between(Some(&before.record), &after.record));
    app.fixture.commit(changeset).await.unwrap();
}

/// Asserts that the payload is inert in the list, on the page with its history, in the form and in the audit log.
async fn expect_inert_record<R: Record>(app: &TestApp, browser: &Browser, payload: &str)
where
    DynStore: Reader<R>,
{
    let before = app.fixture.create(app.fixture.home, R::example()).await;
    let (record, is_changed) = with_payload(before.record.clone(), payload);
    if !is_changed {
        return;
    }
    change(app, &before, record, payload).await;
    let (list, id) = (format!("/app/{}", R::PLURAL.replace('_', "-")), before.meta.id.to_string());
    let detail = format!("{list}/{id}");
    let log = app.fixture.audit_log(app.fixture.home).await;
    let is_change = |entry: &&Entry| entry.subject.as_ref().is_some_and(|subject| subject.id == id);
    let entry = log.iter().map(|stored| &stored.entry).find(is_change).unwrap();
    let shown = payload.render().into_string();
    for path in [detail.clone(), format!("/app/audit/{}", entry.id)] {
        let html = expect_inert(browser, &path).await;
        for text in [format!("because {shown}"), format!(">{shown}")] {
            assert!(html.contains(&text), "{text} is missing in {path}: {html}");
        }
    }
    expect_inert(browser, &list).await;
    expect_inert(browser, &format!("{detail}/edit")).await;
}

#[tokio::test]
async fn scripts_in_every_text_of_every_register_are_shown_as_text() {
    for payload in PAYLOADS {
        let app = TestApp::open().await;
        let browser = app.browser(Role::Admin).await;
        macro_rules! each {
            ($($kind:ident => $register:ty,)*) => { $(expect_inert_record::<$register>(&app, &browser, payload).await;)* };
        }
        ::registers::for_each_register! { each, Finding => ::findings::Finding, FindingEvent => ::findings::FindingEvent, }
        expect_inert(&browser, "/app/audit").await;
    }
}

#[tokio::test]
async fn scripts_in_what_waits_for_somebody_are_shown_as_text_on_the_overview() {
    for payload in PAYLOADS {
        let app = TestApp::open().await;
        let browser = app.browser(Role::Admin).await;
        let due_at = Some(app.fixture.now() - Duration::from_secs(60 * 60));
        let finding = Finding { due_at, title: samples::title(payload), ..samples::finding("IA-1") };
        app.fixture.create(app.fixture.home, finding).await;
        let overview = expect_inert(&browser, "/app").await;
        assert!(overview.contains(&payload.render().into_string()), "{payload} is missing in {overview}");
    }
}
