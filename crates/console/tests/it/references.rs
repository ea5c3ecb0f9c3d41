//! References: shown by the keys and titles of what they refer to, and typed as keys.

use auth::{Role, User, UserStatus};
use findings::Finding;
use kernel::{Record as _, SubjectGroup};
use registers::{CoverageLink, Framework, FrameworkNode, FrameworkVersion};
use store_contract::samples;

use crate::support::TestApp;

const REASON: (&str, &str) = ("reason", "The register is put in order");

#[tokio::test]
async fn references_are_shown_as_the_keys_and_titles_of_their_records() {
    let app = TestApp::open().await;
    let (browser, home) = (app.browser(Role::Reader).await, app.fixture.home);
    let script = "<script>alert('here')</script>";
    let framework = Framework { key: samples::key("acme-1"), name: samples::title(script), ..Framework::example() };
    let framework = app.fixture.create(home, framework).await;
    let version = FrameworkVersion { framework_id: framework.meta.id, ..FrameworkVersion::example() };
    let version = app.fixture.create(home, version).await;
    let link = format!("<a href=\"/app/frameworks/{}\"><span class=\"key\">acme-1</span>", framework.meta.id);
    for path in ["/app/framework-versions".to_owned(), format!("/app/framework-versions/{}", version.meta.id)] {
        let page = browser.get(&path).await.expect(200).expect_text(&link);
        page.expect_text("&lt;script&gt;alert").expect_no_text(script);
    }
    let control = app.fixture.create(home, samples::control("AC-2")).await;
    let subject =
        SubjectGroup { resource_id: samples::reference(&control.meta.id.to_string()), ..samples::subject("x") };
    let finding = Finding { subject: Some(subject), ..samples::finding("IA-1") };
    let finding = app.fixture.create(home, finding).await;
    let page = browser.get(&format!("/app/findings/{}", finding.meta.id)).await.expect(200);
    page.expect_text(&format!("<a href=\"/app/controls/{}\"><span class=\"key\">AC-2</span>", control.meta.id));
}

#[tokio::test]
async fn a_field_that_refers_to_a_record_accepts_its_key_and_says_what_it_found() {
    let app = TestApp::open().await;
    let (browser, home) = (app.browser(Role::Lead).await, app.fixture.home);
    let framework = Framework { key: samples::key("acme-1"), ..Framework::example() };
    let framework = app.fixture.create(home, framework).await;
    let fields = |framework| {
        [
            ("frameworkId", framework),
            ("versionKey", "2026"),
            ("versionLabel", "The first"),
            ("sourceKind", "internal"),
            ("status", "draft"),
        ]
    };
    browser.get("/app/framework-versions/new").await.expect(200).expect_text("The key or the id of a framework.");
    let page = browser.post("/app/framework-versions", &fields("acme-2")).await.expect(400);
    let page = page.expect_text("Framework “acme-2” is not the key or the id of a framework in this workspace.");
    page.expect_text("value=\"acme-2\"");
    let page = browser.post("/app/framework-versions", &fields("acme-1")).await.expect(400);
    page.expect_text("value=\"acme-1\"").expect_text(&format!("href=\"/app/frameworks/{}\"", framework.meta.id));
    let away = app.fixture.create_organization("away").await;
    let foreign = app.fixture.create(away, Framework::example()).await.meta.id.to_string();
    browser
        .post("/app/framework-versions", &fields(&foreign))
        .await
        .expect(400)
        .expect_text("is not the key or the id");
    let with_reason: Vec<_> = fields("acme-1").into_iter().chain([REASON]).collect();
    let page = browser.post("/app/framework-versions", &with_reason).await.expect(303);
    let path = page.location().split('?').next().unwrap().to_owned();
    let stored = app.fixture.get(home, path.rsplit('/').next().unwrap().parse().unwrap()).await;
    let stored: FrameworkVersion = stored.map(|stored: kernel::Stored<FrameworkVersion>| stored.record).unwrap();
    assert_eq!(stored.framework_id, framework.meta.id);
    let page = browser.get(&format!("{path}/edit")).await.expect(200).expect_text("value=\"acme-1\"");
    page.expect_text("ISO/IEC 27001</bdi></a>");
}

