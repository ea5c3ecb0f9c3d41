//! Searches of the audit log, and the words of its entries.

use std::{collections::BTreeSet, fs, path::Path, time::Duration};

use auth::Role;
use kernel::{Action, Actor, ActorKind, Change, Entropy as _, Entry, FieldValue, Id, Origin, RequestId};
use store_contract::samples;

use crate::{
    audit_log::{CREDENTIALS, create_account},
    support::{Page, TestApp},
};

#[tokio::test]
async fn actors_and_subjects_are_named_by_names_addresses_and_keys_and_who_is_nobody_is_refused() {
    let app = TestApp::open().await;
    let admin = app.browser(Role::Admin).await;
    create_account(&admin, "siem").await;
    let disabled = app.person("Lin Ortega", Role::Lead).await;
    app.session_of(disabled).await.get("/app/risks").await.expect(200);
    admin.post(&format!("/app/people/{disabled}/disable"), &[("reason", "Left the company")]).await.expect(303);
    let finding = app.fixture.create(app.fixture.home, samples::finding("IA-1")).await.meta.id;
    admin.get(&format!("/app/findings/{finding}")).await.expect(200);
    let found = async |query: &str| admin.get(&format!("/app/audit?{query}")).await.expect(200);
    // Somebody who is disabled is who an auditor asks for.
    let page = found("actorId=lin+ortega").await.expect_text("risk.<wbr>listed").expect_text("actor Lin Ortega");
    page.expect_no_text("service_<wbr>account.<wbr>created");
    found("actorId=Dana+Whitlock").await.expect_text("service_<wbr>account.<wbr>created");
    let page = found("subjectId=IA-1").await.expect_text("finding.<wbr>read").expect_text("subject IA-1");
    page.expect_text(&format!("href=\"/app/go?q={finding}\">IA-1</a>")).expect_text("All 1 entry, newest first");
    found("subjectId=siem").await.expect_text("service_<wbr>account.<wbr>created");
    found(&format!("subjectId={finding},siem")).await.expect_text("finding.<wbr>read").expect_text("created");
    for (query, nobody) in
        [("actorId=Danna", "“Danna” is no person"), ("subjectId=scan-0011", "“scan-0011” is the key")]
    {
        let page = admin.get(&format!("/app/audit?{query}")).await.expect(400).expect_text(nobody);
        page.expect_text("There is a problem").expect_no_text("No entry matches");
        admin.get(&format!("/app/audit/export.jsonl?{query}")).await.expect(422).expect_text(nobody);
    }
    let many = "a,".repeat(6);
    admin.get(&format!("/app/audit?actorId={many}")).await.expect(400).expect_text("at most 5 names");
    // An extract has the same entries.
    let extract = admin.get("/app/audit/export.jsonl?subjectId=IA-1").await.expect(200);
    assert_eq!(extract.html().lines().count(), 2, "{}", extract.html());
    // What another workspace has is nothing here.
    let other = app.fixture.create_organization("other").await;
    app.fixture.create(other, samples::finding("IA-2")).await;
    admin.get("/app/audit?subjectId=IA-2").await.expect(400);
}

#[tokio::test]
async fn the_beginning_of_an_action_finds_all_actions_below_it_and_an_unknown_one_is_said_to_be_unknown() {
    let app = TestApp::open().await;
    let admin = app.browser(Role::Admin).await;
    create_account(&admin, "siem").await;
    admin.post(CREDENTIALS, &[("name", "other")]).await.expect(400);
    let page = admin.get("/app/audit?action=service_account").await.expect(200);
    let page = page.expect_text("service_<wbr>account.<wbr>created.<wbr>refused").expect_no_text("risk.<wbr>");
    page.expect_text("Feeding the monitoring of security").expect_text("<option value=\"service_account.rotated\">");
    let page = admin.get("/app/audit?action=user.role_changed").await.expect(200);
    page.expect_text("This version of Novantra records nothing as “user.role_changed”.");
}

