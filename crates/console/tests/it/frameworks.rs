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

/// A version with two groups: one with a requirement that is covered and one that is not, and one that is covered.
async fn version(app: &TestApp) -> (String, Id<FrameworkNode>) {
    let home = app.fixture.home;
    let framework = app.fixture.create(home, Framework::example()).await;
    let version = FrameworkVersion { framework_id: framework.meta.id, ..FrameworkVersion::example() };
    let version = app.fixture.create(home, version).await.meta.id;
    let node = async |key: &str, node_kind, parent_node_id| {
        let node = FrameworkNode {
            framework_version_id: version,
            parent_node_id,
            node_kind,
            key: samples::key(key),
            title: samples::title(&format!("Title of {key}")),
            ..FrameworkNode::example()
        };
        app.fixture.create(home, node).await.meta.id
    };
    let link = async |node_id, coverage| {
        let target_module_key = samples::reference("wiki");
        let example = CoverageLink::example();
        let link = CoverageLink { framework_version_id: version, node_id, coverage, target_module_key, ..example };
        app.fixture.create(home, link).await;
    };
    let group = node("SI", NodeKind::Group, None).await;
    link(node("SI-1", NodeKind::Requirement, Some(group)).await, Coverage::Partial).await;
    let open = node("SI-2", NodeKind::Requirement, Some(group)).await;
    let covered = node("AC", NodeKind::Group, None).await;
    link(node("AC-1", NodeKind::Requirement, Some(covered)).await, Coverage::Full).await;
    (format!("/app/framework-versions/{version}"), open)
}

#[tokio::test]
async fn a_group_shows_how_many_requirements_below_it_are_covered_and_the_tree_only_those_that_are_not() {
    let app = TestApp::open().await;
    let (path, _) = version(&app).await;
    let browser = app.browser(Role::Reader).await;
    let page = browser.get(&path).await.expect(200);
    page.expect_text("1 of 2 covered, 1 in part")
        .expect_text("1 of 1 covered")
        .expect_text("2 of 3 covered, 1 in part");
    let page = browser.get(&format!("{path}?show=uncovered&open=SI")).await.expect(200);
    let page = page.expect_text("Title of SI-2").expect_no_text("Title of SI-1").expect_no_text("Title of AC");
    page.expect_text("show=uncovered").expect_text("Show all").expect_text(&format!("{path}?open=SI\""));
    browser.get(&format!("{path}?show=else")).await.expect(200).expect_text("Title of AC");
}

#[tokio::test]
async fn a_requirement_leads_to_the_form_that_covers_it() {
    let app = TestApp::open().await;
    let (path, open) = version(&app).await;
    let lead = app.browser(Role::Lead).await;
    let page = lead.get(&format!("{path}?open=SI&node=SI-2")).await.expect(200);
    let form = format!("/app/coverage-links/new?frameworkVersionId={}&nodeId={open}", path.rsplit('/').next().unwrap());
    page.expect_text("Cover it…").expect_text(&form.replace('&', "&amp;"));
    let page = lead.get(&form).await.expect(200);
    page.expect_text(&format!("value=\"{open}\"")).expect_text("Title of SI-2");
    lead.get(&format!("{path}?node=SI")).await.expect(200).expect_no_text("Cover it…");
    let reader = app.browser(Role::Reader).await;
    reader.get(&format!("{path}?open=SI&node=SI-2")).await.expect(200).expect_no_text("Cover it…");
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
    browser.get(&path).await.expect(200).expect_text("3 of 5 covered, 1 in part");
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
