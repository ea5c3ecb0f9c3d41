//! The list of findings, a finding and its life, and triage in bulk.

use auth::Role;
use findings::{Finding, Severity, Status};
use kernel::{Id, Record as _, Stored, SubjectGroup};
use registers::{CoverageLink, FrameworkNode};
use store_contract::samples;

use crate::support::TestApp;

pub(crate) const REASON: (&str, &str) = ("reason", "Confirmed by the portal team");

pub(crate) async fn store(app: &TestApp, key: &str, change: impl FnOnce(Finding) -> Finding) -> Stored<Finding> {
    app.fixture.create(app.fixture.home, change(samples::finding(key))).await
}

pub(crate) fn path(finding: &Stored<Finding>, rest: &str) -> String {
    format!("/app/findings/{}{rest}", finding.meta.id)
}

pub(crate) async fn current(app: &TestApp, id: Id<Finding>) -> Stored<Finding> {
    app.fixture.get(app.fixture.home, id).await.unwrap()
}

#[tokio::test]
async fn the_list_has_the_findings_that_its_filters_name() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Lead).await;
    store(&app, "IA-1", |finding| Finding { severity: Severity::Critical, ..finding }).await;
    store(&app, "IA-2", |finding| finding).await;
    browser.get("/app/findings").await.expect(200).expect_text("IA-1").expect_text("IA-2");
    let page = browser.get("/app/findings?severity=critical").await.expect(200);
    page.expect_text("IA-1").expect_text("severity critical").expect_no_text("IA-2");
    browser.get("/app/findings?order=due").await.expect(200).expect_text("due soonest first");
}

#[tokio::test]
async fn a_form_of_filters_leads_to_the_same_filters_in_the_words_of_the_api() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Reader).await;
    let page =
        browser.get("/app/findings?severity=high&severity=critical&status=&dueBefore=2026-12-01").await.expect(303);
    assert_eq!(page.location(), "/app/findings?dueBefore=2026-12-01T07%3A00%3A00.000Z&severity=high,critical");
    let page = browser.get("/app/findings?order=updated").await.expect(303);
    assert_eq!(page.location(), "/app/findings?order=updated&updatedAfter=1970-01-01T00%3A00%3A00.000Z");
    let location = page.location().to_owned();
    browser.get(&location).await.expect(200).expect_text("No findings yet").expect_no_text("Clear all");
    store(&app, "IA-1", |finding| finding).await;
    browser.get(&location).await.expect(200).expect_text("longest unchanged first");
}

#[tokio::test]
async fn a_transition_is_audited_and_fires_the_events_of_the_api() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Contributor).await;
    let finding = store(&app, "IA-1", |finding| finding).await;
    app.take_events();
    let page = browser.get(&path(&finding, "")).await.expect(200);
    page.expect_text("Where it stands").expect_text("value=\"triaged\"").expect_no_text("value=\"archived\"");
    let fields = [("revision", "1"), ("status", "closed"), REASON];
    let page = browser.post(&path(&finding, "/transition"), &fields).await.expect(303);
    assert_eq!(page.location(), path(&finding, "?done=moved"));
    assert_eq!(app.take_events(), ["finding.updated", "finding.status_changed", "finding.closed"]);
    assert_eq!(current(&app, finding.meta.id).await.record.status, Status::Closed);
    let entry = ("finding.updated".to_owned(), Some(REASON.1.to_owned()));
    let entries = app.actions().await.into_iter().filter(|action| *action == entry).count();
    assert_eq!(entries, 1, "one entry for one change");
    let page = browser.get(page.location()).await.expect(200);
    page.expect_text("The finding was moved.").expect_text(REASON.1);
}

#[tokio::test]
async fn a_transition_that_is_refused_keeps_what_was_typed_and_changes_nothing() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Lead).await;
    let finding = store(&app, "IA-1", |finding| finding).await;
    app.take_events();
    let send = async |fields: &[(&str, &str)]| browser.post(&path(&finding, "/transition"), fields).await;
    let page = send(&[("revision", "1"), ("status", "archived"), REASON]).await.expect(409);
    page.expect_text("This was not done.").expect_text(REASON.1);
    let page = send(&[("revision", "1"), ("status", "triaged"), ("reason", "short")]).await.expect(400);
    page.expect_text("has 5 characters").expect_text("value=\"short\"").expect_text("<title>Error: ");
    let page = send(&[("revision", "7"), ("status", "triaged"), REASON]).await.expect(409);
    page.expect_text("Somebody else changed this record").expect_text(REASON.1);
    assert_eq!(current(&app, finding.meta.id).await.record.status, Status::Open);
    assert!(app.take_events().is_empty());
    browser.get(&path(&finding, "")).await.expect(200).expect_text("No change is recorded.");
}

