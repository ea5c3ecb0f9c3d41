//! The pages of people: invitations, roles, the end of access, and what is recorded.

use auth::{Role, User, UserStatus};

use crate::support::{Browser, Page, TestApp, cookie, with_cookie};

const REASON: (&str, &str) = ("reason", "She joins the risk team");

/// The link on a page that shows one.
#[track_caller]
fn link_on(html: &str) -> String {
    let (_, rest) = html.split_once("https://localhost").unwrap_or_else(|| panic!("{html}"));
    rest.split('<').next().unwrap().to_owned()
}

/// Opens the page that a response leads to with the secret that the response carries.
async fn shown_once(browser: &Browser, page: &Page) -> Page {
    with_cookie(browser, &cookie(page, "novantra-secret")).get(page.location()).await.expect(200)
}

#[tokio::test]
async fn an_administrator_invites_a_person_who_sets_a_password_and_signs_in() {
    let app = TestApp::open().await;
    let admin = app.browser(Role::Admin).await;
    let before = app.actions().await.len();
    let fields = [("name", "Lin <b>Ortega</b>"), ("email", "Lin@Cedar.example"), ("role", "contributor"), REASON];
    let page = admin.post("/app/people/invite", &fields).await.expect(303);
    let page = shown_once(&admin, &page).await;
    let page = page.expect_text("You see it only now.").expect_text("Lin &lt;b&gt;Ortega&lt;/b&gt;");
    let link = link_on(&page.html());
    let recorded = app.actions().await.split_off(before);
    let actions: Vec<_> = recorded.iter().map(|(action, _)| action.as_str()).collect();
    assert_eq!(actions, ["user.created", "user.invited", "user.link_shown"]);
    assert_eq!(recorded[0].1.as_deref(), Some(REASON.1));
    let again = admin.post("/app/people/invite", &fields).await.expect(409);
    let again = again.expect_text("lin@cedar.example belongs to somebody").expect_text("They were invited");
    again.expect_text("/invitation\">make another link for them</a>");
    let stranger = app.stranger();
    stranger.get(&link).await.expect(200).expect_text("lin@cedar.example");
    let used = stranger.post(&link, &[("password", "kestrel venn oblique")]).await.expect(303);
    assert_eq!(used.location(), "/app");
    // Used, cut off, of nobody: the page is the same, so that it tells nobody which links there were.
    let used = stranger.get(&link).await.expect(404).expect_text("This link does not work");
    let used = used.expect_text("href=\"/app/sign-in\"").expect_text("Invite again").expect_text("novantra user reset");
    let password = [("password", "kestrel venn oblique")];
    for other in [link.as_str(), &link[..link.len() - 1], "/app/setup/x"] {
        assert_eq!(stranger.get(other).await.expect(404).html(), used.html(), "{other}");
        assert_eq!(stranger.post(other, &password).await.expect(404).html(), used.html(), "{other}");
    }
    let list = admin.get("/app/people").await.expect(200);
    list.expect_text("lin@cedar.example").expect_text("Contributor").expect_no_text("<b>Ortega");
}

#[tokio::test]
async fn the_list_of_people_is_filtered_by_role_and_status() {
    let app = TestApp::open().await;
    let admin = app.browser(Role::Admin).await;
    app.person("Lin Ortega", Role::Contributor).await;
    let gone = app.person("Ines Aldaba", Role::Contributor).await;
    let reason = ("reason", "She has left the company");
    admin.post(&format!("/app/people/{gone}/disable"), &[reason]).await.expect(303);
    let all = admin.get("/app/people").await.expect(200);
    let all = all.expect_text("3 people, newest first").expect_text("Lin Ortega").expect_text("Ines Aldaba");
    all.expect_text("Set up at the next sign-in").expect_text("just now").expect_text("Never");
    let page = admin.get("/app/people?role=contributor&role=lead").await.expect(303);
    assert_eq!(page.location(), "/app/people?role=contributor,lead");
    let page = admin.get("/app/people?role=contributor&status=active").await.expect(200);
    let page = page.expect_text("1 person").expect_text("Lin Ortega").expect_no_text("Ines Aldaba");
    page.expect_text("role contributor").expect_text("Clear all");
    let none = admin.get("/app/people?role=auditor").await.expect(200);
    none.expect_text("Nobody matches these filters");
    admin.get("/app/people?role=emperor").await.expect(400);
    // A page that refuses someone says where those who can help are, if they may see people.
    let administrators = "/app/people?role=admin&amp;status=active";
    app.browser(Role::Contributor).await.get("/app/workspace").await.expect(403).expect_text(administrators);
    app.browser(Role::Reader).await.get("/app/workspace").await.expect(403).expect_no_text(administrators);
}