#[tokio::test]
async fn a_request_id_leads_to_the_entries_of_the_request() {
    let app = TestApp::open().await;
    let admin = app.browser(Role::Admin).await;
    let request = |page: &Page| page.headers["x-request-id"].to_str().unwrap().to_owned();
    let missing = request(&admin.get("/app/no-such-page").await.expect(404));
    for _ in 0..30 {
        admin.get("/app/risks").await.expect(200);
    }
    app.fixture.clock.advance(Duration::from_secs(3 * 60 * 60));
    let admin = app.browser(Role::Admin).await;
    let created = request(
        &admin
            .post(
                "/app/people/invite",
                &[
                    ("name", "Lin"),
                    ("email", "lin@cedar.example"),
                    ("role", "lead"),
                    ("reason", "She joins the risk team"),
                ],
            )
            .await
            .expect(303),
    );
    let entry = admin.get(&format!("/app/go?q={missing}")).await.expect(303).location().to_owned();
    admin.get(&entry).await.expect(200).expect_text(&missing).expect_text("Nothing: it was refused.");
    let page = admin.get(&format!("/app/audit?requestId={missing}")).await.expect(200);
    page.expect_text("All 1 entry, oldest first").expect_no_text("risk.<wbr>listed");
    // The creation of a person and their invitation are two entries.
    let list = admin.get(&format!("/app/go?q={created}")).await.expect(303).location().to_owned();
    assert_eq!(list, format!("/app/audit?requestId={created}"));
    admin.get(&list).await.expect(200).expect_text("user.<wbr>created").expect_text("user.<wbr>invited");
    let extract = admin.get(&format!("/app/audit/export.jsonl?requestId={created}")).await.expect(200);
    assert_eq!(extract.html().lines().count(), 3, "{}", extract.html());
    let unknown: Id<RequestId> = Id::new(app.fixture.now().first_ulid());
    admin.get(&format!("/app/go?q={unknown}")).await.expect(404);
    let page = admin.get(&format!("/app/audit?requestId={unknown}")).await.expect(200);
    page.expect_text("has no entry of this request");
    admin.get("/app/audit?requestId=REQ-1").await.expect(400).expect_text("“REQ-1” is no request id");
    // Those who may not read the log do not find it by the jump box, either.
    app.browser(Role::Contributor).await.get(&format!("/app/go?q={missing}")).await.expect(404);
}

#[tokio::test]
async fn changes_only_leaves_out_what_was_read_or_refused_also_across_pages() {
    let app = TestApp::open().await;
    let admin = app.browser(Role::Admin).await;
    create_account(&admin, "first").await;
    for _ in 0..210 {
        admin.get(CREDENTIALS).await.expect(200);
    }
    create_account(&admin, "second").await;
    admin.post(CREDENTIALS, &[("name", "third")]).await.expect(400);
    let page = admin
        .get("/app/audit?changes=only&action=service_account")
        .await
        .expect(200)
        .expect_text("All 2 entries, newest first");
    page.expect_no_text("account.<wbr>listed").expect_no_text(".<wbr>refused").expect_text("checked");
    let page = admin
        .get("/app/audit?changes=only&action=service_account&limit=1")
        .await
        .expect(200)
        .expect_text("1 entry of more");
    let html = page.html();
    let next = html.split("href=\"").find(|href| href.contains("cursor=")).unwrap().split('"').next().unwrap();
    let page = admin.get(&next.replace("&amp;", "&")).await.expect(200);
    page.expect_text("service_<wbr>account.<wbr>created").expect_text("The last 1 entry");
    let extract = admin.get("/app/audit/export.jsonl?changes=only&action=service_account").await.expect(200);
    assert_eq!(extract.html().lines().count(), 3, "{}", extract.html());
    admin.get("/app/audit?changes=all").await.expect(400);
}

