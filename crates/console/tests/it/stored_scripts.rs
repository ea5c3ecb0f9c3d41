//! Scripts in the texts of records: every page shows them as the text that they are.

use auth::Role;
use kernel::{ColumnType, OwnedScalar, Reader, Record, ScalarValue, Stored};
use store::DynStore;

use crate::support::{Browser, TestApp};

/// Texts that would be run by a browser if a page had them as they are: as an element, in an attribute, as an address.
const PAYLOADS: [&str; 3] =
    ["\"'><script>alert(7)</script>", "'\"autofocus/onfocus='alert(7)'\"", "javascript:alert(7)"];

/// An example of a record with the payload in each column that may contain it.
fn with_payload<R: Record>(payload: &str) -> R {
    let mut record = R::example();
    for (index, column) in R::COLUMNS.iter().enumerate() {
        if !matches!(column.column_type, ColumnType::Text { .. }) {
            continue;
        }
        let mut values: Vec<OwnedScalar> = record.values().into_iter().map(ScalarValue::to_owned).collect();
        values[index] = OwnedScalar::Text(payload.to_owned());
        if let Ok(changed) = R::from_values(values) {
            record = changed;
        }
    }
    record
}

async fn expect_inert<R: Record>(app: &TestApp, browser: &Browser, payload: &str)
where
    DynStore: Reader<R>,
{
    let stored: Stored<R> = app.fixture.create(app.fixture.home, with_payload::<R>(payload)).await;
    let list = format!("/app/{}", R::PLURAL.replace('_', "-"));
    let detail = format!("{list}/{}", stored.meta.id);
    for (path, is_required) in [(list, true), (detail.clone(), true), (format!("{detail}/edit"), false)] {
        let page = browser.get(&path).await;
        let html = page.html();
        assert!(page.status == 200 || !is_required, "{path}: {}", page.status);
        for dangerous in ["<script>alert", "href=\"javascript:", " onfocus=", "/onfocus='alert(7)'\""] {
            assert!(!html.contains(dangerous), "{dangerous} is in {path}: {html}");
        }
    }
}

#[tokio::test]
async fn scripts_in_every_text_of_every_register_are_shown_as_text() {
    for payload in PAYLOADS {
        let app = TestApp::open().await;
        let browser = app.browser(Role::Admin).await;
        macro_rules! each {
            ($($kind:ident => $register:ty,)*) => { $(expect_inert::<$register>(&app, &browser, payload).await;)* };
        }
        ::registers::for_each_register! { each, Finding => ::findings::Finding, FindingEvent => ::findings::FindingEvent, }
        browser.get("/app").await.expect(200).expect_no_text("<script>alert");
    }
}
