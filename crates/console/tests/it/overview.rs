//! The overview in the web app.

use std::time::Duration;

use auth::Role;
use findings::Finding;
use kernel::{Record as _, Timestamp};
use store::{Counts, Day, Rollup, RollupPart};

use crate::support::{Browser, TestApp};

const TEN_MINUTES: Duration = Duration::from_secs(600);

async fn expect_as_of(browser: &Browser, time: Timestamp) {
    browser.get("/app").await.expect(200).expect_text(&format!("as of <time datetime=\"{time}\""));
}

#[tokio::test]
async fn the_numbers_are_as_of_now_until_a_record_changes_or_time_changes_them() {
    let app = TestApp::open().await;
    let browser = app.browser(Role::Admin).await;
    let counted_at = app.fixture.clock.advance(Duration::from_secs(1));
    for part in RollupPart::ALL {
        let due_at = counted_at + 3 * TEN_MINUTES;
        let rollup = Rollup { part: *part, as_of: counted_at, counted_at, due_at, counts: Counts::default() };
        app.fixture.store.replace_rollup(app.fixture.home, &rollup, &[], Day(0)).await.unwrap();
    }
    expect_as_of(&browser, app.fixture.clock.advance(TEN_MINUTES)).await;
    expect_as_of(&browser, app.fixture.clock.advance(TEN_MINUTES)).await;
    app.fixture.create(app.fixture.home, Finding::example()).await;
    expect_as_of(&browser, counted_at).await;
    let recounted_at = app.fixture.clock.advance(Duration::from_secs(1));
    let part = RollupPart::Findings;
    let due_at = recounted_at + TEN_MINUTES;
    let rollup = Rollup { part, as_of: recounted_at, counted_at: recounted_at, due_at, counts: Counts::default() };
    app.fixture.store.replace_rollup(app.fixture.home, &rollup, &[], Day(0)).await.unwrap();
    expect_as_of(&browser, recounted_at).await;
    // The counts of the evidence change by themselves.
    app.fixture.clock.advance(TEN_MINUTES);
    expect_as_of(&browser, counted_at).await;
}