#[tokio::test]
async fn a_form_without_its_token_is_refused() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Admin).await;
    let finding = store(&app, "IA-1", |finding| finding).await;
    for rest in ["/transition", "/comments", "/events", "/edit"] {
        let fields = [("revision", "1"), ("status", "closed"), ("comment", "Hello there"), REASON];
        browser.post_without_token(&path(&finding, rest), &fields).await.expect(403);
    }
    let fields = [("id", "x")];
    browser.post_without_token("/app/findings/triage", &fields).await.expect(403);
    browser.post_without_token("/app/findings/triage/apply", &fields).await.expect(403);
    browser.post_without_token("/app/rows", &[("rows", "compact")]).await.expect(403);
    assert_eq!(current(&app, finding.meta.id).await.meta.revision.0, 1);
}

#[tokio::test]
async fn comments_stand_in_the_history_and_are_inert() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Contributor).await;
    let finding = store(&app, "IA-1", |finding| finding).await;
    let script = "<script>alert('here')</script>";
    browser.post(&path(&finding, "/comments"), &[("comment", script)]).await.expect(303);
    let page = browser.get(&path(&finding, "")).await.expect(200);
    page.expect_text("&lt;script&gt;alert").expect_text("commented").expect_no_text(script);
    browser.post(&path(&finding, "/comments"), &[("comment", " ")]).await.expect(400).expect_text("is empty");
    assert_eq!(current(&app, finding.meta.id).await.record.status, Status::Open);
}

#[tokio::test]
async fn texts_of_findings_are_inert_wherever_they_are_shown() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Lead).await;
    let payload = "\"><img src=x onerror=alert(1)>";
    let key = "\"><img/src=x/onerror=alert(1)>";
    let finding = store(&app, key, |finding| Finding {
        title: samples::title(payload),
        description: samples::description(payload),
        subject: Some(samples::subject(payload)),
        owner_member_user_id: Some(samples::reference(payload)),
        ..finding
    })
    .await;
    let id = finding.meta.id.to_string();
    for page in ["/app/findings", &path(&finding, ""), &path(&finding, "/edit"), &path(&finding, "/events/new")] {
        browser.get(page).await.expect(200).expect_no_text("<img");
    }
    browser.post("/app/findings/triage", &[("id", &id)]).await.expect(200).expect_no_text("<img");
}

#[tokio::test]
async fn an_edit_sets_owner_due_date_and_severity_with_their_event() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Lead).await;
    let finding = store(&app, "IA-1", |finding| finding).await;
    app.take_events();
    let fields = |revision: &'static str| {
        [
            ("revision", revision),
            ("title", "Another title"),
            ("severity", "critical"),
            ("ownerMemberUserId", "Dana Whitlock"),
            ("dueAt", "2026-12-04T17:00"),
            ("status", "archived"),
            ("sourceKind", "audit"),
            REASON,
        ]
    };
    browser.post(&path(&finding, "/edit"), &fields("1")).await.expect(303);
    let Finding { title, severity, status, source, owner_member_user_id, due_at, .. } =
        current(&app, finding.meta.id).await.record;
    assert_eq!((title.as_str(), severity), ("Another title", Severity::Critical));
    assert!(owner_member_user_id.unwrap().as_str().starts_with("user_"));
    assert_eq!(due_at.unwrap().to_string(), "2026-12-05T00:00:00.000Z");
    assert_eq!((status, source.kind.name()), (Status::Open, "manual"), "no form sets the status or the source");
    assert_eq!(app.take_events(), ["finding.updated"]);
    let page = browser.post(&path(&finding, "/edit"), &fields("1")).await.expect(409);
    page.expect_text("Somebody else changed this record").expect_text("Another title");
}

