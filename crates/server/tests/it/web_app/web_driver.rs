//! Chromium, driven over the WebDriver protocol (W3C), of which the tests need few commands.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::{Value, json};

use crate::support::eventually;

/// The key under which the protocol has the identifier of an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

const MISSING: &str = "chromedriver is missing. To install it: sudo apt-get install --yes chromium chromium-driver";

/// A browser with one window. It is closed when this value is dropped.
pub(super) struct WebDriver {
    driver: Child,
    session: String,
    client: reqwest::Client,
}

impl WebDriver {
    /// Opens a browser.
    pub(super) async fn open() -> Self {
        Self::open_with(&json!({})).await
    }

    /// Opens a browser that runs no script of pages.
    pub(super) async fn open_without_script() -> Self {
        Self::open_with(&json!({ "profile.managed_default_content_settings.javascript": 2 })).await
    }

    /// Opens a browser with these preferences.
    async fn open_with(preferences: &Value) -> Self {
        let mut driver = Command::new("chromedriver").args(["--port=0"]).stdout(Stdio::piped()).spawn().expect(MISSING);
        let output = BufReader::new(driver.stdout.take().expect("its output"));
        let mut lines = output.lines().map_while(Result::ok);
        let port = lines.find_map(|line| {
            let (_, port) = line.split_once("started successfully on port ")?;
            port.trim_end_matches('.').parse::<u16>().ok()
        });
        let url = format!("http://127.0.0.1:{}", port.expect("the port of chromedriver"));
        let client = reqwest::Client::builder().timeout(Duration::from_secs(120)).build().expect("a client");
        // No other name is resolved, so that nothing is loaded from elsewhere.
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1, EXCLUDE localhost",
        ];
        let capabilities = json!({ "capabilities": { "alwaysMatch": {
            "goog:chromeOptions": { "args": arguments, "prefs": preferences },
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
        } } });
        let mut browser = Self { driver, session: format!("{url}/session"), client };
        let session = browser.command("", &capabilities).await;
        browser.session = format!("{url}/session/{}", session["sessionId"].as_str().expect("a session"));
        browser
    }

    async fn command(&self, path: &str, body: &Value) -> Value {
        let sent = self.client.post(format!("{}{path}", self.session)).json(body).send().await.expect("an answer");
        let answer: Value = sent.json().await.expect("JSON");
        assert!(answer["value"]["error"].is_null(), "{path} {:.300}: {answer}", body.to_string());
        answer["value"].clone()
    }

    /// Calls a method of the protocol of the browser's developer tools.
    pub(super) async fn tool(&self, method: &str, parameters: &Value) -> Value {
        self.command("/goog/cdp/execute", &json!({ "cmd": method, "params": parameters })).await
    }

    /// The messages of one of the browser's logs since the last call.
    pub(super) async fn log(&self, name: &str) -> Vec<String> {
        let log = self.command("/se/log", &json!({ "type": name })).await;
        let lines = log.as_array().expect("a log").iter();
        lines.map(|line| line["message"].as_str().expect("a message").to_owned()).collect()
    }

    pub(super) async fn go(&self, url: &str) {
        self.command("/url", &json!({ "url": url })).await;
    }

    /// Goes back by one page.
    pub(super) async fn back(&self) {
        self.command("/back", &json!({})).await;
    }

    /// The result of a script in the page.
    pub(super) async fn run(&self, script: &str) -> Value {
        self.command("/execute/sync", &json!({ "script": script, "args": [] })).await
    }

    /// The result of a script in the page that passes it to `arguments[0]`.
    pub(super) async fn run_until_done(&self, script: &str) -> Value {
        self.command("/execute/async", &json!({ "script": script, "args": [] })).await
    }

    /// The text of an element.
    pub(super) async fn text(&self, selector: &str) -> String {
        let script = format!("return document.querySelector({}).textContent", json!(selector));
        self.run(&script).await.as_str().expect("a text").to_owned()
    }

    /// The texts of all elements that match the selector, with single spaces.
    pub(super) async fn texts(&self, selector: &str) -> Vec<String> {
        let script = format!(
            "return [...document.querySelectorAll({})].map(one => one.textContent.replace(/\\s+/g, ' '))",
            json!(selector)
        );
        let texts = self.run(&script).await;
        texts.as_array().expect("texts").iter().map(|text| text.as_str().expect("a text").to_owned()).collect()
    }

    /// The HTML of the page.
    pub(super) async fn html(&self) -> String {
        self.run("return document.documentElement.outerHTML").await.as_str().expect("a text").to_owned()
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

    /// Waits until an element has this text: after a click, the next page may not be there yet.
    pub(super) async fn wait_for(&self, selector: &str, text: &str) {
        self.wait_until(&format!("return document.querySelector({})?.textContent ?? ''", json!(selector)), text).await;
    }

    /// Waits until the script returns this text.
    pub(super) async fn wait_until(&self, script: &str, text: &str) {
        let what = format!("{script} is {text:?}");
        eventually(&what, async || (self.run(script).await == text).then_some(())).await;
    }

    /// The first element, once there is one: after a click, the next page may not be there yet.
    async fn element(&self, selector: &str) -> String {
        let query = json!({ "using": "css selector", "value": selector });
        eventually(&format!("there is {selector}"), async || {
            let found = self.command("/elements", &query).await;
            found[0][ELEMENT].as_str().map(str::to_owned)
        })
        .await
    }
}

impl Drop for WebDriver {
    fn drop(&mut self) {
        // Chromium ends with the driver that started it.
        let _ = Command::new("kill").arg(self.driver.id().to_string()).status();
        let _ = self.driver.wait();
    }
}
