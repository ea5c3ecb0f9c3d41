//! A real provider in a process of its own, and a browser that signs in there.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
};

use reqwest::{Response, Url, header, redirect};
use serde_json::Value;

use crate::support::DEADLINE;

/// The address of the server in the settings. The test sends what comes back to where the server really listens.
pub(super) const PUBLIC_URL: &str = "http://grc.brackwater.example";

/// The npm package `oidc-provider`, which is certified.
pub(super) struct Provider {
    child: Child,
    folder: tempfile::TempDir,
    /// The provider ends once it writes to an output that nobody holds.
    _output: BufReader<ChildStdout>,
    pub(super) issuer: String,
}

impl Provider {
    pub(super) fn start(accounts: &Value) -> Self {
        let packages = std::env::var("NOVANTRA_TEST_OPENID_PROVIDER").expect(
            "NOVANTRA_TEST_OPENID_PROVIDER is not set: run the tests with `cargo xtask test`, which installs the provider, \
             or set a folder in which `npm install oidc-provider` was run",
        );
        let folder = tempfile::tempdir().expect("a folder");
        write(folder.path(), accounts);
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/openid/provider.mjs");
        let mut child = Command::new("node")
            .args([&script, &PathBuf::from(packages), &configuration(folder.path())])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("node runs");
        let mut issuer = String::new();
        let mut output = BufReader::new(child.stdout.take().expect("its output"));
        output.read_line(&mut issuer).expect("its issuer");
        Self { child, folder, _output: output, issuer: issuer.trim().to_owned() }
    }

    /// Replaces the accounts.
    pub(super) fn set_accounts(&self, accounts: &Value) {
        write(self.folder.path(), accounts);
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn configuration(folder: &Path) -> PathBuf {
    folder.join("configuration.json")
}

fn write(folder: &Path, accounts: &Value) {
    let client = serde_json::json!({
        "client_id": "novantra",
        "client_secret": "a-secret-of-the-test",
        "redirect_uris": [format!("{PUBLIC_URL}/app/sign-in/openid/callback")],
        "response_types": ["code"],
        "grant_types": ["authorization_code"],
    });
    let text = serde_json::json!({ "client": client, "accounts": accounts }).to_string();
    std::fs::write(configuration(folder), text).expect("a file");
}

/// A browser: it keeps cookies by host, and follows redirects.
pub(super) struct Browser {
    http: reqwest::Client,
    /// The cookies of each port of this machine.
    cookies: BTreeMap<u16, BTreeMap<String, String>>,
    /// Where the server listens.
    server: Url,
}

/// A page that was read.
pub(super) struct Page {
    pub(super) status: u16,
    pub(super) url: Url,
    pub(super) text: String,
}

impl Browser {
    pub(super) fn new(server: &str) -> Self {
        let http = reqwest::Client::builder().redirect(redirect::Policy::none()).timeout(DEADLINE).build();
        Self { http: http.expect("a client"), cookies: BTreeMap::new(), server: server.parse().expect("a URL") }
    }

    /// Opens a page of the server.
    pub(super) async fn open(&mut self, path: &str) -> Page {
        let url = self.server.join(path).expect("a URL");
        self.follow(url).await
    }

    /// Reads a page, after all redirects.
    pub(super) async fn follow(&mut self, mut url: Url) -> Page {
        for _ in 0..20 {
            let response = self.send(self.http.get(url.clone()), &url).await;
            match location(&response, &url) {
                Some(next) => url = self.resolved(next),
                None => return page(response, url).await,
            }
        }
        panic!("too many redirects to {url}");
    }

    /// Signs in at the provider, on whose page the browser is, and consents if it asks for that. Returns the page of the
    /// server that it sends the browser to.
    pub(super) async fn sign_in_as(&mut self, mut at: Page, account: &str) -> Page {
        for _ in 0..4 {
            let form = if at.text.contains(r#"name="login""#) {
                format!("prompt=login&login={account}&password=any")
            } else if at.text.contains(r#"value="consent""#) {
                "prompt=consent".to_owned()
            } else {
                return at;
            };
            let request = self.http.post(at.url.clone()).body(form);
            let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
            let response = self.send(request, &at.url).await;
            let next = location(&response, &at.url).expect("a redirect");
            at = self.follow(self.resolved(next)).await;
        }
        at
    }

    /// The address as this machine reaches it.
    fn resolved(&self, url: Url) -> Url {
        match url.as_str().strip_prefix(PUBLIC_URL) {
            Some(path) => self.server.join(path).expect("a URL"),
            None => url,
        }
    }

    async fn send(&mut self, request: reqwest::RequestBuilder, url: &Url) -> Response {
        let port = url.port().expect("a port");
        let kept = self.cookies.entry(port).or_default();
        let cookies: Vec<String> = kept.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let response = request.header(header::COOKIE, cookies.join("; ")).send().await.expect("an answer");
        for cookie in response.headers().get_all(header::SET_COOKIE) {
            let pair = cookie.to_str().expect("text").split(';').next().unwrap_or_default();
            let (name, value) = pair.split_once('=').expect("a pair");
            match value {
                "" => kept.remove(name),
                value => kept.insert(name.to_owned(), value.to_owned()),
            };
        }
        response
    }

    /// The cookies of the server.
    pub(super) fn server_cookies(&self) -> Vec<&str> {
        let port = self.server.port().expect("a port");
        self.cookies.get(&port).into_iter().flat_map(BTreeMap::keys).map(String::as_str).collect()
    }
}

fn location(response: &Response, from: &Url) -> Option<Url> {
    let target = response.headers().get(header::LOCATION).filter(|_| response.status().is_redirection())?;
    Some(from.join(target.to_str().expect("text")).expect("a URL"))
}

async fn page(response: Response, url: Url) -> Page {
    let status = response.status().as_u16();
    Page { status, url, text: response.text().await.expect("its text") }
}