#[tokio::test]
async fn an_invitation_with_faults_says_all_of_them_and_stores_nothing() {
    let app = TestApp::open().await;
    let admin = app.browser(Role::Admin).await;
    let fields = [("name", " "), ("email", "nobody"), ("role", "emperor"), ("reason", "short")];
    let page = admin.post("/app/people/invite", &fields).await.expect(400);
    let page = page.expect_text("There are 4 problems").expect_text("Choose a role.").expect_text("value=\"nobody\"");
    page.expect_text("<title>Error: Invite somebody");
    assert_eq!(
        app.fixture
            .list_all::<User>(app.fixture.home, &kernel::Filter::default(), kernel::PageRequest::default())
            .await
            .len(),
        1
    );
}

#[tokio::test]
async fn a_disabled_person_is_refused_at_the_next_click() {
    let app = TestApp::open().await;
    let admin = app.browser(Role::Admin).await;
    let user = app.person("Lin Ortega", Role::Lead).await;
    let theirs = app.session_of(user).await;
    theirs.get("/app").await.expect(200);
    let path = format!("/app/people/{user}");
    admin.get(&path).await.expect(200).expect_text("Lin Ortega").expect_text("Disable…");
    admin.post(&format!("{path}/disable"), &[("reason", "short")]).await.expect(400);
    theirs.get("/app").await.expect(200);
    let done = admin.post(&format!("{path}/disable"), &[("reason", "Left the company")]).await.expect(303);
    assert_eq!(done.location(), format!("{path}?done=disabled"));
    theirs.get("/app").await.expect(303);
    let stored = app.fixture.get::<User>(app.fixture.home, user).await.unwrap();
    assert_eq!(stored.record.status, UserStatus::Disabled);
    assert!(app.actions().await.contains(&("user.disabled".to_owned(), Some("Left the company".to_owned()))));
    admin.post(&format!("{path}/enable"), &[("reason", "Came back to the company")]).await.expect(303);
}

#[tokio::test]
async fn another_role_takes_effect_at_the_next_click() {
    let app = TestApp::open().await;
    let admin = app.browser(Role::Admin).await;
    let user = app.person("Lin Ortega", Role::Lead).await;
    let theirs = app.session_of(user).await;
    let path = format!("/app/people/{user}/role");
    admin.post(&path, &[("role", "emperor"), REASON]).await.expect(400).expect_text("Choose a role.");
    admin.post(&path, &[("role", "reader"), REASON]).await.expect(303);
    theirs.get("/app").await.expect(303);
    app.session_of(user).await.get("/app/risks/new").await.expect(403);
}

#[tokio::test]
async fn nobody_changes_their_own_role_or_status() {
    let app = TestApp::open().await;
    let user = app.person("Dana Whitlock", Role::Admin).await;
    let admin = app.session_of(user).await;
    let path = format!("/app/people/{user}");
    admin.get(&path).await.expect(200).expect_text("This is you.").expect_no_text("Disable…");
    for form in ["role", "disable", "enable"] {
        let page = admin.get(&format!("{path}/{form}")).await.expect(409);
        page.expect_text("nobody changes their own role or status").expect_no_text("<form class=\"form\"");
    }
    admin.post(&format!("{path}/disable"), &[REASON]).await.expect(409);
    admin.post(&format!("{path}/role"), &[("role", "reader"), REASON]).await.expect(409);
    admin.get(&path).await.expect(200);
}