#[tokio::test]
async fn an_owner_is_a_person_of_the_workspace_by_name_email_address_or_identifier() {
    let app = TestApp::open().await;
    let (browser, home) = (app.browser(Role::Contributor).await, app.fixture.home);
    let person = |name: &str, email: &str| User {
        status: UserStatus::Active,
        ..User::invited(samples::title(name), auth::parse_user_email(email).unwrap(), Role::Reader)
    };
    let morgan = app.fixture.create(home, person("Morgan Halloran", "m.halloran@cedar.example")).await;
    app.fixture.create(home, person("Kim Lee", "kim@cedar.example")).await;
    app.fixture.create(home, person("Kim Lee", "lee@cedar.example")).await;
    let finding = samples::finding("IA-1");
    let finding = Finding { owner_member_user_id: Some(samples::reference("member-7 of HR")), ..finding };
    let finding = app.fixture.create(home, finding).await;
    let path = format!("/app/findings/{}/edit", finding.meta.id);
    let page = browser.get(&path).await.expect(200).expect_text("value=\"member-7 of HR\"");
    page.expect_text("<option value=\"m.halloran@cedar.example\">Morgan Halloran</option>");
    let edit = async |revision: &str, owner: &str| {
        let title = format!("Title {revision}");
        let fields =
            [("revision", revision), ("title", &title), ("severity", "low"), ("ownerMemberUserId", owner), REASON];
        browser.post(&path, &fields).await
    };
    for nobody in ["Kim Lee", "Morgan", "nobody@cedar.example"] {
        edit("1", nobody).await.expect(400).expect_text("is nobody in this workspace");
    }
    edit("1", "member-7 of HR").await.expect(303);
    let id = morgan.meta.id.to_string();
    for (revision, owner) in [("2", "morgan halloran"), ("3", "M.Halloran@cedar.example"), ("4", &id)] {
        edit(revision, owner).await.expect(303);
        let stored = app.fixture.get(home, finding.meta.id).await.unwrap().record;
        assert_eq!(stored.owner_member_user_id.unwrap().as_str(), id);
    }
    browser
        .get(&path)
        .await
        .expect(200)
        .expect_text("value=\"m.halloran@cedar.example\"")
        .expect_text("Morgan Halloran</span>");
}

#[tokio::test]
async fn findings_are_filtered_by_the_name_of_their_owner() {
    let app = TestApp::open().await;
    let (browser, home) = (app.browser(Role::Lead).await, app.fixture.home);
    let person = User::invited(
        samples::title("Morgan Halloran"),
        auth::parse_user_email("m@cedar.example").unwrap(),
        Role::Lead,
    );
    let morgan = app.fixture.create(home, person).await.meta.id;
    let owned =
        Finding { owner_member_user_id: Some(samples::reference(&morgan.to_string())), ..samples::finding("IA-1") };
    app.fixture.create(home, owned).await;
    app.fixture.create(home, samples::finding("IA-2")).await;
    let page = browser.get("/app/findings?ownerMemberUserId=morgan+halloran").await.expect(303);
    assert_eq!(page.location(), format!("/app/findings?ownerMemberUserId={morgan}"));
    let page = browser.get(page.location()).await.expect(200).expect_text("IA-1").expect_no_text("IA-2");
    page.expect_text("owner Morgan Halloran").expect_text("value=\"m@cedar.example\"");
    let reader = app.browser(Role::Reader).await;
    let page = reader.get("/app/findings?ownerMemberUserId=m%40cedar.example").await.expect(200);
    page.expect_no_text("<datalist").expect_no_text("IA-1");
}

#[tokio::test]
async fn the_target_of_a_coverage_link_is_a_record_of_the_workspace_by_its_key_or_is_refused() {
    let app = TestApp::open().await;
    let (browser, home) = (app.browser(Role::Lead).await, app.fixture.home);
    let control = app.fixture.create(home, samples::control("AC-2")).await;
    let node = app.fixture.create(home, FrameworkNode { key: samples::key("SI-10"), ..FrameworkNode::example() }).await;
    let version = app.fixture.create(home, FrameworkVersion::example()).await;
    let (node, version) = (node.meta.id.to_string(), version.meta.id.to_string());
    let send = async |module: &str, kind: &str, target: &str| {
        let fields = [
            ("frameworkVersionId", version.as_str()),
            ("nodeId", &node),
            ("targetModuleKey", module),
            ("targetResourceType", kind),
            ("targetResourceId", target),
            ("coverage", "full"),
            REASON,
        ];
        browser.post("/app/coverage-links", &fields).await
    };
    let page = send("controls", "control", "no-such-control-999").await.expect(400);
    page.expect_text("“no-such-control-999” is not the key or the id of a control in this workspace.");
    let page = send("controls", "policy", "AC-2").await.expect(400);
    page.expect_text("Target type is none of the module controls, which has control");
    let foreign = app.fixture.create_organization("away").await;
    let foreign = app.fixture.create(foreign, samples::control("AC-2")).await.meta.id.to_string();
    send("controls", "control", &foreign).await.expect(400).expect_text("is not the key or the id of a control");
    let page = send("Controls", "Control", "AC-2").await.expect(303);
    let path = page.location().split('?').next().unwrap().to_owned();
    let id = path.rsplit('/').next().unwrap().parse().unwrap();
    let link: kernel::Stored<CoverageLink> = app.fixture.get(home, id).await.unwrap();
    assert_eq!(link.record.target_resource_id.as_str(), control.meta.id.to_string());
    assert_eq!(link.record.target_module_key.as_str(), "controls");
    assert_eq!(link.record.target_resource_type.as_str(), "control");
    let page = browser.get(&path).await.expect(200).expect_text("<h1><bdi>SI-10 by AC-2</bdi></h1>");
    page.expect_text(&format!("<a href=\"/app/controls/{}\"><span class=\"key\">AC-2</span>", control.meta.id));
    browser.get("/app/coverage-links").await.expect(200).expect_text("SI-10 by AC-2");
    let page = browser.get(&format!("{path}/edit")).await.expect(200).expect_text("value=\"AC-2\"");
    page.expect_text("The key or the id of a record of this workspace");
    send("wiki", "page", "Access/Policy").await.expect(303);
}