#[tokio::test]
async fn a_finding_is_created_with_its_event_and_its_key_is_unique() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Contributor).await;
    browser.get("/app/findings/new").await.expect(200).expect_no_text("name=\"status\"");
    app.take_events();
    let fields = [
        ("findingKey", "IA-9"),
        ("title", "New"),
        ("severity", "low"),
        ("sourceKind", "manual"),
        ("status", "closed"),
        REASON,
    ];
    let page = browser.post("/app/findings", &fields).await.expect(303);
    assert_eq!(app.take_events(), ["finding.created"]);
    browser.get(page.location()).await.expect(200).expect_text("The finding was created.").expect_text("IA-9");
    let (filter, page) = (kernel::Filter::default(), kernel::PageRequest::default());
    let found = app.fixture.list::<Finding>(app.fixture.home, &filter, &page).await;
    assert_eq!(found.items[0].record.status, Status::Open);
    browser.post("/app/findings", &fields).await.expect(409).expect_text("is taken");
}

#[tokio::test]
async fn a_duplicate_names_its_original_by_key() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Lead).await;
    let original = store(&app, "IA-1", |finding| finding).await;
    let copy = store(&app, "IA-2", |finding| finding).await;
    app.take_events();
    browser.get(&path(&copy, "/events/new?kind=verified_as_duplicate")).await.expect(200);
    let fields = |key: &'static str| {
        [("revision", "1"), ("eventType", "verified_as_duplicate"), ("duplicateOfFindingId", key), REASON]
    };
    let page = browser.post(&path(&copy, "/events"), &fields("IA-7")).await.expect(400);
    page.expect_text("is not the key or the id of a finding");
    browser.post(&path(&copy, "/events"), &fields("IA-2")).await.expect(400).expect_text("duplicate of itself");
    browser.post(&path(&copy, "/events"), &fields("IA-1")).await.expect(303);
    let changed = current(&app, copy.meta.id).await.record;
    assert_eq!((changed.status, changed.duplicate_of), (Status::Closed, Some(original.meta.id)));
    assert_eq!(app.take_events(), ["finding.updated", "finding.status_changed", "finding.closed"]);
    browser
        .get(&path(&copy, ""))
        .await
        .expect(200)
        .expect_text("Duplicate of <a")
        .expect_text("<span class=\"key\">IA-1</span>");
}

#[tokio::test]
async fn a_selection_never_leads_to_another_site() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Lead).await;
    let finding = store(&app, "IA-1", |finding| finding).await;
    let id = finding.meta.id.to_string();
    for back in ["//evil.example", "https://evil.example", "@evil.example", ".evil.example"] {
        let page = browser.post("/app/findings/triage", &[("id", &id), ("back", back)]).await.expect(200);
        page.expect_no_text("evil.example");
    }
}

#[tokio::test]
async fn a_finding_shows_what_it_bears_on_and_where_it_is_mirrored() {
    let app = TestApp::open().await;
    let (browser, home) = (app.browser(Role::Contributor).await, app.fixture.home);
    let control = app.fixture.create(home, samples::control("AC-2")).await;
    let about =
        SubjectGroup { resource_id: samples::reference(&control.meta.id.to_string()), ..samples::subject("replaced") };
    let first = store(&app, "IA-1", |finding| Finding { subject: Some(about.clone()), ..finding }).await;
    store(&app, "IA-2", |finding| Finding { subject: Some(about.clone()), ..finding }).await;
    store(&app, "IA-3", |finding| finding).await;
    let node = app.fixture.create(home, FrameworkNode { key: samples::key("SI-10"), ..FrameworkNode::example() }).await;
    let covers = about.resource_id.clone();
    let link = CoverageLink { node_id: node.meta.id, target_resource_id: covers, ..CoverageLink::example() };
    app.fixture.create(home, link).await;
    browser.get(&path(&first, "")).await.expect(200).expect_no_text("Mirrored to");
    for reference in ["INC0048213", "INC0048213", "INC7"] {
        let fields = [("revision", "1"), ("eventType", "comment"), ("externalReference", reference), REASON];
        let revision = current(&app, first.meta.id).await.meta.revision.0.to_string();
        let fields: Vec<(&str, &str)> = fields
            .iter()
            .map(|(name, value)| (*name, if *name == "revision" { revision.as_str() } else { value }))
            .collect();
        browser.post(&path(&first, "/events"), &fields).await.expect(303);
    }
    let page = browser.get(&path(&first, "")).await.expect(200).expect_text("Mirrored to").expect_text("INC7");
    let page = page.expect_text("Bears on").expect_text("AC-2</span>").expect_text("SI-10</span>");
    let html = page.expect_text("IA-2</span>").expect_no_text("IA-3").html();
    let (_, mirrors) = html.split_once("id=\"h-mirrored-to\"").unwrap();
    assert_eq!(mirrors.split_once("</section>").unwrap().0.matches("INC0048213").count(), 1);
}
