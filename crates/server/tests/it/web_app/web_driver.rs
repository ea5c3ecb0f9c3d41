//! Chromium, driven over the WebDriver protocol (W3C), of which the tests need few commands.

use std::{
    env,
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::{Value, json};

/// The key under which the protocol has the identifier of an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

const MISSING: &str = "chromedriver is missing. To install it: sudo apt-get install --yes chromium chromium-driver";

/// A browser with one window. It is closed when this value is dropped.
pub(super) struct WebDriver {
    driver: Child,
    session: String,
    client: reqwest::Client,
    axe: String,
}

impl WebDriver {
    /// Opens a browser.
    pub(super) async fn open() -> Self {
        let axe = env::var("NOVANTRA_TEST_AXE").expect(
            "NOVANTRA_TEST_AXE is not set: run the tests with `cargo xtask test`, which downloads axe-core, or set the path \
             of axe.min.js",
        );
        let axe = std::fs::read_to_string(&axe).unwrap_or_else(|error| panic!("{axe}: {error}"));
        let mut driver = Command::new("chromedriver").args(["--port=0"]).stdout(Stdio::piped()).spawn().expect(MISSING);
        let output = BufReader::new(driver.stdout.take().expect("its output"));
        let mut lines = output.lines().map_while(Result::ok);
        let port = lines.find_map(|line| {
            let (_, port) = line.split_once("started successfully on port ")?;
            port.trim_end_matches('.').parse::<u16>().ok()
        });
        let url = format!("http://127.0.0.1:{}", port.expect("the port of chromedriver"));
        let client = reqwest::Client::builder().timeout(Duration::from_secs(120)).build().expect("a client");
        let options = json!({ "args": ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"] });
        let capabilities = json!({ "capabilities": { "alwaysMatch": {
            "goog:chromeOptions": options, "goog:loggingPrefs": { "browser": "ALL" },
        } } });
        let mut browser = Self { driver, session: format!("{url}/session"), client, axe };
        let session = browser.command("", &capabilities).await;
        browser.session = format!("{url}/session/{}", session["sessionId"].as_str().expect("a session"));
        browser
    }

    async fn command(&self, path: &str, body: &Value) -> Value {
        let sent = self.client.post(format!("{}{path}", self.session)).json(body).send().await.expect("an answer");
        let answer: Value = sent.json().await.expect("JSON");
        assert!(answer["value"]["error"].is_null(), "{path} {body}: {answer}");
        answer["value"].clone()
    }

    pub(super) async fn go(&self, url: &str) {
        self.command("/url", &json!({ "url": url })).await;
    }

    pub(super) async fn resize(&self, width: u32, height: u32) {
        self.command("/window/rect", &json!({ "width": width, "height": height })).await;
    }

    /// The result of a script in the page.
    pub(super) async fn run(&self, script: &str) -> Value {
        self.command("/execute/sync", &json!({ "script": script, "args": [] })).await
    }

    /// The text of an element.
    pub(super) async fn text(&self, selector: &str) -> String {
        let script = format!("return document.querySelector({}).textContent", json!(selector));
        self.run(&script).await.as_str().expect("a text").to_owned()
    }

    pub(super) async fn fill(&self, selector: &str, text: &str) {
        let element = self.element(selector).await;
        self.command(&format!("/element/{element}/value"), &json!({ "text": text })).await;
    }

    /// Clicks an element, and waits for the page that it leads to.
    pub(super) async fn click(&self, selector: &str) {
        let element = self.element(selector).await;
        self.command(&format!("/element/{element}/click"), &json!({})).await;
    }

    /// Adds an authenticator that confirms every ceremony, and verifies its owner. Returns its identifier.
    pub(super) async fn add_authenticator(&self) -> String {
        let options = json!({
            "protocol": "ctap2", "transport": "internal", "hasResidentKey": true, "hasUserVerification": true,
            "isUserConsenting": true, "isUserVerified": true,
        });
        let added = self.command("/webauthn/authenticator", &options).await;
        added.as_str().expect("an identifier").to_owned()
    }

    /// Sets whether an authenticator verifies its owner.
    pub(super) async fn set_verifying(&self, authenticator: &str, is_verifying: bool) {
        let path = format!("/webauthn/authenticator/{authenticator}/uv");
        self.command(&path, &json!({ "isUserVerified": is_verifying })).await;
    }

    /// Waits until an element has this text, which a script brings about.
    pub(super) async fn wait_for(&self, selector: &str, text: &str) {
        let script = format!("return document.querySelector({})?.textContent ?? ''", json!(selector));
        let deadline = std::time::Instant::now() + Duration::from_secs(60);
        loop {
            let seen = self.run(&script).await;
            if seen == text {
                return;
            }
            assert!(std::time::Instant::now() < deadline, "{selector} is {seen}, not {text:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn element(&self, selector: &str) -> String {
        let found = self.command("/element", &json!({ "using": "css selector", "value": selector })).await;
        found[ELEMENT].as_str().expect("an element").to_owned()
    }

    /// The faults that axe-core, the console of the browser and the width of the page show.
    pub(super) async fn faults(&self) -> Vec<String> {
        self.run(&self.axe).await;
        let script = "const done = arguments[0]; axe.run(document, { resultTypes: ['violations'] }).then(found => \
                      done(found.violations.flatMap(one => one.nodes.map(node => `${one.id}: ${node.html}`))))";
        let found = self.command("/execute/async", &json!({ "script": script, "args": [] })).await;
        let mut faults: Vec<String> =
            found.as_array().expect("a list").iter().filter_map(|fault| fault.as_str().map(str::to_owned)).collect();
        if self.run("return document.documentElement.scrollWidth > innerWidth").await == true {
            faults.push("the page scrolls to the side".to_owned());
        }
        let elsewhere = "return performance.getEntriesByType('resource').map(one => one.name).filter(name => \
                         !name.startsWith(location.origin))";
        faults.extend(self.run(elsewhere).await.as_array().expect("a list").iter().map(|url| format!("loads {url}")));
        let log = self.command("/se/log", &json!({ "type": "browser" })).await;
        // A page that answers with an error is in the console as one that could not be loaded.
        let lines = log.as_array().expect("a log").iter().filter_map(|line| line["message"].as_str());
        faults
            .extend(lines.filter(|line| !line.contains("the server responded with a status of 4")).map(str::to_owned));
        faults
    }
}

impl Drop for WebDriver {
    fn drop(&mut self) {
        // Chromium ends with the driver that started it.
        let _ = Command::new("kill").arg(self.driver.id().to_string()).status();
        let _ = self.driver.wait();
    }
}
