//! The content of the pages of a finding: the steps of its life, the faults of its forms, and texts of any script.

use auth::Role;
use findings::Finding;
use kernel::Stored;
use store_contract::samples;

use crate::{
    findings::{REASON, path, store},
    support::{Browser, TestApp},
};

/// The steps of the life of a finding, as the page has them.
async fn steps(browser: &Browser, finding: &Stored<Finding>) -> String {
    let html = browser.get(&path(finding, "")).await.expect(200).html();
    let (_, steps) = html.split_once("<ol class=\"steps\"").unwrap();
    steps.split_once("</ol>").unwrap().0.to_owned()
}

#[tokio::test]
async fn the_steps_of_a_finding_are_only_those_that_it_had() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Lead).await;
    let closed = store(&app, "IA-1", |finding| finding).await;
    let fields = [("revision", "1"), ("eventType", "verified_as_duplicate"), ("externalReference", "INC1"), REASON];
    browser.post(&path(&closed, "/events"), &fields).await.expect(303);
    let of_duplicate = steps(&browser, &closed).await;
    assert!(of_duplicate.contains("Open") && of_duplicate.contains("Closed"), "{of_duplicate}");
    assert!(!of_duplicate.contains("Verified") && !of_duplicate.contains("Triaged"), "{of_duplicate}");
    let fields = [("revision", "2"), ("status", "archived"), REASON];
    browser.post(&path(&closed, "/transition"), &fields).await.expect(303);
    let archived = steps(&browser, &closed).await;
    assert!(
        archived.contains("Closed") && archived.contains("Archived") && !archived.contains("Triaged"),
        "{archived}"
    );
    let moved = store(&app, "IA-2", |finding| finding).await;
    let fields = [("revision", "1"), ("status", "remediating"), REASON];
    browser.post(&path(&moved, "/transition"), &fields).await.expect(303);
    let under_way = steps(&browser, &moved).await;
    assert!(!under_way.contains("Triaged") && under_way.contains("Verified"), "the rest may follow: {under_way}");
    assert_eq!(under_way.matches("class=\"done\"").count(), 1, "{under_way}");
}

#[tokio::test]
async fn a_step_stays_however_much_was_written_about_the_finding_since() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Lead).await;
    let finding = store(&app, "IA-1", |finding| finding).await;
    for (revision, status) in [("1", "triaged"), ("2", "remediating")] {
        let fields = [("revision", revision), ("status", status), REASON];
        browser.post(&path(&finding, "/transition"), &fields).await.expect(303);
    }
    for _ in 0..35 {
        let fields = [("revision", "3"), ("eventType", "comment"), ("note", "Seen again."), REASON];
        browser.post(&path(&finding, "/events"), &fields).await.expect(303);
    }
    let steps = steps(&browser, &finding).await;
    assert!(steps.contains("Triaged"), "{steps}");
}

#[tokio::test]
async fn a_finding_event_of_the_future_is_refused() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Contributor).await;
    let finding = store(&app, "IA-1", |finding| finding).await;
    let send = async |time: &str| {
        let fields = [("revision", "1"), ("eventType", "comment"), ("occurredAt", time), REASON];
        browser.post(&path(&finding, "/events"), &fields).await
    };
    browser.get(&path(&finding, "/events/new")).await.expect(200).expect_text("Time of the event (America/Denver)");
    send("2027-12-01T10:00").await.expect(400).expect_text("is in the future");
    send("2026-03-08T02:30").await.expect(400).expect_text("does not exist in America/Denver");
    send("2026-05-25T08:00").await.expect(303);
}

#[tokio::test]
async fn what_is_wrong_with_a_text_is_the_one_rule_that_it_breaks() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Lead).await;
    let finding = store(&app, "IA-1", |finding| finding).await;
    let send = async |title: &str, reason: &str| {
        let fields = [("revision", "1"), ("title", title), ("severity", "low"), ("reason", reason)];
        browser.post(&path(&finding, "/edit"), &fields).await.expect(400)
    };
    let page = send(&"x".repeat(310), "It is \u{202e}reversed").await;
    let page = page.expect_text("Title has 310 characters. Write at most 300");
    page.expect_text("reverses the order of those after it (U+202E, character 7)").expect_no_text("after trimming");
    let page = send(" ", &"x".repeat(1_001)).await.expect_text("Reason has 1,001 characters. Write at most 1,000.");
    page.expect_no_text("bidirectional overrides");
}

#[tokio::test]
async fn titles_of_any_script_are_isolated_and_the_lines_of_texts_are_kept() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Reader).await;
    let title = format!("מבדק {}", "שנתי ".repeat(30).trim());
    let finding = store(&app, "IA-1", |finding| Finding {
        title: samples::title(&title),
        description: samples::description("first line\nsecond line\n\nsecond paragraph"),
        ..finding
    })
    .await;
    let page = browser.get(&path(&finding, "")).await.expect(200);
    let page = page.expect_text(&format!("<span dir=\"auto\" aria-current=\"page\">{title}</span>"));
    let page = page.expect_text(&format!("<h1><bdi>{title}</bdi></h1>"));
    page.expect_text("<p class=\"lines\" dir=\"auto\">first line\nsecond line</p>")
        .expect_text("<p class=\"lines\" dir=\"auto\">second paragraph</p>");
}
