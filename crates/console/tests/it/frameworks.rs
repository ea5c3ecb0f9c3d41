//! A framework with its versions, and the requirements of a version as a tree.

use auth::Role;
use kernel::{Id, Record as _};
use registers::{Coverage, CoverageLink, Framework, FrameworkNode, FrameworkVersion, NodeKind};
use store_contract::samples;

use crate::support::TestApp;

#[tokio::test]
async fn only_children_of_open_nodes_are_shown_with_their_coverage() {
    let app = TestApp::open().await;
    let (browser, home) = (app.browser(Role::Reader).await, app.fixture.home);
    let framework = app.fixture.create(home, Framework::example()).await;
    let version = FrameworkVersion { framework_id: framework.meta.id, ..FrameworkVersion::example() };
    let version = app.fixture.create(home, version).await;
    let node = async |key: &str, node_kind, parent_node_id: Option<Id<FrameworkNode>>| {
        let node = FrameworkNode {
            framework_version_id: version.meta.id,
            parent_node_id,
            node_kind,
            key: samples::key(key),
            title: samples::title(&format!("Title of {key}")),
            text: samples::description(&format!("Text of {key}")),
            position: 0,
        };
        app.fixture.create(home, node).await.meta.id
    };
    let group = node("SI", NodeKind::Group, None).await;
    let requirement = node("SI-10", NodeKind::Requirement, Some(group)).await;
    node("SI-10(1)", NodeKind::Enhancement, Some(requirement)).await;
    let link = CoverageLink {
        framework_version_id: version.meta.id,
        node_id: requirement,
        coverage: Coverage::Partial,
        ..CoverageLink::example()
    };
    app.fixture.create(home, link).await;
    let path = format!("/app/framework-versions/{}", version.meta.id);
    browser.get(&format!("/app/frameworks/{}", framework.meta.id)).await.expect(200).expect_text(&path);
    browser.get(&path).await.expect(200).expect_text("Title of SI").expect_no_text("SI-10");
    let page = browser.get(&format!("{path}?open=SI")).await.expect(200);
    page.expect_text("Title of SI-10").expect_text("Partial").expect_no_text("SI-10(1)");
    let page = browser.get(&format!("{path}?open=SI&open=SI-10&node=SI-10")).await.expect(200);
    page.expect_text("SI-10(1)").expect_text("Text of SI-10").expect_text("Covered by");
}
