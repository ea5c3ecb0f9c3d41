//! Findings that are triaged together.

use super::{demo::Demo, web_driver::WebDriver};

#[tokio::test]
async fn findings_are_triaged_together_with_one_reason() {
    let demo = Demo::open(WebDriver::open().await).await;
    let browser = &demo.browser;
    demo.go("/app/findings?status=open").await;
    let is_selected = "return [...document.querySelectorAll('.pick:checked')].map(pick => pick.value)";
    // With the keyboard: the bar that appears below the list hides no box that has the focus.
    for row in 1..=3 {
        browser.fill(&format!("tbody tr:nth-child({row}) input.pick"), " ").await;
    }
    let selected = browser.run(is_selected).await;
    assert_eq!(selected.as_array().expect("identifiers").len(), 3);
    browser.expect_no_faults("a selection in the list").await;
    browser.click("div.bulk button.primary").await;
    browser.wait_for("h1", "Triage 3 findings").await;
    browser.expect_no_faults("the selection").await;

    // A missing reason changes nothing, and what was chosen stays.
    browser.click("#status option[value=triaged]").await;
    browser.click("div.save button").await;
    assert!(browser.text("#problem").await.contains("problem"));
    browser.wait_until("return document.querySelector('#status').value", "triaged").await;
    browser.expect_no_faults("the selection with a problem").await;
    browser.fill("#reason", "Agreed in the weekly triage").await;
    browser.click("div.save button").await;
    assert!(browser.text("main").await.contains("3 findings were changed."));
    browser.expect_no_faults("the result").await;

    for id in selected.as_array().expect("identifiers").iter().filter_map(|id| id.as_str()) {
        demo.go(&format!("/app/audit?action=finding.updated&subjectId={id}")).await;
        assert_eq!(browser.texts("tbody tr").await.len(), 1, "{id}");
        browser.click("tbody tr a.prime").await;
        let entry = browser.text("main").await;
        for text in ["Agreed in the weekly triage", "Dana Whitlock", "triaged"] {
            assert!(entry.contains(text), "{text} is missing in {entry}");
        }
    }
    demo.go("/app/findings?status=open").await;
    let left = browser.run("return [...document.querySelectorAll('.pick')].map(pick => pick.value)").await;
    let left = left.as_array().expect("identifiers");
    assert!(selected.as_array().expect("identifiers").iter().all(|id| !left.contains(id)), "{left:?}");
}