#[tokio::test]
async fn sensitive_changes_ask_for_the_password_again() {
    let app = TestApp::open().await;
    let user = app.person("Dana Whitlock", Role::Admin).await;
    app.set_password(user).await;
    let admin = app.session_of(user).await;
    app.fixture.clock.advance(std::time::Duration::from_secs(16 * 60));
    let page = admin.get("/app/people/invite").await.expect(303);
    assert_eq!(page.location(), "/app/confirm-password?next=%2Fapp%2Fpeople%2Finvite");
    let fields = [("name", "Lin"), ("email", "lin@cedar.example"), ("role", "reader"), REASON];
    admin.post("/app/people/invite", &fields).await.expect(401).expect_text("Enter your password again");
    let wrong = [("password", "not the password"), ("next", "/app/people/invite")];
    admin.post("/app/confirm-password", &wrong).await.expect(401).expect_text("The password is wrong");
    let right = [("password", crate::support::PASSWORD), ("next", "/app/people/invite")];
    let page = admin.post("/app/confirm-password", &right).await.expect(303);
    assert_eq!(page.location(), "/app/people/invite");
    admin.get("/app/people/invite").await.expect(200);
    admin.post("/app/people/invite", &fields).await.expect(303);
}

#[tokio::test]
async fn an_administrator_ends_one_session_of_a_person_or_all() {
    let app = TestApp::open().await;
    let admin = app.browser(Role::Admin).await;
    let user = app.person("Lin Ortega", Role::Lead).await;
    let (first, second) = (app.session_of(user).await, app.session_of(user).await);
    let path = format!("/app/people/{user}/sessions");
    let page = admin.get(&path).await.expect(200).expect_no_text("<script>alert");
    let html = page.html();
    let (_, rest) = html.split_once("value=\"sess_").unwrap();
    let session = format!("sess_{}", rest.split('"').next().unwrap());
    admin.post(&path, &[("session", &session), REASON]).await.expect(303);
    let left = [first.get("/app").await.status, second.get("/app").await.status];
    assert_eq!(left.iter().filter(|status| **status == 200).count(), 1, "{left:?}");
    admin.post(&path, &[("session", &session), REASON]).await.expect(400).expect_text("over already");
    admin.post(&path, &[("session", "all"), REASON]).await.expect(303);
    assert_eq!([first.get("/app").await.status, second.get("/app").await.status], [303, 303]);
}

#[tokio::test]
async fn people_of_another_workspace_are_not_found() {
    let app = TestApp::open().await;
    let other = app.fixture.create_organization("other").await;
    let user = User { status: UserStatus::Active, ..kernel::Record::example() };
    let user = app.fixture.create(other, user).await.meta.id;
    let admin = app.browser(Role::Admin).await;
    admin.get(&format!("/app/people/{user}")).await.expect(404);
    admin.post(&format!("/app/people/{user}/disable"), &[REASON]).await.expect(404);
}

#[tokio::test]
async fn a_reload_of_the_page_with_a_link_issues_no_other_one_and_shows_nothing_again() {
    let app = TestApp::open().await;
    let admin = app.browser(Role::Admin).await;
    let fields = [("name", "Lin Ortega"), ("email", "lin@cedar.example"), ("role", "lead"), REASON];
    let page = admin.post("/app/people/invite", &fields).await.expect(303);
    let address = page.location().to_owned();
    assert!(address.starts_with("/app/people/user_") && address.ends_with("/link"), "{address}");
    let shown = shown_once(&admin, &page).await;
    assert_eq!(cookie(&shown, "novantra-secret"), "novantra-secret=", "the browser forgets the link");
    let again = admin.get(&address).await.expect(200).expect_text("was shown already").expect_no_text("/app/setup/");
    again.expect_text("Invite again…");
    // The link that was shown works still.
    app.stranger().get(&link_on(&shown.html())).await.expect(200);
    let invitation = address.replace("/link", "/invitation");
    let newer = admin.post(&invitation, &[REASON]).await.expect(303);
    app.stranger().get(&link_on(&shown.html())).await.expect(404);
    // A link that was replaced meanwhile is not shown.
    let newest = admin.post(&invitation, &[REASON]).await.expect(303);
    shown_once(&admin, &newer).await.expect_text("was shown already");
    shown_once(&admin, &newest).await.expect_text("It works once, until");
    // A reset is shown in the same way.
    let user = app.person("Ines Aldaba", Role::Lead).await;
    app.set_password(user).await;
    let page = admin.post(&format!("/app/people/{user}/reset"), &[REASON]).await.expect(303);
    shown_once(&admin, &page).await.expect_text("they choose a new password");
    // Another administrator does not see it.
    let other = app.browser(Role::Admin).await;
    shown_once(&other, &page).await.expect_no_text("/app/setup/");
}