/// Stores the entry of calls that were refused, and returns its identifier.
async fn append_refused(app: &TestApp, request: Id<RequestId>, calls: i64) -> Id<Entry> {
    let timestamp = app.fixture.store.begin_entry();
    let at = timestamp.at();
    let id = Id::new(app.fixture.entropy.ulid(at));
    let entry = Entry {
        id,
        organization: app.fixture.home,
        occurred_at: at,
        wall_clock: None,
        actor: Actor { kind: ActorKind::System, id: None, name: "unknown caller".into() },
        action: Action::new("token.issued.refused"),
        subject: None,
        reason: None,
        changes: vec![Change {
            field: "refused_calls".into(),
            before: FieldValue::Null,
            after: FieldValue::Integer(calls),
        }],
        origin: Origin { request_id: request, method: None, route: None, source_address: None, user_agent: None },
        status: Some(401),
    };
    app.fixture.store.append(entry, timestamp).await.unwrap();
    id
}

#[tokio::test]
async fn an_entry_for_several_calls_says_so_and_leads_to_the_first() {
    let app = TestApp::open().await;
    let admin = app.browser(Role::Admin).await;
    let request = Id::new(app.fixture.entropy.ulid(app.fixture.now()));
    let first = append_refused(&app, request, 1).await;
    // A server that stops records what it has counted before the minute is over.
    let early = append_refused(&app, request, 1).await;
    app.fixture.clock.advance(Duration::from_secs(65));
    let summary = append_refused(&app, request, 1).await;
    let list = admin.get("/app/audit?action=token.issued.refused").await.expect(200);
    let list =
        list.expect_text("1 more call between <time").expect_text(&format!("?requestId={request}\">the first</a>"));
    assert_eq!(list.html().matches("more call between").count(), 1);
    list.expect_no_text("Refused calls");
    for entry in [summary, early] {
        let page = admin.get(&format!("/app/audit/{entry}")).await.expect(200);
        let page =
            page.expect_text("Several calls").expect_text(&format!("href=\"/app/audit/{first}\">the first call</a>"));
        page.expect_text("Nothing: it was refused.").expect_no_text("refusedCalls</code>");
    }
    let page = admin.get(&format!("/app/audit/{first}")).await.expect(200).expect_no_text("Several calls");
    page.expect_text("Nothing: it was refused.");
    let list = admin.get(&format!("/app/go?q={request}")).await.expect(303);
    assert_eq!(list.location(), format!("/app/audit?requestId={request}"));
}

#[tokio::test]
async fn the_list_says_whether_it_is_complete() {
    let app = TestApp::open().await;
    let admin = app.browser(Role::Admin).await;
    create_account(&admin, "siem").await;
    admin.get("/app/audit?action=service_account.created").await.expect(200).expect_text("All 1 entry, newest first");
    admin.get("/app/audit?limit=1").await.expect(200).expect_text("1 entry of more, newest first");
}

/// The names of actions that the sources of a folder have as literals, outside their tests.
fn actions_in(folder: &Path, found: &mut BTreeSet<String>) {
    for file in fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()) {
        if file.is_dir() {
            actions_in(&file, found);
        } else if file.extension().is_some_and(|extension| extension == "rs") && file.file_stem().unwrap() != "tests" {
            let text = fs::read_to_string(&file).unwrap();
            let text = text.split("#[cfg(test)]").next().unwrap();
            for before in ["Action::new(\"", "action: \""] {
                let names = text.split(before).skip(1).filter_map(|rest| rest.split('"').next());
                found.extend(names.filter(|name| name.contains('.')).map(str::to_owned));
            }
        }
    }
}

#[tokio::test]
async fn every_action_of_a_workspace_is_suggested() {
    let app = TestApp::open().await;
    let page = app.browser(Role::Admin).await.get("/app/audit").await.expect(200).html();
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut actions = BTreeSet::new();
    let names = [
        "api-v1",
        "audit",
        "auth",
        "console",
        "delivery",
        "evidence",
        "findings",
        "http",
        "integrations",
        "people",
        "server",
        "submissions",
        "webhooks",
    ];
    for name in names {
        actions_in(&crates.join(name).join("src"), &mut actions);
    }
    assert!(actions.len() > 40, "{actions:?}");
    // These are in the log of the installation only.
    let is_of_workspace =
        |action: &&String| !action.starts_with("installation.") && !action.starts_with("signing_key.");
    let missing: Vec<_> = actions
        .iter()
        .filter(is_of_workspace)
        .filter(|action| !page.contains(&format!("<option value=\"{action}\"")))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}
