//! The faults of the page that a browser shows.

use std::{env, sync::LazyLock};

use serde_json::{Value, json};

use super::web_driver::WebDriver;

/// The script of axe-core, which checks whether a page is accessible.
static AXE: LazyLock<String> = LazyLock::new(|| {
    let path = env::var("NOVANTRA_TEST_AXE").expect(
        "NOVANTRA_TEST_AXE is not set: run the tests with `cargo xtask test`, which downloads axe-core, or set the path of \
         axe.min.js",
    );
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
});

/// The rules of accessibility that a page is checked by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rules {
    /// All of WCAG 2.2 AA and the best practices.
    All,
    /// Those about colors, for a page that differs in colors only from one that was checked.
    Colors,
}

impl Rules {
    fn options(self) -> Value {
        match self {
            Self::All => json!({ "resultTypes": ["violations"], "rules": { "target-size": { "enabled": true } } }),
            Self::Colors => json!({
                "resultTypes": ["violations"],
                "runOnly": { "type": "rule", "values": ["color-contrast", "link-in-text-block"] },
            }),
        }
    }
}

impl WebDriver {
    /// Asserts that the page has no fault.
    pub(super) async fn expect_no_faults(&self, page: &str) {
        let mut faults = self.faults_of_load().await;
        faults.extend(self.faults_of_layout().await);
        faults.extend(self.faults_of_accessibility(Rules::All).await);
        assert_eq!(faults, [""; 0], "{page}");
    }

    /// The faults that the load of the page has: in its title and headings, in the console, and requests to other hosts.
    pub(super) async fn faults_of_load(&self) -> Vec<String> {
        let state = self
            .run(
                "return [document.title, location.origin, document.querySelectorAll('h1').length, \
                 document.querySelectorAll('main').length]",
            )
            .await;
        let (title, origin) = (state[0].as_str().expect("a title"), state[1].as_str().expect("an origin"));
        let mut faults = Vec::new();
        if !title.ends_with(" · Novantra") || title.starts_with(" ·") {
            faults.push(format!("the title is {title:?}"));
        }
        if state[2] != 1 || state[3] != 1 {
            faults.push(format!("it has {} h1 and {} main elements", state[2], state[3]));
        }
        // A page that answers with an error is in the console as one that could not be loaded.
        let console = self.log("browser").await.into_iter();
        faults.extend(console.filter(|line| !line.contains("the server responded with a status of 4")));
        for line in self.log("performance").await {
            let event: Value = serde_json::from_str(&line).expect("an event");
            let event = &event["message"];
            if event["method"] != "Network.requestWillBeSent" {
                continue;
            }
            let url = event["params"]["request"]["url"].as_str().expect("a URL");
            // Chromium's own icons of fields are such data.
            if !url.starts_with(&format!("{origin}/")) && !url.starts_with("data:") {
                faults.push(format!("it loads {url}"));
            }
        }
        faults
    }

    /// Whether the page fits the width of the window.
    pub(super) async fn faults_of_layout(&self) -> Option<String> {
        let widths = self.run("return [document.documentElement.scrollWidth, innerWidth]").await;
        let (page, window) = (widths[0].as_u64().expect("a width"), widths[1].as_u64().expect("a width"));
        (page > window).then(|| format!("the page scrolls to the side: it has {page} px in a window of {window} px"))
    }

    /// The faults that axe-core finds.
    pub(super) async fn faults_of_accessibility(&self, rules: Rules) -> Vec<String> {
        if self.run("return typeof axe").await == "undefined" {
            self.run(&AXE).await;
        }
        let script = format!(
            "const done = arguments[0]; axe.run(document, {}).then(found => done(found.violations.flatMap(one => \
             one.nodes.map(node => `${{one.id}}: ${{node.html}} ${{node.failureSummary}}`))))",
            rules.options()
        );
        let found = self.run_until_done(&script).await;
        found.as_array().expect("a list").iter().map(|fault| fault.as_str().expect("a fault").to_owned()).collect()
    }
}
