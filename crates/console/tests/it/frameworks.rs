//! A framework with its versions, and the requirements of a version as a tree.

use auth::Role;
use kernel::{Id, Record as _};
use registers::{Coverage, CoverageLink, DefinitionStatus, Framework, FrameworkNode, FrameworkVersion, NodeKind};
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
    let control =
        app.fixture.create(home, registers::Control { status: DefinitionStatus::Active, ..samples::control("A") });
    let link = CoverageLink {
        framework_version_id: version.meta.id,
        node_id: requirement,
        target_resource_id: samples::reference(&control.await.meta.id.to_string()),
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

#[tokio::test]
async fn only_targets_that_exist_cover_and_the_tree_says_of_those_in_force() {
    let app = TestApp::open().await;
    let (browser, home) = (app.browser(Role::Reader).await, app.fixture.home);
    let version = app.fixture.create(home, FrameworkVersion::example()).await;
    let control = async |key: &str, status| {
        let control = registers::Control { status, ..samples::control(key) };
        app.fixture.create(home, control).await.meta.id.to_string()
    };
    let active = control("CTL-1", DefinitionStatus::Active).await;
    let draft = control("CTL-2", DefinitionStatus::Draft).await;
    let retired = control("CTL-3", DefinitionStatus::Retired).await;
    let requirement = async |key: &str, links: &[(&str, &str, Coverage)]| {
        let node = FrameworkNode {
            framework_version_id: version.meta.id,
            parent_node_id: None,
            node_kind: NodeKind::Requirement,
            key: samples::key(key),
            ..FrameworkNode::example()
        };
        let node_id = app.fixture.create(home, node).await.meta.id;
        for (module, target, coverage) in links {
            let link = CoverageLink {
                framework_version_id: version.meta.id,
                node_id,
                target_module_key: samples::reference(module),
                target_resource_id: samples::reference(target),
                coverage: *coverage,
                ..CoverageLink::example()
            };
            app.fixture.create(home, link).await;
        }
    };
    requirement("R-1", &[("controls", "no-such-control", Coverage::Full)]).await;
    requirement("R-2", &[("controls", &draft, Coverage::Full)]).await;
    requirement("R-3", &[("controls", &active, Coverage::Partial), ("controls", &retired, Coverage::Full)]).await;
    requirement("R-4", &[("controls", &active, Coverage::Full), ("controls", "gone", Coverage::Partial)]).await;
    requirement("R-5", &[("wiki", "Access", Coverage::Full)]).await;
    let path = format!("/app/framework-versions/{}", version.meta.id);
    let html = browser.get(&path).await.expect(200).html();
    let row = |key: &str| {
        let (_, row) = html.split_once(&format!("<span class=\"id\">{key}</span>")).unwrap();
        row.split_once("</tr>").unwrap().0.to_owned()
    };
    assert!(row("R-1").contains("Target missing") && !row("R-1").contains("Full"), "{}", row("R-1"));
    assert!(row("R-2").contains("Full, only draft"), "{}", row("R-2"));
    assert!(row("R-3").contains(">Partial<"), "a retired control covers nothing any more: {}", row("R-3"));
    assert!(row("R-4").contains(">Full<") && row("R-5").contains(">Full<"), "{html}");
    let page = browser.get(&format!("{path}?node=R-1")).await.expect(200).expect_text("no-such-control");
    page.expect_text("Does not exist").expect_no_text(">Full<span");
    let page = browser.get(&format!("{path}?node=R-2")).await.expect(200);
    page.expect_text("<span class=\"key\">CTL-2</span>").expect_text("st draft");
    browser.get(&format!("{path}?node=R-5")).await.expect(200).expect_text("in wiki");
}
