//! The reference of the API in the web app.

use auth::Role;

use crate::support::TestApp;

const REFERENCE: &str = "/app/developers/api/reference";

#[tokio::test]
async fn every_endpoint_of_the_document_is_on_the_page_of_its_tag() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Reader).await;
    let contents = browser.get(REFERENCE).await.expect(200).html();
    let document = api_v1::document();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for operation in methods.as_object().unwrap().values().filter(|value| value["operationId"].is_string()) {
            let id = operation["operationId"].as_str().unwrap();
            let start = contents.find(&format!("#{id}\"")).unwrap_or_else(|| panic!("{id} is not listed"));
            let address = &contents[..start][contents[..start].rfind("href=\"").unwrap() + 6..];
            let page = browser.get(address).await.expect(200);
            let page = page.expect_text(&format!("id=\"{id}\"")).expect_text(path);
            page.expect_text(&format!("curl-{id}"));
        }
    }
    browser.get(&format!("{REFERENCE}/nothing")).await.expect(404);
}
